import fc from 'fast-check';
import { Float64Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import {
  clampedCountsIndex,
  countsIndex,
  countsLength,
  highestValueFromIndex,
  HOUR_NS,
  LATENCY_CONFIG,
  LOCK_CONFIG,
  logLinearConfig,
  MAX_TRACKABLE_NS,
  middleValueFromIndex,
  valueFromIndex,
  type LogLinearConfig,
} from '../../../tools/measure/log-linear.js';

/** The library's own rule, reached through members that its type declarations leave public. */
function reference(config: LogLinearConfig) {
  return new Float64Histogram(1, config.highestTrackableNs, config.significantDigits);
}

/** The formula of the header comment, on 64-bit integers, as the engine computes it. */
function engineIndex(config: LogLinearConfig, valueNs: number): number {
  const halfMagnitude = BigInt(config.halfMagnitude);
  const value = BigInt(valueNs);
  const masked = value | ((1n << (halfMagnitude + 1n)) - 1n);
  const leadingZeros = BigInt(64 - masked.toString(2).length);
  const shift = 63n - halfMagnitude - leadingZeros;
  return Number((shift << halfMagnitude) + (value >> shift));
}

function engineIndex32(config: LogLinearConfig, value: number): number {
  const halfMagnitude = config.halfMagnitude;
  const shift = 31 - halfMagnitude - Math.clz32(value | ((1 << (halfMagnitude + 1)) - 1));
  return (shift << halfMagnitude) + (value >>> shift);
}

const configs = fc
  .tuple(fc.integer({ min: 2, max: MAX_TRACKABLE_NS }), fc.constantFrom(1, 2, 3, 4, 5))
  .map(([highest, digits]) => logLinearConfig(highest, digits as 1 | 2 | 3 | 4 | 5));

/** Values spread over magnitudes, with both sides of every power of two. */
const valuesNs = fc.oneof(
  fc.integer({ min: 0, max: HOUR_NS }),
  fc
    .tuple(fc.integer({ min: 0, max: 41 }), fc.integer({ min: -2, max: 2 }))
    .map(([power, delta]) => Math.max(0, 2 ** power + delta)),
  fc.integer({ min: 0, max: 10_000 }),
);

describe('log-linear bucket rule', () => {
  it('has the sizes that HdrHistogram has', () => {
    expect(LATENCY_CONFIG.subBucketCount).toBe(2048);
    expect(LATENCY_CONFIG.halfMagnitude).toBe(10);
    expect(countsLength(LATENCY_CONFIG)).toBe(33_792);
    expect(LOCK_CONFIG.subBucketCount).toBe(256);
    expect(LOCK_CONFIG.halfMagnitude).toBe(7);
    expect(countsLength(LOCK_CONFIG)).toBe(4_608);
    fc.assert(
      fc.property(configs, (config) => {
        // Long arrays are slow to allocate; the sizes do not depend on more than the first buckets.
        fc.pre(countsLength(config) < 500_000);
        const library = reference(config);
        expect(countsLength(config)).toBe(library.countsArrayLength);
        expect(config.bucketCount).toBe(library.bucketCount);
        expect(config.subBucketCount).toBe(library.subBucketCount);
      }),
      { numRuns: 60 },
    );
  });

  for (const [name, config] of Object.entries({ LATENCY_CONFIG, LOCK_CONFIG })) {
    const library = reference(config);
    it(`${name}: index and value equal the library's`, () => {
      fc.assert(
        fc.property(valuesNs, (valueNs) => {
          const index = countsIndex(config, valueNs);
          expect(index).toBe(library.countsArrayIndex(valueNs));
          expect(index).toBeLessThan(countsLength(config));
          expect(valueFromIndex(config, index)).toBe(library.valueFromIndex(index));
          expect(highestValueFromIndex(config, index)).toBe(library.highestEquivalentValue(valueNs));
          expect(middleValueFromIndex(config, index)).toBe(library.medianEquivalentValue(valueNs));
        }),
        { numRuns: 2000 },
      );
    });

    it(`${name}: the formula given to the engine is the same rule`, () => {
      fc.assert(
        fc.property(valuesNs, (valueNs) => {
          expect(engineIndex(config, valueNs)).toBe(countsIndex(config, valueNs));
          const low = valueNs % 2 ** 32;
          expect(engineIndex32(config, low)).toBe(countsIndex(config, low));
        }),
        { numRuns: 2000 },
      );
    });

    it(`${name}: bins tile the range without gap or overlap`, () => {
      let next = 0;
      for (let index = 0; index < countsLength(config); index++) {
        if (valueFromIndex(config, index) !== next) {
          throw new Error(`bin ${index} starts at ${valueFromIndex(config, index)}, not at ${next}`);
        }
        next = highestValueFromIndex(config, index) + 1;
      }
      expect(next).toBeGreaterThan(config.highestTrackableNs);
    });
  }

  it('keeps the promised precision', () => {
    fc.assert(
      fc.property(configs, valuesNs, (config, valueNs) => {
        const index = countsIndex(config, valueNs);
        const low = valueFromIndex(config, index);
        expect(low).toBeLessThanOrEqual(valueNs);
        expect(highestValueFromIndex(config, index)).toBeGreaterThanOrEqual(valueNs);
        expect(highestValueFromIndex(config, index) - low).toBeLessThanOrEqual(
          low / 10 ** config.significantDigits,
        );
      }),
    );
  });

  it('clamps values above the range to the last bin', () => {
    const last = countsLength(LATENCY_CONFIG) - 1;
    expect(clampedCountsIndex(LATENCY_CONFIG, 2 ** 50)).toBe(last);
    expect(clampedCountsIndex(LATENCY_CONFIG, HOUR_NS)).toBeLessThanOrEqual(last);
  });

  it('refuses what is not a count of nanoseconds, a range or a precision', () => {
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => countsIndex(LATENCY_CONFIG, bad)).toThrow(/whole number of nanoseconds/);
    }
    expect(() => logLinearConfig(1, 3)).toThrow(/from 2 to/);
    expect(() => logLinearConfig(MAX_TRACKABLE_NS + 1, 3)).toThrow(/from 2 to/);
    expect(() => logLinearConfig(1000, 6 as 5)).toThrow(/from 1 to 5/);
    expect(() => valueFromIndex(LATENCY_CONFIG, -1)).toThrow(/bin index is -1/);
  });
});
