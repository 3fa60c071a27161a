/** The result of `ctreplay micro`: format, version and meaning of every figure. */
import { z } from 'zod';
import { count, nanoseconds, share } from '../result/schema/primitives.js';
import { environment } from '../result/schema/environment.js';

export const MICRO_FORMAT = 'ctreplay-micro';
export const MICRO_VERSION = 1;

const microMeasurement = z.object({
  name: z.string().describe('group/name, with @design where the design makes a difference.'),
  what: z.string().describe('What one operation is.'),
  design: z.string().nullable(),
  operationsPerSample: count,
  samples: count,
  nsPerOperation: nanoseconds
    .nullable()
    .describe('Median over the samples, less the loop alone; null when the loop alone takes as long.'),
  lowNs: nanoseconds
    .nullable()
    .describe('95 % interval of nsPerOperation; null with fewer than six samples.'),
  highNs: nanoseconds.nullable(),
  leastNs: nanoseconds
    .nullable()
    .describe(
      'The shortest sample, less the shortest of the loop alone: what the code takes when the machine leaves it alone. For comparing processes.',
    ),
  p99Ns: nanoseconds.describe(
    '99th percentile over the samples: of means of many operations, not of single ones.',
  ),
  loopNs: nanoseconds
    .nullable()
    .describe('The loop without the operation, subtracted; null where there is none.'),
  successShare: share.describe(
    'Operations that did what they should; less than 1 only where failing is part of it.',
  ),
});
export type MicroMeasurement = z.infer<typeof microMeasurement>;

export const microResult = z.object({
  format: z.literal(MICRO_FORMAT),
  version: z.literal(MICRO_VERSION),
  tool: z.object({ name: z.literal('ctreplay'), version: z.string(), commit: z.string().nullish() }),
  createdAt: z.iso.datetime(),
  environment,
  timeMs: z.number().positive().describe('Sampling time of each benchmark.'),
  seed: z.int().nonnegative(),
  results: z.array(microMeasurement).min(1),
});
export type MicroResult = z.infer<typeof microResult>;
