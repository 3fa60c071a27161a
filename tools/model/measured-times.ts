/** Times out of recorded histograms, with the timer's cost and the interruptions of the machine taken off. */
import { recordedCounts } from '../result/histograms.js';

/** Mean and coefficient of variation of the values that a thread with a core of its own would show. */
export interface TypicalTime {
  readonly meanNs: number;
  readonly cv: number;
}

/** Values above this share are taken for interruptions: a thread that lost its CPU inside. */
const TYPICAL_SHARE = 0.99;

/**
 * Mean and variation of the shortest 99 % of a histogram's values, each less `offsetNs`.
 * @param encoded HdrHistogram, values in nanoseconds
 * @returns null for an empty histogram
 */
export function typicalTime(encoded: string, offsetNs: number): TypicalTime | null {
  const bins = recordedCounts(encoded);
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.round(total * TYPICAL_SHARE));
  let count = 0;
  let sum = 0;
  let squares = 0;
  for (const bin of bins) {
    const taken = Math.min(bin.count, left);
    const value = Math.max(0, bin.value - offsetNs);
    count += taken;
    sum += taken * value;
    squares += taken * value * value;
    left -= taken;
    if (left === 0) break;
  }
  const meanNs = sum / count;
  const variance = Math.max(0, squares / count - meanNs * meanNs);
  return { meanNs, cv: meanNs === 0 ? 0 : Math.sqrt(variance) / meanNs };
}
