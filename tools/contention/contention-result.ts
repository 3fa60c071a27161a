/** The result of `ctreplay contention`: format, version and meaning of every figure. */
import { z } from 'zod';
import { count } from '../result/schema/primitives.js';
import { mutex, touchAhead } from '../result/schema/case.js';
import { environment } from '../result/schema/environment.js';

export const CONTENTION_FORMAT = 'ctreplay-contention';
export const CONTENTION_VERSION = 1;

/** A figure over the rounds in which it was measured. */
const spread = z
  .object({
    median: z.number(),
    min: z.number(),
    max: z.number(),
    values: z.array(z.number()).min(1).describe('One a round, in the order of the rounds.'),
  })
  .meta({ id: 'spread' });
export type Spread = z.infer<typeof spread>;

const contentionRow = z.object({
  workload: z.string(),
  threads: count,
  design: z.string(),
  packets: count.describe('Of all threads in one run.'),
  pps: spread.describe('Packets a second, all threads together; bare build, untimed.'),
  ctLockPerPacket: spread.describe('Acquisitions of ct_lock a packet, the sweeper included.'),
  contendedShare: spread
    .nullable()
    .describe('Share of these that found the lock taken; null when it was never taken.'),
  waitMeanNs: spread.nullable().describe('Of a contended wait; null when none was contended.'),
  waitP50Ns: spread.nullable(),
  waitP99Ns: spread.nullable(),
  sleepsPerContended: spread.nullable().describe('Futex waits a contended acquisition.'),
  meanHoldPerCleanedNs: spread
    .nullable()
    .describe(
      'All holds of ct_lock by the sweeper over all connections cleaned; estimated where holds were sampled. Null as the next one.',
    ),
  longestHoldPerCleanedNs: spread
    .nullable()
    .describe(
      "The sweeper's longest timed hold of ct_lock over the connections cleaned in it; null when nothing was cleaned.",
    ),
});
export type ContentionRow = z.infer<typeof contentionRow>;

const throughputRatio = z.object({
  workload: z.string(),
  threads: count,
  design: z.string(),
  against: z.string(),
  ratio: spread.describe('Throughput of design over that of against, each round by itself.'),
});
export type ThroughputRatio = z.infer<typeof throughputRatio>;

const sweepRow = z.object({
  design: z.string(),
  operation: z
    .enum(['cleaned', 'looked-at', 'flushed'])
    .describe('cleaned: every connection had expired; looked-at: none had; flushed: all removed at once.'),
  connections: count,
  bareNs: spread.describe('Nanoseconds a connection, all passes over the table together.'),
  probedNs: spread,
  probedOverBare: spread.describe('Each round by itself.'),
});
export type SweepRow = z.infer<typeof sweepRow>;

export const contentionResult = z.object({
  format: z.literal(CONTENTION_FORMAT),
  version: z.literal(CONTENTION_VERSION),
  tool: z.object({ name: z.literal('ctreplay'), version: z.string(), commit: z.string().nullish() }),
  createdAt: z.iso.datetime(),
  commandLine: z.array(z.string()),
  environment,
  rounds: z.int().positive(),
  timeScale: z
    .number()
    .positive()
    .describe('How much faster connections aged in the runs that the sweeper’s holds are from.'),
  mutex: mutex.describe('How waiters of a lock spun.'),
  touchAhead: touchAhead.describe(
    'Whether batches touched ahead what their packets needed, which the original does not.',
  ),
  seed: z.int().nonnegative(),
  valid: z.boolean().describe('Whether every run passed its own checks.'),
  failedChecks: z.array(z.string()),
  rows: z.array(contentionRow),
  ratios: z.array(throughputRatio),
  sweeps: z.array(sweepRow),
});
export type ContentionResult = z.infer<typeof contentionResult>;
