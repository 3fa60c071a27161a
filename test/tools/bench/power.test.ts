/**
 * Whether the bench, on this machine and with real runs, sees a difference that is there and none that is not. Minutes,
 * and only meaningful on a quiet machine, so on request (CTREPLAY_LONG=1). It prints what it found.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parseResult } from '../../../tools/result/result-file.js';
import { mean, median } from '../../../tools/stats/sample.js';
import { ctreplay, scratchFolder } from '../../support/command.js';

vi.setConfig({ testTimeout: 3_600_000 });

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Designs slowed down: above about 40 steps, where a CPU no longer hides them, each costs the same. */
const STEPS = [40, 44, 48, 56, 64, 96, 128];
const presetOf = (steps: number): string => `test-slow@steps-${steps}`;
const BASE = 'rculist-sweep';

interface Outcome {
  /** Throughput of the design as a share of BASE's. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly significant: boolean;
  readonly trials: number;
}

let runs = 0;

/** One bench as a user would run it: throughput of the second design against the first, or of one design against itself. */
function bench(designs: readonly string[], args: readonly string[] = []): Outcome {
  const seed = ++runs;
  const file = join(folder, `bench-${seed}.yaml`);
  const control = designs.length === 1;
  // Few packets in many loops: more of the time is measured than prepared. And few connections, which fit into a core's own
  // cache: what others on the machine do to the memory would otherwise be most of what varies.
  writeFileSync(
    file,
    `
inputs:
  - { scenario: established, parameters: { packets: 4k, active-flows: 200 }, loop: 500, sameAddresses: true }
designs: [${designs.join(', ')}]
probeCost: none
sessions: 5
seed: ${seed}
`,
  );
  const out = join(folder, `out-${seed}`);
  const { stdout, stderr, code } = ctreplay(['bench', '--matrix', file, '--out', out, ...args], folder);
  expect(code, stderr + stdout).toBe(0);
  const { comparisons } = parseResult(readFileSync(join(out, 'result.json'), 'utf8'), out);
  rmSync(out, { recursive: true });
  const found = (comparisons ?? []).filter(
    (comparison) => comparison.metric === 'pps' && (comparison.control === true) === control,
  );
  expect(found).toHaveLength(1);
  const [{ ratio, low, high, significant, n }] = found as [(typeof found)[number]];
  return {
    ratio: ratio ?? Number.NaN,
    low: low ?? Number.NaN,
    high: high ?? Number.NaN,
    significant: significant === true,
    trials: n ?? 0,
  };
}

function line(label: string, { ratio, low, high, significant, trials }: Outcome): void {
  const flag = significant ? 'flagged' : '~';
  process.stdout.write(
    `${label}: throughput × ${ratio.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}], ${trials} trials, ${flag}\n`,
  );
}

/** The number of steps whose cost, by a line through all that were measured, is nearest to a share of the packet's time. */
function stepsFor(outcomes: ReadonlyMap<string, Outcome>, share: number): number {
  const points = STEPS.map((steps) => ({
    steps,
    cost: 1 / (outcomes.get(presetOf(steps)) as Outcome).ratio - 1,
  }));
  const steps = mean(STEPS);
  const cost = mean(points.map((point) => point.cost));
  const slope =
    points.reduce((sum, point) => sum + (point.steps - steps) * (point.cost - cost), 0) /
    points.reduce((sum, point) => sum + (point.steps - steps) ** 2, 0);
  const distance = (each: number): number => Math.abs(cost + slope * (each - steps) - share);
  return STEPS.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}

/** What the presets cost, measured here and in the same way: each alone beside BASE. */
function measurePresets(): ReadonlyMap<string, Outcome> {
  return new Map(
    STEPS.map(presetOf).map((preset) => {
      const outcome = bench([BASE, preset], ['--trials', '8']);
      line(preset, outcome);
      return [preset, outcome];
    }),
  );
}

describe.skipIf(process.env['CTREPLAY_LONG'] === undefined)('the bench on this machine', () => {
  it('flags a design against itself in at most 5 of 40 runs', () => {
    let flagged = 0;
    for (let i = 0; i < 40; i++) {
      const found = bench([BASE]);
      line(`A/A ${i + 1}`, found);
      if (found.significant) flagged++;
    }
    process.stdout.write(`A/A: ${flagged} of 40 flagged\n`);
    expect(flagged).toBeLessThanOrEqual(5);
  });

  let presets: ReadonlyMap<string, Outcome> | null = null;

  it.each([
    [0.05, [] as string[]],
    [0.02, ['--until-precision', '2%']],
  ])('finds a design slower by %f in 9 of 10 runs (%j)', (share, args) => {
    presets ??= measurePresets();
    const slow = presetOf(stepsFor(presets, share));
    let flagged = 0;
    const ratios: number[] = [];
    for (let i = 0; i < 10; i++) {
      const found = bench([BASE, slow], args);
      line(`${slow} ${i + 1}`, found);
      ratios.push(found.ratio);
      if (found.significant && found.ratio < 1) flagged++;
    }
    process.stdout.write(`${slow}: ${flagged} of 10 flagged, median ratio ${median(ratios).toFixed(4)}\n`);
    expect(flagged).toBeGreaterThanOrEqual(9);
  });
});
