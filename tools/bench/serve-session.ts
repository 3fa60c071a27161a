/** The inside of a session's process: takes one request, runs the session, and tells what it measured as it goes. */
import { readMachine } from '../replay/machine.js';
import { sessionSeed } from './order.js';
import { planMatrix } from './plan.js';
import { ReplayCellRunner, type InputLoader } from './replay-runner.js';
import { InProcessSessions, type SessionState } from './session.js';
import { STOP_SESSION, type SessionMessage, type SessionRequest } from './session-process.js';
import type { TrialRecord } from './trial.js';

/** Answers the parent process; never rejects. */
export function serveSession(load: InputLoader): void {
  let stopped = false;
  // Ctrl-C reaches every process of a terminal; the parent decides what it means.
  process.on('SIGINT', () => {});
  // Without a parent there is nobody to measure for.
  process.on('disconnect', () => process.exit(1));
  process.on('message', (message: SessionRequest | typeof STOP_SESSION) => {
    if (message === STOP_SESSION) {
      stopped = true;
      return;
    }
    void answer(message, load, () => stopped).then((last) =>
      process.send?.(last, () => process.exit(last.kind === 'done' ? 0 : 1)),
    );
  });
}

function tell(message: SessionMessage): void {
  process.send?.(message);
}

async function answer(
  request: SessionRequest,
  load: InputLoader,
  isInterrupted: () => boolean,
): Promise<SessionMessage> {
  try {
    return { kind: 'done', interrupted: await run(request, load, isInterrupted) };
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode?: unknown };
    return { kind: 'failed', message, exitCode: typeof exitCode === 'number' ? exitCode : null };
  }
}

async function run(
  request: SessionRequest,
  load: InputLoader,
  isInterrupted: () => boolean,
): Promise<boolean> {
  const { spec, session } = request;
  const groups = planMatrix(spec, request.cores, request.shard).filter(({ index }) =>
    request.groups.includes(index),
  );
  const seeded = { ...spec, seed: sessionSeed(spec.seed, session) };
  const state: SessionState = { trials: earlier(request), cases: [] };
  let told = { trials: state.trials.length, cases: 0 };
  const sessions = new InProcessSessions(spec, () => new ReplayCellRunner(seeded, load, readMachine()));
  return sessions.run(groups, session, state, {
    isInterrupted,
    onTrial: (cell, _group, place) => tell({ kind: 'trial', cell: cell.id, place }),
    save: (_state, groupDone) => {
      tell({
        kind: 'measured',
        trials: state.trials.slice(told.trials),
        cases: state.cases.slice(told.cases),
        groupDone,
      });
      told = { trials: state.trials.length, cases: state.cases.length };
      return Promise.resolve();
    },
  });
}

/** Stands for the blocks of other sessions, so that numbers go on behind them. */
function earlier({ firstBlocks }: SessionRequest): TrialRecord[] {
  return Object.entries(firstBlocks).map(([cell, next]) => ({
    cell,
    session: -1,
    block: next - 1,
    values: {},
  }));
}
