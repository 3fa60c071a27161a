/**
 * ctreplay for programs: `import { replay, bench, readCapture, synth, readResult } from 'ctreplay'`. Options are those of the command
 * line, in camel case; results are what result.json holds.
 */
import { Command } from 'commander';
import { openCapture } from './captures/reader.js';
import { SESSION_FILE } from './commands/matrix-run.js';
import { loadInput } from './commands/matrix-input.js';
import { measureReplay } from './commands/replay.js';
import { addReplayCommand } from './commands/replay-request.js';
import { checkTrials } from './commands/replay-trials.js';
import { runMatrixBench } from './bench/run-matrix.js';
import { checkMatrix, type MatrixSpecInput } from './bench/matrix-spec.js';
import { rejectedInputText } from './result/rejected-input.js';
import type { Result } from './result/schema.js';
import { openScenario } from './synth/registry.js';

export { readResult } from './result/result-file.js';
export type { Result, ResultCase, Comparison, LatencyDistribution } from './result/schema.js';
export type { MatrixSpecInput } from './bench/matrix-spec.js';

/**
 * What to replay and how: the options of `ctreplay replay` in camel case, see its --help. Rates in packets/s, times in milliseconds where
 * the name says so; values of the others as on the command line, where a switch is `true`.
 */
export interface ReplayInputOptions {
  /** Files, folders or patterns; or give a scenario. */
  readonly captures?: string | readonly string[];
  readonly scenario?: string;
  /** Of the scenario, as `ctreplay synth NAME --help` lists them. */
  readonly parameters?: Readonly<Record<string, string | number>>;
  /** Default: the two that the patch compares. */
  readonly designs?: readonly string[];
  readonly workers?: number;
  /** Packets/s; without a rate as fast as possible. */
  readonly pps?: number | string;
  readonly mbps?: number;
  readonly multiplier?: number;
  readonly topspeed?: boolean;
  /** `0s:10k,1s:50k` */
  readonly profile?: string;
  readonly profileShape?: 'linear' | 'step';
  readonly burst?: number;
  readonly loop?: number;
  readonly uniqueIp?: boolean;
  readonly uniqueIpLoops?: number;
  readonly sameAddresses?: boolean;
  readonly durationMs?: number;
  readonly limit?: number;
  readonly filter?: string;
  readonly srcipmap?: string;
  readonly dstipmap?: string;
  readonly snaplen?: number;
  /** Seconds. */
  readonly maxGap?: number;
  readonly checksums?: string;
  readonly keepTruncated?: boolean;
  readonly strict?: boolean;
  readonly steer?: string;
  /** Runs of each design, in processes of their own; default 1. */
  readonly trials?: number;
  readonly clock?: 'wall' | 'capture';
  readonly timeScale?: number;
  readonly maxConns?: number;
  readonly sweepInterval?: string;
  /** Configuration file. */
  readonly config?: string;
  readonly latency?: string;
  readonly timeline?: string;
  readonly warmup?: number;
  readonly batch?: number;
  readonly store?: string | number;
  readonly mutex?: string;
  readonly touchAhead?: string;
  readonly build?: string;
  readonly bare?: boolean;
  readonly pin?: boolean;
  readonly seed?: number;
  readonly findMaxPps?: boolean;
  readonly slo?: string;
  /** A stored result whose run is repeated, without any other option but `trials`. */
  readonly plan?: string;
}

/** Options that say where a result goes and how it is shown, which is the caller's affair here. */
const SHOWN: ReadonlySet<string> = new Set([
  ...['out', 'force', 'json', 'stats', 'stream', 'listDesigns', 'quiet', 'verbose', 'color', 'noColor'],
  'help',
]);

/** One option as arguments: none for a switch that is off. */
function option(name: string, value: unknown): string[] {
  const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (value === undefined || value === false) return [];
  return value === true ? [flag] : [flag, String(value)];
}

/**
 * The arguments of `ctreplay replay` that say the same. What it does not know becomes an option that the command refuses.
 * @throws Error for an option that has no meaning here
 */
function argumentsOf(options: ReplayInputOptions): string[] {
  const { captures, scenario, parameters = {}, designs, durationMs, ...others } = options;
  const shown = Object.keys(others).find((name) => SHOWN.has(name));
  if (shown !== undefined)
    throw new Error(
      `replay: '${shown}' is an option of the command line; the function resolves to the result and writes nothing`,
    );
  return [
    'replay',
    ...option('synth', scenario),
    ...Object.entries(parameters).flatMap(([name, value]) => option(name, value)),
    ...option('design', designs?.join(',')),
    ...option('duration', durationMs === undefined ? undefined : `${durationMs}ms`),
    ...Object.entries(others).flatMap(([name, value]) => option(name, value)),
    '--json',
    '--quiet',
    // A name is no option, however it begins.
    ...(captures === undefined ? [] : ['--', ...[captures].flat()]),
  ];
}

/**
 * Replays captures or a scenario through the designs and measures, as `ctreplay replay` does; writes no files, and leaves signals to the program.
 * @throws Error whose message says what was wrong and what to do, as the command would print it; also when no packet was tracked
 */
export async function replay(options: ReplayInputOptions): Promise<Result> {
  const argv = argumentsOf(options);
  const program = new Command('ctreplay').exitOverride().configureOutput({ writeErr: () => {} });
  let measured: Result | null = null;
  addReplayCommand(program, argv, async (plan, flags) => {
    checkTrials(plan, flags);
    const result = await measureReplay(plan, flags, argv, false);
    const rejected = rejectedInputText(result.cases);
    if (rejected !== null) throw new Error(rejected);
    measured = result;
  });
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(argv, { from: 'user' });
  if (measured === null) throw new Error('replay measured nothing');
  return measured;
}

/** What else a matrix is asked for. */
export interface BenchOptions {
  /** Folder of result.json, which is written on the way; default: none. */
  readonly folder?: string;
  /** Asked before every trial; true ends the matrix there. */
  readonly isInterrupted?: () => boolean;
}

/**
 * Runs a matrix, as `ctreplay bench` does with a bench.yaml of the same fields (docs/bench.md).
 * @throws Error for a matrix that cannot be run, or a trial that failed
 */
export function bench(matrix: MatrixSpecInput, options: BenchOptions = {}): Promise<Result> {
  const { folder = null, isInterrupted } = options;
  return runMatrixBench({
    spec: checkMatrix(matrix, 'bench'),
    shard: null,
    folder,
    resume: false,
    load: loadInput,
    sessionFile: SESSION_FILE,
    commandLine: ['bench'],
    hooks: isInterrupted === undefined ? {} : { isInterrupted },
  });
}

/** One packet. */
export interface Packet {
  /** Nanoseconds: since 1970 in a capture, since the start in a scenario. */
  readonly timestampNs: bigint;
  readonly frame: Uint8Array;
}

/**
 * The packets of a capture in order: pcap, pcapng or .ctp, also compressed.
 * @throws CaptureError naming file, record and offset
 */
export async function* readCapture(file: string): AsyncGenerator<Packet> {
  const reader = await openCapture(file);
  try {
    for await (const { timestampNs, frame } of reader) yield { timestampNs, frame };
  } finally {
    await reader.close();
  }
}

/**
 * The packets of a scenario.
 * @param parameters as `ctreplay synth NAME --help` lists them
 * @throws ScenarioError for unknown names or values out of range
 */
export function* synth(
  name: string,
  parameters: Readonly<Record<string, string | number>> = {},
  seed = 1,
): Generator<Packet> {
  const { source } = openScenario(name, parameters, seed);
  const buffer = new Uint8Array(source.maxFrameLength);
  for (let length = source.next(buffer, 0); length > 0; length = source.next(buffer, 0))
    yield { timestampNs: BigInt(Math.round(source.timestampNs)), frame: buffer.slice(0, length) };
}
