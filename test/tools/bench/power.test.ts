/**
 * Whether the bench, on this machine and with real runs, sees a difference that is there and none that is not. Minutes,
 * and only meaningful on a quiet machine, so on request (CTREPLAY_LONG=1). It prints what it found.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { parseResult } from '../../../tools/report/result-file.js';
import { ctreplay, scratchFolder } from '../../support/command.js';

vi.setConfig({ testTimeout: 3_600_000 });

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Designs slowed down, from not noticeably to clearly. */
const PRESETS = [24, 32, 40, 48, 64, 96, 128, 192].map((steps) => `test-slow@steps-${steps}`);
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

/** One bench as a user would run it: throughput of each design against the first, or of the A/A control. */
function benchAll(designs: readonly string[], args: readonly string[]): ReadonlyMap<string, Outcome> {
  const seed = ++runs;
  const file = join(folder, `bench-${seed}.yaml`);
  const control = designs.length === 1;
  // Few packets in many loops: more of the time is measured, less is preparation.
  writeFileSync(
    file,
    `
inputs:
  - { scenario: established, parameters: { packets: 100k }, loop: 20 }
designs: [${designs.join(', ')}]
probeCost: none
seed: ${seed}
`,
  );
  const out = join(folder, `out-${seed}`);
  const { stdout, stderr, code } = ctreplay(['bench', '--matrix', file, '--out', out, ...args], folder);
  expect(code, stderr + stdout).toBe(0);
  const { comparisons } = parseResult(readFileSync(join(out, 'result.json'), 'utf8'), out);
  rmSync(out, { recursive: true });
  const outcomes = new Map<string, Outcome>();
  for (const { metric, base, head, ratio, low, high, significant, n, ...rest } of comparisons ?? []) {
    if (metric !== 'pps' || (rest.control === true) !== control || !base.includes(`/${designs[0]}/`))
      continue;
    const design = head.split('/')[1] as string;
    outcomes.set(design, {
      ratio: ratio ?? Number.NaN,
      low: low ?? Number.NaN,
      high: high ?? Number.NaN,
      significant: significant === true,
      trials: n ?? 0,
    });
  }
  return outcomes;
}

/** The only comparison of a bench of one design with itself, or of two. */
function bench(designs: readonly string[], args: readonly string[] = []): Outcome {
  const outcomes = [...benchAll(designs, args).values()];
  expect(outcomes).toHaveLength(1);
  return outcomes[0] as Outcome;
}

function line(label: string, { ratio, low, high, significant, trials }: Outcome): void {
  const flag = significant ? 'flagged' : '~';
  process.stdout.write(
    `${label}: throughput × ${ratio.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}], ${trials} trials, ${flag}\n`,
  );
}

/** What the presets cost, measured here: a CPU hides the shorter ones behind other work. */
function measurePresets(): ReadonlyMap<string, Outcome> {
  const outcomes = benchAll([BASE, ...PRESETS], ['--trials', '30']);
  for (const [design, outcome] of outcomes) line(design, outcome);
  return outcomes;
}

/** The preset of test-slow whose cost is nearest to a share of the packet's time. */
function presetFor(outcomes: ReadonlyMap<string, Outcome>, share: number): string {
  const distance = ({ ratio }: Outcome): number => Math.abs(1 / ratio - 1 - share);
  const [nearest] = [...outcomes].toSorted(([, a], [, b]) => distance(a) - distance(b));
  return (nearest as [string, Outcome])[0];
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
    const slow = presetFor(presets, share);
    let flagged = 0;
    for (let i = 0; i < 10; i++) {
      const found = bench([BASE, slow], args);
      line(`${slow} ${i + 1}`, found);
      if (found.significant && found.ratio < 1) flagged++;
    }
    process.stdout.write(`${slow}: ${flagged} of 10 flagged\n`);
    expect(flagged).toBeGreaterThanOrEqual(9);
  });
});
