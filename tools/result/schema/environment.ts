/** Where and with what a result was measured. */
import { z } from 'zod';
import { count, nanoseconds, rate, share } from './primitives.js';

/** The clock that timed the packets: what one read costs, and in which steps it moves. */
export const clockFigures = z.object({
  source: z.string().nullish().describe('For example performance.now.'),
  costNs: nanoseconds
    .nullish()
    .describe(
      'One undisturbed read: a low quantile, and no more than the shortest time recorded around anything.',
    ),
  stepNs: nanoseconds.nullish().describe('Distance of the readings that the clock can give.'),
});
export type ClockFigures = z.infer<typeof clockFigures>;

/** How much the machine itself disturbs a thread that only computes. */
const noiseFigures = z.object({
  probeMs: z.number().nonnegative().nullish().describe('How long the noise probe ran.'),
  cv: z.number().nonnegative().nullish().describe('Coefficient of variation of equal pieces of work.'),
  p50Ns: nanoseconds.nullish().describe('Interruption length, median.'),
  p99Ns: nanoseconds.nullish(),
  maxNs: nanoseconds.nullish(),
  interruptionsPerSecond: rate.nullish(),
  lostShare: share.nullish().describe('Share of the probe spent interrupted.'),
});

/** A bare clock loop on a worker's thread before and after its packets. */
export const clockLoopFigures = z.object({
  probeMs: z.number().nonnegative(),
  gaps: count.describe(
    'Times between two looks at the clock that were longer by a microsecond than the pause between them.',
  ),
  p50Ns: nanoseconds.nullish().describe('Length of these gaps, median.'),
  p99Ns: nanoseconds.nullish(),
  maxNs: nanoseconds.nullish(),
  lostShare: share.describe('Share of the loop spent in gaps.'),
  pauseNs: nanoseconds
    .nullish()
    .describe(
      'Pause between two looks. Absent in older results, whose loops did not pause and took the collection of their own garbage for gaps: these count more of them.',
    ),
});
export type ClockLoopFigures = z.infer<typeof clockLoopFigures>;

export const environment = z
  .object({
    machineId: z
      .string()
      .nullish()
      .describe('Fingerprint of the machine; absolute times are compared only where it is equal.'),
    cpuModel: z.string().nullish(),
    coresOnline: count.nullish(),
    coresUsable: count
      .nullish()
      .describe(
        'Threads that can run at the same time: the least of the cores online, those that the process may use, and the control group’s share of CPU time.',
      ),
    architecture: z.string().nullish(),
    os: z.string().nullish(),
    kernel: z.string().nullish(),
    governor: z.string().nullish().describe('CPU frequency governor, null where the kernel shows none.'),
    memoryBytes: count.nullish(),
    node: z.string().describe('Node.js version, for example v20.20.2.'),
    v8: z.string().nullish(),
    clock: clockFigures,
    noise: noiseFigures.nullish(),
    stealShare: share.nullish().describe('Share of CPU time taken by the hypervisor during the run.'),
    loadAverage1m: z.number().nonnegative().nullish().describe('Load average over one minute at the start.'),
    pinned: z.boolean().nullish().describe('Whether each thread was pinned to a CPU.'),
  })
  .meta({ id: 'environment' });
export type Environment = z.infer<typeof environment>;
