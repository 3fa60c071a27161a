/** What a benchmark matrix is: its dimensions, how often each cell is repeated, and the checks of a bench.yaml. */
import { z } from 'zod';
import { availableDesigns } from '../../engine/host/designs.js';
import {
  DEFAULT_MUTEX,
  DEFAULT_TOUCH_AHEAD,
  MUTEX_POLICIES,
  TOUCH_AHEAD_SETTINGS,
} from '../../engine/host/run-memory.js';
import { CHECKSUM_HANDLINGS } from '../config/checksum-handling.js';
import { firstFault } from '../config/explain-issue.js';
import { strictObject } from '../config/strict-object.js';
import type { LineOf } from '../config/yaml-place.js';
import { LEAST_TIMELINE_MS, parseLatency, type LatencyMode } from '../replay/replay-plan.js';
import { STEER_MODES } from '../replay/steer.js';
import { confidenceAt } from '../stats/interval.js';
import { parseRate, rateText, type Rate } from './rate.js';
import { shortenedReason } from '../text/escape.js';

/** Length of an interval of the timeline where nothing is said, ms. Short, since trials are. */
export const MATRIX_TIMELINE_MS = 50;

const parameterValue = z.union([z.number(), z.string()]);

const rateSpec = z.union([z.number(), z.string()]).transform((value, context): Rate => {
  const rate = parseRate(String(value));
  if (rate !== null) return rate;
  context.addIssue({
    code: 'custom',
    message: `'${value}' is no rate; give topspeed, packets/s such as 100k, 50mbps, or a speed such as x2`,
  });
  return z.NEVER;
});

const distinct = <T>(key: (item: T) => string, what: string) => ({
  check: (items: readonly T[]): boolean => new Set(items.map(key)).size === items.length,
  message: `names a ${what} twice`,
});
const distinctDesigns = distinct<string>((name) => name, 'design');
const distinctWorkers = distinct<number>(String, 'number of workers');
const distinctRates = distinct<Rate>(rateText, 'rate');

/** At least one rate, none of them twice: a cell is named by its rate. */
const rateList = z
  .array(rateSpec)
  .refine((items) => items.length > 0, 'names no rate')
  .refine(distinctRates.check, distinctRates.message);

/** What to replay, within the bounds of the options of the same meaning: a scenario or a capture, with what it needs that other inputs do not. */
const inputObject = strictObject({
  name: z
    .string()
    .min(1)
    .regex(/^[^/\s]+$/, 'must not hold a slash or a space')
    .optional(),
  scenario: z.string().min(1).optional(),
  parameters: z.record(z.string(), parameterValue).optional(),
  /** File, folder or pattern. */
  capture: z.string().min(1).optional(),
  /** Use the whole records of a capture that breaks off. */
  keepTruncated: z.boolean().optional(),
  /** Refuse a capture with odd records. */
  strict: z.boolean().optional(),
  /** What is done about wrong checksums of a capture; default: verify. */
  checksums: z.enum(CHECKSUM_HANDLINGS).optional(),
  /** Stop reading after this many packets. */
  limit: z.int().positive().max(1e10).optional(),
  /** What is changed in the traffic, as the options of replay say it. */
  filter: z.string().min(1).optional(),
  srcipmap: z.string().min(1).optional(),
  dstipmap: z.string().min(1).optional(),
  /** Bytes kept of each frame. */
  snaplen: z.int().positive().optional(),
  /** Longest pause between two packets. */
  maxGapMs: z.number().positive().optional(),
  /** Packets that leave together. */
  burst: z.int().positive().max(1e6).optional(),
  loop: z.int().positive().max(1e9).optional(),
  durationMs: z.number().positive().optional(),
  /** Every loop has the same addresses; default: each has its own. */
  sameAddresses: z.boolean().optional(),
  /** Loops that share their addresses; default: 1, each has its own. */
  uniqueIpLoops: z.int().positive().max(1e9).optional(),
  clock: z.enum(['wall', 'capture']).optional(),
  timeScale: z.number().positive().max(1e6).optional(),
  /** Length of an interval of the timeline; default: {@link MATRIX_TIMELINE_MS}. */
  timelineMs: z.number().min(LEAST_TIMELINE_MS).optional(),
  sweepIntervalMs: z.number().positive().optional(),
  maxConns: z.int().positive().max(10_000_000).optional(),
  /** Configuration file of the tracker; default: what the scenario expects. */
  config: z.string().min(1).optional(),
  /** Rates of this input, in place of the matrix's. */
  rates: rateList.optional(),
})
  .refine((input) => (input.scenario === undefined) !== (input.capture === undefined), {
    message: 'needs either scenario or capture',
  })
  .refine((input) => input.capture === undefined || input.parameters === undefined, {
    message: 'parameters belong to a scenario; a capture has none',
  })
  .refine((input) => input.sameAddresses !== true || input.uniqueIpLoops === undefined, {
    message: 'sameAddresses and uniqueIpLoops exclude each other; give one of them',
  })
  .refine((input) => input.clock !== 'capture' || (input.timeScale ?? 1) === 1, {
    message: 'timeScale works with the wall clock only: a capture clock follows the timestamps',
  });

const inputSpec = z.union([
  z
    .string()
    .min(1)
    .transform((scenario): z.infer<typeof inputObject> => ({ scenario })),
  inputObject,
]);

const precision = z.union([z.number(), z.string()]).transform((value, context): number => {
  const parsed = parsePrecision(String(value));
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `'${value}' is no precision; give 2% or 0.02` });
  return z.NEVER;
});

/** Share of `2%` or `0.02`; null for anything that is not above 0 and below 100 %. */
export function parsePrecision(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim());
  if (match === null) return null;
  const value = Number(match[1]) / (match[2] === '%' ? 100 : 1);
  return value > 0 && value < 1 ? value : null;
}

/** Each name as `--design` takes it, so that `all` is every design, and never one cell that runs the first of them. */
function takenApart(names: readonly string[]): string[] {
  return names
    .flatMap((text) => text.split(',').map((name) => name.trim()))
    .flatMap((name) => (name === 'all' ? availableDesigns() : [name]));
}

/** The matrix after defaults, but for those that hang on another field. */
const matrixFields = strictObject({
  inputs: z.array(inputSpec).refine((items) => items.length > 0, 'names no input'),
  designs: z
    .array(z.string().min(1))
    .refine((items) => items.length > 0, 'names no design')
    .transform(takenApart)
    .refine(distinctDesigns.check, distinctDesigns.message),
  workers: z
    .array(z.int().min(1).max(64))
    .refine((items) => items.length > 0, 'names no number of workers')
    .refine(distinctWorkers.check, distinctWorkers.message)
    .default([1]),
  rates: rateList.default([{ mode: 'topspeed' }]),
  /** Fresh processes that each run the matrix once. */
  sessions: z.int().min(1).max(1000).default(7),
  /** Trials of each cell in a session. */
  trials: z.int().min(1).max(1000).default(3),
  untilPrecision: precision.optional(),
  maxTrials: z.int().min(6).max(10_000).default(100),
  warmupBlocks: z.int().min(0).max(100).default(1),
  order: z.enum(['abba', 'randomised']).default('randomised'),
  control: z.enum(['one', 'each', 'none']).default('one'),
  probeCost: z.enum(['none', 'one', 'each']).default('none'),
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  alpha: z.number().gt(0).lt(1).default(0.05),
  /** Default: the one that goes with alpha. */
  confidence: z.number().gt(0).lt(1).optional(),
  /** Has no effect any more; files that give it are still read. */
  resamples: z.int().min(100).max(1_000_000).optional(),
  batch: z.int().min(1).max(32).default(32),
  build: z.enum(['both', 'bare', 'probed']).default('both'),
  steer: z.enum(STEER_MODES).default('rss'),
  latency: z
    .string()
    .refine((text) => parseLatency(text) !== null, 'it is not all, off or sample=N')
    .optional(),
  warmupPackets: z.int().nonnegative().default(20_000),
  mutex: z.enum(MUTEX_POLICIES).default(DEFAULT_MUTEX),
  touchAhead: z.enum(TOUCH_AHEAD_SETTINGS).default(DEFAULT_TOUCH_AHEAD),
  pin: z.boolean().default(false),
});

const matrixSpec = matrixFields.transform((fields) => ({
  ...fields,
  confidence: fields.confidence ?? confidenceAt(fields.alpha),
}));

/** A matrix with every field filled in. */
export type MatrixSpec = z.output<typeof matrixSpec>;
/** A matrix as written, defaults left out. */
export type MatrixSpecInput = z.input<typeof matrixSpec>;
/** One input of a matrix. */
export type InputSpec = z.output<typeof inputObject>;

/** A matrix that cannot be run as asked: a usage error. */
export class MatrixError extends Error {
  /** Exit code of the command line. */
  readonly exitCode = 2;

  constructor(message: string) {
    super(message);
    this.name = 'MatrixError';
  }
}

/**
 * Checks a matrix and fills the defaults in.
 * @param source where it comes from, for the message: a file name, or the flags
 * @param lineOf line of a place in the file, for the message
 * @throws MatrixError naming source, line, field and what is allowed
 */
export function checkMatrix(value: unknown, source: string, lineOf: LineOf = () => null): MatrixSpec {
  const checked = matrixSpec.safeParse(value);
  if (!checked.success) {
    const { path, reason, atKey } = firstFault(checked.error, value);
    const line = lineOf(path, atKey);
    const where = path.length === 0 ? '' : `${path.map(String).join('.')}: `;
    throw new MatrixError(
      `${source}${line === null ? '' : `:${line}`}: ${shortenedReason(`${where}${reason}`)}`,
    );
  }
  const spec = checked.data;
  const names = spec.inputs.map(nameOfInput);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MatrixError(`${source}: two inputs are called '${twice}'; give one of them a name of its own`);
  }
  return spec;
}

/** How packets are timed: where the matrix does not say, all of them, and none where only the bare build runs. */
export function latencyOf({ latency, build }: Pick<MatrixSpec, 'latency' | 'build'>): LatencyMode {
  return parseLatency(latency ?? '') ?? { mode: build === 'bare' ? 'off' : 'all' };
}

/** Name of an input in cells and reports. */
export function nameOfInput(input: Pick<InputSpec, 'name' | 'scenario' | 'capture'>): string {
  if (input.name !== undefined) return input.name;
  if (input.scenario !== undefined) return input.scenario;
  return pathEnd(input.capture ?? '', 1);
}

/** The last parts of a path as a name: `/a/b/` is `b`, and of two parts `a-b`. */
function pathEnd(path: string, parts: number): string {
  const given = path.split('/').filter((part) => part !== '');
  return given.slice(-parts).join('-').replaceAll(/\s+/g, '-');
}

/**
 * Captures as inputs of a matrix: those whose files are called alike get the shortest ends of their paths that tell them apart for names.
 */
export function captureInputs(captures: readonly string[]): Pick<InputSpec, 'capture' | 'name'>[] {
  const plain = captures.map((path) => pathEnd(path, 1));
  const depth = Math.max(...captures.map((path) => path.split('/').length), 1);
  return captures.map((capture, index) => {
    const alike = captures.filter((other, at) => plain[at] === plain[index] && other !== capture);
    if (alike.length === 0) return { capture };
    for (let parts = 2; parts <= depth; parts++) {
      const name = pathEnd(capture, parts);
      if (alike.every((other) => pathEnd(other, parts) !== name)) return { capture, name };
    }
    return { capture };
  });
}
