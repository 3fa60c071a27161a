/** Builders of samples for the statistics tests. */
import fc from 'fast-check';
import type { RandomSource } from '../../../tools/random/draws.js';

/** A small seeded generator (splitmix32), so that no change elsewhere changes what these tests draw. */
export class Random implements RandomSource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  real(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }
}

/** Samples of plain reals, some with equal values. */
export function reals(minLength: number, maxLength: number): fc.Arbitrary<number[]> {
  const value = fc.oneof(
    fc.integer({ min: -20, max: 20 }),
    fc.double({ min: -1e4, max: 1e4, noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  );
  return fc.array(value, { minLength, maxLength }).map((values) => values.map((x) => (x === 0 ? 0 : x)));
}

/** Samples of distinct integers: no ties. */
export function distinct(minLength: number, maxLength: number): fc.Arbitrary<number[]> {
  return fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength, maxLength });
}

/** A standard normal value (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.real())) * Math.cos(2 * Math.PI * random.real());
}

/** `n` log-normal values around `centre` with log standard deviation `sigma`: what trial times look like. */
export function trials(random: Random, n: number, centre: number, sigma: number): number[] {
  return Array.from({ length: n }, () => centre * Math.exp(sigma * normal(random)));
}
