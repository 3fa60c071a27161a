/**
 * The plan of a replay: everything that says what is replayed and how, as plain data. It is made once, from flags, configuration
 * file and scenario, travels to the threads as it is, and stands in result.json, from where `ctreplay replay --plan` takes it again.
 *
 * What is not given has its default from here; what does not apply is null.
 */
import { z } from 'zod';
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import {
  DEFAULT_CONN_LIMIT,
  DEFAULT_MUTEX,
  DEFAULT_TOUCH_AHEAD,
  MUTEX_POLICIES,
  TOUCH_AHEAD_SETTINGS,
} from '../../engine/host/run-memory.js';
import { CHECKSUM_HANDLINGS } from '../config/checksum-handling.js';
import { configSchema } from '../config/schema.js';
import { STEER_MODES } from './steer.js';
import { shortenedReason } from '../text/escape.js';

const positive = z.number().positive();

const pacing = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('topspeed') }),
  z.strictObject({ mode: z.literal('pps'), pps: positive }),
  z.strictObject({ mode: z.literal('mbps'), mbps: positive }),
  z.strictObject({ mode: z.literal('multiplier'), multiplier: positive }),
  z.strictObject({
    mode: z.literal('profile'),
    profile: z.strictObject({
      points: z
        .array(z.strictObject({ atMs: z.number().nonnegative(), pps: z.number().nonnegative() }))
        .min(1)
        .readonly(),
      shape: z.enum(['linear', 'step']),
    }),
  }),
]);

const latency = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('all') }),
  z.strictObject({ mode: z.literal('off') }),
  z.strictObject({ mode: z.literal('sample'), interval: z.int().positive() }),
]);

/** Which packets are timed: all, none, or those of one batch in so many. */
export type LatencyMode = Readonly<z.output<typeof latency>>;

/** How packets are paced. */
export type PacingRequest = Readonly<z.output<typeof pacing>>;

const input = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('capture'),
    files: z.array(z.string().min(1)).min(1).readonly(),
    keepTruncated: z.boolean().default(false),
    strict: z.boolean().default(false),
  }),
  z.strictObject({
    type: z.literal('scenario'),
    name: z.string().min(1),
    parameters: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).default({}),
  }),
]);

/** Which builds of the engine run: one, or both where there is a throughput to measure. */
export const BUILD_CHOICES = ['both', 'bare', 'probed'] as const;
export type BuildChoice = (typeof BUILD_CHOICES)[number];

/** Shortest interval of a timeline: that many a second can be looked at while it runs, and of more nothing would be known. */
export const LEAST_TIMELINE_MS = 1;

export const replayPlan = z.strictObject({
  /** Null where packets are handed in ready. */
  input: input.nullable().default(null),
  /** Packets to stop reading after. */
  limit: z.int().positive().nullable().default(null),
  filter: z.string().nullable().default(null),
  srcipmap: z.string().nullable().default(null),
  dstipmap: z.string().nullable().default(null),
  /** Bytes kept of each frame. */
  snaplen: z.int().positive().nullable().default(null),
  /** Longest pause between two packets. */
  maxGapMs: positive.nullable().default(null),
  checksums: z.enum(CHECKSUM_HANDLINGS).default('verify'),
  /** Size of the packet store, MiB; null = what memory and connection table allow. */
  store: z.int().positive().nullable().default(null),
  /** Names, each perhaps with a preset behind @. */
  designs: z.array(z.string().min(1)).min(1).readonly().default(DEFAULT_DESIGNS),
  /**
   * `both`: at top speed, throughput comes from a run of its own, of the bare build and without clocks. At a given rate there is
   * nothing to measure by it, and there is one run, of the probed build.
   */
  build: z.enum(BUILD_CHOICES).default('both'),
  workers: z.int().min(1).max(64).default(1),
  pacing: pacing.default({ mode: 'topspeed' }),
  /** Packets that leave together; 1 = each on its own. */
  burst: z.int().positive().default(1),
  /** Null = until `durationMs`, or until it is stopped. */
  loops: z.int().positive().nullable().default(1),
  durationMs: positive.nullable().default(null),
  /** Loops that share their addresses; null = every loop has the same, so that it meets the connections of those before. */
  uniqueIpLoops: z.int().positive().nullable().default(1),
  batch: z.int().min(1).max(32).default(32),
  steer: z.enum(STEER_MODES).default('rss'),
  clock: z.enum(['wall', 'capture']).default('wall'),
  /** How much faster the tracker ages connections on the wall clock. */
  timeScale: positive.default(1),
  mutex: z.enum(MUTEX_POLICIES).default(DEFAULT_MUTEX),
  touchAhead: z.enum(TOUCH_AHEAD_SETTINGS).default(DEFAULT_TOUCH_AHEAD),
  latency: latency.default({ mode: 'all' }),
  /** Per worker, run unrecorded before the start. */
  warmupPackets: z.int().nonnegative().default(20_000),
  timelineMs: z.number().min(LEAST_TIMELINE_MS).default(100),
  pin: z.boolean().default(false),
  seed: z.int().min(0).max(0xffff_ffff).default(1),
  /** Limits, policies, rules and settings of the tracker, those of flags included, and the file that they are from. */
  config: z
    .strictObject({ file: z.string().nullable(), entries: configSchema })
    .default({ file: null, entries: {} }),
  /** Search of the highest rate that holds an objective, in steps of so long. */
  search: z
    .strictObject({ objective: z.string().min(1), stepMs: positive })
    .nullable()
    .default(null),
});

/** A plan, complete. */
export type ReplayPlan = Readonly<z.output<typeof replayPlan>>;
/** A plan as given: what is absent has its default. */
export type PlanRequest = Readonly<z.input<typeof replayPlan>>;

/** A plan that cannot be followed: a usage error. */
export class PlanError extends Error {
  override name = 'PlanError';
  /** Exit code of the command line. */
  readonly exitCode = 2;
}

/**
 * Checks a plan and fills the defaults in.
 * @param source where it comes from, for the message
 * @throws PlanError naming source, field and what is allowed
 */
export function makePlan(request: unknown, source = 'the plan'): ReplayPlan {
  const checked = replayPlan.safeParse(request);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const path = (issue?.path ?? []).map(String).join('.');
  throw new PlanError(
    `${source}: ${shortenedReason(`${path === '' ? '' : `${path}: `}${issue?.message ?? 'is no plan'}`)}`,
  );
}

/** The defaults, for the help of options. */
export const DEFAULT_PLAN = makePlan({});

/** `all`, `off`, or `sample=N` for one batch in N; null for anything else. */
export function parseLatency(text: string): LatencyMode | null {
  if (text === 'all' || text === 'off') return { mode: text };
  const interval = Number(/^sample=(\d+)$/.exec(text)?.[1] ?? 0);
  return interval >= 1 ? { mode: 'sample', interval } : null;
}

/** Connections in the table at most. */
export function connLimitOf({ config }: Pick<ReplayPlan, 'config'>): number {
  return config.entries.maxConns ?? DEFAULT_CONN_LIMIT;
}

/** Build of the run that everything but throughput comes from. */
export function flavourOf({ build }: Pick<ReplayPlan, 'build'>): 'bare' | 'probed' {
  return build === 'bare' ? 'bare' : 'probed';
}
