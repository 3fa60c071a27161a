import { afterAll, describe, expect, it } from 'vitest';
import { designLabel } from '../../../engine/host/designs.js';
import {
  describeRound,
  everyChoice,
  planRound,
  type Fault,
  type RoundPlan,
  type RoundWishes,
} from '../../../tools/endurance/torture/round-plan.js';
import { Torture, type RoundOutcome } from '../../../tools/endurance/torture/torture-run.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
/** Rounds of each design and mode; `npm run torture` does the long runs. */
const ROUNDS = LONG ? 20 : 1;
/** Rounds within which a planted fault is found. */
const MOST_ROUNDS = 60;

/** Short rounds where the long ones are not asked for: handing over from thread to thread takes its time on a busy machine. */
function shortened(plan: RoundPlan): RoundPlan {
  return LONG
    ? plan
    : {
        ...plan,
        laps: 2,
        batchesPerLap: Math.min(plan.batchesPerLap, 10),
        delayShift: Math.max(plan.delayShift, 4),
      };
}

const torture = new Torture();
afterAll(() => torture.end());

const designs = everyChoice();
const wishes: RoundWishes = { seed: 7, designs, modes: ['serial', 'parallel'], deaths: true, fault: null };

/** Numbers of the rounds of one design in one mode. */
function roundsOf(design: number, mode: RoundPlan['mode']): number[] {
  const numbers = Array.from({ length: 4 * ROUNDS * designs.length }, (_, round) => round);
  const own = numbers.filter((round) => {
    const plan = planRound(wishes, round);
    return plan.choice === designs[design] && plan.mode === mode;
  });
  return own.slice(0, ROUNDS);
}

describe.each(designs.map((choice, index) => [designLabel(choice), index] as const))(
  'torture of %s',
  (_, design) => {
    it.each(['serial', 'parallel'] as const)('finds nothing, %s', async (mode) => {
      const rounds = roundsOf(design, mode);
      expect(rounds).toHaveLength(ROUNDS);
      for (const round of rounds) {
        const plan = shortened(planRound(wishes, round));
        const outcome = await torture.round(plan);
        expect(outcome.failures, describeRound(plan)).toEqual([]);
        expect(outcome.packets).toBeGreaterThan(0);
        expect(outcome.operations).toBeGreaterThan(0);
        expect(outcome.steps).toBeGreaterThan(1000);
        expect(outcome.checks + outcome.deaths).toBeGreaterThan(0);
      }
    });
  },
);

describe('a serial round', () => {
  it('is the same again, step for step', async () => {
    const plan = shortened(planRound({ ...wishes, modes: ['serial'], deaths: false }, 3));
    const first = await torture.round(plan);
    expect(await torture.round(plan)).toEqual(first);
    expect(first.checks).toBe(plan.laps);
  });

  it('may end in a death, and the others come out', async () => {
    const plan = shortened(planRound({ ...wishes, modes: ['serial'], deaths: false }, 4));
    for (const thread of [0, 1]) {
      const outcome = await torture.round({
        ...plan,
        death: { lap: 1, thread, kind: 'step', after: 500 },
      });
      expect(outcome.failures).toEqual([]);
      expect(outcome).toMatchObject({ deaths: 1, laps: 2 });
    }
  });
});

describe('a thread that is ended from outside', () => {
  it('takes nobody along', async () => {
    const plan = planRound({ ...wishes, modes: ['parallel'], deaths: false }, 5);
    const outcome = await torture.round({
      ...plan,
      batchesPerLap: 5000,
      death: { lap: 0, thread: 1, kind: 'terminate', after: 5 },
    });
    expect(outcome.failures).toEqual([]);
    expect(outcome).toMatchObject({ deaths: 1, laps: 1 });
  });
});

/** That the orphans are uncalled takes a minute to find where the machine is busy. `move-late` is found by the model (test/engine/models). */
const PLANTED: readonly Fault[] = [
  'mutex-unchecked',
  'slot-early',
  ...(LONG ? (['orphans-uncalled'] as const) : []),
];

describe.each(PLANTED)('planted %s', (fault) => {
  it('is found, and again by its seed and step', { timeout: LONG ? 1_200_000 : 60_000 }, async () => {
    const faulty: RoundWishes = { ...wishes, modes: ['serial'], deaths: false, fault };
    let found: { plan: RoundPlan; outcome: RoundOutcome } | null = null;
    for (let round = 0; round < MOST_ROUNDS && found === null; round++) {
      const plan = planRound(faulty, round);
      const outcome = await torture.round(plan);
      if (outcome.failures.length > 0) found = { plan, outcome };
    }
    expect(found, `within ${MOST_ROUNDS} rounds`).not.toBeNull();
    if (found === null) return;
    expect(found.outcome.failures.join('\n')).toMatch(/step \d+ of the round/);
    const again = await torture.round(found.plan);
    expect(again.failures).toEqual(found.outcome.failures);
    // Without the fault the same round finds nothing.
    expect((await torture.round({ ...found.plan, fault: null })).failures).toEqual([]);
  });
});
