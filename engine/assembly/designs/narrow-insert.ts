/** Entry of the design `narrow-insert`: binds the tracker to expiry/narrow-insert.ts. */
import { dumpNextOf, flushTable, flushTupleOf, removeExpiredOf } from '../conntrack/table';
import { NarrowInsert as Expiry } from '../expiry/narrow-insert';
import { clearAllOf, executeOf, executeTimedOf, initTrackerOf, sweepOf } from './api';

export * from './constants';
export * from './shared';
export { PRESET_V6, PRESET_V7, PRESET_V7_FIXED } from '../expiry/rculist-sweep';

export function initTracker(): void {
  initTrackerOf<Expiry>();
}
export function execute(packets: usize, count: u32, params: usize, nowMs: f64): u32 {
  executeOf<Expiry>(packets, count, params, <i64>nowMs);
  return count;
}
export function executeTimed(packets: usize, count: u32, params: usize, nowMs: f64, due: usize): u32 {
  executeTimedOf<Expiry>(packets, count, params, <i64>nowMs, due);
  return count;
}
export function sweep(nowMs: f64): f64 {
  return <f64>sweepOf<Expiry>(<i64>nowMs);
}
export function flush(zone: i32): void {
  flushTable<Expiry>(zone);
}
export function flushTuple(key: usize, nowMs: f64): i32 {
  return flushTupleOf<Expiry>(key, <i64>nowMs);
}
/** Removes what has expired but was not swept: for comparing designs. Returns how many. */
export function removeExpired(nowMs: f64): u32 {
  return removeExpiredOf<Expiry>(<i64>nowMs);
}
/** Connection record after the previous one, 0 = end; `first` not 0 starts a dump. */
export function dumpNext(first: u32, nowMs: f64): usize {
  return dumpNextOf<Expiry>(first != 0, <i64>nowMs);
}
export function clearAll(): void {
  clearAllOf<Expiry>();
}
