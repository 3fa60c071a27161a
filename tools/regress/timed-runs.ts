/**
 * What the gate times besides the matrix: commands of ctreplay, each in a process of its own, and the figures that are read off
 * their JSON. Commands, not functions, because level against runs those of another ref as well: what a command prints is
 * versioned, what a function takes is not. A figure that an older ref does not print is left out.
 */
import type { MutexPolicy } from '../../engine/host/run-memory.js';
import type { ContentionResult } from '../contention/contention-result.js';
import { countedBins, decodeHistogram } from '../measure/latency-summary.js';
import type { MicroMeasurement, MicroResult } from '../micro/micro-result.js';
import type { LatencyDistribution, Result } from '../result/schema.js';
import type { Direction } from '../stats/verdict.js';

/**
 * What kind of figure it is, which says how much worse it may be: `cost` a time or a rate of work, `share` a share of
 * acquisitions, `tail` what few packets show, `lag` how late connections are removed.
 */
export type FigureKind = 'cost' | 'share' | 'tail' | 'lag';

/** One figure of one process. */
export interface TimedFigure {
  /** `cleaned`, `established: packets/s`, … */
  readonly name: string;
  /** Null where it does not depend on one. */
  readonly design: string | null;
  readonly kind: FigureKind;
  readonly direction: Direction;
  /** Above 0. */
  readonly value: number;
  /**
   * What makes a figure of it that another hour has as well: `loop` the reference loop beside it, a figure of the same process,
   * or nothing where it is one already. `designs`: only the same figure of another design. Two builds that run in turns need none.
   */
  readonly over: 'loop' | 'designs' | 'nothing' | Divisor;
}

/** What a figure is divided by. */
export interface Divisor {
  /** For the name of the quotient: `over reading the bytes`. */
  readonly label: string;
  readonly value: number;
  /** Whether the quotient depends on the machine all the same. */
  readonly machineBound: boolean;
}

/** What runs are made with. */
export interface TimedRunSettings {
  /** Names with presets; the first is what the others are compared with. */
  readonly designs: readonly string[];
  readonly mutex: MutexPolicy;
  /** Of packets and hashes. */
  readonly seed: number;
}

/** A command and what is read from its output. */
export interface TimedRun {
  /**
   * Pairs of processes, one of each build, that a round of level against runs; each pair's ratio counts. More than one where a process
   * is short: a dozen ratios that do not hang together at all seem to, by chance, one time in five.
   */
  readonly pairs: number;
  readonly args: (settings: TimedRunSettings) => string[];
  /** @param output what it printed, parsed; fields that an older version lacks are missing */
  readonly read: (output: unknown) => TimedFigure[];
}

/** Names of the runs, in the order in which a session makes them. */
export const TIMED_RUN_NAMES = ['sweeps', 'locks', 'paced', 'expiry', 'loading'] as const;
export type TimedRunName = (typeof TIMED_RUN_NAMES)[number];

/** Connections swept and flushed, and how often. */
const SWEPT = ['10000', '3'] as const;
/** Packets of a contended run. */
const CONTENDED_PACKETS = '150000';
/** A rate that every machine holds, so that a packet waits for nothing but what is looked for. */
const PACED = ['--packets', '40000', '--pps', '40000', '--active-flows', '1000'] as const;
/** Connections of a minute are gone after a third of a second, and a sweep that is due every 20 s comes every 0.1 s. */
const EXPIRY = ['--packets', '60000', '--pps', '40000', '--time-scale', '200'] as const;
/** What a capture goes through, and the reading of its bytes; keeping it touches fresh memory, which costs what the system wants. */
const LOADING = '^capture/(read-file|parse-pcap|walk|place)$';
/** Long enough that among the samples is one that found everything compiled. */
const LOADING_MS = '300';
/** Share of acquisitions below which contention is too rare to be distinguished from none. */
const LEAST_SHARE = 0.001;
/** A packet is slow when it takes this many times as long as the one in the middle. */
const SLOW_FACTOR = 10;

/** All runs by name. */
export const TIMED_RUNS: Readonly<Record<TimedRunName, TimedRun>> = {
  sweeps: {
    pairs: 1,
    args: ({ designs, seed }) => [
      ...['contention', '--sweep', SWEPT[0], '--rounds', SWEPT[1]],
      ...common(designs, seed),
    ],
    read: (output) => sweepFigures(output as Partial<ContentionResult>),
  },
  locks: {
    pairs: 1,
    args: ({ designs, mutex, seed }) => [
      ...['contention', '--workload', 'established,syn-flood', '--packets', CONTENDED_PACKETS],
      ...['--threads', '2', '--rounds', '1', '--mutex', mutex],
      ...common(designs, seed),
    ],
    read: (output) => lockFigures(output as Partial<ContentionResult>),
  },
  paced: {
    pairs: 1,
    args: ({ designs, mutex, seed }) => [
      ...['replay', '--synth', 'established', ...PACED, '--mutex', mutex],
      ...common(designs, seed),
    ],
    read: (output) => pacedFigures(output as Partial<Result>),
  },
  expiry: {
    pairs: 1,
    args: ({ designs, mutex, seed }) => [
      ...['replay', '--synth', 'udp-churn', ...EXPIRY, '--mutex', mutex],
      ...common(designs, seed),
    ],
    read: (output) => expiryFigures(output as Partial<Result>),
  },
  loading: {
    pairs: 2,
    args: ({ designs, seed }) => [
      ...['micro', '--filter', LOADING, '--time', LOADING_MS],
      // Whose loops are loaded makes no difference to captures; one is enough.
      ...common([(designs[0] as string).replace(/@.*/, '')], seed),
    ],
    read: (output) => loadingFigures(output as Partial<MicroResult>),
  },
};

function common(designs: readonly string[], seed: number): string[] {
  return ['--design', designs.join(','), '--seed', String(seed >>> 0), '--json'];
}

/** A figure that may not have been measured. */
type Candidate = Omit<TimedFigure, 'value'> & { readonly value: number | null | undefined };

function lower(
  kind: FigureKind,
  name: string,
  design: string | null,
  value: number | null | undefined,
  over: TimedFigure['over'],
): Candidate {
  return { name, design, kind, direction: 'lower-is-better', value, over };
}

/** The figures that were measured. */
function known(candidates: readonly Candidate[]): TimedFigure[] {
  return candidates.flatMap((candidate) => {
    const { value } = candidate;
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? [{ ...candidate, value }] : [];
  });
}

function sweepFigures({ sweeps = [] }: Partial<ContentionResult>): TimedFigure[] {
  // The least: whatever a round took longer was the machine's doing.
  return known(
    sweeps.map(({ operation, design, bareNs }) =>
      lower('cost', `${operation}, ns a connection`, design, bareNs.min, 'loop'),
    ),
  );
}

function lockFigures({ rows = [] }: Partial<ContentionResult>): TimedFigure[] {
  return known(
    rows.flatMap(({ workload, design, threads, pps, contendedShare, waitP99Ns }): Candidate[] => {
      const place = `${workload}, w${threads}`;
      // In packets of a worker, not in nanoseconds: a machine that is slow now is so for both.
      const share = contendedShare?.median ?? 0;
      const waitPackets =
        waitP99Ns == null || share < LEAST_SHARE ? null : (waitP99Ns.median * pps.median) / threads / 1e9;
      return [
        {
          name: `${place}: bare packets/s`,
          design,
          kind: 'cost',
          direction: 'higher-is-better',
          value: pps.median,
          over: 'designs',
        },
        lower(
          'share',
          `${place}: contended share of ct_lock`,
          design,
          Math.max(LEAST_SHARE, share),
          'nothing',
        ),
        lower('tail', `${place}: p99 of a contended wait, in packets`, design, waitPackets, 'nothing'),
      ];
    }),
  );
}

function pacedFigures({ cases = [] }: Partial<Result>): TimedFigure[] {
  const interruptions = {
    label: 'an interruption',
    value: interruptionsPerCase(cases),
    machineBound: false,
  };
  return known(
    cases.flatMap(({ design, latency }): Candidate[] => {
      const service = latency?.service?.overall;
      if (service == null) return [];
      const { p50Ns, p99Ns } = service;
      const p99OverMedian = p50Ns == null || p50Ns === 0 || p99Ns == null ? null : p99Ns / p50Ns;
      return [
        lower('tail', 'p99 of service over its median', design, p99OverMedian, 'nothing'),
        lower('tail', 'slow packets', design, slowPackets(service), interruptions),
      ];
    }),
  );
}

/** Packets that took ten times the median and more. At least one is taken to be there, so that a quiet run gives a figure too. */
function slowPackets({ p50Ns, encoded }: LatencyDistribution): number | null {
  if (encoded == null || p50Ns == null) return null;
  const slow = countedBins(decodeHistogram(encoded))
    .filter(({ lowNs }) => lowNs >= SLOW_FACTOR * p50Ns)
    .reduce((sum, cell) => sum + cell.count, 0);
  return Math.max(1, slow);
}

/**
 * Packets that the machine interrupted, in the middle of the designs of a process, since a clock loop of a twentieth of a second
 * is too short to say it of one: about as many as are slow when nothing but the machine makes packets slow. At least one.
 */
function interruptionsPerCase(cases: Result['cases']): number {
  const counts = cases.flatMap(({ latency }) => {
    const service = latency?.service?.overall;
    return service?.interruptedShare == null ? [] : [service.count * service.interruptedShare];
  });
  return Math.max(1, counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length));
}

function expiryFigures({ cases = [] }: Partial<Result>): TimedFigure[] {
  return known(
    cases.flatMap(({ design, expiry }): Candidate[] => [
      lower('lag', 'median lag of removal, tracker time', design, expiry?.lag?.p50Ns, 'nothing'),
      lower('lag', 'p99 lag of removal, tracker time', design, expiry?.lag?.p99Ns, 'nothing'),
    ]),
  );
}

function loadingFigures({ results = [] }: Partial<MicroResult>): TimedFigure[] {
  const of = (name: string): Partial<MicroMeasurement> =>
    results.find((benchmark) => benchmark.name === `capture/${name}`) ?? {};
  const readNs = of('read-file').leastNs;
  const raw: TimedFigure['over'] =
    readNs == null ? 'loop' : { label: 'over reading the bytes', value: readNs, machineBound: true };
  return known([
    // The least, as of sweeps: a median of a process depends on when its loops were compiled and what else ran.
    lower('cost', 'parse-pcap, least ns a packet', null, of('parse-pcap').leastNs, raw),
    // The middle one here: in some processes a few samples take half as long as all others.
    lower('cost', 'walk, ns a packet', null, of('walk').nsPerOperation, raw),
    lower('cost', 'place, least ns a packet', null, of('place').leastNs, raw),
  ]);
}
