/**
 * What a matrix leaves in its result.json besides the cases: its plan and every trial, so that an interrupted matrix can be
 * taken up again. It stands in the field `bench`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { MatrixSpec } from './matrix-spec.js';
import { MatrixError } from './matrix-spec.js';
import type { Group, Shard } from './plan.js';
import { rateText } from './rate.js';
import type { TrialRecord } from './trial.js';

const trialRecord = z.object({
  cell: z.string(),
  block: z.int().nonnegative(),
  values: z.record(z.string(), z.number()),
});

/** The field `bench` of a result. */
export const benchRecord = z.object({
  version: z.literal(1),
  /** Equal for matrices that run the same trials. */
  fingerprint: z.string(),
  shard: z.string().nullable(),
  groups: z.array(
    z.object({
      name: z.string(),
      cells: z.array(z.string()),
      done: z.boolean(),
      warmUpBlocks: z.int().nonnegative(),
    }),
  ),
  trials: z.array(trialRecord),
});
export type BenchRecord = z.output<typeof benchRecord>;

/**
 * Fingerprint of what decides which trials run and how. How many there are is not part of it: a matrix may be resumed to add
 * trials.
 */
export function fingerprint(spec: MatrixSpec, groups: readonly Group[], shard: Shard | null): string {
  const {
    trials: _trials,
    untilPrecision: _precision,
    maxTrials: _maxTrials,
    alpha: _alpha,
    confidence: _confidence,
    resamples: _resamples,
    ...decisive
  } = spec;
  const cells = groups.flatMap((group) => group.cells.map((cell) => cell.id));
  const rates = spec.rates.map(rateText);
  const text = JSON.stringify({ ...decisive, rates, cells, shard });
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The trials of an earlier run that a resumed one may keep: those of complete blocks. A block that was cut short runs
 * again as a whole, or its cells would not have been neighbours.
 * @throws MatrixError when the earlier run was of another matrix
 */
export function resumeTrials(
  found: unknown,
  expected: string,
  groups: readonly Group[],
  file: string,
): TrialRecord[] {
  const parsed = benchRecord.safeParse(found);
  if (!parsed.success) {
    throw new MatrixError(
      `${file}: holds no matrix that could be resumed; leave --resume out or give another --out`,
    );
  }
  if (parsed.data.fingerprint !== expected) {
    throw new MatrixError(
      `${file}: was run with other inputs, designs, workers, rates, order or seed; repeat those, or leave --resume out`,
    );
  }
  return groups.flatMap((group) => {
    const ids = new Set(group.cells.map((cell) => cell.id));
    const own = parsed.data.trials.filter((trial) => ids.has(trial.cell));
    const counts = new Map<number, number>();
    for (const trial of own) counts.set(trial.block, (counts.get(trial.block) ?? 0) + 1);
    return own.filter((trial) => counts.get(trial.block) === ids.size);
  });
}
