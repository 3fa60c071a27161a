/**
 * Expectations (spec §8.3): data connections that a control connection has announced.
 *
 * A table of fixed slots. Each slot holds an expectation and, independent of it, the heads of two hash chains: by the
 * expected key and by the parent's key. Chains link slots by address; 0 ends a chain.
 *
 * Who writes and who reads: everybody, under the resources lock (the last in the lock order). The count of expectations is
 * atomic and read without the lock first, so packets pay nothing while there are none; a count that is a
 * moment old only means that the packet came before or after the control message.
 *
 * Differs from the original: a mutex instead of a read-write lock, and a bounded table. A full table evicts nothing: the
 * new expectation is not recorded, and the packet's reason says so.
 */
import { countReason, countWork, LC_RESOURCES, W_EXPECTATIONS } from '../../probe/counters';
import {
  CO_FLAGS,
  CO_KEY,
  CO_MARK,
  CO_NAT_ACTION,
  CONN_ALG_RELATED,
  NAT_DST,
  NAT_SRC,
} from '../../records/connection';
import { EXEC_NAT, ExecParams } from '../../records/exec-params';
import {
  copyKey,
  K_DL_TYPE,
  K_DPORT,
  K_DST,
  K_SPORT,
  K_SRC,
  keyEquals,
  keyHash,
  reverseKey,
} from '../../records/key';
import {
  C_N_EXPECTATIONS,
  C_RESOURCES_LOCK,
  CONTROL,
  expectBase,
  expectSlots,
  hashBasis,
} from '../../records/memory-map';
import { R_EXPECTATIONS_FULL } from '../../records/reasons';
import { labelHalf, reverseKeyOf, storeLabel } from '../../records/side-data';
import { lock, unlock } from '../../shm/mutex';
import { expectationCopy, newReverseKey, reverseScratch } from '../context';

/** Bytes of one slot. */
export const EXPECTATION_SIZE: usize = 256;
/** Expected tuple: source port 0 stands for any. */
export const EX_KEY: usize = 0;
export const EX_PARENT_KEY: usize = 48;
/** Address that replaces the destination (EX_ACTION = NAT_DST) or the source (NAT_SRC) of the data connection; 16 bytes. */
export const EX_REPLACEMENT: usize = 96;
const EX_LABEL: usize = 112;
const EX_MARK: usize = 128;
export const EX_ACTION: usize = 132;
/** Not 0 while the slot holds an expectation. */
export const EX_USED: usize = 136;
/** Bytes that describe an expectation; the rest links slots. */
const DESCRIPTION_SIZE: usize = 144;
/** Next slot in the chain of its key, in the chain of its parent's key; the first also links free slots. */
export const NEXT_BY_KEY: usize = 144;
export const NEXT_BY_PARENT: usize = 148;
/** Heads of the chains that start at this slot. */
export const HEAD_BY_KEY: usize = 152;
export const HEAD_BY_PARENT: usize = 156;

/** Returned slots, and the slot the next bump allocation takes; on the count's line, guarded by the resources lock. */
const FREE: usize = C_N_EXPECTATIONS + 4;
const NEXT_UNUSED: usize = C_N_EXPECTATIONS + 8;
/** Where findExpectation builds the key it looks for: behind the copy of the match. */
const WANTED: usize = 192;

/** Forgets all expectations and empties the table. */
export function clearExpectations(): void {
  lock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
  const end = expectBase + <usize>expectSlots * EXPECTATION_SIZE;
  for (let slot = expectBase; slot < end; slot += EXPECTATION_SIZE) {
    store<u32>(slot, 0, EX_USED);
    store<u64>(slot, 0, HEAD_BY_KEY);
  }
  store<u32>(CONTROL, 0, FREE);
  store<u32>(CONTROL, <u32>expectBase, NEXT_UNUSED);
  atomic.store<u32>(CONTROL, 0, C_N_EXPECTATIONS);
  unlock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
}

/** Slot whose chain heads serve keys of this hash. */
// @ts-ignore: decorator
@inline
function headSlot(hash: u32): usize {
  return expectBase + <usize>(hash % expectSlots) * EXPECTATION_SIZE;
}

function findByKeyLocked(key: usize): usize {
  let slot = <usize>load<u32>(headSlot(keyHash(key, hashBasis)), HEAD_BY_KEY);
  while (slot != 0 && !keyEquals(slot + EX_KEY, key)) slot = <usize>load<u32>(slot, NEXT_BY_KEY);
  return slot;
}

/**
 * Whether a connection with this key is expected, whatever its source port. A match is copied for the calls below and stays in
 * the table.
 */
export function findExpectation(key: usize): bool {
  if (atomic.load<u32>(CONTROL, C_N_EXPECTATIONS) == 0) return false;
  const wanted = expectationCopy() + WANTED;
  copyKey(wanted, key);
  store<u16>(wanted, 0, K_SPORT);
  lock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
  const slot = findByKeyLocked(wanted);
  if (slot != 0) memory.copy(expectationCopy(), slot, DESCRIPTION_SIZE);
  unlock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
  return slot != 0;
}

/** Mark, label address and parent key address of the last match. */
export function expectationMark(): u32 {
  return load<u32>(expectationCopy(), EX_MARK);
}
export function expectationLabel(): usize {
  return expectationCopy() + EX_LABEL;
}
export function expectationParentKey(): usize {
  return expectationCopy() + EX_PARENT_KEY;
}

/**
 * Makes `conn` the data connection of the last match: related, with the parent's mark and label; with NAT also the parent's
 * translation, in newReverseKey(), without a search for a free tuple. CO_KEY must be set, the connection not published. The parent's tuple is stored by whoever gives it a companion or annex.
 */
export function inheritExpectation(conn: usize, params: ExecParams): void {
  const match = expectationCopy();
  store<u8>(conn, load<u8>(conn, CO_FLAGS) | (<u8>CONN_ALG_RELATED), CO_FLAGS);
  store<u32>(conn, load<u32>(match, EX_MARK), CO_MARK);
  const labelLow = load<u64>(match, EX_LABEL);
  const labelHigh = load<u64>(match, EX_LABEL + 8);
  if ((labelLow | labelHigh) != 0) storeLabel(conn, labelLow, labelHigh);
  if ((params.flags & EXEC_NAT) == 0) return;
  const action = load<u32>(match, EX_ACTION);
  store<u8>(conn, <u8>action, CO_NAT_ACTION);
  reverseKey(newReverseKey(), conn + CO_KEY);
  const translated = newReverseKey() + (action == NAT_SRC ? K_DST : K_SRC);
  v128.store(translated, v128.load(match + EX_REPLACEMENT));
}

/**
 * Records that `parent` expects a data connection to `port` (network order). `reply` is the direction of the control
 * message. The caller holds the parent's lock. An equal expectation wins, unchanged.
 */
export function createExpectation(parent: usize, port: u32, reply: bool): void {
  const action = <u32>load<u8>(parent, CO_NAT_ACTION);
  const translatesDestination = (action & NAT_DST) != 0;
  // The data connection runs towards the sender of the message; the addresses are those its first packet will carry.
  const forward = parent + CO_KEY;
  const backward = reverseKeyOf(parent, reverseScratch());
  const from = reply ? forward : backward;
  const other = reply ? backward : forward;

  const wanted = expectationCopy() + WANTED;
  v128.store(wanted + K_SRC, v128.load(from + K_SRC));
  v128.store(wanted + K_DST, v128.load(from + K_DST));
  store<u32>(wanted, 0, K_SPORT);
  store<u32>(wanted, port, K_DPORT);
  store<u64>(wanted, load<u64>(parent, CO_KEY + K_DL_TYPE), K_DL_TYPE);

  lock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
  if (expectSlots == 0 || findByKeyLocked(wanted) == 0) {
    const slot = takeSlotLocked();
    if (slot == 0) {
      countReason(R_EXPECTATIONS_FULL);
    } else {
      copyKey(slot + EX_KEY, wanted);
      copyKey(slot + EX_PARENT_KEY, parent + CO_KEY);
      const replacement = other + (translatesDestination == reply ? K_SRC : K_DST);
      v128.store(slot + EX_REPLACEMENT, v128.load(replacement));
      store<u64>(slot, labelHalf(parent, 0), EX_LABEL);
      store<u64>(slot, labelHalf(parent, 1), EX_LABEL + 8);
      store<u32>(slot, load<u32>(parent, CO_MARK), EX_MARK);
      store<u32>(slot, translatesDestination == reply ? NAT_DST : NAT_SRC, EX_ACTION);
      store<u32>(slot, 1, EX_USED);
      linkLocked(slot);
    }
  }
  unlock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
}

/** Removes every expectation of the connection with this key. Takes only the resources lock; ct_lock may be held. */
export function purgeExpectations(parentKey: usize): void {
  if (atomic.load<u32>(CONTROL, C_N_EXPECTATIONS) == 0) return;
  lock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
  let link = headSlot(keyHash(parentKey, hashBasis)) + HEAD_BY_PARENT;
  let slot = <usize>load<u32>(link);
  while (slot != 0) {
    const next = load<u32>(slot, NEXT_BY_PARENT);
    if (keyEquals(slot + EX_PARENT_KEY, parentKey)) {
      store<u32>(link, next);
      unlinkByKeyLocked(slot);
      putSlotLocked(slot);
    } else {
      link = slot + NEXT_BY_PARENT;
    }
    slot = <usize>next;
  }
  unlock(CONTROL + C_RESOURCES_LOCK, LC_RESOURCES);
}

/** Expectations held. */
export function expectationCount(): u32 {
  return atomic.load<u32>(CONTROL, C_N_EXPECTATIONS);
}

/** Address of expectation `index` in slot order, or 0. For listing while nothing else runs. */
export function expectationAt(index: u32): usize {
  const end = expectBase + <usize>expectSlots * EXPECTATION_SIZE;
  let left = index;
  for (let slot = expectBase; slot < end; slot += EXPECTATION_SIZE) {
    if (load<u32>(slot, EX_USED) != 0 && left-- == 0) return slot;
  }
  return 0;
}

function linkLocked(slot: usize): void {
  const byKey = headSlot(keyHash(slot + EX_KEY, hashBasis));
  store<u32>(slot, load<u32>(byKey, HEAD_BY_KEY), NEXT_BY_KEY);
  store<u32>(byKey, <u32>slot, HEAD_BY_KEY);
  const byParent = headSlot(keyHash(slot + EX_PARENT_KEY, hashBasis));
  store<u32>(slot, load<u32>(byParent, HEAD_BY_PARENT), NEXT_BY_PARENT);
  store<u32>(byParent, <u32>slot, HEAD_BY_PARENT);
  atomic.add<u32>(CONTROL + C_N_EXPECTATIONS, 1);
  countWork(W_EXPECTATIONS, 1);
}

function unlinkByKeyLocked(slot: usize): void {
  let link = headSlot(keyHash(slot + EX_KEY, hashBasis)) + HEAD_BY_KEY;
  while (<usize>load<u32>(link) != slot) link = <usize>load<u32>(link) + NEXT_BY_KEY;
  store<u32>(link, load<u32>(slot, NEXT_BY_KEY));
}

/** A free slot, or 0 when the table is full. */
function takeSlotLocked(): usize {
  const freed = <usize>load<u32>(CONTROL, FREE);
  if (freed != 0) {
    store<u32>(CONTROL, load<u32>(freed, NEXT_BY_KEY), FREE);
    return freed;
  }
  const slot = <usize>load<u32>(CONTROL, NEXT_UNUSED);
  if (slot >= expectBase + <usize>expectSlots * EXPECTATION_SIZE) return 0;
  store<u32>(CONTROL, <u32>(slot + EXPECTATION_SIZE), NEXT_UNUSED);
  return slot;
}

function putSlotLocked(slot: usize): void {
  store<u32>(slot, 0, EX_USED);
  store<u32>(slot, load<u32>(CONTROL, FREE), NEXT_BY_KEY);
  store<u32>(CONTROL, <u32>slot, FREE);
  atomic.sub<u32>(CONTROL + C_N_EXPECTATIONS, 1);
}
