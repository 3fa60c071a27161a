/** What a matrix adds to its cases: a summary per cell, comparisons between cells, and the scaling fit. */
import { z } from 'zod';
import { build } from './case.js';
import { count, estimate, rate, share } from './primitives.js';

/** Whether a larger or a smaller value of the metric is the better one. */
export const direction = z.enum(['higher-is-better', 'lower-is-better']);
export type Direction = z.infer<typeof direction>;

/** Where a figure comes from, so that it can be quoted alone. */
const origin = {
  build: z.enum(['bare', 'probed']).nullish().describe('Build of the engine; null where two are compared.'),
  measuredAt: z.iso.datetime().nullish().describe('Start of the first trial.'),
  commit: z.string().nullish().describe('Git commit of the tool that measured.'),
};

/** One metric of one cell over all its trials. */
export const cellSummary = z
  .object({
    id: z.string().describe('The id of the cases it summarises.'),
    metric: z.string().describe('For example pps, service.p99Ns, locks.ct_lock.waitTotalNs.'),
    unit: z.string().nullish().describe('pps, ns, 1, …'),
    direction: direction.nullish(),
    n: count.describe('Trials, over all sessions.'),
    sessions: count
      .nullish()
      .describe(
        'Fresh processes that the trials ran in. With 1, the interval holds within that session only.',
      ),
    sessionMedians: z.array(z.number()).nullish().describe('Median of the trials of each session.'),
    values: z.array(z.number()).nullish().describe('One per trial, in trial order, outliers kept.'),
    median: z
      .number()
      .nullish()
      .describe('Of the trials of one session; over several, the (geometric) mean of their medians.'),
    low: z.number().nullish(),
    high: z.number().nullish(),
    confidence: share
      .nullish()
      .describe(
        'What the interval low..high covers, for example 0.95. Fewer than six trials of one session cannot give 0.95: it is then what their range covers, 0.75 for three.',
      ),
    cv: z.number().nonnegative().nullish().describe('Coefficient of variation.'),
    outliers: count.nullish(),
    ...origin,
  })
  .meta({ id: 'cellSummary' });
export type CellSummary = z.infer<typeof cellSummary>;

/** head against base, one metric. */
export const comparison = z
  .object({
    base: z.string().describe('Case id.'),
    head: z.string().describe('Case id.'),
    metric: z.string(),
    unit: z.string().nullish(),
    direction: direction.nullish(),
    baseMedian: z.number().nullish(),
    headMedian: z.number().nullish(),
    ratio: z.number().nonnegative().nullish().describe('head / base.'),
    low: z.number().nonnegative().nullish().describe('Interval of the ratio.'),
    high: z.number().nonnegative().nullish(),
    confidence: share.nullish(),
    pValue: share
      .nullish()
      .describe('Of the signed-rank test within one session, of the t test over the medians of several.'),
    adjustedP: share
      .nullish()
      .describe('After Holm’s correction over the matrix; what `significant` is decided by.'),
    alpha: share.nullish().describe('The significance level that the text was decided at.'),
    n: count.nullish().describe('Trials on each side, over all sessions.'),
    sessions: count
      .nullish()
      .describe(
        'Fresh processes that the trials ran in. With 1, the finding holds within that session only.',
      ),
    sessionRatios: z
      .array(z.number().nonnegative())
      .nullish()
      .describe('Median of head / base within each session.'),
    note: z
      .string()
      .nullish()
      .describe('Why no more can be said, for example of a tail that is the machine’s.'),
    significant: z.boolean().nullish(),
    control: z.boolean().nullish().describe('True for A/A: a difference here is noise.'),
    kind: z
      .enum(['designs', 'control', 'probes'])
      .nullish()
      .describe('What is compared; Holm’s correction is over all of a kind. probes: what measuring costs.'),
    test: z.enum(['wilcoxon-signed-rank', 'session-t']).nullish(),
    text: z.string().describe('As benchstat writes it: -17.20% or ~.'),
    ...origin,
  })
  .meta({ id: 'comparison' });
export type Comparison = z.infer<typeof comparison>;

/** How head stands to base in one metric over all groups of a matrix. */
export const geomean = z
  .object({
    base: z.string().describe('Design.'),
    head: z.string().describe('Design.'),
    metric: z.string(),
    ratio: z.number().positive().describe('Geometric mean of head / base over the groups.'),
    low: z.number().positive().nullish(),
    high: z.number().positive().nullish(),
    confidence: share.nullish(),
    groups: count,
    sessions: count.nullish().describe('With 1, the interval holds within that session only.'),
    text: z.string(),
  })
  .meta({ id: 'geomean' });

const scalingPoint = z.object({
  workers: z.int().positive(),
  pps: rate.nullish(),
  low: rate.nullish(),
  high: rate.nullish(),
  confidence: share.nullish().describe('What low..high covers.'),
  n: count.nullish().describe('Trials, over all sessions; absent for a prediction.'),
  sessions: count.nullish().describe('With 1, the interval holds within that session only.'),
  lockWaitShare: share.nullish(),
  measured: z.boolean().describe('False for a point that the model or the fit predicts.'),
  oversubscribed: z.boolean().nullish().describe('More workers than cores online.'),
});
export type ScalingPoint = z.infer<typeof scalingPoint>;

/** Universal Scalability Law: X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1)). */
export const scaling = z
  .object({
    design: z.string(),
    input: z.string().describe('Input name.'),
    build: build
      .nullish()
      .describe('Build that throughput was measured with. Absent in older results: that of the cases.'),
    timed: z.boolean().nullish().describe('Whether packets were timed meanwhile.'),
    points: z.array(scalingPoint),
    fit: z
      .object({
        lambdaPps: estimate.nullish().describe('Throughput of one worker.'),
        sigma: estimate.nullish().describe('Contention.'),
        kappa: estimate.nullish().describe('Coherency.'),
        peakWorkers: estimate.nullish().describe('Null where its interval has no end.'),
        peakPps: estimate.nullish(),
        r2: z.number().nullish().describe('Null where there are no more points than parameters.'),
        confidence: share.nullish(),
        sessions: count.nullish().describe('With 1, the intervals hold within one session only.'),
      })
      .nullish(),
  })
  .meta({ id: 'scaling' });
export type Scaling = z.infer<typeof scaling>;

/** A search for the highest rate that holds an objective (--find-max-pps). */
export const rateSearch = z
  .object({
    design: z.string(),
    objective: z.string().describe('As given, for example p99<50us,loss=0.'),
    build: build.nullish().describe('Build that the rates were held with. Absent in older results: probed.'),
    timed: z
      .boolean()
      .nullish()
      .describe('Whether packets were timed at these rates. Absent in older results: yes.'),
    bestPps: rate.nullish().describe('Highest rate that held; null when none did.'),
    steps: z.array(
      z.object({
        pps: rate,
        held: z.boolean(),
        caseId: z.string().describe('The case that was measured at this rate.'),
      }),
    ),
  })
  .meta({ id: 'rateSearch' });
export type RateSearch = z.infer<typeof rateSearch>;
