/** A tail that the machine makes is not printed and not compared: on cases that were measured, with more threads than cores. */
import { availableParallelism } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import { runSession } from '../../../tools/replay/session.js';
import { cellsOf, latencyOfCell } from '../../../tools/result/cells.js';
import { observe } from '../../../tools/result/comparisons.js';
import { CSV_TABLES } from '../../../tools/report/csv-tables.js';
import { goBenchText } from '../../../tools/report/go-bench.js';
import { markdownText } from '../../../tools/report/markdown.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { renderPage } from '../../../tools/report/page.js';
import type { Run } from '../../../tools/result/runs.js';
import type { Result, ResultCase } from '../../../tools/result/schema.js';
import {
  isWithheldAt,
  percentileOf,
  percentileText,
  PERCENTILE_SHARES,
  tolerableShare,
  withheldNames,
  withheldReason,
  type PercentileKey,
} from '../../../tools/result/tail.js';
import { quickPlan, scenario } from '../../support/replay.js';

const KEYS = Object.keys(PERCENTILE_SHARES) as PercentileKey[];

/** More workers than cores, so that the scheduler has to interrupt them. */
async function crowdedResult(): Promise<Result> {
  const traffic = await scenario('established', { packets: 60_000, 'active-flows': 500 });
  return runSession({
    traffic,
    input: { type: 'scenario', name: 'established' },
    plan: quickPlan({
      designs: ['timeout-lists', 'rculist-sweep'],
      workers: Math.min(availableParallelism() + 2, 16),
      loops: 3,
    }),
    commandLine: ['replay'],
  });
}

/** The result as if its machine had interrupted nobody, or nobody had counted. */
function withShare(result: Result, interruptedShare: number | null): Result {
  const copy = structuredClone(result);
  for (const entry of copy.cases) {
    for (const kind of ['service', 'response'] as const) {
      const overall = entry.latency?.[kind]?.overall;
      if (overall !== undefined) overall.interruptedShare = interruptedShare;
    }
  }
  return copy;
}

describe('a tail of workers that share their cores', () => {
  let result: Result;
  let runs: Run[];
  beforeAll(async () => {
    result = await crowdedResult();
    runs = [{ label: 'crowded', file: null, result }];
  }, 60_000);

  const overall = (entry: ResultCase) => entry.latency!.service!.overall;

  it('has its interruptions counted on every worker, and is held back by the rule', () => {
    for (const entry of result.cases) {
      for (const worker of entry.perWorker ?? []) {
        expect(worker.clockLoop?.probeMs).toBeGreaterThanOrEqual(49);
        if (worker.packets > 0) expect(worker.interruptionsPerSecond).toBeGreaterThan(0);
      }
      const share = overall(entry).interruptedShare ?? -1;
      expect(share).toBeGreaterThan(0);
      for (const key of KEYS) {
        expect(overall(entry)[key]).toBeGreaterThan(0); // kept in the result
        const held = share >= (1 - PERCENTILE_SHARES[key]) / 2;
        expect(percentileOf(overall(entry), key)).toBe(held ? null : overall(entry)[key]);
        if (held) expect(percentileText(overall(entry), key)).toBe('~');
      }
      expect(withheldNames(overall(entry))).toContain('p99.99');
    }
  });

  it('is ~ with the reason in the terminal, in Markdown and on the page', async () => {
    const reason = /the machine interrupted or delayed [\d.<]+ % of the packets/;
    const terminal = renderTerminal(runs, { width: 200, colour: false }).replaceAll(/\s+/g, ' ');
    for (const text of [terminal, markdownText(runs)]) {
      expect(text).toMatch(reason);
      expect(text).toContain('~');
    }
    expect(await renderPage(runs)).toMatch(reason);
  });

  it('is empty in CSV, with the reason in a column of its own', () => {
    const table = CSV_TABLES.find(({ name }) => name === 'latency');
    const [header = '', ...rows] = (table?.render(runs) ?? '').trim().split('\r\n');
    const names = header.split(',');
    const all = rows.map((row) =>
      row.match(/("([^"]|"")*"|[^,]*)(,|$)/g)!.map((cell) => cell.replace(/,$/, '')),
    );
    const services = all.filter(
      (row) => row[names.indexOf('time')] === 'service' && row[names.indexOf('slice')] === 'all',
    );
    expect(services).toHaveLength(2);
    for (const row of services) {
      expect(row[names.indexOf('p99_99_ns')]).toBe('');
      expect(row[names.indexOf('withheld')]).toContain('p99.99: the machine interrupted or delayed');
      expect(Number(row[names.indexOf('interrupted_share')])).toBeGreaterThan(0);
    }
  });

  it('is not compared, nor told to benchstat', () => {
    // p99.9 is what these two look at last: judged at a share that holds it back, whatever this machine is like.
    const held: Run = { label: 'held', file: null, result: withShare(result, tolerableShare('p999Ns')) };
    const [base, head] = cellsOf([held]);
    const metrics = observe(base!, head!).map(({ metric }) => metric);
    expect(metrics).toContain('service.p99Ns');
    expect(metrics).not.toContain('service.p999Ns');
    expect(goBenchText([held])).toContain(' p99-ns');
    expect(
      goBenchText([held])
        .split('\n')
        .filter((line) => line.startsWith('Benchmark'))
        .join(),
    ).not.toContain('p99.9-ns');
  });

  it('is printed as before where interruptions were not counted, or were none', () => {
    for (const share of [null, 0]) {
      const quiet: Run = { label: 'quiet', file: null, result: withShare(result, share) };
      const [cell] = cellsOf([quiet]);
      const figures = latencyOfCell(cell!, 'service');
      expect(withheldReason(figures)).toBeNull();
      for (const key of KEYS) expect(percentileOf(figures, key)).toBe(figures?.[key]);
    }
  });

  it('has the excess over a bare clock loop beside it', () => {
    for (const entry of result.cases) {
      const { clockLoop, overall: figures } = entry.latency!.service!;
      expect(clockLoop?.stretchNs).toBe(figures.p50Ns);
      for (const key of ['p90Ns', 'p99Ns', 'p999Ns'] as const) {
        expect(clockLoop?.[key] ?? 0).toBeGreaterThanOrEqual(figures.p50Ns ?? Infinity);
      }
    }
    expect(renderTerminal(runs, { width: 200, colour: false })).toContain('p99 excess');
    expect(markdownText(runs)).toContain('on engine');
  });
});

describe('the rule', () => {
  it('holds a percentile back from half of what lies above it on', () => {
    for (const [key, most] of [
      ['p50Ns', 0.25],
      ['p99Ns', 0.005],
      ['p999Ns', 0.0005],
      ['p9999Ns', 0.00005],
    ] as const) {
      expect(tolerableShare(key)).toBeCloseTo(most, 12);
      expect(isWithheldAt(most * 0.999, key)).toBe(false);
      expect(isWithheldAt(most * 1.001, key)).toBe(true);
      expect(isWithheldAt(null, key)).toBe(false);
    }
  });
});
