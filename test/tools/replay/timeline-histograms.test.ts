import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Coarsening } from '../../../tools/replay/coarsening.js';
import { TimelineHistograms } from '../../../tools/replay/timeline-histograms.js';

const BINS = 4;

describe('histograms of a timeline', () => {
  it('are those of each interval while there is room', () => {
    const kept = new TimelineHistograms(4);
    kept.add(0, [1, 0, 2, 0]);
    kept.add(2, [0, 5, 0, 0]);
    expect(kept.spans()).toEqual([
      { from: 0, to: 1, counts: [0, 1, 2, 2] },
      { from: 2, to: 3, counts: [1, 5] },
    ]);
  });

  it('cover the whole run, are never more than asked for, do not overlap, and lose no count', () => {
    const interval = fc.record({
      gap: fc.integer({ min: 1, max: 9 }),
      counts: fc.array(fc.nat(5), { minLength: BINS, maxLength: BINS }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 7 }),
        fc.array(interval, { maxLength: 200 }),
        (most, intervals) => {
          const kept = new TimelineHistograms(most);
          const given = new Float64Array(BINS);
          const at: number[] = [];
          for (const { gap, counts } of intervals) {
            at.push((at.at(-1) ?? -1) + gap);
            kept.add(at.at(-1) as number, counts);
            counts.forEach((count, bin) => (given[bin] = (given[bin] as number) + count));
          }
          const spans = kept.spans();
          expect(spans.length).toBeLessThanOrEqual(most);
          spans.forEach(({ from, to }, i) => {
            expect(to).toBeGreaterThan(from);
            expect(from).toBeGreaterThanOrEqual(spans[i - 1]?.to ?? 0);
          });
          for (const each of at) expect(spans.some(({ from, to }) => each >= from && each < to)).toBe(true);
          const found = new Float64Array(BINS);
          for (const { counts } of spans)
            for (let i = 0; i < counts.length; i += 2)
              found[counts[i] as number] = (found[counts[i] as number] as number) + (counts[i + 1] as number);
          expect(found).toEqual(given);
        },
      ),
    );
  });
});

describe('points of a long run', () => {
  it('double their length each time that the run has doubled its own', () => {
    const coarsening = new Coarsening(8);
    let points = 0;
    let intervals = 0;
    const ends: number[] = [];
    for (let every = 1; points < 24; every = coarsening.every(points)) {
      intervals += every;
      points++;
      ends.push(intervals);
    }
    expect(ends.slice(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ends.slice(8, 12)).toEqual([10, 12, 14, 16]);
    expect(ends.slice(12, 16)).toEqual([20, 24, 28, 32]);
    expect(intervals).toBe(128);
  });
});
