/** Entry of the measured primitives of the design `rculist-sweep` (engine/assembly/micro). */
import { RculistSweep as Expiry } from '../expiry/rculist-sweep';
import {
  loopCleanOf,
  loopCreateOf,
  loopPacketOf,
  loopRefreshOf,
  sweepCheckedOf,
  sweepCleanedOf,
} from '../micro/connections';

export * from './rculist-sweep';
export * from '../micro/layout';
export * from '../micro/packets';
export * from '../micro/primitives';
export * from '../micro/structures';
export { fillBatch, loopFlows, loopLookup, loopNat, loopNatFlows } from '../micro/connections';

export function loopCreate(packet: usize, params: usize, nowMs: f64, first: u32, n: u32): u32 {
  return loopCreateOf<Expiry>(packet, params, <i64>nowMs, first, n);
}
export function loopRefresh(timeoutClass: u32, nowMs: f64, n: u32): u32 {
  return loopRefreshOf<Expiry>(timeoutClass, <i64>nowMs, n);
}
export function loopClean(n: u32): u32 {
  return loopCleanOf<Expiry>(n);
}
export function loopPacket(packet: usize, params: usize, nowMs: f64, n: u32): u32 {
  return loopPacketOf<Expiry>(packet, params, <i64>nowMs, n);
}
export function sweepLooks(nowMs: f64): u32 {
  return sweepCheckedOf<Expiry>(<i64>nowMs);
}
export function sweepRemoves(nowMs: f64): u32 {
  return sweepCleanedOf<Expiry>(<i64>nowMs);
}
