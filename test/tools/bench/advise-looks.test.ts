/** Advice that is looked at several times, each time with more rounds: how often it finds something where nothing is. */
import { describe, expect, it } from 'vitest';
import { atEachLook, looksOf } from '../../../tools/advise/looks.js';
import { compareMatrix } from '../../../tools/bench/aggregate.js';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import { planMatrix } from '../../../tools/bench/matrix-plan.js';
import type { Blocks } from '../../../tools/bench/trial.js';
import { normal, Random } from '../stats/samples.js';
import { matrix } from './fake-runner.js';

const ROUNDS = { fewest: 7, most: 28 };
const SPEC = matrix({ sessions: ROUNDS.fewest, trials: 1, warmupBlocks: 0, control: 'none' });
const [GROUP] = planMatrix(SPEC, 2);
const RUNS = 1000;

/** What is compared after so many rounds. */
function comparedAfter(sessions: readonly Blocks[], looks: number): MatrixResult['comparisons'] {
  const comparisons = compareMatrix([{ group: GROUP!, sessions }], SPEC);
  return atEachLook({ comparisons } as unknown as MatrixResult, looks).comparisons;
}

/** Share of runs in which a look finds one of two equal designs faster, with rounds added until one does. */
function foundShare(looks: number, slower = 0): number {
  const random = new Random(7);
  let found = 0;
  for (let run = 0; run < RUNS; run++) {
    const sessions: Blocks[] = [];
    while (sessions.length < ROUNDS.most) {
      for (let round = 0; round < ROUNDS.fewest; round++) {
        const values = GROUP!.cells.map((cell, index): [string, { pps: number }] => {
          const pps = 1e6 * (index === 0 ? 1 : 1 - slower) * Math.exp(0.1 * normal(random));
          return [cell.id, { pps }];
        });
        sessions.push([new Map(values)]);
      }
      if (comparedAfter(sessions, looks).some(({ significant }) => significant === true)) {
        found++;
        break;
      }
    }
  }
  return found / RUNS;
}

describe('advice with rounds added', () => {
  // Three standard deviations of a share of 5 %.
  const slack = 3 * Math.sqrt((0.05 * 0.95) / RUNS);

  it('finds a difference of equal designs no more often than alpha says, for the error is shared between the looks', () => {
    const looks = looksOf(ROUNDS);
    expect(looks).toBe(4);
    // Each look at the whole of alpha, as it was.
    const whole = foundShare(1);
    expect(whole).toBeGreaterThan(0.08);
    const shared = foundShare(looks);
    expect(shared).toBeLessThan(0.05);
    expect(shared).toBeGreaterThan(0.05 / 4);
    expect(shared).toBeLessThan(whole - slack);
    // What is there is found all the same: half as much again as a trial varies.
    expect(foundShare(looks, 0.15)).toBeGreaterThan(0.95);
  });

  it('is one look, and as it was, where no more rounds are run than at first', () => {
    expect([7, 8, 14, 15, 28].map((most) => looksOf({ fewest: 7, most }))).toEqual([1, 2, 2, 3, 4]);
    const result = { comparisons: [] } as unknown as MatrixResult;
    expect(atEachLook(result, 1)).toBe(result);
  });

  it('has intervals of the confidence that goes with the tests', () => {
    const random = new Random(3);
    const sessions = Array.from({ length: 7 }, (): Blocks => [
      new Map(GROUP!.cells.map((cell) => [cell.id, { pps: 1000 * Math.exp(0.1 * normal(random)) }])),
    ]);
    const [once] = comparedAfter(sessions, 1);
    const [often] = comparedAfter(sessions, 4);
    expect(once).toMatchObject({ alpha: 0.05, confidence: 0.95 });
    expect(often?.alpha).toBeCloseTo(0.0125, 12);
    expect(often?.confidence).toBeCloseTo(0.9875, 12);
    expect(often).toMatchObject({ ratio: once?.ratio, pValue: once?.pValue, adjustedP: once?.adjustedP });
    expect(often!.low!).toBeLessThan(once!.low!);
    expect(often!.high!).toBeGreaterThan(once!.high!);
  });
});
