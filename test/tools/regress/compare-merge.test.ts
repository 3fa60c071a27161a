import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkMatrix, type MatrixSpec } from '../../../tools/bench/matrix-spec.js';
import { READY_MATRICES } from '../../../tools/bench/ready-matrices.js';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import { runMatrixBench } from '../../../tools/bench/run-matrix.js';
import { compareResults, type ComparedResults } from '../../../tools/regress/compare-results.js';
import { compareMarkdown, compareText } from '../../../tools/regress/compare-text.js';
import { compareEvidence, compareForest } from '../../../tools/regress/compare-verdict.js';
import { mergeResults } from '../../../tools/regress/merge-results.js';
import { compareSamples } from '../../../tools/stats/compare.js';
import { writeResult } from '../../../tools/result/result-file.js';
import type { Run } from '../../../tools/result/runs.js';
import { verdictText } from '../../../tools/result/verdict.js';
import { painter } from '../../../tools/text/terminal-style.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { sampleResult } from '../../support/results.js';

const SAMPLE = sampleResult({ kind: 'bench', trials: 6, packets: 120 });
const bench = (): Run => ({ label: 'sample', file: null, result: structuredClone(SAMPLE) });
/** As if the trials had run in as many processes. */
const inSessions = (run: Run): Run => {
  for (const entry of run.result.cases) entry.session = entry.trial;
  return run;
};
const options = { alpha: 0.05, acrossMachines: false };
const textOf = (compared: ComparedResults, width = 120): string =>
  compareText(compared, ['a', 'b'], width, painter(false));

describe('compare', () => {
  it('says nothing is different of a result and itself', () => {
    const run = bench();
    const { metrics } = compareResults([run], [run], options);
    expect(metrics.map(({ metric }) => metric)).toEqual(
      expect.arrayContaining(['pps', 'service.p99Ns', 'pps ratio', 'locks.ct_lock per packet']),
    );
    for (const { rows } of metrics) {
      for (const { comparison } of rows) expect(comparison.text).toBe('~');
    }
  });

  it('claims nothing of the times of one session each, whatever they are', () => {
    const base = bench();
    const head = structuredClone(base);
    for (const entry of head.result.cases) entry.pacing.achievedPps = entry.pacing.achievedPps! / 2;
    const compared = compareResults([base], [head], options);
    const pps = compared.metrics.find(({ metric }) => metric === 'pps')!;
    expect(pps.rows.map(({ comparison }) => comparison.text)).toEqual(['~', '~']);
    expect(pps.geomean).toBeNull();
    expect(textOf(compared)).toMatch(/one session on a side/);
    // An interval over sessions is what a plot is of.
    expect(textOf(compared)).not.toContain('■');
    // Three results on each side are three sessions.
    const three = compareResults([base, base, base], [head, head, head], options);
    expect(three.metrics.find(({ metric }) => metric === 'pps')!.rows[0]!.comparison.base.sessions).toBe(3);
  });

  it('finds what is twice as slow, in times and not in work', () => {
    const base = inSessions(bench());
    const head = structuredClone(base);
    for (const entry of head.result.cases) {
      entry.throughput!.pps = entry.throughput!.pps! / 2;
      entry.latency!.service!.overall.p50Ns = entry.latency!.service!.overall.p50Ns! * 2;
    }
    const { metrics } = compareResults([base], [head], options);
    const texts = (name: string) =>
      metrics.find(({ metric }) => metric === name)!.rows.map(({ comparison }) => comparison.text);
    expect(texts('pps')).toEqual(['-50.00%', '-50.00%']);
    expect(texts('service.p50Ns')).toEqual(['+100.00%', '+100.00%']);
    expect(texts('pps ratio')).toEqual(['~']);
    expect(texts('locks.ct_lock per packet')).toEqual(['~', '~']);
    expect(metrics[0]!.geomean!.text).toMatch(/^-50\.00% \(-[\d.]+% \.\. -[\d.]+%\)$/);
    expect(textOf({ metrics, notes: [] })).toMatch(/-50\.00% {2}p=0\.\d+ n=6x1/);
  });

  it('compares ratios also where the traffic is called as a design', () => {
    const run = bench();
    for (const entry of run.result.cases) entry.id = entry.id.replace('syn-flood', 'rculist-sweep');
    const ratios = compareResults([run], [run], options).metrics.find(({ metric }) => metric === 'pps ratio');
    expect(ratios?.rows).toHaveLength(1);
  });

  it('finds what was 0 and is no longer, although there is no ratio to 0', () => {
    const base = inSessions(bench());
    const head = structuredClone(base);
    for (const [run, lagNs] of [
      [base, 0],
      [head, 5e9],
    ] as const) {
      for (const entry of run.result.cases) {
        entry.expiry!.lag!.p50Ns = lagNs * (1 + entry.trial / 50);
        entry.expiry!.staleTimeline = [];
      }
    }
    const compared = compareResults([base], [head], options);
    const lags = compared.metrics.find(({ metric }) => metric === 'expiry.lag.p50Ns')!;
    expect(lags.rows.map(({ comparison }) => comparison.text)).toEqual(['?', '?']);
    expect(textOf(compared)).toMatch(/2 of \d+ rows: some values are 0, so there is no ratio/);
    expect(compareEvidence(compared).filter(({ topic }) => topic === 'lag')).toMatchObject([
      { finding: 'worse' },
      { finding: 'worse' },
    ]);
    expect(verdictText(compareEvidence(compared)).join(' ')).toMatch(
      /Median expiration lag, head against base, 2 comparisons: worse in 2, most \(5\.\d+ s against 0 ns/,
    );
    const back = compareResults([head], [base], options);
    expect(compareEvidence(back).filter(({ topic }) => topic === 'lag')).toMatchObject([
      { finding: 'better' },
      { finding: 'better' },
    ]);
    const same = compareEvidence(compareResults([base], [base], options));
    expect(same.filter(({ topic }) => topic === 'lag')).toMatchObject([
      { finding: 'no-difference-shown' },
      { finding: 'no-difference-shown' },
    ]);
  });

  describe('draws ratios with intervals as a forest plot', () => {
    const base = inSessions(bench());
    const head = structuredClone(base);
    for (const entry of head.result.cases) {
      // Not all alike, so that there is an interval to see.
      entry.throughput!.pps = (entry.throughput!.pps! / 2) * (1 + entry.trial / 50);
      entry.id = entry.id.replace('syn-flood', 'syn```flood');
    }
    for (const entry of base.result.cases) entry.id = entry.id.replace('syn-flood', 'syn```flood');
    const compared = compareResults([base], [head], options);

    it('whose rows are the rows of the tables, throughput first', () => {
      const [group] = compareForest(compared);
      const [first] = group!.rows;
      expect(first).toMatchObject({ finding: 'worse', name: expect.stringMatching(/: throughput$/) });
      expect(first!.low).toBeLessThan(first!.ratio);
      expect(first!.high).toBeGreaterThan(first!.ratio);
      const tested = compared.metrics.flatMap(({ rows }) =>
        rows.filter(({ comparison }) => comparison.ratioInterval !== null),
      );
      expect(group!.rows.length + group!.left).toBe(tested.length);
    });

    it.each([60, 80, 120, 200])('and with the tables fits %i columns', (width) => {
      const lines = textOf(compared, width).split('\n');
      expect(lines.filter((line) => [...line].length > width)).toEqual([]);
      expect(lines.some((line) => line.includes('■'))).toBe(true);
    });

    it('in Markdown as a block that no name ends', () => {
      const blocks = compareMarkdown(compared, ['a', 'b']).split('```');
      expect(blocks).toHaveLength(3);
      expect(blocks[1]).toMatch(/^text\n/);
      expect(blocks[1]).toContain('■');
    });
  });

  it('leaves times out between machines, unless asked', () => {
    const base = bench();
    const head = structuredClone(base);
    head.result.environment.machineId = 'm-other';
    const names = (acrossMachines: boolean) =>
      compareResults([base], [head], { ...options, acrossMachines }).metrics.map(({ metric }) => metric);
    expect(names(false)).not.toContain('pps');
    expect(names(false)).not.toContain('service.p50Ns');
    expect(names(false)).toEqual(
      expect.arrayContaining(['pps ratio', 'service.p50Ns ratio', 'locks.ct_lock per packet']),
    );
    // What threads wait for and when a sweeper comes is the machine's as well.
    for (const entry of [...base.result.cases, ...head.result.cases]) {
      entry.lockWaitShare = 0.1;
      entry.cpuWaitShare = 0.1;
    }
    expect(names(false).filter((name) => !/ ratio$| per packet$/.test(name))).toEqual([]);
    expect(names(true)).toEqual(expect.arrayContaining(['lockWaitShare', 'cpuWaitShare']));
    expect(names(true)).toContain('pps');
    expect(compareResults([base], [head], options).notes.join(' ')).toContain('--across-machines');
  });

  it('takes intervals of the confidence that goes with alpha, so that test and interval agree', () => {
    const base = inSessions(bench());
    const head = structuredClone(base);
    for (const [index, entry] of head.result.cases.entries()) entry.throughput!.pps! *= 1 + index / 100;
    for (const alpha of [0.01, 0.05, 0.2]) {
      const { metrics } = compareResults([base], [head], { ...options, alpha });
      const { rows, geomean } = metrics.find(({ metric }) => metric === 'pps')!;
      const [{ comparison }] = rows as [(typeof rows)[number]];
      expect(comparison.ratioInterval!.confidence).toBe(1 - alpha);
      expect(comparison.base.interval!.confidence).toBe(1 - alpha);
      expect(geomean!.interval.confidence).toBe(1 - alpha);
    }
    const sides = [
      [[100], [104], [108]],
      [[106], [110], [114]],
    ] as const;
    const p = compareSamples(...sides).pValue!;
    expect(p).toBeGreaterThan(0.05);
    for (const alpha of [0.001, 0.9 * p, 1.1 * p, 0.5]) {
      const { significant, ratioInterval } = compareSamples(...sides, { alpha });
      expect([alpha, significant]).toEqual([alpha, p < alpha]);
      expect([alpha, ratioInterval!.low > 1]).toEqual([alpha, p < alpha]);
    }
  });

  it('is an error without a common cell', async () => {
    const other = bench();
    for (const entry of other.result.cases) entry.id += '/else';
    expect(() => compareResults([bench()], [other], options)).toThrow(/no cell is in both/);
    const folder = scratchFolder();
    await writeResult(join(folder, 'a'), bench().result);
    const codeOf = async (...args: string[]) => (await runCommandLine(['compare', ...args], folder)).code;
    expect(await codeOf('a', 'a', '--format', 'csv')).toBe(0);
    expect(await codeOf('a', 'b')).toBe(1);
    expect(await codeOf('a')).toBe(2);
  });
});

describe('merge', () => {
  const spec = checkMatrix(
    {
      inputs: [{ scenario: 'syn-flood' }, { scenario: 'established' }, { scenario: 'tcp-crr' }],
      designs: ['timeout-lists', 'rculist-sweep'],
      sessions: 2,
      trials: 3,
      warmupBlocks: 0,
      probeCost: 'none',
    },
    'test',
  );
  const template = sampleResult({ kind: 'bench', packets: 200 }).cases;

  /** Measures by arithmetic: the same cell and seed always give the same figures. */
  async function measure(
    shard: { index: number; count: number } | null,
    of: MatrixSpec = spec,
  ): Promise<MatrixResult> {
    return runMatrixBench({
      spec: of,
      shard,
      folder: null,
      resume: false,
      load: () => Promise.reject(new Error('nothing is loaded')),
      commandLine: ['bench'],
      makeRunner: () => ({
        run: async (cell, seed) => {
          const pps = 1e6 * (1 + (seed % 1000) / 1e5) * (cell.design === 'rculist-sweep' ? 3 : 1);
          const base = structuredClone(template[cell.design === 'rculist-sweep' ? 1 : 0]!);
          return {
            values: { pps },
            case: {
              ...base,
              id: cell.id,
              design: cell.design,
              ...(cell.role === 'control' ? { control: true } : {}),
              pacing: { mode: 'topspeed', achievedPps: pps },
            },
          };
        },
      }),
    });
  }

  let whole: MatrixResult;
  let shards: Run[];
  beforeAll(async () => {
    whole = await measure(null);
    shards = [];
    for (let index = 1; index <= 3; index++) {
      shards.push({ label: `s${index}`, file: null, result: await measure({ index, count: 3 }) });
    }
  });

  it('of all shards equals the whole matrix in every figure, in any order', () => {
    const merged = mergeResults([shards[2]!, shards[0]!, shards[1]!], {
      acrossMachines: false,
    }) as MatrixResult;
    expect(merged.partial).toBe(false);
    const own = new Set(whole.cases.map((entry) => entry.id));
    // Each shard had an A/A control of its own.
    expect(merged.cases.filter((entry) => own.has(entry.id))).toEqual(whole.cases);
    expect(merged.cells!.filter((cell) => own.has(cell.id))).toEqual(whole.cells);
    // Also what Holm's correction leaves: it is over the whole matrix again.
    expect(merged.comparisons.filter((comparison) => comparison.kind === 'designs')).toEqual(
      whole.comparisons.filter((comparison) => comparison.kind === 'designs'),
    );
    expect(merged.geomeans).toEqual(whole.geomeans);
  });

  const short = { sessions: 2, trials: 1, warmupBlocks: 0 };
  const ready = READY_MATRICES.map(
    ({ name, matrix }) => [name, checkMatrix({ ...matrix, ...short }, name)] as const,
  );
  const profile = {
    points: [
      { atMs: 0, pps: 1000 },
      { atMs: 500, pps: 9000 },
    ],
    shape: 'linear',
  } as const;
  const profiled: MatrixSpec = { ...spec, ...short, rates: [{ mode: 'profile', profile }] };
  it.each([...ready, ['with a rate profile', profiled] as const])(
    'of the shards of a matrix gives back its rates: %s',
    async (_, of) => {
      const parts = await Promise.all(
        [1, 2].map(async (index): Promise<Run> => ({
          label: `s${index}`,
          file: null,
          result: await measure({ index, count: 2 }, of),
        })),
      );
      const merged = mergeResults(parts, { acrossMachines: false }) as MatrixResult;
      const all = await measure(null, of);
      expect(merged.partial).toBe(false);
      expect(merged.configuration).toEqual(all.configuration);
      const cellsOf = (result: MatrixResult) =>
        result.bench.groups.flatMap(({ cells }) => cells.filter((id) => !id.endsWith('/control')));
      expect(cellsOf(merged)).toEqual(cellsOf(all));
    },
  );

  it('refuses a result beside itself, and shards beside their whole, and names both', () => {
    const run = (label: string, result: Run['result']): Run => ({
      label,
      file: `${label}/result.json`,
      result,
    });
    const first = sampleResult({ packets: 200, trials: 2 });
    expect(() => mergeResults([run('a', first), run('b', first)], { acrossMachines: false })).toThrow(
      /capture\/timeout-lists\/w2: a\/result\.json and b\/result\.json hold the same trial of it/,
    );
    const joined = mergeResults(shards, { acrossMachines: false });
    expect(() =>
      mergeResults([run('joined', joined), run('whole', joined)], { acrossMachines: false }),
    ).toThrow(/hold the same trial/);
    expect(() => mergeResults([shards[0]!, run('joined', joined)], { acrossMachines: false })).toThrow(
      /s1 is shard 1\/3 of the matrix that joined\/result\.json is the whole of/,
    );
    // A shard beside something else is kept, as before.
    expect(mergeResults([shards[0]!, run('other', first)], { acrossMachines: true }).cases.length).toBe(
      shards[0]!.result.cases.length + first.cases.length,
    );
  });

  it('refuses two versions of ctreplay in one cell, and takes them in different ones', () => {
    const a = { label: 'a', file: null, result: sampleResult({ packets: 200, trials: 1 }) };
    const result = sampleResult({ packets: 200, trials: 1, seed: 2 });
    const b = { label: 'b', file: null, result: { ...result, tool: { ...result.tool, version: '9.9.9' } } };
    expect(() => mergeResults([a, b], { acrossMachines: false })).toThrow(
      /capture\/timeout-lists\/w2: a measured it with ctreplay .*, b with 9\.9\.9.*measure both with one/,
    );
    for (const entry of b.result.cases) entry.id += '/else';
    expect(mergeResults([a, b], { acrossMachines: false }).cases).toHaveLength(4);
  });

  it('of some shards is partial and names those that are missing', () => {
    const merged = mergeResults([shards[0]!, shards[2]!], { acrossMachines: false });
    expect(merged.partial).toBe(true);
    expect(merged.warnings.map(({ text }) => text).join()).toContain('shards 2 of 3 are missing');
  });

  it('refuses a shard twice, other matrices and other machines', () => {
    expect(() => mergeResults([shards[0]!, shards[0]!], { acrossMachines: false })).toThrow(
      /both shard 1\/3/,
    );
    const other = structuredClone(shards[1]!);
    other.result.configuration = { ...other.result.configuration, batch: 8 };
    expect(() => mergeResults([shards[0]!, other], { acrossMachines: false })).toThrow(/different matrices/);
    const elsewhere = structuredClone(shards[1]!);
    elsewhere.result.environment.machineId = 'elsewhere';
    expect(() => mergeResults([shards[0]!, elsewhere], { acrossMachines: false })).toThrow(
      /--across-machines/,
    );
    const joined = mergeResults([shards[0]!, elsewhere], { acrossMachines: true });
    expect(joined.warnings.map(({ code }) => code)).toContain('merged-machines');
  });

  it('of shards from before throughput was measured apart does not compare theirs', () => {
    const old = shards.map(({ result, ...run }): Run => {
      const shard = structuredClone(result) as MatrixResult;
      const { mutex: _mutex, ...configuration } = shard.configuration;
      shard.configuration = { ...configuration, build: 'probed' };
      for (const entry of shard.cases) {
        for (const later of ['throughput', 'probeCost', 'mutex'] as const) delete entry[later];
      }
      return { ...run, result: shard };
    });
    const merged = mergeResults(old, { acrossMachines: false }) as MatrixResult;
    const metrics = (list: readonly { metric: string }[]) => new Set(list.map(({ metric }) => metric));
    expect(metrics(merged.cells ?? [])).toEqual(new Set(['probedPps']));
    expect(merged.comparisons).toEqual([]);
    expect(metrics(whole.comparisons)).toEqual(new Set(['pps']));
  });

  it('of two runs numbers the trials of a cell on and keeps every case', () => {
    const a = { label: 'a', file: null, result: sampleResult({ packets: 200, trials: 2 }) };
    const b = { label: 'b', file: null, result: sampleResult({ packets: 200, trials: 1, seed: 2 }) };
    const merged = mergeResults([a, b], { acrossMachines: false });
    expect(merged.cases.map(({ id, trial }) => `${id} ${trial}`)).toEqual([
      'capture/timeout-lists/w2 0',
      'capture/rculist-sweep/w2 0',
      'capture/timeout-lists/w2 1',
      'capture/rculist-sweep/w2 1',
      'capture/timeout-lists/w2 2',
      'capture/rculist-sweep/w2 2',
    ]);
    // Two runs were two processes.
    expect(merged.cases[4]).toEqual({ ...b.result.cases[0], trial: 2, session: 1 });
    expect(() => mergeResults([a], { acrossMachines: false })).toThrow(/at least two/);
  });
});
