/**
 * Running a matrix: session by session, in each the groups one after the other, the cells of a group in turns, until each
 * group has what it needs. Knows nothing of what a trial is, nor of what makes a session: what runs them and what happens after
 * each step are handed in.
 */
import type { MatrixSpec } from './matrix-spec.js';
import type { Group } from './matrix-plan.js';
import { sessionProgress, type SessionHooks, type SessionRunner, type SessionState } from './session.js';
import { groupProgress, groupWarmUp, sessionPlace } from './stopping.js';
import { completeSessions, type Blocks } from './trial.js';

/** More than the bounds of a matrix allow. */
const MOST_SESSIONS = 20_000;

/** What has been measured so far. Grows; earlier entries never change. */
export type MatrixState = SessionState;

/** What the caller may do along the way. */
export interface MatrixHooks extends Pick<SessionHooks, 'onTrial' | 'isInterrupted'> {
  /** A block is complete, or a group of a session (`groupDone`): time to write the result. */
  readonly save?: (state: MatrixState, groupDone: boolean) => Promise<void>;
}

/** How a matrix ended. */
export interface MatrixOutcome {
  readonly state: MatrixState;
  readonly interrupted: boolean;
  /** What there is to say about groups: trials to warm up, precision not reached. One sentence each. */
  readonly remarks: readonly string[];
}

/**
 * Runs what is missing of a matrix.
 * @param state trials of an earlier run to go on from; added to
 * @throws TrialError when a trial fails, SessionError when a session's process does; after saving
 */
export async function driveMatrix(
  groups: readonly Group[],
  spec: MatrixSpec,
  runner: SessionRunner,
  state: MatrixState,
  hooks: MatrixHooks = {},
): Promise<MatrixOutcome> {
  const sessionsOf = (group: Group): readonly Blocks[] => completeSessions(cellIds(group), state.trials);
  const remarks = (): string[] => groups.flatMap((group) => remarksOn(group, spec, sessionsOf(group)));
  for (let session = 0; ; session++) {
    const open = groups.filter((group) => !groupProgress(group, sessionsOf(group), spec).done);
    if (open.length === 0) return { state, interrupted: false, remarks: remarks() };
    if (session >= MOST_SESSIONS) {
      throw new RangeError(
        `${open[0]?.name}: ${session} sessions and still not done; this is a fault of ctreplay`,
      );
    }
    // A resumed matrix may have this session already.
    const missing = open.filter((group) => !sessionProgress(group, state, session, spec).done);
    if (missing.length === 0) continue;
    try {
      const interrupted = await runner.run(missing, session, state, hooks);
      if (interrupted) {
        await hooks.save?.(state, true);
        return { state, interrupted: true, remarks: remarks() };
      }
    } catch (error) {
      await hooks.save?.(state, false);
      throw error;
    }
  }
}

function cellIds(group: Group): string[] {
  return group.cells.map((cell) => cell.id);
}

function remarksOn(group: Group, spec: MatrixSpec, sessions: readonly Blocks[]): string[] {
  if (sessions.length === 0) return [];
  const remarks: string[] = [];
  sessions.forEach((blocks, session) => {
    const where = sessionPlace(group, sessions.length, session);
    const warmUp = groupWarmUp(group, blocks);
    if (warmUp.state === 'warm-up') {
      remarks.push(
        `${where}: the first ${warmUp.blocks} of ${blocks.length} trials of each cell were still warming up and do not count`,
      );
    }
  });
  const progress = groupProgress(group, sessions, spec);
  if (progress.gaveUp) {
    const reached =
      progress.precision === null ? 'an unknown one' : `${(progress.precision * 100).toFixed(1)} %`;
    const trials = sessions.reduce((sum, blocks) => sum + blocks.length, 0);
    remarks.push(
      `${group.name}: ${trials} trials gave a precision of ${reached}, not ${((spec.untilPrecision ?? 0) * 100).toFixed(1)} %; raise --max-trials, or make each trial longer`,
    );
  }
  return remarks;
}
