/**
 * From sampled lock holds to what they stand for.
 *
 * A timed hold contains one read of the clock, which the others do not: it is taken off before anything is scaled. A hold in
 * which the thread lost its CPU is real, but where one hold in 61 is timed it would count 61 times: of sampled holds the longest
 * hundredth is therefore taken as long as the shortest of it (winsorised). The hundredth, because holds are a tenth of
 * a microsecond and interruptions come every few hundred, so that far fewer than one hold in a hundred is interrupted; what
 * is lost is the spread of the tracker's own longest holds, a few percent of the total. Where every hold is timed nothing is
 * scaled and nothing is cut.
 */
import type { LockFigures } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { middleValueFromIndex, highestValueFromIndex } from '../measure/log-linear.js';
import type { Recording } from './collect-latency.js';

/** Sampled holds above this quantile count as long as the quantile. */
export const WINSORISED_AT = 0.99;

/**
 * Every how many acquisitions of a lock class a thread timed the hold; 0 = none, 1 = every one. Written by the main thread before
 * the start, so it is a fact about the run and not about how one thinks that it was set up.
 */
export function holdIntervalOf(run: EngineRun, thread: number, _lockClass: number): number {
  const c = run.engine.constants;
  const block = run.plan.regions.threads + thread * c.THREAD_SIZE;
  return new DataView(run.memory.buffer).getUint32(block + c.T_HOLD_INTERVAL, true);
}

/** What the timed holds of one thread and class stand for. */
export interface HoldEstimate {
  readonly meanNs: number;
  /** Of all acquisitions. */
  readonly totalNs: number;
  /** The quantile above which holds were cut; null when none was. */
  readonly winsorisedAt: number | null;
}

/**
 * Mean and total of all holds of one thread and class, the clock's cost taken off; null when none was timed.
 * @param interval from `holdIntervalOf`
 * @param clockCostNs one read of the clock by the engine
 */
export function estimateHolds(
  figures: Pick<LockFigures, 'acquisitions' | 'holdSamples' | 'holdTotalNs'>,
  holds: Recording,
  interval: number,
  clockCostNs: number,
): HoldEstimate | null {
  const { acquisitions, holdSamples, holdTotalNs } = figures;
  if (holdSamples === 0) return null;
  const cut = interval > 1 && holdSamples > 1;
  const sumNs = cut ? winsorisedSum(holds, holdSamples) : holdTotalNs;
  const meanNs = Math.max(sumNs / holdSamples - clockCostNs, 0);
  return { meanNs, totalNs: meanNs * acquisitions, winsorisedAt: cut ? WINSORISED_AT : null };
}

/** Sum of the values with the longest ones cut; at least one is. */
function winsorisedSum({ counts, config }: Recording, samples: number): number {
  let left = samples - Math.max(1, Math.ceil(samples * (1 - WINSORISED_AT)));
  let sum = 0;
  let limitNs = 0;
  let counted = 0;
  for (let index = 0; index < counts.length && left > 0; index++) {
    const here = counts[index] as number;
    if (here === 0) continue;
    const taken = Math.min(here, left);
    sum += taken * middleValueFromIndex(config, index);
    limitNs = highestValueFromIndex(config, index);
    counted += taken;
    left -= taken;
  }
  return sum + (samples - counted) * limitNs;
}
