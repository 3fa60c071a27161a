/**
 * Delta debugging: the fewest packets that still show something.
 * Source: A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28 (2002), algorithm ddmin.
 */

/**
 * Shrinks a list to one of which no single element (and no chunk that was tried) can be left out.
 * @param shows whether a list still shows it; called with lists in the original order
 * @throws RangeError when the whole list does not show it
 */
export function minimize<T>(items: readonly T[], shows: (items: readonly T[]) => boolean): T[] {
  if (!shows(items)) throw new RangeError('the whole list does not show what is to be kept');
  let current = [...items];
  let parts = 2;
  while (current.length >= 2) {
    const size = Math.ceil(current.length / parts);
    const chunks = Array.from({ length: Math.ceil(current.length / size) }, (_, i) =>
      current.slice(i * size, (i + 1) * size),
    );
    const found = chunks.find((chunk) => shows(chunk));
    if (found !== undefined) {
      current = found;
      parts = 2;
      continue;
    }
    const without = chunks
      .map((_, left) => chunks.flatMap((chunk, index) => (index === left ? [] : chunk)))
      .find((rest) => rest.length < current.length && rest.length > 0 && shows(rest));
    if (without !== undefined) {
      current = without;
      parts = Math.max(parts - 1, 2);
      continue;
    }
    if (parts >= current.length) break;
    parts = Math.min(parts * 2, current.length);
  }
  return current;
}
