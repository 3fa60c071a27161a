/**
 * The small pieces every part of the result format is made of.
 *
 * Two rules run through the whole format. A figure that was not measured is `null` or absent, never 0.
 * A name ends in its unit (`Ns`, `Ms`, `Bytes`, `Pps`); a name without one is a count or a ratio.
 */
import { z } from 'zod';

/** Nanoseconds; fractions are allowed because means and sampled estimates have them. */
export const nanoseconds = z.number().nonnegative();
/** Milliseconds since the start of the recorded part of the run. */
export const milliseconds = z.number().nonnegative();
/** A whole number of things. */
export const count = z.int().nonnegative();
/** A share between 0 and 1. */
export const share = z.number().min(0).max(1);
/** A non-negative rate, per second. */
export const rate = z.number().nonnegative();

/**
 * A histogram in the HdrHistogram V2 compressed encoding, base64 (it starts with `HISTFAAA`).
 * Its values have the unit of the distribution it belongs to.
 */
export const encodedHistogram = z
  .string()
  .regex(/^HISTFAAA[A-Za-z0-9+/]*={0,2}$/, 'is not a base64 HdrHistogram V2 compressed histogram');

/** Figures drawn from one histogram of times. Absent percentiles were not computed. */
export const latencyDistribution = z
  .object({
    count,
    minNs: nanoseconds.nullish(),
    meanNs: nanoseconds.nullish(),
    stddevNs: nanoseconds.nullish(),
    p50Ns: nanoseconds.nullish(),
    p75Ns: nanoseconds.nullish(),
    p90Ns: nanoseconds.nullish(),
    p99Ns: nanoseconds.nullish(),
    p999Ns: nanoseconds.nullish(),
    p9999Ns: nanoseconds.nullish(),
    maxNs: nanoseconds.nullish(),
    stepNs: nanoseconds
      .nullish()
      .describe(
        'Step of the clock that gave the values; percentiles are interpolated inside it. Absent: they are the upper end of a histogram bin.',
      ),
    interruptedShare: share
      .nullish()
      .describe(
        'Interruptions of the workers by the machine, per value. A percentile q (0 to 1) says more of the machine than of the tracker unless this is below (1 - q) / 2, and reports print ~ for it.',
      ),
    encoded: encodedHistogram.nullish().describe('Values in nanoseconds.'),
  })
  .meta({ id: 'latencyDistribution' });
export type LatencyDistribution = z.infer<typeof latencyDistribution>;

/** Figures drawn from one histogram of counts (for example NAT candidates tried). */
export const countDistribution = z
  .object({
    count,
    min: z.number().nonnegative().nullish(),
    mean: z.number().nonnegative().nullish(),
    stddev: z.number().nonnegative().nullish(),
    p50: z.number().nonnegative().nullish(),
    p90: z.number().nonnegative().nullish(),
    p99: z.number().nonnegative().nullish(),
    p999: z.number().nonnegative().nullish(),
    p9999: z.number().nonnegative().nullish(),
    max: z.number().nonnegative().nullish(),
    encoded: encodedHistogram.nullish().describe('Values are counts.'),
  })
  .meta({ id: 'countDistribution' });
export type CountDistribution = z.infer<typeof countDistribution>;

/** An estimate with its interval; `low` and `high` are null where none could be computed. */
export const estimate = z
  .object({
    value: z.number(),
    low: z.number().nullish(),
    high: z.number().nullish(),
  })
  .meta({ id: 'estimate' });
export type Estimate = z.infer<typeof estimate>;

/** One of the closed list of warnings, with what to do about it. */
export const warning = z
  .object({
    code: z
      .string()
      .describe('Stable identifier, kebab-case: timer-coarse, rate-not-reached, cpu-starved, …'),
    text: z.string().describe('What is wrong, with the figure.'),
    advice: z.string().nullish().describe('What to do about it.'),
  })
  .meta({ id: 'warning' });
export type Warning = z.infer<typeof warning>;

/** One check that the run made on itself. */
export const auditCheck = z
  .object({
    name: z.string(),
    ok: z.boolean(),
    expected: z.union([z.number(), z.string()]).nullish(),
    actual: z.union([z.number(), z.string()]).nullish(),
    advice: z.string().nullish(),
  })
  .meta({ id: 'auditCheck' });
export type AuditCheck = z.infer<typeof auditCheck>;
