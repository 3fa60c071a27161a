/**
 * Corrections for many comparisons in one matrix: with 40 cells and alpha 0.05, two differences are expected where
 * there is none.
 */

/**
 * Holm's adjusted p-values, in the order given. Rejecting those at or below alpha keeps the chance of any false
 * rejection at alpha, whatever the dependence between the tests.
 * Source: S. Holm, Scand. J. Stat. 6 (1979).
 */
export function holm(pValues: readonly number[]): number[] {
  const order = ascendingOrder(pValues);
  const adjusted = Array.from(pValues, () => 1);
  let floor = 0;
  order.forEach((index, position) => {
    floor = Math.max(floor, Math.min(1, (pValues.length - position) * (pValues[index] as number)));
    adjusted[index] = floor;
  });
  return adjusted;
}

function ascendingOrder(pValues: readonly number[]): number[] {
  pValues.forEach((pValue, index) => {
    if (!(pValue >= 0 && pValue <= 1)) {
      throw new RangeError(`p-value ${index + 1} of ${pValues.length} is ${pValue}, not within 0 to 1`);
    }
  });
  return pValues.map((_, i) => i).toSorted((a, b) => (pValues[a] as number) - (pValues[b] as number));
}
