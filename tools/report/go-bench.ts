/** Go benchmark lines, which benchstat reads: one line per trial, so that it has a sample to test with. */
import { mutexOf } from '../result/cells.js';
import { fileNameFrom, printable, uniqueFileNames } from '../text/escape.js';
import type { Run } from '../result/runs.js';
import type { Environment, ResultCase } from '../result/schema.js';
import {
  burdenedPps,
  comparablePps,
  isPaced,
  ppsOf,
  throughputOf,
  whyNotCompared,
} from '../result/throughput.js';
import { percentileOf } from '../result/tail.js';

const GO_ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm64: 'arm64' };

/** The units besides ns/op, with the way that is better, which benchstat cannot know by itself. */
const UNITS: readonly {
  unit: string;
  better: 'higher' | 'lower';
  of: (entry: ResultCase) => number | null | undefined;
}[] = [
  { unit: 'pps', better: 'higher', of: (entry) => (isPaced(entry) ? ppsOf(entry) : comparablePps(entry)) },
  { unit: 'burdened-pps', better: 'higher', of: burdenedPps },
  {
    unit: 'burdened-ns/op',
    better: 'lower',
    of: (entry) => nsPerOp(entry, whyNotCompared(entry) !== null && !isPaced(entry)),
  },
  { unit: 'probe-cost-ns', better: 'lower', of: (entry) => entry.probeCost?.nsPerPacket },
  { unit: 'p50-ns', better: 'lower', of: (entry) => percentileOf(entry.latency?.service?.overall, 'p50Ns') },
  { unit: 'p99-ns', better: 'lower', of: (entry) => percentileOf(entry.latency?.service?.overall, 'p99Ns') },
  {
    unit: 'p99.9-ns',
    better: 'lower',
    of: (entry) => percentileOf(entry.latency?.service?.overall, 'p999Ns'),
  },
  { unit: 'max-ns', better: 'lower', of: (entry) => entry.latency?.service?.overall.maxNs },
];

/** Time of the run over its packets, all workers together; null where the question does not arise. */
function nsPerOp(entry: ResultCase, asked: boolean): number | null {
  const { elapsedNs, packets } = throughputOf(entry);
  return asked && packets > 0 ? elapsedNs / packets : null;
}

/**
 * The text for benchstat. ns/op is the time of the run that throughput comes from over its packets, all workers together; it and
 * pps are left to the bare build without clocks, and to rates that were given: with the cost of probes or clocks in them
 * they are called burdened, so that benchstat does not compare one with the other. p50-ns and the like are service time.
 * The number after the last dash is the number of workers.
 */
export function goBenchText(runs: readonly Run[]): string {
  const lines: string[] = [];
  for (const { unit, better } of UNITS) lines.push(`Unit ${unit} better=${better}`);
  for (const run of runs) {
    lines.push('', ...headerOf(run, runs.length > 1));
    const names = namesOf(run.result.cases);
    for (const entry of run.result.cases) {
      if (entry.packets.injected === 0) continue;
      const nsOp = nsPerOp(entry, isPaced(entry) || whyNotCompared(entry) === null);
      const figures = nsOp === null ? [] : [`${numberText(nsOp)} ns/op`];
      for (const { unit, of } of UNITS) {
        const value = of(entry);
        if (value !== null && value !== undefined) figures.push(`${numberText(value)} ${unit}`);
      }
      lines.push(`${names.get(entry.id)} ${entry.packets.injected} ${figures.join(' ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function headerOf(run: Run, severalRuns: boolean): string[] {
  const { environment, tool } = run.result;
  const lines: [string, string | null | undefined][] = [
    ['goos', environment.os],
    ['goarch', goArchitecture(environment)],
    ['pkg', 'ctreplay'],
    ['cpu', environment.cpuModel],
    ['node', environment.node],
    ['ctreplay', tool.commit ? `${tool.version} ${tool.commit}` : tool.version],
    ['run', severalRuns ? run.label : null],
  ];
  return lines.flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [`${key}: ${printable(value)}`],
  );
}

function goArchitecture({ architecture }: Environment): string | null {
  if (architecture === null || architecture === undefined) return null;
  return GO_ARCHITECTURE[architecture] ?? architecture;
}

function suffix(entry: ResultCase): string {
  return `-${entry.workers}`;
}

/** Benchmark names by case id; two cells never share one, as benchstat would take them for one sample. */
function namesOf(cases: readonly ResultCase[]): Map<string, string> {
  const byId = new Map(cases.map((entry) => [entry.id, entry]));
  const plain = [...byId].map(([id, entry]) => ({ id, entry, parts: partsOf(entry) }));
  const uses = new Map<string, number>();
  for (const { entry, parts } of plain)
    uses.set(parts + suffix(entry), (uses.get(parts + suffix(entry)) ?? 0) + 1);
  const ids = uniqueFileNames(plain.map(({ id }) => id));
  return new Map(
    plain.map(({ id, entry, parts }, index) => {
      const shared = (uses.get(parts + suffix(entry)) ?? 0) > 1;
      return [id, `BenchmarkReplay/${parts}${shared ? `/cell=${ids[index]}` : ''}${suffix(entry)}`];
    }),
  );
}

/** As a file name, with the letters of every script: of names without Latin ones benchstat would make one benchmark. */
function nameFrom(text: string): string {
  if (/^[\u0020-\u007e]*$/.test(text)) return fileNameFrom(text);
  const kept = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return [...kept].slice(0, 120).join('') || 'unnamed';
}

function partsOf(entry: ResultCase): string {
  const { mode, targetPps, targetMbps, multiplier } = entry.pacing;
  const pace = targetPps ?? targetMbps ?? multiplier;
  return [
    `design=${nameFrom(entry.design)}`,
    `${entry.input.type}=${nameFrom(entry.input.name)}`,
    ...(entry.build === 'bare' ? ['build=bare'] : []),
    ...(mutexOf(entry) === 'backoff' && entry.mutex != null ? ['mutex=backoff'] : []),
    ...(entry.touchAhead === 'on' || entry.touchAhead === 'off' ? [`touch-ahead=${entry.touchAhead}`] : []),
    ...(mode === 'topspeed' ? [] : [`pace=${mode}${pace === null || pace === undefined ? '' : `:${pace}`}`]),
  ].join('/');
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(9)));
}
