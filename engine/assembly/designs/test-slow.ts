/** Entry of the design `test-slow`: binds the tracker to expiry/test-slow.ts. */
import { dumpNextOf, flushTable, flushTupleOf, removeExpiredOf } from '../conntrack/table';
import { TestSlow as Expiry } from '../expiry/test-slow';
import { clearAllOf, executeOf, executeTimedOf, initTrackerOf, sweepOf } from './api';

export * from './constants';
export * from './shared';
export {
  PRESET_EXTRA_LINE,
  PRESET_LONG_HOLD,
  PRESET_SELDOM_SPIN,
  PRESET_STEPS_40,
  PRESET_STEPS_44,
  PRESET_STEPS_48,
  PRESET_STEPS_56,
  PRESET_STEPS_64,
  PRESET_STEPS_96,
  PRESET_STEPS_128,
} from '../expiry/test-slow';

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
