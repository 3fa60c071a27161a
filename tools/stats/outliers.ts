/**
 * Marks values that lie far from the rest. A mark is for the reader: nothing is ever dropped because of it.
 */
import { MAD_TO_SIGMA, median, medianAbsoluteDeviation, quantileSorted, sorted } from './sample.js';

/** How far out a value is: Tukey's inner fence (1.5 interquartile ranges) or outer fence (3). */
export type OutlierMark = 'none' | 'mild' | 'severe';

/** One value with its mark. */
export interface MarkedValue {
  readonly index: number;
  readonly value: number;
  readonly mark: OutlierMark;
  /** Whether it lies below or above the rest; null when not marked. */
  readonly side: 'low' | 'high' | null;
  /** Modified z-score: distance from the median in robust standard deviations; null when the MAD is 0. */
  readonly modifiedZ: number | null;
}

/**
 * Marks every value of a sample, in the sample's order, by Tukey's fences (Exploratory Data Analysis, 1977; the same
 * classes as criterion's), with the modified z-score of Iglewicz and Hoaglin (1993) beside it.
 * @throws RangeError when the sample is empty or not finite
 */
export function markOutliers(values: ArrayLike<number>): MarkedValue[] {
  const centre = median(values);
  const robustSigma = medianAbsoluteDeviation(values) * MAD_TO_SIGMA;
  const ascending = sorted(values);
  const q1 = quantileSorted(ascending, 0.25);
  const q3 = quantileSorted(ascending, 0.75);
  const range = q3 - q1;
  return Array.from(values, (value, index) => {
    const beyond = Math.max(q1 - value, value - q3);
    const mark: OutlierMark = beyond > 3 * range ? 'severe' : beyond > 1.5 * range ? 'mild' : 'none';
    return {
      index,
      value,
      mark,
      side: mark === 'none' ? null : value < q1 ? 'low' : 'high',
      modifiedZ: robustSigma === 0 ? null : (value - centre) / robustSigma,
    };
  });
}

/** Number of values marked mild or severe. */
export function countOutliers(values: ArrayLike<number>): number {
  return markOutliers(values).filter((marked) => marked.mark !== 'none').length;
}
