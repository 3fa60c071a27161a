/**
 * Timeout policies (spec §5): id -> seconds per attribute.
 *
 * As in the original they are in a hash map (shm/hash-map.ts), and whoever needs a timeout looks the policy up by its id each time:
 * the id is hashed, a bucket probed, the id of what is found compared, then the attribute chosen that stands for the timeout
 * class. The designs call `policyTimeoutMs` where the original does: timeout-lists under ct_lock, the others at a refresh
 * under the connection's lock alone.
 *
 * Region layout: the buckets of the map, then POLICY_SLOTS records of 128 bytes. A record holds u32 id, u32 state (1 in use,
 * 2 deleted), map node (CO_NEXT, CO_HASH: the map's own offsets) and, on its second line, the attributes in seconds (u32 each).
 *
 * Who writes: set and delete, under ct_lock. Who reads at the same time: every packet that refreshes a connection, without a lock.
 *
 * Why the ordering holds: a new record is complete before the map publishes it (atomic). Replacing a policy stores each value
 * atomically; a packet reads one value, so it sees the old or the new policy. A record never leaves the map, a deleted one keeps
 * its place for the same id: so what a reader stands on stays what it is, and no grace period is needed. A deleted policy that is set
 * again gets its values before its state.
 */
import { countWork, LC_CT, W_POLICY_LOOKUPS } from '../probe/counters';
import {
  TM_ICMP_FIRST,
  TM_OTHER_BIDIR,
  TM_OTHER_FIRST,
  TM_OTHER_MULTIPLE,
  TM_TCP_CLOSED,
  TM_TCP_CLOSING,
  TM_TCP_ESTABLISHED,
  TM_TCP_FIN_WAIT,
  TM_TCP_FIRST_PACKET,
  TM_TCP_OPENING,
} from '../records/connection';
import {
  BUCKET_SIZE,
  C_CT_LOCK,
  C_POLICIES_USED,
  CONTROL,
  hashBasis,
  policiesBase,
} from '../records/memory-map';
import { findIn, insertInLocked, mapNext } from '../shm/hash-map';
import { lock, unlock } from '../shm/mutex';

/** Policies that can be set, deleted ones included. */
export const POLICY_SLOTS: u32 = 1024;
/** So many that the map never has to make room: under a third of its places are ever taken. */
const BUCKETS: u32 = 512;
const BUCKETS_SIZE: usize = <usize>BUCKETS * BUCKET_SIZE;
const RECORD_SIZE: usize = 128;
/** Bytes of the region per policy: its record and its share of the buckets. */
export const POLICY_SIZE: usize = RECORD_SIZE + BUCKETS_SIZE / <usize>POLICY_SLOTS;
const ID: usize = 0;
const STATE: usize = 4;
const VALUES: usize = 64;
const IN_USE: u32 = 1;
const DELETED: u32 = 2;

/** Attribute that is not set in a call to setPolicy. */
const ATTRIBUTE_ABSENT: u32 = 0xffffffff;
/** Attributes in the order of spec §5. */
const N_ATTRIBUTES: u32 = 16;
const TCP_SYN_SENT: u32 = 0;
const TCP_SYN_RECV: u32 = 1;
const TCP_ESTABLISHED: u32 = 2;
const TCP_FIN_WAIT: u32 = 3;
const TCP_TIME_WAIT: u32 = 6;
const TCP_CLOSE: u32 = 7;
const UDP_FIRST: u32 = 11;
const UDP_SINGLE: u32 = 12;
const UDP_MULTIPLE: u32 = 13;
const ICMP_FIRST: u32 = 14;
const ICMP_REPLY: u32 = 15;

const ENOENT: i32 = 2;
const ENOSPC: i32 = 28;

/** Attribute that stands for a timeout class (spec §5 table). */
// @ts-ignore: decorator
@inline
function attributeOf(timeoutClass: u32): u32 {
  switch (timeoutClass) {
    case TM_TCP_FIRST_PACKET:
      return TCP_SYN_SENT;
    case TM_TCP_OPENING:
      return TCP_SYN_RECV;
    case TM_TCP_ESTABLISHED:
      return TCP_ESTABLISHED;
    case TM_TCP_CLOSING:
      return TCP_FIN_WAIT;
    case TM_TCP_FIN_WAIT:
      return TCP_TIME_WAIT;
    case TM_TCP_CLOSED:
      return TCP_CLOSE;
    case TM_OTHER_FIRST:
      return UDP_FIRST;
    case TM_OTHER_MULTIPLE:
      return UDP_SINGLE;
    case TM_OTHER_BIDIR:
      return UDP_MULTIPLE;
    case TM_ICMP_FIRST:
      return ICMP_FIRST;
    default:
      return ICMP_REPLY;
  }
}

/** Seconds of an attribute where a policy says nothing. The attributes that no class uses are accepted and have no default. */
function defaultSeconds(attribute: u32): u32 {
  switch (attribute) {
    case TCP_ESTABLISHED:
      return 86400;
    case TCP_FIN_WAIT:
      return 900;
    case TCP_TIME_WAIT:
      return 45;
    case UDP_FIRST:
    case UDP_SINGLE:
    case ICMP_FIRST:
      return 60;
    default:
      return 30;
  }
}

/** One word of the 32-bit murmur3 hash (Appleby 2008). */
// @ts-ignore: decorator
@inline
function murmurAdd(hash: u32, word: u32): u32 {
  const mixed = rotl<u32>(word * 0xcc9e2d51, 15) * 0x1b873593;
  return rotl<u32>(hash ^ mixed, 13) * 5 + 0xe6546b64;
}

/** Hash of an id, as in the original (`hash_int`): murmur3 of two words. */
// @ts-ignore: decorator
@inline
function policyHash(id: u32): u32 {
  let h = murmurAdd(murmurAdd(id, 0), hashBasis) ^ 8;
  h ^= h >> 16;
  h *= 0x85ebca6b;
  h ^= h >> 13;
  h *= 0xc2b2ae35;
  return h ^ (h >> 16);
}

/** Record of the id, whatever its state, or 0. */
// @ts-ignore: decorator
@inline
function recordOf(id: u32): usize {
  let record = findIn(policiesBase, BUCKETS - 1, policyHash(id), false);
  while (record != 0 && load<u32>(record, ID) != id) record = mapNext(record);
  return record;
}

/**
 * Timeout of a class under a policy in milliseconds; the class's default when the policy does not exist.
 * The product of seconds and 1000 wraps at 32 bits, as in the original.
 */
// @ts-ignore: decorator
@inline
export function policyTimeoutMs(id: u32, timeoutClass: u32): u32 {
  countWork(W_POLICY_LOOKUPS, 1);
  const record = recordOf(id);
  const attribute = attributeOf(timeoutClass);
  if (record != 0 && atomic.load<u32>(record, STATE) == IN_USE) {
    return atomic.load<u32>(record + ((<usize>attribute) << 2), VALUES) * 1000;
  }
  return defaultSeconds(attribute) * 1000;
}

/**
 * Creates or wholly replaces a policy: defaults, then the attributes given (array of N_ATTRIBUTES u32 seconds,
 * ATTRIBUTE_ABSENT = not given). Returns 0, or ENOSPC when the table is full.
 */
export function setPolicy(id: u32, attributes: usize): i32 {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const known = recordOf(id);
  const record = known != 0 ? known : takeRecordLocked();
  let error: i32 = 0;
  if (record == 0) {
    error = ENOSPC;
  } else {
    fillLocked(record, attributes);
    if (known == 0 && !publishLocked(record, id)) error = ENOSPC;
  }
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return error;
}

/** A record that was never used, or 0. */
function takeRecordLocked(): usize {
  const used = load<u32>(CONTROL, C_POLICIES_USED);
  return used == POLICY_SLOTS ? 0 : policiesBase + BUCKETS_SIZE + <usize>used * RECORD_SIZE;
}

function fillLocked(record: usize, attributes: usize): void {
  for (let attribute: u32 = 0; attribute < N_ATTRIBUTES; attribute++) {
    let seconds = attributes == 0 ? ATTRIBUTE_ABSENT : load<u32>(attributes + ((<usize>attribute) << 2));
    if (seconds == ATTRIBUTE_ABSENT) seconds = defaultSeconds(attribute);
    atomic.store<u32>(record + ((<usize>attribute) << 2), seconds, VALUES);
  }
  atomic.store<u32>(record, IN_USE, STATE);
}

/** Puts a new record into the map. Returns false when its two buckets are full. */
function publishLocked(record: usize, id: u32): bool {
  store<u32>(record, id, ID);
  if (!insertInLocked(policiesBase, BUCKETS - 1, record, policyHash(id))) return false;
  store<u32>(CONTROL, load<u32>(CONTROL, C_POLICIES_USED) + 1, C_POLICIES_USED);
  return true;
}

/** Returns 0, or ENOENT when there is no such policy. */
export function deletePolicy(id: u32): i32 {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const record = recordOf(id);
  const found = record != 0 && atomic.load<u32>(record, STATE) == IN_USE;
  if (found) atomic.store<u32>(record, DELETED, STATE);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return found ? 0 : ENOENT;
}

/** Removes all policies and puts the defaults under id 0. Precondition: no other thread is attached. */
export function policiesInit(): void {
  memory.fill(policiesBase, 0, <usize>POLICY_SLOTS * POLICY_SIZE);
  store<u32>(CONTROL, 0, C_POLICIES_USED);
  setPolicy(0, 0);
}
