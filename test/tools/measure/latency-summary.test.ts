import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  mergeExact,
  readExact,
  REGION_OFFSETS,
  regionByteLength,
  resetRegion,
  viewRegion,
  type CellBytes,
  type HistogramRegion,
} from '../../../tools/measure/histogram-region.js';
import {
  decodeHistogram,
  emptyHistogram,
  summarize,
  toHistogram,
} from '../../../tools/measure/latency-summary.js';
import { percentilesOfCounts } from '../../../tools/measure/counts-percentiles.js';
import {
  clampedCountsIndex,
  countsLength,
  HOUR_NS,
  LATENCY_CONFIG,
  LOCK_CONFIG,
  type LogLinearConfig,
} from '../../../tools/measure/log-linear.js';

/** A region in shared memory, recorded into as the engine does it. */
function recordedRegion(
  valuesNs: readonly number[],
  config: LogLinearConfig = LATENCY_CONFIG,
  cellBytes: CellBytes = 4,
): HistogramRegion {
  const buffer = new SharedArrayBuffer(64 + regionByteLength(config, cellBytes));
  const region = viewRegion(buffer, 64, config, cellBytes);
  resetRegion(region);
  for (const valueNs of valuesNs) record(region, valueNs);
  return region;
}

const at = (offset: number): number => offset / 8;

function record(region: HistogramRegion, valueNs: number): void {
  const { header, counts, config } = region;
  const value = BigInt(valueNs);
  header[at(REGION_OFFSETS.count)] = header[at(REGION_OFFSETS.count)]! + 1n;
  header[at(REGION_OFFSETS.sumNs)] = header[at(REGION_OFFSETS.sumNs)]! + value;
  if (value < header[at(REGION_OFFSETS.minNs)]!) header[at(REGION_OFFSETS.minNs)] = value;
  if (value > header[at(REGION_OFFSETS.maxNs)]!) header[at(REGION_OFFSETS.maxNs)] = value;
  const index = clampedCountsIndex(config, valueNs);
  if (counts instanceof BigUint64Array) counts[index] = counts[index]! + 1n;
  else counts[index] = counts[index]! + 1;
}

const samplesNs = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: HOUR_NS })),
  { minLength: 1, maxLength: 200 },
);

describe('latency summary', () => {
  it('equals a library histogram that recorded the values itself', () => {
    fc.assert(
      fc.property(
        samplesNs,
        fc.constantFrom<LogLinearConfig>(LATENCY_CONFIG, LOCK_CONFIG),
        fc.constantFrom<CellBytes>(4, 8),
        (valuesNs, config, cellBytes) => {
          const region = recordedRegion(valuesNs, config, cellBytes);
          const ours = toHistogram(region.counts, config, readExact(region));
          const library = emptyHistogram(config);
          for (const valueNs of valuesNs) library.recordValue(valueNs);
          expect(ours.totalCount).toBe(valuesNs.length);
          expect(ours.maxValue).toBe(library.maxValue);
          if (!valuesNs.includes(0)) expect(ours.minNonZeroValue).toBe(library.minNonZeroValue);
          expect(ours.mean).toBe(library.mean);
          expect(ours.outputPercentileDistribution()).toBe(library.outputPercentileDistribution());
        },
      ),
      { numRuns: 25 },
    );
  });

  it('states exact minimum, maximum and mean, and ordered percentiles between them', () => {
    fc.assert(
      fc.property(samplesNs, (valuesNs) => {
        const region = recordedRegion(valuesNs);
        const exact = readExact(region);
        const summary = summarize(toHistogram(region.counts, region.config, exact), exact);
        expect(summary.count).toBe(valuesNs.length);
        expect(summary.minNs).toBe(Math.min(...valuesNs));
        expect(summary.maxNs).toBe(Math.max(...valuesNs));
        expect(summary.meanNs).toBeCloseTo(valuesNs.reduce((a, b) => a + b, 0) / valuesNs.length, 3);
        const ladder = [
          summary.minNs,
          summary.p50Ns,
          summary.p75Ns,
          summary.p90Ns,
          summary.p99Ns,
          summary.p999Ns,
          summary.p9999Ns,
          summary.maxNs,
        ] as number[];
        expect(ladder).toEqual(ladder.toSorted((a, b) => a - b));
        const median = valuesNs.toSorted((a, b) => a - b)[Math.ceil(valuesNs.length / 2) - 1]!;
        expect(summary.p50Ns).toBeGreaterThanOrEqual(median);
        expect(summary.p50Ns).toBeLessThanOrEqual(median * 1.001 + 1);
      }),
      { numRuns: 25 },
    );
  });

  it('knows the figures of a plain series', () => {
    const region = recordedRegion(Array.from({ length: 1000 }, (_, i) => i + 1));
    const exact = readExact(region);
    const summary = summarize(toHistogram(region.counts, region.config, exact), exact);
    expect(summary).toMatchObject({
      count: 1000,
      minNs: 1,
      p50Ns: 500,
      p75Ns: 750,
      p90Ns: 900,
      p99Ns: 990,
      p999Ns: 999,
      p9999Ns: 1000,
      maxNs: 1000,
      meanNs: 500.5,
    });
    expect(summary.stddevNs).toBeCloseTo(Math.sqrt((1000 ** 2 - 1) / 12), 9);
  });

  it('gives the same figures after encoding', () => {
    fc.assert(
      fc.property(samplesNs, (valuesNs) => {
        const region = recordedRegion(valuesNs);
        const whole = toHistogram(region.counts, region.config, readExact(region));
        const decoded = decodeHistogram(summarize(whole).encoded!);
        expect(decoded.totalCount).toBe(valuesNs.length);
        expect(decoded.getValueAtPercentile(99)).toBe(whole.getValueAtPercentile(99));
        expect(decoded.mean).toBe(whole.mean);
      }),
      { numRuns: 10 },
    );
  });

  it('has a quick way to percentiles of an interval that agrees with the library', () => {
    const percentiles = [0, 1, 50, 75, 90, 99, 99.9, 99.99, 100];
    fc.assert(
      fc.property(samplesNs, (valuesNs) => {
        const { counts, config } = recordedRegion(valuesNs, LOCK_CONFIG);
        const library = toHistogram(counts, config);
        const quick = percentilesOfCounts(counts, config, percentiles);
        expect(quick.count).toBe(valuesNs.length);
        expect(quick.valuesNs).toEqual(percentiles.map((p) => library.getValueAtPercentile(p)));
        expect(quick.maxNs).toBe(library.maxValue);
        expect(quick.meanNs).toBeCloseTo(library.mean, 3);
      }),
    );
    expect(percentilesOfCounts(new Uint32Array(countsLength(LOCK_CONFIG)), LOCK_CONFIG, [50])).toEqual({
      count: 0,
      valuesNs: [null],
      maxNs: null,
      meanNs: null,
    });
  });

  it('says nothing instead of 0 for an empty recording', () => {
    const region = recordedRegion([]);
    const exact = readExact(region);
    expect(exact).toMatchObject({ count: 0n, minNs: null, maxNs: null });
    const summary = summarize(toHistogram(region.counts, region.config, exact), exact);
    expect(summary.count).toBe(0);
    const { count: _, ...rest } = summary;
    expect(new Set(Object.values(rest))).toEqual(new Set([null]));
  });

  it('without exact figures, stays within its bins', () => {
    const region = recordedRegion([2048]);
    const summary = summarize(toHistogram(region.counts));
    expect(summary).toMatchObject({ minNs: 2048, maxNs: 2049, p50Ns: 2049 });
    expect(summary.meanNs).toBeLessThanOrEqual(summary.maxNs!);
  });

  it('puts values above the range in the last bin and still tells their exact maximum', () => {
    const region = recordedRegion([5, 2 ** 45]);
    const exact = readExact(region);
    const summary = summarize(toHistogram(region.counts, region.config, exact), exact);
    expect(summary.maxNs).toBe(2 ** 45);
    expect(summary.count).toBe(2);
  });

  it('refuses bins that disagree with the recorder, wrong lengths and garbage', () => {
    const region = recordedRegion([1, 2, 3]);
    region.counts[5] = 1 as never;
    const exact = readExact(region);
    expect(() => summarize(toHistogram(region.counts, region.config, exact), exact)).toThrow(
      /bins hold 4 values but the recorder counted 3/,
    );
    expect(() => toHistogram(new Uint32Array(10))).toThrow(/has 10 bins/);
    expect(() => decodeHistogram('AAAA')).toThrow(/not an HdrHistogram/);
  });
});

describe('histogram region', () => {
  it('refuses a region that is misaligned or outside the buffer', () => {
    const buffer = new SharedArrayBuffer(regionByteLength(LOCK_CONFIG, 4));
    expect(() => viewRegion(buffer, 8, LOCK_CONFIG, 4)).toThrow(/multiple of 64/);
    expect(() => viewRegion(buffer, 64, LOCK_CONFIG, 4)).toThrow(/do not fit/);
    expect(viewRegion(buffer, 0, LOCK_CONFIG, 4).counts).toHaveLength(countsLength(LOCK_CONFIG));
  });

  it('merges exact figures', () => {
    const parts = [[3, 9], [], [1]].map((valuesNs) => readExact(recordedRegion(valuesNs)));
    expect(mergeExact(parts)).toEqual({ count: 3n, sumNs: 13n, minNs: 1, maxNs: 9, overflows: 0n });
  });
});
