/** What `ctreplay advise` made of a result: the design for this traffic, and what it was chosen by. */
import { z } from 'zod';
import { count, share } from './primitives.js';

/** The figures that designs are chosen by, in the order in which they decide unless one is put first. */
export const CRITERION_NAMES = ['outcome', 'throughput', 'tail', 'lag', 'cpu', 'memory'] as const;
const criterionName = z.enum(CRITERION_NAMES);
export type CriterionName = z.infer<typeof criterionName>;

/**
 * What the evidence tells of a figure of two designs. `better`, `worse`: by more than the criterion's margin, all of the interval.
 * `little-better`, `little-worse`: a difference, and within the margin or not known to be beyond it. `same`: no difference shown, and no large
 * loss possible. `open`: no difference shown, and the interval reaches to a large loss. `unknown`: nothing could be compared.
 */
const SHOWN = ['better', 'worse', 'little-better', 'little-worse', 'same', 'open', 'unknown'] as const;
export const shown = z.enum(SHOWN);
export type Shown = z.infer<typeof shown>;

const adviceFigure = z
  .object({
    criterion: criterionName,
    value: z.number().nullish().describe('In the unit of the metric; of outcome, the share turned away.'),
    low: z.number().nullish().describe('Interval of the value.'),
    high: z.number().nullish(),
    shown: shown.describe('Against the design in use; of that design itself `same`.'),
    ratio: z.number().nullish().describe('Over that of the design in use.'),
    ratioLow: z.number().nullish(),
    ratioHigh: z.number().nullish(),
    note: z.string().nullish().describe('Why nothing can be shown.'),
  })
  .meta({ id: 'adviceFigure' });
export type AdviceFigure = z.infer<typeof adviceFigure>;

const adviceRow = z
  .object({
    design: z.string(),
    standing: z
      .enum(['advised', 'in use', 'better', 'worse', 'not distinguished'])
      .describe('By the rule, against the design in use. `advised`: also where that is the design in use.'),
    figures: z.array(adviceFigure),
  })
  .meta({ id: 'adviceRow' });
export type AdviceRow = z.infer<typeof adviceRow>;

export const advice = z
  .object({
    chosen: z.string().describe('Design.'),
    current: z.string().describe('The design in use: kept unless another is shown to be better.'),
    order: z.array(criterionName).describe('Criteria, the first that tells decides.'),
    decidedBy: criterionName
      .nullish()
      .describe(
        'The first criterion that shown the advised design from the one in use; null where it stays.',
      ),
    metrics: z
      .partialRecord(criterionName, z.string())
      .describe('The metric behind each criterion, as in `cells` and `comparisons`.'),
    rows: z.array(adviceRow),
    sentences: z.array(z.string()),
    compared: count.describe('Comparisons that Holm’s correction is over.'),
    confidence: share.nullish(),
    sessions: count.nullish(),
  })
  .meta({ id: 'advice' });
export type Advice = z.infer<typeof advice>;
