import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { readCounters } from '../../../engine/host/counters.js';
import { brokenInvariants } from '../../../tools/endurance/table-check.js';
import { everyChoice } from '../../../tools/endurance/torture/round-plan.js';
import { likeAnother } from '../../support/designs.js';
import { race, type RaceOptions } from './race-run.js';
import { EVERYTHING, NO_EXPIRY, TURNOVER } from './race-scenario.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
/**
 * Seeds of one design. The short run takes one each, so that the number of workers varies over the designs; the long one many.
 * `CTREPLAY_SEED` repeats a single one.
 */
function seedsOf(designIndex: number): readonly number[] {
  const given = process.env['CTREPLAY_SEED'];
  if (given !== undefined) return [Number(given)];
  return LONG ? Array.from({ length: 20 }, (_, i) => i + 1) : [designIndex + 1];
}
const ROUNDS = LONG ? 20_000 : 700;

/** Every design with every preset; one that is another but for a trait with its default alone. */
const DESIGNS = everyChoice()
  .filter(({ design, preset }) => !likeAnother(design) || preset === traitsOf(design).defaultPreset)
  .map(({ design, preset }) => [design, preset] as const);

/** With touching ahead: the table is as small as can be, so that what is touched changes under the reader's eyes. */
const CASES = {
  'everything at once': { scenario: EVERYTHING },
  'no expiry': { scenario: NO_EXPIRY },
  'full slab': { scenario: TURNOVER },
  'everything at once, touching ahead': { scenario: EVERYTHING, touchAhead: 'on' },
  'full slab, touching ahead': { scenario: TURNOVER, touchAhead: 'on' },
} as const;

async function expectSound(options: RaceOptions): Promise<void> {
  const result = await race(options);
  const reported = result.reports.flatMap(({ trap, violations }) =>
    trap === null ? violations : [trap, ...violations],
  );
  const noDuplicates = options.scenario === NO_EXPIRY;
  const injected = result.reports.reduce((sum, report) => sum + report.packets, 0);
  const broken = reported.length > 0 ? [] : brokenInvariants({ ...result, injected, noDuplicates });
  const label = `seed ${options.seed}, ${options.workers} workers (repeat with CTREPLAY_SEED=${options.seed})`;
  expect([...reported, ...broken], label).toEqual([]);
  const { batches } = readCounters(result.run, 0);
  expect(batches.touched).toBe(options.touchAhead === 'on' ? batches.run : 0);
  expect(
    result.reports.every(({ role, packets, sweeps }) => (role === 'worker' ? packets : sweeps) > 0),
  ).toBe(true);
}

describe.each(DESIGNS)('races: %s, preset %s', (design, preset) => {
  const seeds = seedsOf(DESIGNS.findIndex((each) => each[0] === design && each[1] === preset));
  for (const [name, each] of Object.entries(CASES)) {
    it(
      name,
      async () => {
        for (const seed of seeds) {
          await expectSound({
            design,
            preset,
            workers: 2 + (seed % 3),
            sweepers: 1,
            rounds: ROUNDS,
            seed,
            slabSlots: each.scenario === TURNOVER ? 24 : 64,
            buckets: 8,
            ...each,
          });
        }
      },
      LONG ? 3_600_000 : 60_000,
    );
  }
});
