/**
 * Random whole numbers and orders from a generator that the caller gives: nothing here makes a seed.
 */

/** Uniform real numbers in [0, 1), one per call of `real`. */
export interface RandomSource {
  real(): number;
}

/** Uniform integer from 0 to `bound - 1`. */
export function below(random: RandomSource, bound: number): number {
  return Math.min(bound - 1, Math.floor(random.real() * bound));
}

/** A new array with the items in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: RandomSource): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    const held = order[i] as T;
    order[i] = order[j] as T;
    order[j] = held;
  }
  return order;
}
