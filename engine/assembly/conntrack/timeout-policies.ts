/**
 * Timeout policies (spec §5): id -> seconds per timeout class.
 *
 * Who writes: set and delete, under ct_lock. Who reads at the same time: every packet that refreshes a connection,
 * without a lock. A table of fixed size in shared memory, found by linear probing from the id.
 *
 * Layout of an entry (64 bytes): u32 state (0 free, 1 in use, 2 deleted), u32 id, then per class u32 milliseconds.
 *
 * Why the ordering holds: an entry's id and values are stored before its state becomes 1 (atomic). Replacing a policy
 * stores each class's value atomically; a packet reads one value, so it sees the old or the new policy. An entry
 * never changes its id while somebody may be reading it: deleted entries are only reused for the same id.
 */
import { countWork, LC_CT, W_POLICY_LOOKUPS } from '../probe/counters';
import { lock, unlock } from '../shm/mutex';
import { C_CT_LOCK, CONTROL, policiesBase } from '../shm/memory-map';
import { N_TIMEOUT_CLASSES } from './connection';

export const POLICY_SLOTS: u32 = 1024;
export const POLICY_SIZE: usize = 64;
const STATE: usize = 0;
const ID: usize = 4;
const VALUES: usize = 8;
const FREE: u32 = 0;
const IN_USE: u32 = 1;
const DELETED: u32 = 2;

/** Attribute that is not set in a call to setPolicy. */
export const ATTRIBUTE_ABSENT: u32 = 0xffffffff;
/** Attributes in the order of spec §5. */
export const N_ATTRIBUTES: u32 = 16;

const ENOENT: i32 = 2;
const ENOSPC: i32 = 28;

/** Attribute that names each timeout class, by class (spec §5 table; order of attributes as in setPolicy). */
function attributeOf(timeoutClass: u32): u32 {
  switch (timeoutClass) {
    case 0: return 0; // TCP_SYN_SENT
    case 1: return 1; // TCP_SYN_RECV
    case 2: return 2; // TCP_ESTABLISHED
    case 3: return 3; // TCP_FIN_WAIT
    case 4: return 6; // TCP_TIME_WAIT
    case 5: return 7; // TCP_CLOSE
    case 6: return 11; // UDP_FIRST
    case 7: return 12; // UDP_SINGLE
    case 8: return 13; // UDP_MULTIPLE
    case 9: return 14; // ICMP_FIRST
    default: return 15; // ICMP_REPLY
  }
}

/** Default timeout of a class in seconds. */
export function defaultTimeoutSeconds(timeoutClass: u32): u32 {
  switch (timeoutClass) {
    case 2: return 86400;
    case 3: return 900;
    case 4: return 45;
    case 6: return 60;
    case 7: return 60;
    case 9: return 60;
    default: return 30;
  }
}

function slotAt(index: u32): usize {
  return policiesBase + <usize>(index & (POLICY_SLOTS - 1)) * POLICY_SIZE;
}

/** Entry of the id in any state but free, or the free entry where it would go, or 0 when the table is full. */
function entryOf(id: u32): usize {
  for (let i: u32 = 0; i < POLICY_SLOTS; i++) {
    const entry = slotAt(id + i);
    if (atomic.load<u32>(entry, STATE) == FREE || load<u32>(entry, ID) == id) return entry;
  }
  return 0;
}

/**
 * Timeout of a class under a policy in milliseconds; the class's default when the policy does not exist.
 * The product of seconds and 1000 wraps at 32 bits, as in the original.
 */
// @ts-ignore: decorator
@inline
export function policyTimeoutMs(id: u32, timeoutClass: u32): u32 {
  countWork(W_POLICY_LOOKUPS, 1);
  const entry = id == 0 ? policiesBase : entryOf(id);
  // The id once more: a free entry may have become another policy's meanwhile.
  if (entry != 0 && atomic.load<u32>(entry, STATE) == IN_USE && load<u32>(entry, ID) == id) {
    return atomic.load<u32>(entry + (<usize>timeoutClass << 2), VALUES);
  }
  return defaultTimeoutSeconds(timeoutClass) * 1000;
}

/**
 * Creates or wholly replaces a policy: defaults, then the attributes given (array of N_ATTRIBUTES u32 seconds,
 * ATTRIBUTE_ABSENT = not given). Returns 0, or ENOSPC when the table is full.
 */
export function setPolicy(id: u32, attributes: usize): i32 {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const entry = entryOf(id);
  if (entry == 0) {
    unlock(CONTROL + C_CT_LOCK, LC_CT);
    return ENOSPC;
  }
  for (let c: u32 = 0; c < N_TIMEOUT_CLASSES; c++) {
    let seconds = attributes == 0 ? ATTRIBUTE_ABSENT : load<u32>(attributes + <usize>attributeOf(c) * 4);
    if (seconds == ATTRIBUTE_ABSENT) seconds = defaultTimeoutSeconds(c);
    atomic.store<u32>(entry + (<usize>c << 2), seconds * 1000, VALUES);
  }
  store<u32>(entry, id, ID);
  atomic.store<u32>(entry, IN_USE, STATE);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return 0;
}

/** Returns 0, or ENOENT when there is no such policy. */
export function deletePolicy(id: u32): i32 {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  const entry = entryOf(id);
  const found = entry != 0 && load<u32>(entry, STATE) == IN_USE;
  if (found) atomic.store<u32>(entry, DELETED, STATE);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  return found ? 0 : ENOENT;
}

/** Removes all policies and puts the defaults under id 0. Precondition: no other thread is attached. */
export function policiesInit(): void {
  memory.fill(policiesBase, 0, <usize>POLICY_SLOTS * POLICY_SIZE);
  setPolicy(0, 0);
}
