/**
 * Choosing the translated tuple of a new connection (spec §7.1, §7.2).
 *
 * Runs under ct_lock, together with the insertion that makes the choice visible, so two creations can never settle on the
 * same tuple. One address is tried; ports are searched in rounds of 128, 64, 32, 16 and 8 candidates.
 *
 * With shards (shm/shards.ts) the search holds no lock, for which locks it would need is known only with the tuple. A candidate
 * that looks free is looked at again under the locks of both shards of the connection, its key's and the candidate's, and they are kept until
 * the connection is published. The order of the candidates is that of the one search: each is looked at once in its turn, and is
 * passed over only where a look, without the locks or with them, has found it taken. So two creations never settle on one tuple either,
 * and a thread that is alone chooses as under ct_lock. With others, one that was passed over may have come free by the time a later
 * one is taken; under ct_lock the same happens to those that expire, whose time ct_lock does not stop.
 */
import { countWork, PROBED, W_NAT_ALLOCATIONS, W_NAT_CANDIDATES, W_NAT_FAILURES } from '../../probe/counters';
import { H_NAT_CANDIDATES, recordCoarse } from '../../probe/histogram';
import { CO_KEY, NAT_DST, NAT_DST_PORT, NAT_SRC, NAT_SRC_PORT } from '../../records/connection';
import { ExecParams } from '../../records/exec-params';
import { K_DPORT, K_DST, K_PROTO, K_SPORT, K_SRC, keyHash, reverseKey } from '../../records/key';
import {
  C_RANDOM,
  CONTROL,
  hashBasis,
  histograms,
  SHARDED,
  switches,
  SWITCH_BARE_NAT_ZERO_TUPLE,
} from '../../records/memory-map';
import { PROTO_TCP, PROTO_UDP } from '../../wire/ipv4';
import { Context, newReverseKey } from '../context';
import { lockCreation, unlockCreation } from '../creation-locks';
import { lookup } from '../lookup';
import { addressInRange, rangeHash } from './address-range';

const MAX_ATTEMPTS: u32 = 128;
/** A round of fewer candidates than this is the last one. */
const MIN_ATTEMPTS_TO_RESTART: u32 = 16;
const FIRST_EPHEMERAL_PORT: u32 = 1024;
const LAST_EPHEMERAL_PORT: u32 = 65535;

/** The window being searched and the candidates looked at by this creation. */
class Search {
  static start: u32 = 0;
  static min: u32 = 0;
  static max: u32 = 0;
  static candidates: u32 = 0;
}

/**
 * Makes the reverse key of `conn`, newReverseKey(), as `params` asks for and finds a free tuple. CO_KEY must be set and the connection
 * not yet in the map; ct_lock is held. Returns false when no free tuple was found (the caller discards the connection). With shards no
 * lock is held before, Context.hash is that of CO_KEY, and when it returns true the locks of the creation are (lockCreation).
 *
 * A request without source or destination action leaves the ordinary reverse key. With SWITCH_BARE_NAT_ZERO_TUPLE it is searched
 * for like the others, as upstream does, which comes to a zero source address and a zero port of the client.
 */
export function chooseNatTuple(conn: usize, params: ExecParams, now: i64): bool {
  const key = conn + CO_KEY;
  const reverse = newReverseKey();
  reverseKey(reverse, key);
  const action = params.natAction;
  if ((action & (NAT_SRC | NAT_DST)) == 0 && (switches & SWITCH_BARE_NAT_ZERO_TUPLE) == 0) {
    if (SHARDED) lockCreation(Context.hash, Context.hash);
    return true;
  }

  // The look-ups below answer about candidates, not about the packet in progress.
  const packetReply = Context.reply;
  Search.candidates = 0;
  const found = search(key, reverse, action, params, now);
  Context.reply = packetReply;
  countWork(W_NAT_ALLOCATIONS, 1);
  countWork(W_NAT_CANDIDATES, Search.candidates);
  if (PROBED) recordCoarse(histograms + H_NAT_CANDIDATES, Search.candidates);
  if (!found) countWork(W_NAT_FAILURES, 1);
  return found;
}

function search(key: usize, reverse: usize, action: u32, params: ExecParams, now: i64): bool {
  const hash = rangeHash(key, params);
  const translatesSource = (action & NAT_SRC) != 0;
  if ((action & (NAT_SRC | NAT_DST)) == 0) v128.store(reverse + K_SRC, v128.splat<u8>(0));
  else
    addressInRange(
      translatesSource ? reverse + K_DST : reverse + K_SRC,
      key + (translatesSource ? K_SRC : K_DST),
      key,
      params,
      hash,
    );

  const proto = <u32>load<u8>(key, K_PROTO);
  if (proto != PROTO_TCP && proto != PROTO_UDP) return isFree(reverse, now);

  if (action & NAT_DST_PORT && !setRequestedRange(params, hash)) return false;
  const destinationStart = action & NAT_DST_PORT ? Search.start : portOf(key, K_DPORT);
  setPort(reverse, K_SPORT, destinationStart);
  if (!setSourceWindow(key, action, params, hash)) return false;
  setPort(reverse, K_DPORT, Search.start);

  if (action & NAT_DST_PORT) {
    setRequestedRange(params, hash);
    if (searchPort(reverse, K_SPORT, now)) return true;
    setSourceWindow(key, action, params, hash);
  }
  return searchPort(reverse, K_DPORT, now);
}

/** Host-order port at `field` of a key. */
// @ts-ignore: decorator
@inline
function portOf(key: usize, field: usize): u32 {
  return <u32>bswap<u16>(load<u16>(key + field));
}

// @ts-ignore: decorator
@inline
function setPort(key: usize, field: usize, port: u32): void {
  store<u16>(key + field, bswap<u16>(<u16>port));
}

/** The window is the port range of the request. Returns false when that range is reversed. */
function setRequestedRange(params: ExecParams, hash: u32): bool {
  const min = <u32>params.natMinPort;
  // A missing maximum means a range of one.
  const max = params.natMaxPort == 0 ? min : <u32>params.natMaxPort;
  if (max < min) return false;
  Search.min = min;
  Search.max = max;
  Search.start = min + (hash % (max - min + 1));
  return true;
}

/**
 * The window of source ports: the requested range for SNAT with ports, otherwise the class of the original
 * port, from which the search starts even if the port lies outside its window (512 to 599).
 */
function setSourceWindow(key: usize, action: u32, params: ExecParams, hash: u32): bool {
  if ((action & (NAT_SRC | NAT_SRC_PORT)) != NAT_SRC && (action & NAT_DST) == 0)
    return setRequestedRange(params, hash);
  const port = portOf(key, K_SPORT);
  Search.start = port;
  if (port < 512) {
    Search.min = 1;
    Search.max = 511;
  } else if (port < FIRST_EPHEMERAL_PORT) {
    Search.min = 600;
    Search.max = 1023;
  } else {
    Search.min = FIRST_EPHEMERAL_PORT;
    Search.max = LAST_EPHEMERAL_PORT;
  }
  return true;
}

/** Searches the window of `Search` for a value of the port at `field` that makes the key free; restores the start if none is. */
function searchPort(reverse: usize, field: usize, now: i64): bool {
  const min = Search.min;
  const max = Search.max;
  // The original holds sizes in 16 bits: the full range of 65536 ports has size 0 and is never searched.
  const size = (max - min + 1) & 0xffff;
  if (size == 0) return false;
  let attempts = min2(size, MAX_ATTEMPTS);
  let port = Search.start;
  while (true) {
    for (let i: u32 = 0; i < attempts; i++) {
      setPort(reverse, field, port);
      if (isFree(reverse, now)) return true;
      port = port < min || port >= max ? min : port + 1;
    }
    if (attempts >= size || attempts < MIN_ATTEMPTS_TO_RESTART) break;
    attempts >>= 1;
    port = min + (randomU32() % size);
  }
  setPort(reverse, field, Search.start);
  return false;
}

// @ts-ignore: decorator
@inline
function min2(a: u32, b: u32): u32 {
  return a < b ? a : b;
}

/** No live connection and no companion has this tuple, in either direction. */
function isFree(reverse: usize, now: i64): bool {
  Search.candidates++;
  const hash = keyHash(reverse, hashBasis);
  if (lookup(reverse, hash, now) != 0) return false;
  return SHARDED ? isFreeLocked(reverse, hash, now) : true;
}

/** Whether the candidate is still free once it is this creation's alone: then the locks stay. */
function isFreeLocked(reverse: usize, hash: u32, now: i64): bool {
  lockCreation(Context.hash, hash);
  if (lookup(reverse, hash, now) == 0) return true;
  unlockCreation();
  return false;
}

/** Next number of the run's seeded sequence (splitmix64, Steele et al. 2014); ct_lock guards the state, which with shards is added to at once. */
function randomU32(): u32 {
  let state: u64;
  if (SHARDED) {
    state = atomic.add<u64>(CONTROL + C_RANDOM, 0x9e3779b97f4a7c15) + 0x9e3779b97f4a7c15;
  } else {
    state = load<u64>(CONTROL, C_RANDOM) + 0x9e3779b97f4a7c15;
    store<u64>(CONTROL, state, C_RANDOM);
  }
  let z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return <u32>((z ^ (z >> 31)) >> 32);
}
