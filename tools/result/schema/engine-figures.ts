/** What the engine's probes and its sweeper saw: locks, sweeps, expiration, memory, NAT, and the timeline. */
import { z } from 'zod';
import {
  count,
  countDistribution,
  encodedHistogram,
  latencyDistribution,
  milliseconds,
  nanoseconds,
  share,
} from './primitives.js';

/** Times of one lock, in lock_stat's sense: `minNs` is over non-zero times only. */
export const lockTimes = z
  .object({
    count: count.nullish().describe('Times recorded; below the number of events where they were sampled.'),
    minNs: nanoseconds.nullish(),
    avgNs: nanoseconds.nullish(),
    maxNs: nanoseconds.nullish(),
    totalNs: nanoseconds
      .nullish()
      .describe('Scaled up to all events where sampled; null where too few were to stand for the rest.'),
    totalErrorNs: nanoseconds
      .nullish()
      .describe(
        'Two standard errors of totalNs of one thread, from the spread of its sampled holds; 0 where every hold was timed.',
      ),
    encoded: encodedHistogram.nullish().describe('Values in nanoseconds.'),
    sampled: z.boolean().nullish(),
    sampleInterval: count.nullish().describe('One event in so many was timed.'),
    clockCostNs: nanoseconds
      .nullish()
      .describe(
        'What the clock cost in each timed hold; minNs, avgNs, maxNs and totalNs are without it, encoded is with it. Absent: they contain it.',
      ),
    winsorisedAt: share
      .nullish()
      .describe('Sampled values above this quantile count as long as the quantile, in avgNs and totalNs.'),
  })
  .meta({ id: 'lockTimes' });
export type LockTimes = z.infer<typeof lockTimes>;

export const contention = z
  .object({
    class: z.string().min(1).describe('Lock class: ct_lock, conn_lock, …'),
    thread: z
      .string()
      .regex(/^(all|sweeper|worker-\d+)$/, 'is not all, sweeper or worker-N')
      .describe('all, sweeper, or worker-N.'),
    acquisitions: count.nullish(),
    contended: count.nullish(),
    spins: count.nullish(),
    futexWaits: count.nullish(),
    wait: lockTimes.nullish(),
    hold: lockTimes.nullish(),
  })
  .meta({ id: 'contention' });
export type Contention = z.infer<typeof contention>;

export const sweep = z
  .object({
    startMs: milliseconds,
    durationNs: nanoseconds,
    checked: count.nullish(),
    cleaned: count.nullish(),
    longestHoldNs: nanoseconds.nullish(),
    wakeUpLagNs: nanoseconds.nullish().describe('From when it was due to when it ran.'),
  })
  .meta({ id: 'sweep' });
export type Sweep = z.infer<typeof sweep>;

/** What clean-up took of a CPU, over the whole run: of the sweeper's thread, or of the worker that sweeps by itself. */
export const sweeperFigures = z
  .object({
    passes: count.nullish().describe('All of them; `sweeps` has the first ten thousand.'),
    passNs: nanoseconds.describe('Time in passes, from the beginning to the end of each.'),
    runNs: nanoseconds
      .nullish()
      .describe(
        'Time that the sweeper’s thread was on a CPU, from schedstat: its passes, and what waking up takes. Null where a worker sweeps.',
      ),
    cpuShare: z
      .number()
      .nonnegative()
      .nullish()
      .describe(
        'Of one CPU: `passNs`, or `runNs` where that is less, over the length of the run. A pass that waited for a CPU counts as long as it ran.',
      ),
  })
  .meta({ id: 'sweeperFigures' });
export type SweeperFigures = z.infer<typeof sweeperFigures>;

const stalePoint = z.object({
  tMs: milliseconds,
  expiredPresent: count
    .nullish()
    .describe(
      'Connections past their expiry and still in the table; with more than 4096 slots in use, scaled up from a sample of them.',
    ),
  nConn: count.nullish().describe('Connections in the table, expired or not.'),
});

/** Expiration in one zone or under one timeout policy. */
export const expiryGroup = z
  .object({
    key: z.string().describe('The zone, the id of the timeout policy, or others: all beyond the fifteenth.'),
    removed: count.nullish(),
    lag: latencyDistribution.nullish(),
    expiredPresentMax: count.nullish(),
  })
  .meta({ id: 'expiryGroup' });
export type ExpiryGroup = z.infer<typeof expiryGroup>;

export const expiry = z
  .object({
    lag: latencyDistribution.nullish().describe('From expiry to removal, in conntrack time.'),
    staleTimeline: z.array(stalePoint).nullish(),
    perZone: z.array(expiryGroup).nullish(),
    perPolicy: z.array(expiryGroup).nullish(),
  })
  .meta({ id: 'expiry' });

const memoryPoint = z.object({
  tMs: milliseconds,
  slabInUse: count.nullish(),
  gracePending: count.nullish(),
});

export const memory = z
  .object({
    bytesPerConnection: z.number().nonnegative().nullish(),
    totalBytes: count.nullish(),
    slabCapacity: count.nullish(),
    slabInUse: count.nullish().describe('Slots taken at the end.'),
    gracePending: count.nullish().describe('Slots waiting for a grace period at the end.'),
    timeline: z.array(memoryPoint).nullish(),
  })
  .meta({ id: 'memory' });

const natOccupancyPoint = z.object({
  occupancy: share.describe(
    'Share of the pool in use when the allocations of this point were made. The pool’s size is the most connections seen at once in a run where allocations failed.',
  ),
  allocations: count.nullish(),
  failures: count.nullish(),
  meanCandidates: z.number().nonnegative().nullish(),
  p50Ns: nanoseconds
    .nullish()
    .describe('Service time of packets that allocated, to the width of a histogram bin.'),
  p99Ns: nanoseconds.nullish(),
  maxNs: nanoseconds.nullish(),
});
export type NatOccupancyPoint = z.infer<typeof natOccupancyPoint>;

export const nat = z
  .object({
    allocations: count.nullish(),
    failures: count.nullish().describe('Allocations that found no free tuple.'),
    candidates: countDistribution.nullish().describe('Tuples tried per allocation.'),
    byOccupancy: z.array(natOccupancyPoint).nullish(),
  })
  .meta({ id: 'nat' });
export type Nat = z.infer<typeof nat>;

/** One interval of the run. p50/p99/max are service time. */
export const timelineInterval = z
  .object({
    tMs: milliseconds.describe('Start of the interval.'),
    intervalMs: milliseconds,
    packets: count,
    p50Ns: nanoseconds.nullish(),
    p99Ns: nanoseconds.nullish(),
    maxNs: nanoseconds.nullish(),
    encoded: encodedHistogram
      .nullish()
      .describe(
        'Service time in this interval, or in the time up to its end that encodedMs says, nanoseconds.',
      ),
    encodedMs: milliseconds
      .nullish()
      .describe(
        'Time that encoded covers where that is more than the interval: a long run has 600 histograms.',
      ),
  })
  .meta({ id: 'timelineInterval' });
export type TimelineInterval = z.infer<typeof timelineInterval>;
