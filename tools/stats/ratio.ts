/** The ratio of medians of two designs, with a bootstrap interval. */
import {
  bcaInterval,
  expandedInterval,
  percentileInterval,
  resampledStatistics,
  type BootstrapOptions,
} from './bootstrap.js';
import type { Estimate, Interval } from './interval.js';
import { below } from './random-source.js';
import { assertSample, median } from './sample.js';

/** Trials of both designs that ran close together, so that both felt the same drift of the machine. */
export interface PairedBlock {
  readonly base: readonly number[];
  readonly head: readonly number[];
}

/** Options for paired blocks. */
export interface PairedRatioOptions extends BootstrapOptions {
  /**
   * `ratio-of-medians`: median of all head values over median of all base values. `median-of-ratios`: median over
   * blocks of head / base, from which a drift that both share cancels; the default.
   */
  readonly estimator?: 'ratio-of-medians' | 'median-of-ratios';
}

/**
 * median(head) / median(base) of independent trials; each side is resampled by itself.
 * @returns `interval` null when a side has fewer than two values
 * @throws RangeError when a sample is empty or holds a value that is not above 0
 */
export function ratioOfMedians(
  base: ArrayLike<number>,
  head: ArrayLike<number>,
  options: BootstrapOptions,
): Estimate {
  assertPositive(base, 'base');
  assertPositive(head, 'head');
  const baseData = Float64Array.from(base);
  const headData = Float64Array.from(head);
  const value = median(headData) / median(baseData);
  if (baseData.length < 2 || headData.length < 2) return { value, interval: null };
  const { random } = options;
  const baseDraw = new Float64Array(baseData.length);
  const headDraw = new Float64Array(headData.length);
  const resampled = resampledStatistics(options, () => {
    resampleInto(baseDraw, baseData, random);
    resampleInto(headDraw, headData, random);
    return median(headDraw) / median(baseDraw);
  });
  const leaveOneOut = (): number[] => [
    ...without(baseData).map((rest) => median(headData) / median(rest)),
    ...without(headData).map((rest) => median(rest) / median(baseData)),
  ];
  const smaller = Math.min(baseData.length, headData.length);
  return { value, interval: intervalOf(resampled, value, smaller, leaveOneOut, options) };
}

/**
 * The ratio head / base of trials that ran in blocks (interleaved); whole blocks are resampled, so what the trials of a
 * block have in common stays together.
 * @returns `interval` null for fewer than two blocks
 * @throws RangeError when there is no block, a block lacks a side, or a value is not above 0
 */
export function pairedRatio(blocks: readonly PairedBlock[], options: PairedRatioOptions): Estimate {
  if (blocks.length === 0) throw new RangeError('paired ratio: there is no block of trials');
  blocks.forEach((block, index) => {
    assertPositive(block.base, `block ${index + 1}, base`);
    assertPositive(block.head, `block ${index + 1}, head`);
  });
  const statistic =
    options.estimator === 'ratio-of-medians'
      ? (some: readonly PairedBlock[]): number =>
          median(some.flatMap((block) => block.head)) / median(some.flatMap((block) => block.base))
      : (some: readonly PairedBlock[]): number =>
          // The median of logarithms: so that head / base and base / head are each other's inverse.
          Math.exp(median(some.map((block) => Math.log(median(block.head) / median(block.base)))));
  const value = statistic(blocks);
  if (blocks.length < 2) return { value, interval: null };
  const resampled = resampledStatistics(options, () =>
    statistic(blocks.map(() => blocks[below(options.random, blocks.length)] as PairedBlock)),
  );
  const leaveOneOut = (): number[] =>
    blocks.map((_, left) => statistic(blocks.filter((__, index) => index !== left)));
  return { value, interval: intervalOf(resampled, value, blocks.length, leaveOneOut, options) };
}

function intervalOf(
  resampled: Float64Array,
  observed: number,
  n: number,
  leaveOneOut: () => number[],
  { method, confidence }: BootstrapOptions,
): Interval {
  if (method === 'bca') return bcaInterval(resampled, observed, leaveOneOut(), confidence);
  if (method === 'percentile') return percentileInterval(resampled, confidence);
  return expandedInterval(resampled, n, confidence);
}

function resampleInto(target: Float64Array, data: Float64Array, random: BootstrapOptions['random']): void {
  for (let i = 0; i < target.length; i++) target[i] = data[below(random, data.length)] as number;
}

function without(data: Float64Array): Float64Array[] {
  return Array.from(data, (_, left) => data.filter((__, index) => index !== left));
}

function assertPositive(values: ArrayLike<number>, what: string): void {
  assertSample(values, what);
  for (let i = 0; i < values.length; i++) {
    if ((values[i] as number) <= 0) {
      throw new RangeError(`${what}: value ${i + 1} is ${values[i]}; a ratio needs values above 0`);
    }
  }
}
