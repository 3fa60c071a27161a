import { afterAll, describe, expect, it } from 'vitest';
import { matching, openBenchmarks } from '../../../tools/micro/catalogue.js';
import { connectionBenchmarks } from '../../../tools/micro/connection-benchmarks.js';
import { MicroEngine } from '../../../tools/micro/micro-engine.js';
import { microCsv, microTable } from '../../../tools/micro/micro-report.js';
import { MICRO_FORMAT, MICRO_VERSION, microResult } from '../../../tools/micro/micro-result.js';
import { measure } from '../../../tools/micro/run-micro.js';
import { sweptDesigns } from '../../support/designs.js';

const DESIGNS = sweptDesigns();
const sets = openBenchmarks(DESIGNS, 1);
const all = sets.flatMap(({ benchmarks }) => [...benchmarks]);

afterAll(() => sets.forEach(({ close }) => close?.()));

describe('the benchmarks', () => {
  it('have names of their own', () => {
    const names = all.flatMap(({ name, twin }) => [name, ...(twin === undefined ? [] : [twin.name])]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    'mutex/pair',
    'rculist/insert',
    'rculist/remove',
    'rculist/scan',
    'plain-list/insert',
    'plain-list/remove',
    'plain-list/move',
    'epoch/quiesce',
    'update/tcp',
    'ftp/rewrite-port',
    'histogram/record-fine',
    'capture/read-file',
    'capture/parse-pcap',
    'capture/walk',
    'capture/load',
    'capture/place',
    ...[25, 50, 75, 85].flatMap((load) =>
      ['find-hit', 'find-miss', 'insert', 'remove'].map((op) => `map/${op}-${load}`),
    ),
    ...DESIGNS.flatMap((design) => ['create', 'refresh', 'clean'].map((op) => `connection/${op}@${design}`)),
    ...['1000', '30000', '300000', '1000000'].map((size) => `batch/off-${size}@rculist-sweep`),
    ...[0, 50, 90, 99].map((percent) => `nat/allocate-${percent}@rculist-sweep`),
  ])('include %s', (name) => {
    expect(all.some((each) => each.name === name)).toBe(true);
  });

  // A table of a million takes seconds to fill: of one design; of all with CTREPLAY_LONG.
  const isTried = (name: string): boolean =>
    process.env['CTREPLAY_LONG'] !== undefined ||
    !name.includes('-1000000@') ||
    name.endsWith(`@${DESIGNS[1]}`);
  const tried = all.filter(({ name }) => isTried(name));
  it.each(tried.map((each) => [each.name, each] as const))('%s does what it says', async (_name, each) => {
    const operations = each.operations ?? 2000;
    await each.prepare?.();
    // Twice, because a sample must leave things so that the next finds them alike.
    for (let sample = 0; sample < 2; sample++) {
      each.before?.();
      const done = await each.run(operations);
      expect(done).toBeLessThanOrEqual(operations);
      expect(done / operations).toBeGreaterThanOrEqual(each.leastSuccess ?? 1);
    }
    if (each.twin !== undefined) expect(each.twin.run(operations)).toBe(operations);
    if (each.baseline !== undefined) expect(each.baseline(operations)).toBe(operations);
    each.finish?.();
  });

  it('fail more often the fuller the NAT pool is', async () => {
    const share = async (percent: number): Promise<number> => {
      const [each] = matching(all, new RegExp(`^nat/allocate-${percent}@rculist-sweep$`));
      await each?.prepare?.();
      return Number(await each?.run(3000)) / 3000;
    };
    expect(await share(50)).toBe(1);
    expect(await share(99)).toBeLessThan(1);
  });
});

describe('a preset', () => {
  it('is the one that is measured, and named', () => {
    const engine = new MicroEngine('rculist-sweep@upstream-main');
    const { constants, presets } = engine.thread.run.engine;
    expect(engine.thread.view.getUint32(constants.CONTROL + constants.C_PRESET, true)).toBe(
      presets['upstream-main'],
    );
    const names = connectionBenchmarks(engine).map(({ name }) => name);
    expect(names).toContain('packet/udp-established@rculist-sweep@upstream-main');
    expect(names).toContain('sweep/look@rculist-sweep@upstream-main');
  });

  it('that is none is refused', () => {
    expect(() => new MicroEngine('rculist-sweep@v9')).toThrow(/no preset 'v9'/);
  });
});

describe('the report', () => {
  it('holds every figure in table, CSV and JSON', async () => {
    const chosen = matching(all, /^(mutex|histogram)\//);
    const results = [];
    for (const each of chosen) results.push(await measure(each, { timeMs: 5, now: () => performance.now() }));
    expect(results.map(({ name }) => name)).toContain('mutex/pair');
    const result = microResult.parse({
      format: MICRO_FORMAT,
      version: MICRO_VERSION,
      tool: { name: 'ctreplay', version: '0.0.0' },
      createdAt: new Date(0).toISOString(),
      environment: { node: 'v20', clock: {} },
      timeMs: 5,
      seed: 1,
      results,
    });
    const lines = microCsv(result).split('\r\n');
    expect(lines[0]).toBe(
      'name,design,ns_per_operation,low_ns,high_ns,least_ns,p99_ns,loop_ns,samples,operations_per_sample,success_share,what',
    );
    expect(lines.filter((line) => line !== '')).toHaveLength(results.length + 1);
    const table = microTable(results, 120, (_colour, text) => text);
    for (const { name } of results) expect(table).toContain(name);
    expect(results.find(({ name }) => name === 'mutex/pair')?.nsPerOperation).toBeGreaterThan(0);
  });
});
