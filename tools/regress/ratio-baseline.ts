/** The committed ratios of level 2, and the figures that thresholds may name. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  MUTEX_POLICIES,
  TOUCH_AHEAD_SETTINGS,
  type MutexPolicy,
  type TouchAhead,
} from '../../engine/host/run-memory.js';
import { baselineValue, damagedBaseline, readBaselineText } from './baseline-file.js';
import type { Identity } from '../result/identity.js';
import type { CellFigures } from './thresholds.js';
import type { TimedRatio } from './timed-ratios.js';

const ratio = z.object({
  base: z.string(),
  head: z.string(),
  metric: z.string(),
  direction: z.enum(['higher-is-better', 'lower-is-better']),
  ratio: z.number().positive(),
  low: z.number().positive().nullable(),
  high: z.number().positive().nullable(),
  confidence: z.number().nullable(),
  n: z.int().nonnegative(),
  /** Median of head / base in each session; absent in baselines from before there were sessions. */
  sessionRatios: z.array(z.number().positive()).optional(),
});

const timedRatio = z.object({
  name: z.string(),
  kind: z.enum(['cost', 'share', 'tail', 'lag']),
  direction: z.enum(['higher-is-better', 'lower-is-better']),
  machineBound: z.boolean(),
  sessionValues: z.array(z.number().positive()).min(1),
});

const ratioFile = z.object({
  format: z.literal('ctreplay-ratio-baseline'),
  version: z.literal(1),
  machineId: z.string().nullable(),
  cpuModel: z.string().nullable(),
  measuredAt: z.string(),
  // Baselines from before there was a choice say nothing of these.
  throughput: z.enum(['bare', 'probed']).default('probed'),
  mutex: z.enum(MUTEX_POLICIES).default('backoff'),
  touchAhead: z.enum(TOUCH_AHEAD_SETTINGS).default('off'),
  ratios: z.array(ratio),
  // Absent in baselines from before anything was timed besides the matrix.
  runs: z.array(timedRatio).default([]),
  figures: z.record(z.string(), z.record(z.string(), z.number())),
  // Absent in baselines from before cells were more than their names.
  identities: z.record(z.string(), z.record(z.string(), z.string())).default({}),
});

/** Head over base of one metric, with its interval. */
export type BaselineRatio = z.output<typeof ratio>;

/** What a machine measured when the baseline was made. */
export interface RatioBaseline {
  readonly machineId: string | null;
  readonly cpuModel: string | null;
  readonly measuredAt: string;
  /** Build that throughput was measured with. */
  readonly throughput: 'bare' | 'probed';
  readonly mutex: MutexPolicy;
  /** What came of the setting of touching ahead, over all cells: `off` when no batch did. */
  readonly touchAhead: TouchAhead;
  readonly ratios: readonly BaselineRatio[];
  /** What was timed besides the matrix. */
  readonly runs: readonly TimedRatio[];
  readonly figures: ReadonlyMap<string, CellFigures>;
  /** What each cell was, by its id (result/identity.ts); a cell that is not there is compared by its name alone. */
  readonly identities: ReadonlyMap<string, Identity>;
}

const RATIO_FILE = 'ratios.json';

/** Path of the file in a baseline folder. */
export function ratioFileIn(folder: string): string {
  return join(folder, RATIO_FILE);
}

/**
 * Reads the ratios of a baseline folder; null when there are none.
 * @throws RegressError for a file that is not one
 */
export async function readRatioBaseline(folder: string): Promise<RatioBaseline | null> {
  const file = ratioFileIn(folder);
  const text = await readBaselineText(file);
  return text === null ? null : parseRatioBaseline(text, file);
}

/**
 * As readRatioBaseline, from the text.
 * @throws RegressError
 */
export function parseRatioBaseline(text: string, file: string): RatioBaseline {
  const checked = ratioFile.safeParse(baselineValue(text, file));
  if (!checked.success) throw damagedBaseline(file, checked.error);
  const { figures, identities, ...rest } = checked.data;
  const cells = Object.entries(identities).map(
    ([id, parts]) => [id, new Map(Object.entries(parts))] as const,
  );
  return { ...rest, figures: new Map(Object.entries(figures)), identities: new Map(cells) };
}

/** The text of a ratio file; figures to six digits, so that a diff can be read. */
export function ratioBaselineText(baseline: RatioBaseline): string {
  const value = {
    format: 'ctreplay-ratio-baseline',
    version: 1,
    machineId: baseline.machineId,
    cpuModel: baseline.cpuModel,
    measuredAt: baseline.measuredAt,
    throughput: baseline.throughput,
    mutex: baseline.mutex,
    touchAhead: baseline.touchAhead,
    ratios: baseline.ratios,
    runs: baseline.runs,
    figures: byName(baseline.figures),
    identities: byName(
      new Map([...baseline.identities].map(([id, parts]) => [id, Object.fromEntries(parts)] as const)),
    ),
  };
  const rounded = (_key: string, field: unknown): unknown =>
    typeof field === 'number' && !Number.isInteger(field) ? Number(field.toPrecision(6)) : field;
  return `${JSON.stringify(value, rounded, 2)}\n`;
}

/** As an object whose keys are in order, for a file that is compared line by line. */
function byName<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
