/** Figures of ct_lock from one run. */
import { decodeHistogram } from '../measure/latency-summary.js';
import type { Contention, Sweep } from '../result/schema.js';

/** Contention of ct_lock in one run; times of contended acquisitions, null when there was none. */
export interface LockRound {
  readonly ctLockPerPacket: number;
  readonly contendedShare: number | null;
  readonly waitMeanNs: number | null;
  readonly waitP50Ns: number | null;
  readonly waitP99Ns: number | null;
  readonly sleepsPerContended: number | null;
}

const CT_LOCK = 'ct_lock';

/** Figures of ct_lock over all threads, of a probed run over `packets` packets. */
export function lockRound(locks: readonly Contention[], packets: number): LockRound {
  const all = locks.find((lock) => lock.class === CT_LOCK && lock.thread === 'all');
  const acquisitions = all?.acquisitions ?? 0;
  const contended = all?.contended ?? 0;
  const encoded = all?.wait?.encoded ?? null;
  const waits = encoded === null || contended === 0 ? null : decodeHistogram(encoded);
  return {
    ctLockPerPacket: acquisitions / packets,
    contendedShare: acquisitions === 0 ? null : contended / acquisitions,
    waitMeanNs: contended === 0 ? null : (all?.wait?.avgNs ?? null),
    waitP50Ns: waits?.getValueAtPercentile(50) ?? null,
    waitP99Ns: waits?.getValueAtPercentile(99) ?? null,
    sleepsPerContended: contended === 0 ? null : (all?.futexWaits ?? 0) / contended,
  };
}

/**
 * Time that the sweeper held ct_lock over the connections it cleaned, estimated from the timed holds. Null when nothing was cleaned
 * or no hold was timed.
 */
export function meanHoldPerCleanedNs(sweeps: readonly Sweep[], locks: readonly Contention[]): number | null {
  const held = sweeperOf(locks)?.hold?.totalNs ?? null;
  const cleaned = cleanedBy(sweeps);
  return held === null || cleaned === 0 ? null : held / cleaned;
}

function sweeperOf(locks: readonly Contention[]): Contention | undefined {
  return locks.find((lock) => lock.class === CT_LOCK && lock.thread === 'sweeper');
}

function cleanedBy(sweeps: readonly Sweep[]): number {
  return sweeps.reduce((sum, sweep) => sum + (sweep.cleaned ?? 0), 0);
}

/**
 * The sweeper's longest timed hold of ct_lock, over the connections cleaned in it: all that a pass cleaned in a design that
 * holds the lock for the whole pass, one in a design that takes it for each. Null when nothing was cleaned or no hold was timed.
 */
export function longestHoldPerCleanedNs(
  sweeps: readonly Sweep[],
  locks: readonly Contention[],
): number | null {
  const cleaning = sweeps.filter((sweep) => (sweep.cleaned ?? 0) > 0 && sweep.longestHoldNs != null);
  const [first, ...others] = cleaning;
  if (first === undefined) return null;
  const longest = others.reduce(
    (most, sweep) => ((sweep.longestHoldNs ?? 0) > (most.longestHoldNs ?? 0) ? sweep : most),
    first,
  );
  const oneByOne = (sweeperOf(locks)?.acquisitions ?? 0) >= cleanedBy(sweeps);
  return (longest.longestHoldNs ?? 0) / (oneByOne ? 1 : (longest.cleaned ?? 1));
}
