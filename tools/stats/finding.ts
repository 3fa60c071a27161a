/**
 * The one rule by which a comparison is called a difference. Terminal, summary, page, exports and warnings all ask here,
 * so none can say what another denies.
 */
import { holm } from './multiple-tests.js';

/** What the rule looks at. */
export interface Evidence {
  /** P-value after Holm's correction over all comparisons it stands among. */
  readonly adjustedP: number;
  readonly alpha: number;
  /** Interval of the ratio: null where there should be one and is none, left out for counts, which need none. */
  readonly low?: number | null;
  readonly high?: number | null;
}

/**
 * A difference is one where the adjusted p-value is below alpha and the interval of the ratio leaves 1 out. Without an
 * interval there is none.
 */
export function isDifference({ adjustedP, alpha, low, high }: Evidence): boolean {
  if (!(adjustedP < alpha) || low === null || high === null) return false;
  return low === undefined || high === undefined || low > 1 || high < 1;
}

/**
 * Adjusts the p-values of comparisons within their families: in each family, the chance that any difference is found where
 * there is none stays at alpha.
 * @param familyOf names the family of a comparison
 */
export function adjustWithin<T extends { readonly pValue: number }>(
  comparisons: readonly T[],
  familyOf: (comparison: T) => string,
): number[] {
  const families = new Map<string, number[]>();
  comparisons.forEach((comparison, index) => {
    const family = familyOf(comparison);
    families.set(family, [...(families.get(family) ?? []), index]);
  });
  const adjusted = comparisons.map(() => 1);
  for (const places of families.values()) {
    const values = holm(places.map((place) => (comparisons[place] as T).pValue));
    places.forEach((place, index) => (adjusted[place] = values[index] as number));
  }
  return adjusted;
}
