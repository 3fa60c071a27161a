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

/** What to replay and how: the options of `ctreplay replay`, see its --help. Rates in packets/s, times in milliseconds. */
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
  readonly pps?: number;
  readonly mbps?: number;
  readonly multiplier?: number;
  readonly loop?: number;
  readonly durationMs?: number;
  readonly limit?: number;
  /** Runs of each design, in processes of their own; default 1. */
  readonly trials?: number;
  readonly clock?: 'wall' | 'capture';
  readonly timeScale?: number;
  readonly maxConns?: number;
  /** Configuration file. */
  readonly config?: string;
  readonly latency?: string;
  readonly warmup?: number;
  readonly batch?: number;
  readonly seed?: number;
}

/** Options whose command-line form is their name in kebab case and their value. */
const PLAIN: readonly (keyof ReplayInputOptions)[] = [
  ...(['workers', 'pps', 'mbps', 'multiplier', 'loop', 'limit', 'trials', 'clock'] as const),
  ...(['timeScale', 'maxConns', 'config', 'latency', 'warmup', 'batch', 'seed'] as const),
];

/** The arguments of `ctreplay replay` that say the same. */
function argumentsOf(options: ReplayInputOptions): string[] {
  const option = (name: string, value: unknown): string[] => [
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ];
  return [
    'replay',
    ...(options.captures === undefined ? [] : [options.captures].flat()),
    ...(options.scenario === undefined ? [] : option('synth', options.scenario)),
    ...Object.entries(options.parameters ?? {}).flatMap(([name, value]) => option(name, value)),
    ...(options.designs === undefined ? [] : option('design', options.designs.join(','))),
    ...(options.durationMs === undefined ? [] : option('duration', `${options.durationMs}ms`)),
    ...PLAIN.flatMap((name) => (options[name] === undefined ? [] : option(name, options[name]))),
    '--json',
    '--quiet',
  ];
}

/**
 * Replays captures or a scenario through the designs and measures, as `ctreplay replay` does; writes no files.
 * @throws Error whose message says what was wrong and what to do, as the command would print it; also when no packet was tracked
 */
export async function replay(options: ReplayInputOptions): Promise<Result> {
  const argv = argumentsOf(options);
  const program = new Command('ctreplay').exitOverride().configureOutput({ writeErr: () => {} });
  let measured: Result | null = null;
  addReplayCommand(program, argv, async (plan, flags) => {
    checkTrials(plan, flags);
    const result = await measureReplay(plan, flags, argv);
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
