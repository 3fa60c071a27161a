/** Regressions that no probe counts, planted into a design for tests, and what level exact says of them. */
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { loadInput } from '../../../tools/commands/matrix-input.js';
import { designFigures, memoryFigures } from '../../../tools/regress/design-figures.js';
import { designDifferences, exactDifferences } from '../../../tools/regress/exact-difference.js';
import { runExact, type ExactFigures, type ExactInput } from '../../../tools/regress/exact-run.js';
import { packetsOf } from '../../../tools/regress/level-exact.js';
import { loadRegressInput } from '../../../tools/regress/regress-config.js';

async function input(scenario: string, parameters: Record<string, number | string>): Promise<ExactInput> {
  const { traffic, config } = await loadRegressInput(loadInput, { scenario, parameters }, 1);
  return { name: scenario, packets: packetsOf({ traffic }), config };
}

const established = () => input('established', { packets: 4000, 'active-flows': 100 });
const expiring = () =>
  input('zone-policies', {
    packets: 6000,
    pps: 100,
    'active-flows': 50,
    'short-timeout': 1,
    'long-timeout': 20,
  });

const run = (design: string, preset: string | null, packets: ExactInput): ExactFigures =>
  runExact({ design, preset }, packets, 1);

/** What differs from rculist-sweep with the plant; what the design for tests costs by itself is left out. */
function found(preset: string, packets: ExactInput): string[] {
  return exactDifferences(run('test-slow', null, packets), run('test-slow', preset, packets));
}

describe('level exact', () => {
  it('finds nothing between two runs, and counts lines of every class', async () => {
    const packets = await established();
    const [first, second] = [run('rculist-sweep', null, packets), run('rculist-sweep', null, packets)];
    expect(exactDifferences(first, second)).toEqual([]);
    for (const group of [first.lines, first.linesWritten, first.accesses]) {
      for (const state of Object.keys(first.verdicts)) expect(group?.[state]).toBeGreaterThan(0);
    }
    // Removing all of them is another piece of work.
    expect(first.lines?.['flush']).toBeGreaterThan(first.connections);
  });

  it('names a cache line more a packet', async () => {
    const packets = await established();
    const lines = found('extra-line', packets);
    expect(lines.join('\n')).toMatch(/^lines\.est\|trk: .*\+1 per packet\)$/m);
    expect(lines.join('\n')).toMatch(/^linesByRegion\.expiry: /m);
  });

  it('names a spin in every thousandth packet', async () => {
    const lines = found('seldom-spin', await established()).join('\n');
    expect(lines).toMatch(/^mostLoopTurns\.est\|/m);
    expect(lines).toMatch(/^loopTurns\.est\|/m);
    expect(lines).not.toMatch(/^lines\.est/m);
  });

  it('names a sweep that holds ct_lock longer', async () => {
    const lines = found('long-hold', await expiring()).join('\n');
    expect(lines).toMatch(/^heldAccesses\.ct_lock sweep: /m);
  });

  it('names steps that touch no memory', async () => {
    expect(found('steps-40', await established()).join('\n')).toMatch(
      /^loopTurns\.est\|trk: .*\+40 per packet/m,
    );
  });

  it('names an atomic store more a packet, on a line that it touches anyway', async () => {
    const lines = found('atomic-store', await established()).join('\n');
    expect(lines).toMatch(/^atomicWrites\.est\|trk: .*\+1 per packet\)$/m);
    expect(lines).not.toMatch(/^lines/m);
  });

  it('names steps that touch no memory and turn no loop', async () => {
    const lines = found('straight-steps', await established()).join('\n');
    // An addition and a rotation each, 48 times, and how they are chosen; a loop that had nothing to do is not come by any more.
    expect(lines).toMatch(/^instructions\.est\|trk: .*\+(9[0-9]|10[0-9])(\.\d+)? per packet\)$/m);
    expect(lines).not.toMatch(/^(lines|accesses|atomicWrites)/m);
    expect(lines).not.toMatch(/oopTurns\..*\(\+/);
  });

  it.each([
    ['ct_lock', 'steps-in-ct-lock'],
    ['conn_lock', 'steps-in-conn-lock'],
  ])('names work that is done under %s and was not, though it is no more work', async (lock, preset) => {
    const packets = await established();
    const beside = run('test-slow', 'steps-beside', packets);
    const lines = exactDifferences(beside, run('test-slow', preset, packets));
    const held = lines.filter((line) => line.startsWith(`heldInstructions.${lock} sweep: `));
    expect(held).toHaveLength(1);
    // Sixteen rotations and additions a pass, beside what reads and writes their result.
    const [, before = 0, after = 0] =
      /(\d[\d,]*) → (\d[\d,]*)/.exec(held[0]!.replaceAll(/,(?=\d{3})/g, ''))?.map(Number) ?? [];
    const passes = beside.work['sweeps'] ?? 0;
    expect(passes).toBeGreaterThan(0);
    expect(after - before).toBeGreaterThanOrEqual(32 * passes);
    expect(lines.filter((line) => !/^held(Accesses|Instructions)\./.test(line))).toEqual([]);
  });

  it('counts how late connections are removed', async () => {
    const figures = run('timeout-lists', null, await expiring());
    expect(figures.lagMs?.['removed']).toBeGreaterThan(0);
    expect(figures.lagMs?.['max']).toBeGreaterThanOrEqual(figures.lagMs?.['p50'] ?? Infinity);
  });
});

describe('figures of a design', () => {
  it('are the same twice, with waits of both mutexes', () => {
    const choice = { design: 'rculist-sweep', preset: null };
    const first = designFigures(choice);
    expect(designDifferences(first, designFigures(choice))).toEqual([]);
    // Backing off passes more time between two looks.
    expect(first.lockTurns['backoff.hold90']).toBeGreaterThan(
      2 * (first.lockTurns['glibc.hold90'] as number),
    );
    for (const mutex of ['glibc', 'backoff']) {
      expect(first.lockTurns[`${mutex}.hold1800`]).toBeGreaterThan(
        first.lockTurns[`${mutex}.hold1`] as number,
      );
    }
  });

  it('name a record that is a quarter larger', () => {
    const { constants } = loadEngine('rculist-sweep', 'bare');
    const larger = { ...constants, CONN_SIZE: (constants.CONN_SIZE * 5) / 4 };
    const nothing = { lockTurns: {}, lockSleeps: {} };
    const lines = designDifferences(
      { memory: memoryFigures({ constants }), ...nothing },
      { memory: memoryFigures({ constants: larger }), ...nothing },
    );
    expect(lines.map((line) => line.split(':')[0])).toEqual([
      'memory.connection',
      'memory.record',
      'memory.translatedConnection',
    ]);
  });
});
