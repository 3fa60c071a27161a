/**
 * What every design module exports, written once and generic over the design. An entry file (designs/NAME.ts) binds the
 * generic functions to its expiry class and re-exports the rest.
 */
import { clearExpectations } from '../conntrack/alg/expectations';
import { releaseSpares, sparesInit } from '../conntrack/create';
import {
  COMPLETE,
  fragmentsExpire,
  fragmentsInit,
  fragmentsPostprocess,
  fragmentsPreprocess,
  HELD,
  outputsReset,
  reassembledPacket,
} from '../conntrack/fragments/fragments';
import { flushTable } from '../conntrack/table';
import { policiesInit } from '../conntrack/timeout-policies';
import { touchAhead } from '../conntrack/touch-ahead';
import { packetClass, processPacket } from '../conntrack/tracker';
import { zonesInit } from '../conntrack/zone-limits';
import { LastSweep } from '../expiry/expiry';
import { clock, countClass, countReason, W_NAT_ALLOCATIONS, workSoFar } from '../probe/counters';
import {
  FINE_BYTES,
  H_NAT_SERVICE,
  H_RESPONSE,
  H_SERVICE,
  recordCoarse,
  recordFine,
} from '../probe/histogram';
import { ExecParams } from '../records/exec-params';
import {
  C_N_CONN,
  C_N_CONN_LIMIT,
  C_SWEEPING,
  C_TCP_SEQ_CHECK,
  CONTROL,
  histograms,
  T_INTERVAL_HISTOGRAM,
  T_PACKET_INDEX,
  T_SCRATCH,
  threadBlock,
} from '../records/memory-map';
import { NO_OFFSET, Packet, resetPacket } from '../records/packet';
import { R_FRAGMENT_HELD } from '../records/reasons';
import { epochInit, goOffline, goOnline, quiesce, reclaimNow } from '../shm/epoch';
import { mapInit } from '../shm/hash-map';
import { slabInit } from '../shm/slab';
import { locate } from '../wire/locate';

/**
 * Makes the tracker empty, whatever was done with it before: connections and what waits for a grace period, spare slots of threads,
 * limits, policies, expectations and fragments are forgotten. Settings, counters and who is online stay. Precondition: no other
 * thread runs; they may be attached, and offline or at a quiescent point.
 */
export function initTrackerOf<E>(): void {
  mapInit();
  slabInit();
  epochInit();
  sparesInit();
  zonesInit();
  policiesInit();
  clearExpectations();
  fragmentsInit();
  atomic.store<u32>(CONTROL, 0, C_N_CONN);
  atomic.store<u32>(CONTROL, 0, C_SWEEPING);
  changetype<E>(0).init();
}

/** Cheap first test; fragmentsPreprocess decides. A located transport header means that the network header is all there. */
// @ts-ignore: decorator
@inline
function mayBeFragment(p: Packet): bool {
  if (<u32>p.l4 == NO_OFFSET) return false;
  const dlType = <u32>p.dlType;
  const header = <usize>p.frame + p.l3;
  // IPv4: any fragment bit or offset. IPv6: an extension header may lead to a fragment header.
  if (dlType == 0x0800) return (load<u16>(header, 6) & 0xff3f) != 0;
  if (dlType != 0x86dd) return false;
  const next = <u32>load<u8>(header, 6);
  return next == 44 || next == 0 || next == 43 || next == 60 || next == 51;
}

function runFragment<E>(p: Packet, params: ExecParams, now: i64): void {
  const outcome = fragmentsPreprocess(p, params.zone, now);
  if (outcome == HELD) {
    p.consumed = 1;
    countReason(R_FRAGMENT_HELD);
  } else if (outcome == COMPLETE) {
    p.consumed = 1;
    processPacket<E>(reassembledPacket(), params, now);
    fragmentsPostprocess(now);
  } else {
    processPacket<E>(p, params, now);
  }
}

// @ts-ignore: decorator
@inline
function runOne<E>(p: Packet, call: ExecParams, now: i64): void {
  const params = p.params == 0 ? call : changetype<ExecParams>(<usize>p.params);
  if (mayBeFragment(p)) runFragment<E>(p, params, now);
  else processPacket<E>(p, params, now);
}

/**
 * Runs `count` packets, whose addresses stand at `packets` (u32 each), at time `now` in milliseconds. A packet with
 * parameters of its own uses those, else `params`. A quiescent point is not passed: the caller quiesces between calls.
 */
export function executeOf<E>(packets: usize, count: u32, params: usize, now: i64): void {
  const call = changetype<ExecParams>(params);
  outputsReset();
  touchAhead(packets, count, call);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(threadBlock, i, T_PACKET_INDEX);
    runOne<E>(changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2))), call, now);
  }
  fragmentsExpire(now);
}

/**
 * As execute, and records per packet service time (boundary to boundary, so one clock read a packet) and, when `due` is
 * not 0, response time: from the due time (f64 nanoseconds of the same clock) to the end.
 */
export function executeTimedOf<E>(packets: usize, count: u32, params: usize, now: i64, due: usize): void {
  const call = changetype<ExecParams>(params);
  const interval = <usize>load<u32>(threadBlock, T_INTERVAL_HISTOGRAM);
  outputsReset();
  let start = clock();
  // Touching ahead is work for every packet of the batch, so each has its share of it in its service time.
  let share: f64 = 0;
  if (touchAhead(packets, count, call)) {
    const touched = clock();
    share = max<f64>(touched - start, 0) / <f64>count;
    start = touched;
  }
  let allocations = workSoFar(W_NAT_ALLOCATIONS);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(threadBlock, i, T_PACKET_INDEX);
    const p = changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2)));
    const sweeping = atomic.load<u32>(CONTROL, C_SWEEPING);
    runOne<E>(p, call, now);
    const kind = packetClass(p, p.params == 0 ? call : changetype<ExecParams>(<usize>p.params));
    countClass(kind);
    const overlapped = sweeping != 0 || atomic.load<u32>(CONTROL, C_SWEEPING) != 0;
    const series = <usize>(kind * 2 + u32(overlapped)) * FINE_BYTES;
    const end = clock();
    const service = <u64>max<f64>(end - start + share, 0);
    recordFine(histograms + H_SERVICE + series, service);
    if (due != 0) {
      const response = <u64>max<f64>(end - load<f64>(due + ((<usize>i) << 3)), 0);
      recordFine(histograms + H_RESPONSE + series, response);
    }
    if (interval != 0) recordCoarse(interval, service);
    const allocated = workSoFar(W_NAT_ALLOCATIONS);
    if (allocated != allocations) {
      recordCoarse(histograms + H_NAT_SERVICE, service);
      allocations = allocated;
    }
    start = end;
  }
  fragmentsExpire(now);
}

/** One clean-up pass; returns the next wake-up relative to `now`, in milliseconds (may be 0 or negative). */
export function sweepOf<E>(now: i64): i64 {
  atomic.add<u32>(CONTROL + C_SWEEPING, 1);
  const next = changetype<E>(0).sweep(now);
  atomic.sub<u32>(CONTROL + C_SWEEPING, 1);
  Wake.delayMs = changetype<E>(0).wakeDelay(next, now);
  return next - now;
}

class Wake {
  static delayMs: i64 = 0;
}

/** How long the sweeper thread waits after the last pass, in milliseconds. */
export function sweepDelayMs(): f64 {
  return <f64>Wake.delayMs;
}
/** Whether the last pass stopped at its limit by returning the constant 0. */
export function sweepWasImmediate(): u32 {
  return u32(LastSweep.immediate);
}
export function sweepChecked(): u32 {
  return LastSweep.checked;
}
export function sweepCleaned(): u32 {
  return LastSweep.cleaned;
}

/** Removes everything and returns all slots, as far as other threads are offline. */
export function clearAllOf<E>(): void {
  flushTable<E>(-1);
  clearExpectations();
  fragmentsInit();
  releaseSpares();
  quiesce();
  reclaimNow();
}

export function locatePacket(packet: usize): void {
  locate(changetype<Packet>(packet));
}
export function resetPacketState(packet: usize): void {
  resetPacket(changetype<Packet>(packet));
}
/** Prepares `count` packets (addresses at `packets`) for another pass: `ct_clear` on each. */
export function resetPackets(packets: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    resetPacket(changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2))));
  }
}
/** Drops the cached connection of `count` packets, keeping their state (the benchmark of spec §11). */
export function dropCachedConnections(packets: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2))).conn = 0;
  }
}

export function connCount(): u32 {
  return atomic.load<u32>(CONTROL, C_N_CONN);
}
export function setConnLimit(limit: u32): void {
  atomic.store<u32>(CONTROL, limit, C_N_CONN_LIMIT);
}
export function getConnLimit(): u32 {
  return atomic.load<u32>(CONTROL, C_N_CONN_LIMIT);
}
export function setSeqCheck(on: u32): void {
  atomic.store<u32>(CONTROL, on, C_TCP_SEQ_CHECK);
}
/** Where getZoneLimit and others leave results for the host. */
export function scratchAddress(): usize {
  return threadBlock + T_SCRATCH;
}

/**
 * The thread is done with the tracker, or will be for a while: gives back spare slots and the slots of the fragments it put out last,
 * which it must have no use for any more, and goes offline.
 */
export function detach(): void {
  outputsReset();
  releaseSpares();
  goOffline();
}

export { goOnline, goOffline, quiesce };
