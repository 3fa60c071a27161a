import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { parseMatrixFile } from '../../../tools/bench/matrix-file.js';
import { checkMatrix, parsePrecision, type MatrixSpecInput } from '../../../tools/bench/matrix-spec.js';
import { blockOrder, trialSeed } from '../../../tools/bench/order.js';
import { parseShard, planMatrix } from '../../../tools/bench/matrix-plan.js';
import { READY_MATRICES } from '../../../tools/bench/ready-matrices.js';
import { parseRate, rateText } from '../../../tools/bench/rate.js';
import { cellList, trialList } from '../../../tools/bench/matrix-text.js';
import { resolveParameters } from '../../../tools/synth/parameters.js';
import { findScenario } from '../../../tools/synth/registry.js';
import { matrix } from './fake-runner.js';

const BIG = {
  inputs: ['syn-flood', { scenario: 'established', name: 'steady' }],
  designs: ['old', 'new', 'newer'],
  workers: [1, 2, 8],
  rates: ['topspeed', '100k'],
};

describe('planMatrix', () => {
  it('makes a group per input, workers and rate, with every design in it', () => {
    const groups = planMatrix(matrix(BIG), 2);
    expect(groups).toHaveLength(2 * 3 * 2);
    for (const group of groups) {
      expect(group.cells.filter((cell) => cell.role === 'design').map((cell) => cell.design)).toEqual(
        BIG.designs,
      );
      expect(group.pairs.filter((pair) => pair.kind === 'designs')).toHaveLength(3);
    }
    const ids = groups.flatMap((group) => group.cells.map((cell) => cell.id));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('steady/newer/w8/100000pps');
  });

  it('has an A/A control in every matrix and every shard, where workers just have a core each', () => {
    const controls = (cores: number): string[] =>
      planMatrix(matrix(BIG), cores)
        .flatMap((group) => group.cells)
        .filter((cell) => cell.role === 'control')
        .map((cell) => cell.id);
    expect(controls(2)).toEqual(['syn-flood/old/w2/topspeed/control']);
    expect(controls(16)).toEqual(['syn-flood/old/w8/topspeed/control']);
    expect(controls(1)).toEqual(['syn-flood/old/w1/topspeed/control']);
    for (let index = 1; index <= 5; index++) {
      const part = planMatrix(matrix(BIG), 2, { index, count: 5 });
      expect(part.flatMap((group) => group.pairs).filter((pair) => pair.kind === 'control')).toHaveLength(1);
    }
  });

  it('can have one in each group, and twins that are probed and not timed', () => {
    const groups = planMatrix(matrix({ ...BIG, control: 'each', probeCost: 'each' }), 2);
    for (const group of groups) {
      expect(group.cells.map((cell) => cell.role)).toEqual([
        ...['design', 'design', 'design'],
        'control',
        // At a given rate no bare run tells what both cost together.
        ...(group.cells[0]?.rate.mode === 'topspeed' ? ['untimed', 'untimed', 'untimed'] : []),
      ]);
    }
    // Where nothing tells what both cost together, or no packet is timed, there is nothing to tell apart.
    const without: Partial<MatrixSpecInput>[] = [
      { build: 'bare' },
      { build: 'probed' },
      { latency: 'off' },
      { rates: ['10k'] },
    ];
    for (const changes of without) {
      const [group] = planMatrix(matrix({ ...BIG, ...changes, probeCost: 'each' }), 2);
      expect(group?.cells).not.toContainEqual(expect.objectContaining({ role: 'untimed' }));
    }
  });

  it('shards are a partition', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), (count) => {
        const all = planMatrix(matrix(BIG), 2).map((group) => group.name);
        const parts = Array.from({ length: count }, (_, i) =>
          planMatrix(matrix(BIG), 2, { index: i + 1, count }),
        );
        expect(
          parts
            .flat()
            .map((group) => group.name)
            .toSorted(),
        ).toEqual(all.toSorted());
      }),
    );
    expect(() => planMatrix(matrix(), 2, { index: 2, count: 2 })).toThrow('shard 2/2 holds nothing');
    expect(parseShard('2/4')).toEqual({ index: 2, count: 4 });
    for (const wrong of ['0/4', '5/4', '2', '2/', 'a/b']) expect(parseShard(wrong)).toBeNull();
  });
});

describe('order', () => {
  const [group] = planMatrix(matrix({ designs: ['a', 'b', 'c', 'd'] }), 2);

  it('every block is every cell once', () => {
    for (const kind of ['abba', 'randomised'] as const) {
      for (let block = 0; block < 20; block++) {
        const ids = blockOrder(group!, block, kind, 7).map((cell) => cell.id);
        expect(ids.toSorted()).toEqual(group!.cells.map((cell) => cell.id).toSorted());
      }
    }
  });

  it('ABBA runs every second block backwards', () => {
    const [two] = planMatrix(matrix({ control: 'one' }), 2);
    const roles = (block: number): string[] =>
      blockOrder(two!, block, 'abba', 1).map((cell) => `${cell.design} ${cell.role}`);
    expect(roles(1)).toEqual(roles(0).toReversed());
    expect(roles(2)).toEqual(roles(0));
  });

  it('randomised blocks differ, depend on the seed, and favour no place', () => {
    const order = (block: number, seed: number): string =>
      blockOrder(group!, block, 'randomised', seed)
        .map((cell) => cell.id)
        .join();
    expect(new Set(Array.from({ length: 50 }, (_, block) => order(block, 1))).size).toBeGreaterThan(25);
    expect(order(3, 1)).toBe(order(3, 1));
    expect([0, 1, 2, 3].some((block) => order(block, 1) !== order(block, 2))).toBe(true);
    let first = 0;
    for (let block = 0; block < 1000; block++) {
      if (blockOrder(group!, block, 'randomised', 1)[0]?.role === 'control') first++;
    }
    // Five cells: 200 of 1000, standard deviation 12.6.
    expect(Math.abs(first - 200)).toBeLessThan(51);
  });

  it('the trial seed is one per block', () => {
    const seeds = Array.from({ length: 100 }, (_, block) => trialSeed(group!, block, 1));
    expect(new Set(seeds).size).toBe(100);
    expect(trialSeed(group!, 5, 1)).toBe(seeds[5]);
  });
});

describe('rates', () => {
  it('text and back', () => {
    for (const text of ['topspeed', '100000pps', '50mbps', 'x2', 'x0.5']) {
      expect(rateText(parseRate(text)!)).toBe(text);
    }
    expect(parseRate('100k')).toEqual({ mode: 'pps', pps: 100_000 });
    expect(parseRate('1gbps')).toEqual({ mode: 'mbps', mbps: 1000 });
    expect(parseRate('500kbps')).toEqual({ mode: 'mbps', mbps: 0.5 });
    for (const wrong of ['', 'fast', '0', '-5', 'x0', 'xmbps', '1e99']) expect(parseRate(wrong)).toBeNull();
  });

  it('precisions', () => {
    expect(parsePrecision('2%')).toBeCloseTo(0.02, 12);
    expect(parsePrecision('0.02')).toBe(0.02);
    for (const wrong of ['0', '0%', '100%', '2', 'two', '']) expect(parsePrecision(wrong)).toBeNull();
  });
});

describe('bench.yaml', () => {
  const load = (text: string) => {
    const file = parseMatrixFile(text, 'bench.yaml');
    return checkMatrix(file.content, file.file, file.lineOf);
  };

  it('is read with its defaults', () => {
    const spec = load(`
inputs:
  - syn-flood
  - scenario: established
    parameters: { packets: 200k, distribution: zipf }
  - capture: some/office.pcap
    loop: 20
designs: [timeout-lists, rculist-sweep]
workers: [1, 2]
rates: [topspeed, 100k]
untilPrecision: 2%
`);
    expect(spec.inputs.map((input) => input.scenario ?? input.capture)).toEqual([
      'syn-flood',
      'established',
      'some/office.pcap',
    ]);
    expect(spec.untilPrecision).toBeCloseTo(0.02, 12);
    expect(spec).toMatchObject({ sessions: 7, trials: 3, order: 'randomised', control: 'one', seed: 1 });
    expect(planMatrix(spec, 2).map((group) => group.name)).toContain('office.pcap, 2 workers, 100000pps');
  });

  it('an input may have rates of its own', () => {
    const spec = load(`
inputs:
  - syn-flood
  - { scenario: zone-policies, rates: [100k, 200k] }
designs: [timeout-lists]
`);
    expect(planMatrix(spec, 2).map((group) => group.name)).toEqual([
      'syn-flood, 1 worker, topspeed',
      'zone-policies, 1 worker, 100000pps',
      'zone-policies, 1 worker, 200000pps',
    ]);
  });

  it('designs are named as --design names them: each is a cell', () => {
    const designs = (text: string) => load(`inputs: [syn-flood]\ndesigns: ${text}`).designs;
    expect(designs('[all]')).toEqual(availableDesigns());
    expect(designs('["timeout-lists, rculist-sweep@v6", table-scan]')).toEqual([
      'timeout-lists',
      'rculist-sweep@v6',
      'table-scan',
    ]);
    expect(() => designs('[all, table-scan]')).toThrow('names a design twice');
  });

  it('is as the documentation shows it', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/bench.md'), 'utf8');
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    const spec = load(example);
    expect(planMatrix(spec, 2)).toHaveLength(4 * 2 * 2);
    for (const { scenario, parameters } of spec.inputs) {
      if (scenario === undefined) continue;
      resolveParameters(scenario, findScenario(scenario).parameters, parameters ?? {});
    }
  });

  it.each([
    ['designs: [a]', /^bench\.yaml: inputs: /],
    ['inputs: [syn-flood]\ndesigns: []', /^bench\.yaml:2: designs: names no design/],
    ['inputs: [syn-flood]\ndesigns: [a]\nworkers: [0]', /^bench\.yaml:3: workers\.0: /],
    ['inputs: [syn-flood]\ndesigns: [a, a]', /names a design twice/],
    [
      'inputs: [syn-flood]\ndesigns: [a]\ntrails:\n  3',
      /^bench\.yaml:3: trails: unknown key 'trails'; did you mean trials\?$/,
    ],
    ['inptus: [syn-flood]\ndesigns: [a]', /^bench\.yaml:1: inptus: .*did you mean inputs\?$/],
    [
      'inputs:\n  - {scenario: a, paramters: {}}\ndesigns: [a]',
      /^bench\.yaml:2: inputs\.0\.paramters: .*parameters\?$/,
    ],
    [
      'inputs: [syn-flood]\ndesigns: [a]\norder: abab',
      /^bench\.yaml:3: order: 'abab' is none of abba, randomised; did you mean abba\?$/,
    ],
    ['inputs: [syn-flood]\ndesigns: [a]\ntrials: x', /^bench\.yaml:3: trials: 'x' is not a number\.$/],
    ['inputs: [syn-flood]\ndesigns: [a]\nalpha: 1', /^bench\.yaml:3: alpha: 1 is not below 1\.$/],
    ['inputs: [syn-flood]\ndesigns: [a]\nrates: [2000gbps]', /'2000gbps' is no rate/],
    [
      'inputs: [{scenario: a, maxConns: 10000001}]\ndesigns: [a]',
      /inputs\.0\.maxConns: 10000001 is above 10000000/,
    ],
    [
      'inputs: [{scenario: a, timeScale: 2e6}]\ndesigns: [a]',
      /inputs\.0\.timeScale: 2000000 is above 1000000/,
    ],
    ['inputs: [syn-flood]\ndesigns: [a]\nrates: [fast]', /^bench\.yaml:3: rates\.0: 'fast' is no rate/],
    ['inputs:\n  - {scenario: a, capture: b}\ndesigns: [a]', /inputs\.0/],
    ['inputs: [a, a]\ndesigns: [a]', /two inputs are called 'a'/],
    ['inputs:\n  - {scenario: a, rates: [1k, 1k]}\ndesigns: [a]', /names a rate twice/],
    ['inputs: [', /^bench\.yaml:1: not valid YAML/],
    [
      'inputs: [{scenario: a, sameAddresses: true, uniqueIpLoops: 2}]\ndesigns: [a]',
      /^bench\.yaml:1: inputs\.0: sameAddresses and uniqueIpLoops exclude each other/,
    ],
    [
      'inputs: [{scenario: a, clock: capture, timeScale: 2}]\ndesigns: [a]',
      /^bench\.yaml:1: inputs\.0: timeScale works with the wall clock only/,
    ],
    ['- a', /holds no settings/],
    [
      'inputs: [*a]\ndesigns: [a]',
      /^bench\.yaml:1: the alias \*a refers to nothing: there is no &a before it/,
    ],
    [`inputs: ${'['.repeat(20_000)}`, /^bench\.yaml:1: it is nested more than 64 levels deep/],
    ['inputs: [5]\ndesigns: [a]', /^bench\.yaml:1: inputs\.0: 5 is not text or keys with values/],
  ])('names what is wrong: %j', (text, message) => {
    expect(() => load(text)).toThrow(message);
  });
});

describe('ready-made matrices', () => {
  it.each(READY_MATRICES.map((ready) => [ready.name, ready] as const))(
    '%s is a matrix of scenarios and parameters that exist',
    (_, ready) => {
      const spec = checkMatrix(ready.matrix, ready.name);
      expect(planMatrix(spec, 2).length).toBeGreaterThan(0);
      for (const input of spec.inputs) {
        const scenario = findScenario(input.scenario!);
        resolveParameters(scenario.name, scenario.parameters, input.parameters ?? {});
      }
    },
  );
});

describe('lists', () => {
  it('name every cell and every trial', () => {
    const spec = matrix({ trials: 3 });
    const groups = planMatrix(spec, 2);
    const cells = cellList(groups, spec);
    for (const cell of groups[0]!.cells) expect(cells).toContain(cell.id);
    expect(cells).toContain('1 group(s), 3 cells, 3 trials each, 9 in all, and 3 to warm up');
    expect(trialList(groups, spec).match(/old\/control/g)).toHaveLength(4);
  });
});

describe('confidence of intervals', () => {
  it('is the one that goes with alpha, unless it is given', () => {
    expect(matrix({}).confidence).toBe(0.95);
    expect(matrix({ alpha: 0.01 }).confidence).toBe(0.99);
    expect(matrix({ alpha: 0.01, confidence: 0.9 })).toMatchObject({ alpha: 0.01, confidence: 0.9 });
  });
});
