/**
 * What a matrix leaves in its result.json besides the cases: its plan and every trial, so that an interrupted matrix can be
 * taken up again. It stands in the field `bench`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { MatrixSpec } from './matrix-spec.js';
import { MatrixError } from './matrix-spec.js';
import type { Group, Shard } from './matrix-plan.js';
import { rateText } from './rate.js';
import { groupProgress } from './stopping.js';
import { completeSessions, sessionBlocks, type TrialRecord } from './trial.js';

const trialRecord = z.object({
  cell: z.string(),
  /** Results from before there were sessions are of one. */
  session: z.int().nonnegative().default(0),
  block: z.int().nonnegative(),
  values: z.record(z.string(), z.number()),
});

/** The field `bench` of a result. */
export const benchRecord = z.object({
  version: z.literal(1),
  /** Equal for matrices that run the same trials. */
  fingerprint: z.string(),
  shard: z.string().nullable(),
  sessions: z.int().positive().default(1),
  /** Trials of each cell in a session; absent where there was one session with as many as it took. */
  trialsPerSession: z.int().positive().nullish(),
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
 * sessions.
 */
export function fingerprint(spec: MatrixSpec, groups: readonly Group[], shard: Shard | null): string {
  const {
    sessions: _sessions,
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
 * The trials of an earlier run that a resumed one may keep. All trials of a session and group come from one process, so a
 * session that was cut short runs again for the group in which it was.
 * @throws MatrixError when the earlier run was of another matrix, or the trials of its sessions cannot be those asked for
 */
export function resumeTrials(
  found: unknown,
  expected: { readonly fingerprint: string; readonly spec: MatrixSpec },
  groups: readonly Group[],
  file: string,
): TrialRecord[] {
  const { spec } = expected;
  const parsed = benchRecord.safeParse(found);
  if (!parsed.success) {
    throw new MatrixError(
      `${file}: holds no matrix that could be resumed; leave --resume out or give another --out`,
    );
  }
  const record = parsed.data;
  if (record.fingerprint !== expected.fingerprint) {
    throw new MatrixError(
      `${file}: was run with other inputs, designs, workers, rates, order or seed; repeat those, or leave --resume out`,
    );
  }
  checkTrialsPerSession(record, spec, file);
  return groups.flatMap((group) => {
    const ids = group.cells.map((cell) => cell.id);
    const own = record.trials.filter((trial) => ids.includes(trial.cell));
    if (spec.sessions > 1) {
      const isWhole = (session: number): boolean => sessionBlocks(ids, own, session).length >= spec.trials;
      return own.filter((trial) => isWhole(trial.session));
    }
    if (groupProgress(group, completeSessions(ids, own), spec).done) return own;
    if (record.groups.find((item) => item.name === group.name)?.done === true)
      throw endedSession(record, file);
    return [];
  });
}

/** Trials cannot be added to a session whose process has ended. */
function checkTrialsPerSession(record: BenchRecord, spec: MatrixSpec, file: string): void {
  if (spec.sessions === 1 && record.sessions === 1) return;
  if (record.trials.length === 0) return;
  if (record.trialsPerSession === spec.trials && spec.sessions >= record.sessions) return;
  if (record.trialsPerSession === spec.trials) {
    throw new MatrixError(
      `${file}: has ${record.sessions} sessions, more than the ${spec.sessions} asked for; give at least as many, or another --out`,
    );
  }
  throw endedSession(record, file);
}

function endedSession(record: BenchRecord, file: string): MatrixError {
  const each = record.trialsPerSession ?? null;
  return new MatrixError(
    each === null
      ? `${file}: was measured in one session, whose process has ended, so that nothing can be added to it; repeat its --sessions 1 and number of trials, or give another --out`
      : `${file}: has ${each} trials a session, and a session's process has ended, so that none can be added to it; repeat --trials ${each} and raise --sessions, or give another --out`,
  );
}
