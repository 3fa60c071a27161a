import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrateClock, type Clock } from '../../../tools/measure/clock.js';
import { probeNoise } from '../../../tools/measure/noise.js';
import { FakeClock } from './fake-system.js';

/** A read costs `costNs` and up to `wobbleNs` more, unless it is interrupted; time is shown rounded down to steps, each off by up to `roundingNs`. */
class WobblyClock implements Clock {
  readonly name = 'wobbly';
  #timeNs = 0;
  #reads = 0;

  readonly #costNs: number;
  readonly #stepNs: number;
  readonly #roundingNs: number;
  readonly #interruptedShare: number;
  readonly #wobbleNs: number;

  constructor(
    costNs: number,
    stepNs: number,
    roundingNs: number,
    { interruptedShare = 0, wobbleNs = 32 } = {},
  ) {
    this.#interruptedShare = interruptedShare;
    this.#wobbleNs = wobbleNs;
    this.#costNs = costNs;
    this.#stepNs = stepNs;
    this.#roundingNs = roundingNs;
  }

  nowNs(): number {
    this.#reads++;
    this.#timeNs += this.#costNs + (((this.#reads * 7) % 32) * this.#wobbleNs) / 32;
    // Every so many reads, by Weyl's sequence: evenly, but not in step with anything.
    if (this.#interruptedShare > 0 && (this.#reads * 0.6180339887) % 1 < this.#interruptedShare)
      this.#timeNs += 20_003;
    const ticks = Math.floor(this.#timeNs / this.#stepNs);
    return ticks * this.#stepNs + (ticks % 8 === 3 ? this.#roundingNs : 0);
  }
}

const realClock = { name: 'performance.now', nowNs: () => performance.now() * 1e6 };

describe('clock calibration', () => {
  it('finds the cost and the step of a known clock', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 10, max: 2000 }),
        fc.integer({ min: 0, max: 1 }),
        (costNs, stepNs, roundingNs) => {
          // The limit of what can be told: a rounding of a tenth of the step, and readings two dozen steps and more apart.
          fc.pre(roundingNs === 0 || stepNs >= 12 || costNs < 240);
          const clock = new WobblyClock(costNs, stepNs, roundingNs);
          const figures = calibrateClock(clock, { steps: 400, maxReads: 400_000 });
          // The wobble is part of the cost: 0 to 31 ns, 15.5 on average.
          expect(figures.costNs / (costNs + 15.5)).toBeGreaterThan(0.95);
          expect(figures.costNs / (costNs + 15.5)).toBeLessThan(1.05);
          expect(figures.stepNs / stepNs).toBeGreaterThan(0.98);
          expect(figures.stepNs / stepNs).toBeLessThan(1.02);
          expect(figures.differenceMedianNs).toBeGreaterThanOrEqual(figures.differenceMinNs);
          expect(figures.differenceP99Ns).toBeGreaterThanOrEqual(figures.differenceMedianNs);
          expect(figures.backwardSteps).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('takes a clock that counts every nanosecond for one', () => {
    const figures = calibrateClock(new WobblyClock(40, 1, 0), { steps: 400, maxReads: 100_000 });
    expect(figures.stepNs).toBe(1);
    expect(figures.differenceMinNs).toBe(40);
  });

  it('finds the step where a tenth of the readings was interrupted, and the cost where a third of them was', () => {
    const interrupted = (share: number): WobblyClock =>
      new WobblyClock(50, 10, 1, { interruptedShare: share });
    expect(calibrateClock(interrupted(0.1)).stepNs).toBeCloseTo(10, 0);
    const { costNs, costP99Ns } = calibrateClock(interrupted(0.003));
    // One read in 300 takes 20 µs more: a mean would be 132 ns, a batch without any is 65.5.
    expect(costNs / 65.5).toBeGreaterThan(0.97);
    expect(costNs / 65.5).toBeLessThan(1.03);
    expect(costP99Ns).toBeGreaterThan(200);
  });

  it.each([60, 75, 90, 140])(
    'finds an uneven step where reads of %d ns were interrupted often and for long',
    (costNs) => {
      // The longest that are looked at are two thousand steps, and the clock counts whole nanoseconds.
      for (const interruptedShare of [0.02, 0.03]) {
        const clock = new WobblyClock(costNs, 10.019, 0, { interruptedShare, wobbleNs: 8 });
        const whole = { name: 'whole', nowNs: () => Math.floor(clock.nowNs()) };
        const { stepNs } = calibrateClock(whole);
        expect(stepNs, `${interruptedShare}`).toBeGreaterThan(10.015);
        expect(stepNs, `${interruptedShare}`).toBeLessThan(10.025);
      }
    },
  );

  it('calibrates a millisecond clock', () => {
    const figures = calibrateClock(new FakeClock(50, 1e6), { steps: 10, maxReads: 400_000 });
    expect(figures).toMatchObject({ stepNs: 1e6, steps: 10, source: 'fake' });
    expect(figures.costNs).toBeGreaterThan(45);
    expect(figures.costNs).toBeLessThan(55);
  });

  it('counts backward steps', () => {
    let reads = 0;
    const clock = { name: 'wobbly', nowNs: () => (++reads % 100 === 0 ? reads * 10 - 500 : reads * 10) };
    expect(calibrateClock(clock, { steps: 500 }).backwardSteps).toBeGreaterThanOrEqual(5);
  });

  it('refuses a clock that stands still or tells no time', () => {
    expect(() => calibrateClock({ name: 'stuck', nowNs: () => 7 }, { maxReads: 1000 })).toThrow(
      /clock stuck stood still over 1000 reads/,
    );
    expect(() => calibrateClock({ name: 'broken', nowNs: () => Number.NaN })).toThrow(
      /clock broken gave NaN/,
    );
  });

  it('calibrates the real clock', () => {
    const figures = calibrateClock(realClock);
    expect(figures.costNs).toBeGreaterThan(0);
    expect(figures.costP99Ns).toBeGreaterThanOrEqual(figures.costNs);
    // A read cannot cost more than lies between most reads in a row, and these are multiples of the step.
    expect(figures.costNs).toBeLessThan(figures.differenceP99Ns + figures.stepNs);
    expect(figures.stepNs).toBeLessThanOrEqual(figures.differenceMinNs + 1);
    expect(figures.steps).toBe(2000);
    expect(figures.backwardSteps).toBe(0);
  });
});

/** Pieces of 2 µs; every `period`th one is interrupted for `detourNs`. */
function probe(period: number, detourNs: number, probeMs = 20) {
  const clock = new FakeClock(0);
  let pieces = 0;
  const work = (): void => clock.advance(++pieces % period === 0 ? 2000 + detourNs : 2000);
  return probeNoise({ clock, work, probeMs });
}

describe('noise probe', () => {
  it('finds planted interruptions: their length, number and share', () => {
    const figures = probe(100, 50_000);
    expect(figures).toMatchObject({ pieceNs: 2000, p50Ns: 50_000, p99Ns: 50_000, maxNs: 50_000 });
    // 100 pieces of 2 µs and one interruption of 50 µs: 250 µs per period.
    expect(figures.lostShare).toBeCloseTo(0.2, 2);
    expect(figures.interruptionsPerSecond / 4000).toBeCloseTo(1, 1);
    expect(figures.probeMs).toBeCloseTo(20, 0);
    expect(figures.cv).not.toBeNull();
  });

  it('finds none on a quiet machine, and says null for their length', () => {
    expect(probe(1e9, 0)).toMatchObject({ p50Ns: null, p99Ns: null, maxNs: null, lostShare: 0, cv: 0 });
  });

  it('does not count what is shorter than a microsecond', () => {
    expect(probe(50, 900).interruptionsPerSecond).toBe(0);
    expect(probe(50, 1100).interruptionsPerSecond).toBeGreaterThan(0);
  });

  it('measures the real machine without loss of sense', () => {
    const figures = probeNoise({ clock: realClock, probeMs: 20 });
    expect(figures.probeMs).toBeGreaterThanOrEqual(20);
    expect(figures.pieceNs).toBeGreaterThan(0);
    expect(figures.lostShare).toBeGreaterThanOrEqual(0);
    expect(figures.lostShare).toBeLessThanOrEqual(1);
  });

  it('refuses a probe of no length, and a clock that stands still', () => {
    expect(() => probe(1, 1, 0)).toThrow(/0 ms is not above 0/);
    const stuck = { clock: { name: 'stuck', nowNs: () => 1 }, work: () => {} };
    expect(() => probeNoise(stuck)).toThrow(/clock stuck did not move/);
  });
});
