/** What the gate looks at and what it allows: regress.yaml and its defaults. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import {
  DEFAULT_MUTEX,
  DEFAULT_TOUCH_AHEAD,
  MUTEX_POLICIES,
  TOUCH_AHEAD_SETTINGS,
} from '../../engine/host/run-memory.js';
import { nameOfInput } from '../bench/matrix-spec.js';
import type { InputLoader } from '../bench/replay-runner.js';
import type { LoadedInput } from '../replay/packet-source.js';
import { CHECKSUM_HANDLINGS, checksumConfig, ignoresChecksums } from '../config/checksum-handling.js';
import { firstFault } from '../config/explain-issue.js';
import { strictObject } from '../config/strict-object.js';
import { YamlPlace, type LineOf } from '../config/yaml-place.js';
import type { TrackerConfig } from '../config/read-config.js';
import { configOf } from '../config/suggested.js';
import { parseYaml, YamlTextError, type YamlText } from '../config/yaml-text.js';
import { requireRightChecksums } from '../replay/checksum-check.js';
import { RegressError } from './check.js';
import { parseThreshold, ThresholdError } from './threshold-expression.js';
import { ratioMetricFault } from './threshold-metrics.js';
import { TIMED_RUN_NAMES } from './timed-runs.js';
import { shortenedReason } from '../text/escape.js';

const share = z.number().gt(0).lt(1);

const inputSchema = strictObject({
  /** Name in cells and reports; default the scenario, or the capture's file name. */
  name: z
    .string()
    .regex(/^[^/\s]+$/, 'must not hold a slash or a space')
    .optional(),
  scenario: z.string().min(1).optional(),
  parameters: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  /** File, folder or pattern. */
  capture: z.string().min(1).optional(),
  /** Use the whole records of a capture that breaks off. */
  keepTruncated: z.boolean().optional(),
  /** Refuse a capture with odd records. */
  strict: z.boolean().optional(),
  /** What is done about wrong checksums of a capture; default: verify. */
  checksums: z.enum(CHECKSUM_HANDLINGS).optional(),
  /** Stop reading after this many packets. */
  limit: z.int().positive().optional(),
  /** Configuration file for the tracker, where a scenario's own does not do. */
  config: z.string().min(1).optional(),
}).refine((input) => (input.scenario === undefined) !== (input.capture === undefined), {
  message: 'needs either scenario or capture',
});

/** Traffic of a cell. */
export type RegressInput = z.output<typeof inputSchema>;

const threshold = z.string().transform((text, context) => {
  try {
    return parseThreshold(text);
  } catch (error) {
    if (!(error instanceof ThresholdError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const ratioMetric = z.string().superRefine((name, context) => {
  const fault = ratioMetricFault(name);
  if (fault !== null) context.addIssue({ code: 'custom', message: fault });
});

const scenario = (
  name: string,
  packets: number,
  more: Record<string, number | string> = {},
): RegressInput => ({
  scenario: name,
  parameters: { packets, ...more },
});

/** One cell per kind of work: creating, refreshing, a whole life, translating, helping, reassembling, expiring. */
const EXACT_INPUTS: RegressInput[] = [
  scenario('established', 10_000, { 'active-flows': 500 }),
  scenario('syn-flood', 10_000),
  scenario('tcp-crr', 10_000),
  scenario('udp-churn', 10_000),
  scenario('icmp-mix', 5_000),
  scenario('fragments', 5_000),
  scenario('ftp-alg', 10_000),
  scenario('nat-exhaustion', 5_000),
  // Slow enough for connections to expire and for many sweeps.
  scenario('zone-policies', 10_000, {
    pps: 100,
    'active-flows': 200,
    'short-timeout': 1,
    'long-timeout': 20,
  }),
];

const AGAINST_INPUTS: RegressInput[] = [
  scenario('established', 20_000, { 'active-flows': 200 }),
  scenario('syn-flood', 10_000),
  scenario('tcp-crr', 20_000),
];

const RATIO_INPUTS: RegressInput[] = [
  scenario('established', 150_000, { 'active-flows': 1000 }),
  scenario('syn-flood', 80_000),
];

const tolerance = z.number().positive();

const schema = strictObject({
  designs: z
    .array(z.string().min(1))
    .min(1)
    .default([...DEFAULT_DESIGNS, 'narrow-insert', 'timing-wheel', 'table-scan']),
  exact: strictObject({
    seed: z.int().min(0).max(0xffff_ffff).default(1),
    inputs: z.array(inputSchema).min(1).default(EXACT_INPUTS),
    /** Whether batches touch ahead what their packets will need: no figure depends on it. */
    touchAhead: z.enum(TOUCH_AHEAD_SETTINGS).default(DEFAULT_TOUCH_AHEAD),
  }).prefault({}),
  ratios: strictObject({
    /** The first is what the others are compared with. */
    designs: z
      .array(z.string().min(1))
      .min(2)
      .default([...DEFAULT_DESIGNS]),
    inputs: z.array(inputSchema).min(1).default(RATIO_INPUTS),
    workers: z.array(z.int().min(1).max(64)).min(1).default([1, 2]),
    /** Fresh processes; two and more, since the baseline is of other sessions than these. */
    sessions: z.int().min(2).max(1000).default(6),
    /** Sessions are doubled while a verdict is open, up to this many. */
    maxSessions: z.int().min(2).max(1000).default(24),
    /** Trials of each cell in a session. */
    trials: z.int().min(1).max(1000).default(3),
    /** Has no effect any more; files that give it are still read. */
    maxTrials: z.int().min(1).max(1000).optional(),
    metrics: z.array(ratioMetric).min(1).default(['pps', 'service.p50Ns']),
    /** How much worse a ratio may be than the baseline's: 0.15 allows 15 %. */
    tolerance: tolerance.default(0.15),
    confidence: share.default(0.95),
    /** How waiters of a lock spin. */
    mutex: z.enum(MUTEX_POLICIES).default(DEFAULT_MUTEX),
    /** Whether batches touch ahead what their packets will need. */
    touchAhead: z.enum(TOUCH_AHEAD_SETTINGS).default(DEFAULT_TOUCH_AHEAD),
  }).prefault({}),
  against: strictObject({
    inputs: z.array(inputSchema).min(1).default(AGAINST_INPUTS),
    /** How much slower a cell may be than at the other ref: 0.05 allows 5 %. */
    threshold: z.number().positive().default(0.05),
    /** Over all looks of all cells together. */
    confidence: share.default(0.99),
    /** Rounds between two looks at the interval. */
    rounds: z.int().min(6).max(1000).default(24),
    maxRounds: z.int().min(6).max(10_000).default(96),
  }).prefault({}),
  /** What is timed besides the matrix and the engine, by levels ratios and against. */
  runs: strictObject({
    names: z.array(z.enum(TIMED_RUN_NAMES)).default([...TIMED_RUN_NAMES]),
    /** Level against: rounds between two looks; a series of fewer than eight has no interval. */
    rounds: z.int().min(8).max(1000).default(8),
    maxRounds: z.int().min(8).max(10_000).default(24),
    /** How much worse a figure may be, by kind: 0.15 allows 15 %, 1 twice as much. */
    tolerances: strictObject({
      cost: tolerance.default(0.15),
      /** Level ratios: of a cost against the reference loop, which is another kind of work. */
      reference: tolerance.default(0.25),
      share: tolerance.default(0.5),
      tail: tolerance.default(1),
      lag: tolerance.default(0.5),
    }).prefault({}),
  }).prefault({}),
  thresholds: z.array(threshold).default([]),
  /** Compare absolute times with a baseline that was measured on another machine. */
  acrossMachines: z.boolean().default(false),
});

/** The gate's configuration, complete. */
export type RegressConfig = z.output<typeof schema>;

/**
 * Traffic of an input, with the configuration to track it under.
 * @throws WrongChecksumsError, what loading it throws, ConfigError for its configuration
 */
export async function loadRegressInput(
  load: InputLoader,
  input: RegressInput,
  seed: number,
): Promise<LoadedInput & { readonly config: TrackerConfig }> {
  const { config: file, ...spec } = input;
  const loaded = await load(spec, seed);
  const config = checksumConfig(configOf(file, loaded.suggested), input);
  requireRightChecksums(loaded.traffic, loaded.input, ignoresChecksums(config));
  return { ...loaded, config };
}

/**
 * Checks a configuration and fills in the defaults.
 * @param source for messages
 * @throws RegressError (usage) naming the place and what is wrong
 */
export function checkRegressConfig(
  value: unknown,
  source: string,
  lineOf: LineOf = () => null,
): RegressConfig {
  const checked = schema.safeParse(value ?? {});
  if (!checked.success) {
    const { path, reason, atKey } = firstFault(checked.error, value ?? {});
    const line = lineOf(path, atKey);
    throw new RegressError(
      `${source}${line === null ? '' : `:${line}`}: ${shortenedReason(`${path.map(String).join('.')}${path.length === 0 ? '' : ': '}${reason}`)}`,
      2,
    );
  }
  const config = checked.data;
  for (const part of ['exact', 'ratios', 'against'] as const) {
    const names = config[part].inputs.map(nameOfInput);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new RegressError(
        `${source}: ${part}.inputs: two are called '${twice}'; give one of them a name`,
        2,
      );
    }
  }
  return config;
}

/**
 * Reads regress.yaml.
 * @throws RegressError (usage) with file, line and field
 */
export async function readRegressConfig(file: string): Promise<RegressConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RegressError(
      `${file}: ${missing ? 'there is no such file' : (error as Error).message}`,
      2,
      error,
    );
  }
  return parseRegressConfig(text, file);
}

/**
 * As readRegressConfig, from the text.
 * @throws RegressError (usage)
 */
export function parseRegressConfig(text: string, file: string): RegressConfig {
  let read: YamlText;
  try {
    read = parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlTextError)) throw error;
    const place = error.line === null ? '' : `:${error.line}`;
    throw new RegressError(`${file}${place}: ${error.message}`, 2, error);
  }
  const { document, lines, value } = read;
  const place = new YamlPlace(document, lines, file, text);
  return checkRegressConfig(value, file, (path, atKey) => place.lineOf(path, atKey));
}
