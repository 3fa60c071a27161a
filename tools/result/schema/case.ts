/** One case: one design replaying one input in one configuration, once. */
import { z } from 'zod';
import {
  contention,
  expiry,
  memory,
  nat,
  sweep,
  sweeperFigures,
  timelineInterval,
} from './engine-figures.js';
import { clockFigures, clockLoopFigures } from './environment.js';
import { auditCheck, count, latencyDistribution, nanoseconds, rate, share, warning } from './primitives.js';

/** The packet classes whose latency is kept apart. A packet may be in several (an established NAT packet). */
const PACKET_CLASSES = ['new', 'established', 'reply', 'related', 'invalid', 'nat', 'alg'] as const;
const packetClass = z.enum(PACKET_CLASSES);
export type PacketClass = z.infer<typeof packetClass>;

const inputFile = z.object({
  path: z.string().describe('As given on the command line.'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex')
    .nullish()
    .describe('Of the bytes that were read; null for a pipe that was not read to its end.'),
  packets: count
    .nullish()
    .describe('Packets read from it, before filters; fewer than it holds where a limit ended the reading.'),
  bytes: count.nullish().describe('Size of the file; null for a pipe that was not read to its end.'),
  notes: z
    .array(z.string())
    .nullish()
    .describe('What was odd about the file and how it was read all the same; absent when nothing was.'),
});
export type InputFile = z.infer<typeof inputFile>;

/** What else than the tracker decided how fast packets were replayed. */
export const bound = z.enum(['source']);

export const input = z
  .object({
    type: z.enum(['capture', 'scenario']),
    name: z.string().describe('Scenario name, or the capture files joined for people to read.'),
    files: z.array(inputFile).nullish(),
    packets: count.nullish().describe('Packets in one loop.'),
    bytes: count.nullish().describe('Frame bytes in one loop.'),
    parameters: z.record(z.string(), z.json()).nullish(),
    edits: z
      .record(z.string(), z.json())
      .nullish()
      .describe(
        'What was changed in the traffic or left out of it: filter, address maps, snap length, longest gap, checksums, limit. Empty: nothing. Absent in older results.',
      ),
    streamed: z
      .object({
        storeBytes: count.describe('Size of the rings through which packets were fed, all workers together.'),
        waits: count.describe('Times that a worker found no packet although one was due.'),
        waitNs: nanoseconds.describe('Length of these waits, all workers together.'),
      })
      .nullish()
      .describe('Only when the input was larger than the packet store and was read while it was replayed.'),
  })
  .meta({ id: 'input' });
export type Input = z.infer<typeof input>;

export const pacing = z
  .object({
    mode: z.enum(['topspeed', 'pps', 'mbps', 'multiplier']),
    targetPps: rate
      .nullish()
      .describe(
        'Packets per second asked for; where the rate changes, what was due by the end of the run over its time.',
      ),
    plannedNs: nanoseconds
      .nullish()
      .describe(
        'Time that the schedule gave the run: its length less the worst arrears of a worker at its end.',
      ),
    targetMbps: rate.nullish(),
    multiplier: z.number().positive().nullish().describe('Of the capture time, mode multiplier only.'),
    achievedPps: rate.nullish(),
    onEnginePps: rate
      .nullish()
      .describe(
        'Packets per second of time inside the engine, workers added up: the throughput with the harness and waiting taken out.',
      ),
    achievedMbps: rate
      .nullish()
      .describe(
        'From the packets that were sent; null where streamed packets were stopped inside a loop and it is not known.',
      ),
    departureError: latencyDistribution.nullish().describe('How late packets left, against t0 + i/rate.'),
    departureErrorSettled: latencyDistribution
      .nullish()
      .describe('The same, of packets due later than 100 ms after t0.'),
  })
  .meta({ id: 'pacing' });

/** Builds of the engine that results come from. */
const BUILDS = ['bare', 'probed'] as const;
export const build = z.enum(BUILDS);
export type Build = z.infer<typeof build>;

/** Mutexes of the engine: how waiters of a lock spin before they sleep. */
export const mutex = z.enum(['glibc', 'backoff']);

/** Settings of touching ahead: whether a batch loads what its packets will need before the first of them is run. */
export const touchAhead = z.enum(['auto', 'on', 'off']);

/** What got through, from the run that shows it best: at top speed one of its own, without probes and without clocks. */
export const throughput = z
  .object({
    build: build.describe(
      'Build of the run that it comes from. With `probed`, the cost of the probes is in it.',
    ),
    timed: z.boolean().describe('Whether packets were timed in that run. If so, clock reads are in it.'),
    pps: rate.nullish(),
    mbps: rate.nullish(),
    onEnginePps: rate
      .nullish()
      .describe('Packets per second of time inside the engine in that run, workers added up.'),
    packets: count.describe('Packets injected in that run.'),
    elapsedNs: nanoseconds.describe('Length of that run.'),
    workerNsPerPacket: nanoseconds
      .nullish()
      .describe(
        'Time of the workers per packet, all workers together, without that in which they had no CPU.',
      ),
    harnessShare: share.nullish().describe('Share of the workers’ time in that run that was the harness.'),
    cpuWaitShare: share.nullish().describe('Share of the workers’ time spent runnable without a CPU.'),
    sourceWaits: count.nullish().describe('Of streamed input: times that a worker found no packet.'),
    touchedBatchShare: share.nullish().describe('Share of the batches of that run that touched ahead.'),
    partial: z.boolean().nullish().describe('True when that run was cut short.'),
  })
  .meta({ id: 'throughput' });
export type Throughput = z.infer<typeof throughput>;

/** What measuring cost this design in this run: it is in every figure of the case but `throughput`. */
export const probeCost = z
  .object({
    nsPerPacket: z
      .number()
      .describe(
        '`probedNsPerPacket` less `bareNsPerPacket`; noise can make it negative. Waits that probes cause are in it.',
      ),
    bareNsPerPacket: nanoseconds.describe('Workers’ time per packet without probes and clocks.'),
    probedNsPerPacket: nanoseconds.describe('Workers’ time per packet as the other figures were measured.'),
    clockNsPerPacket: nanoseconds
      .nullish()
      .describe(
        'The part of it that clock reads make: reads per packet times what one costs. 0 when nothing was timed.',
      ),
  })
  .meta({ id: 'probeCost' });
export type ProbeCost = z.infer<typeof probeCost>;

export const packetCounts = z
  .object({
    injected: count,
    verdicts: z.record(z.string(), count).describe('By ct_state text, for example "est|rpl|trk".'),
    byClass: z
      .partialRecord(packetClass, count)
      .nullish()
      .describe(
        'Packets that were timed one by one, by class: all with `--latency all`, those of the sampled batches with `sample`, null with `off`.',
      ),
    imbalance: z
      .number()
      .min(1)
      .nullish()
      .describe('Packets of the busiest worker over the mean of all workers; 1 is even.'),
    rejectedByReason: z.record(z.string(), count).nullish().describe('Why packets were invalid.'),
    verdictHash: z
      .string()
      .nullish()
      .describe('Hash over every verdict in order; equal runs have equal hashes.'),
  })
  .meta({ id: 'packetCounts' });

export const workerFigures = z
  .object({
    worker: count,
    packets: count,
    elapsedNs: nanoseconds,
    runNs: nanoseconds.nullish().describe('On a CPU, from schedstat.'),
    waitNs: nanoseconds.nullish().describe('Runnable but waiting for a CPU, from schedstat.'),
    engineNs: nanoseconds
      .nullish()
      .describe(
        'In calls of the engine, from a clock read before and one after each batch, without the call itself.',
      ),
    harnessNs: nanoseconds
      .nullish()
      .describe(
        'Between packets: filling and resetting batches, the call, the quiescent point. engineNs + harnessNs + idleNs + sweepNs = elapsedNs.',
      ),
    idleNs: nanoseconds.nullish().describe('Waiting for due times or for the source.'),
    sweepNs: nanoseconds.nullish().describe('Sweeping in the worker itself.'),
    interruptionsPerSecond: rate
      .nullish()
      .describe(
        'Involuntary switches during the run, and gaps of the clock loop that were no such switches.',
      ),
    clockLoop: clockLoopFigures
      .nullish()
      .describe('A bare clock loop on this thread, before and after its packets.'),
    lockWaitNs: nanoseconds.nullish().describe('Waiting for locks, all classes.'),
    voluntarySwitches: count.nullish(),
    involuntarySwitches: count.nullish(),
    cpu: count.nullish().describe('The CPU it was pinned to, or last seen on.'),
    service: latencyDistribution.nullish(),
    response: latencyDistribution.nullish(),
  })
  .meta({ id: 'workerFigures' });
export type WorkerFigures = z.infer<typeof workerFigures>;

/** The tail that the machine makes alone; null where the loop was too short to tell. */
const clockLoopPercentiles = z.object({
  stretchNs: nanoseconds.describe('Length of a stretch without any interruption.'),
  p90Ns: nanoseconds.nullish(),
  p99Ns: nanoseconds.nullish(),
  p999Ns: nanoseconds.nullish(),
  p9999Ns: nanoseconds.nullish(),
});
export type ClockLoopPercentiles = z.infer<typeof clockLoopPercentiles>;

/** One kind of time (service or response), whole and cut up. */
export const latencyView = z
  .object({
    overall: latencyDistribution,
    perClass: z.partialRecord(packetClass, latencyDistribution).nullish(),
    duringSweep: latencyDistribution.nullish().describe('Packets that overlapped a sweep.'),
    outsideSweep: latencyDistribution.nullish(),
    clockLoop: clockLoopPercentiles
      .nullish()
      .describe(
        'What bare clock loops on the workers’ threads show over stretches as long as the median of overall.',
      ),
  })
  .meta({ id: 'latencyView' });
export type LatencyView = z.infer<typeof latencyView>;

/** Service: packet start to end. Response: due time to end, so a stall counts for every packet it delayed. */
export const latency = z
  .object({
    mode: z.enum(['off', 'all', 'sample']).nullish(),
    sampleInterval: count.nullish().describe('One packet in so many was timed, mode sample only.'),
    service: latencyView.nullish(),
    response: latencyView.nullish(),
  })
  .meta({ id: 'latency' });

export const connectionCounts = z
  .object({
    created: count.nullish(),
    expired: count.nullish().describe('Removed because their time was up.'),
    forced: count.nullish().describe('Removed for another reason: flush, re-use, ICMP, full table.'),
    remaining: count.nullish().describe('In the table at the end, expired or not.'),
    peak: count.nullish(),
    limit: count.nullish(),
  })
  .meta({ id: 'connectionCounts' });

/** Exact totals over `packets` packets in seeded single-thread mode; per packet is the quotient. */
export const workCounts = z
  .object({
    packets: count,
    locks: z.record(z.string(), count).describe('Acquisitions by lock class.'),
    listMoves: count.nullish(),
    hashProbes: count.nullish(),
    bytesCopied: count.nullish(),
    other: z.record(z.string(), count).nullish(),
  })
  .meta({ id: 'workCounts' });

export const resultCase = z
  .object({
    id: z
      .string()
      .min(1)
      .describe(
        'Names the cell: equal for every trial of it and stable from run to run, e.g. syn-flood/rculist-sweep/w2.',
      ),
    trial: count.describe('0 for the first; (id, trial) is unique in a result.'),
    session: count.nullish().describe('Which fresh process it ran in, from 0; absent: the only one.'),
    kind: z.enum(['replay', 'bench']),
    design: z.string().min(1),
    designOptions: z.record(z.string(), z.json()).nullish().describe('preset, sweepIntervalMs, …'),
    build: build.describe(
      'Build of the run that all figures come from but `throughput`, which names its own.',
    ),
    control: z.boolean().nullish().describe('True for the second half of an A/A control.'),
    startedAt: z.iso.datetime().nullish().describe('When its threads were let go: loading lies before.'),
    partial: z.boolean().nullish().describe('True when this case was cut short.'),
    input,
    workers: z.int().positive(),
    pacing,
    batch: z.int().positive(),
    steer: z.string(),
    clock: z.string().describe('wall, capture, or wall scaled.'),
    timeScale: z.number().positive().nullish(),
    mutex: mutex
      .nullish()
      .describe('How waiters of a lock spin. Absent in results from before there was a choice: `backoff`.'),
    touchAhead: touchAhead
      .nullish()
      .describe(
        'Whether batches touched ahead what their packets needed: while the table was large, always, or never. Absent in results from before there was a choice: `off`.',
      ),
    touchedBatchShare: share
      .nullish()
      .describe('Share of the batches that did, in the run that all figures come from but `throughput`.'),
    loops: count.nullish(),
    durationMs: z
      .number()
      .positive()
      .nullish()
      .describe('Time after which the run was to end, milliseconds.'),
    profile: z.string().nullish().describe('The rate over time of --profile, as in the name of the cell.'),
    burst: count.nullish().describe('Packets that left together; absent where each left on its own.'),
    configSha256: z
      .string()
      .nullish()
      .describe(
        'SHA-256 of the tracker’s configuration in force, keys in order; `none` without one. Absent in older results.',
      ),
    uniqueIpLoops: count
      .nullish()
      .describe(
        'Loops that share their addresses, 1 when each has its own; absent with one loop or --same-addresses.',
      ),
    repeatedTuples: z
      .boolean()
      .nullish()
      .describe(
        'True when packets were replayed again under the same addresses, so that they met the connections of the time before.',
      ),
    bound: bound
      .nullish()
      .describe(
        '`source` when streamed packets came too late, so that the rate is that of their source and says nothing of the design.',
      ),
    elapsedNs: nanoseconds,
    throughput: throughput
      .nullish()
      .describe(
        'Absent in results from before it was measured apart: then `pacing.achievedPps`, with what the build costs.',
      ),
    probeCost: probeCost.nullish().describe('Only where the case was run with and without.'),
    packets: packetCounts,
    perWorker: z.array(workerFigures).nullish(),
    latency: latency.nullish(),
    locks: z.array(contention).nullish(),
    connections: connectionCounts.nullish(),
    sweeps: z.array(sweep).nullish(),
    sweeper: sweeperFigures.nullish(),
    expiry: expiry.nullish(),
    memory: memory.nullish(),
    nat: nat.nullish(),
    workCounts: workCounts.nullish(),
    timeline: z.array(timelineInterval).nullish(),
    timer: clockFigures
      .nullish()
      .describe('The clock as the workers found it, on their own threads; what is taken off holds.'),
    harnessShare: share
      .nullish()
      .describe('Share of the workers’ time, waiting for due times left out, that was the harness.'),
    lockWaitShare: share.nullish().describe('Share of all workers’ time spent waiting for locks.'),
    cpuWaitShare: share.nullish().describe('Share of all workers’ time spent runnable without a CPU.'),
    audit: z.array(auditCheck),
    warnings: z.array(warning).nullish(),
  })
  .meta({ id: 'resultCase' });
export type ResultCase = z.infer<typeof resultCase>;
