/**
 * From sampled lock holds to what they stand for.
 *
 * A timed hold contains one read of the clock, which the others do not: it is taken off before anything is scaled. A hold in
 * which the thread lost its CPU is real, but where one hold in 251 is timed it would count 251 times: of sampled holds the longest
 * hundredth is therefore taken as long as the shortest of it (winsorised). The hundredth, because holds are a tenth of
 * a microsecond and interruptions come every few hundred, so that far fewer than one hold in a hundred is interrupted; what
 * is lost is the spread of the tracker's own longest holds, a few percent of the total. Where every hold is timed nothing is
 * scaled and nothing is cut.
 *
 * Holds that a design has timed on request (the old one's pass) stand for themselves alone. They are the longest of their class, so
 * of a histogram that holds both kinds its longest values are taken for them.
 */
import type { LockFigures } from '../../engine/host/counters.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { middleValueFromIndex, highestValueFromIndex } from '../measure/log-linear.js';
import type { Recording } from './recording.js';

/**
 * Fewer sampled holds than this say how long these took, and nothing of the rest: one of them may be the only one that met a page
 * fault, or code that was not compiled yet.
 */
export const FEWEST_SAMPLES = 20;

/** Sampled holds above this quantile count as long as the quantile. */
const WINSORISED_AT = 0.99;

/**
 * Every how many acquisitions of a lock class a thread timed the hold; 0 = none, 1 = every one. Written by the main thread before
 * the start, so it is a fact about the run and not about how one thinks that it was set up.
 */
export function holdIntervalOf(run: EngineRun, thread: number, figures: LockFigures): number {
  if (figures.holdSamples > 0 && figures.holdSamples >= figures.acquisitions) return 1;
  const c = run.engine.constants;
  const block = run.plan.regions.threads + thread * c.THREAD_SIZE;
  return new DataView(run.memory.buffer).getUint32(block + c.T_HOLD_INTERVAL, true);
}

/** What the timed holds of one thread and class stand for. */
export interface HoldEstimate {
  readonly meanNs: number;
  /** Of all acquisitions; only to be relied on where `samples` are not fewer than FEWEST_SAMPLES. */
  readonly totalNs: number;
  /** Two standard errors of the total, from the spread of the sampled holds, those that are cut as long as they were; 0 where every hold was timed. */
  readonly totalErrorNs: number;
  /** Holds that stand for others; Infinity where every hold was timed. */
  readonly samples: number;
  /** The quantile above which holds were cut; null when none was. */
  readonly winsorisedAt: number | null;
}

/**
 * Mean and total of all holds of one thread and class, the clock's cost taken off; null when none was timed.
 * @param interval from `holdIntervalOf`
 * @param clockCostNs one read of the clock by the engine
 */
export function estimateHolds(
  figures: Pick<
    LockFigures,
    'acquisitions' | 'holdSamples' | 'holdTotalNs' | 'singledSamples' | 'singledTotalNs'
  >,
  holds: Recording,
  interval: number,
  clockCostNs: number,
): HoldEstimate | null {
  const { acquisitions, holdSamples, holdTotalNs, singledSamples, singledTotalNs } = figures;
  if (holdSamples === 0) return null;
  const net = (sumNs: number, count: number): number => Math.max(sumNs - count * clockCostNs, 0);
  const sampled = holdSamples - singledSamples;
  if (interval <= 1 || sampled <= 0) {
    const meanNs = net(holdTotalNs, holdSamples) / holdSamples;
    const samples = Number.POSITIVE_INFINITY;
    return { meanNs, totalNs: meanNs * acquisitions, totalErrorNs: 0, samples, winsorisedAt: null };
  }
  const cut = sampled > 1;
  const { sumNs, errorNs } = cut
    ? winsorisedSum(holds, sampled)
    : { sumNs: holdTotalNs - singledTotalNs, errorNs: 0 };
  const others = acquisitions - singledSamples;
  const totalNs = (net(sumNs, sampled) / sampled) * others + net(singledTotalNs, singledSamples);
  return {
    meanNs: totalNs / acquisitions,
    totalNs,
    totalErrorNs: 2 * errorNs * others,
    samples: sampled,
    winsorisedAt: cut ? WINSORISED_AT : null,
  };
}

/** Counts of a histogram of holds, each as often as what it stands for: sampled ones for the interval, those on request for one. */
export function weightedCounts(
  { singledSamples }: Pick<LockFigures, 'singledSamples'>,
  { counts }: Recording,
  interval: number,
): Float64Array {
  const weighted = new Float64Array(counts.length);
  let singled = interval <= 1 ? 0 : singledSamples;
  for (let index = counts.length - 1; index >= 0; index--) {
    const here = counts[index] as number;
    const alone = Math.min(here, singled);
    singled -= alone;
    weighted[index] = alone + (here - alone) * Math.max(interval, 1);
  }
  return weighted;
}

/**
 * Sum of the `samples` shortest values, the longest of these cut (at least one is), and the standard error of the mean of them uncut: how
 * many of the long ones a sample has is chance, and where the cut lies with them.
 */
function winsorisedSum(
  { counts, config }: Recording,
  samples: number,
): { readonly sumNs: number; readonly errorNs: number } {
  let left = samples - Math.max(1, Math.ceil(samples * (1 - WINSORISED_AT)));
  let sumNs = 0;
  let limitNs = 0;
  let cut = samples;
  let uncutLeft = samples;
  let uncutNs = 0;
  let uncutSquares = 0;
  for (let index = 0; index < counts.length && uncutLeft > 0; index++) {
    const here = Math.min(counts[index] as number, uncutLeft);
    if (here === 0) continue;
    const valueNs = middleValueFromIndex(config, index);
    uncutNs += here * valueNs;
    uncutSquares += here * valueNs * valueNs;
    uncutLeft -= here;
    const taken = Math.min(here, left);
    if (taken === 0) continue;
    sumNs += taken * valueNs;
    limitNs = highestValueFromIndex(config, index);
    left -= taken;
    cut -= taken;
  }
  const variance = Math.max(uncutSquares / samples - (uncutNs / samples) ** 2, 0);
  return { sumNs: sumNs + cut * limitNs, errorNs: Math.sqrt(variance / samples) };
}
