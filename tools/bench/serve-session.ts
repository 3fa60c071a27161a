/** The inside of a session's process: takes one request, runs the session, and tells what it measured as it goes. */
import { readMachine, type MachineAtStart } from '../replay/machine.js';
import type { MatrixSpec } from './matrix-spec.js';
import { sessionSeed } from './order.js';
import { planMatrix } from './matrix-plan.js';
import { InProcessSessions, type SessionState } from './session.js';
import { STOP_SESSION, type SessionMessage, type SessionRequest } from './session-process.js';
import { UnusableInputError, type CellRunner, type TrialRecord } from './trial.js';

/** Makes what runs the trials of this session; the matrix has the session's seed. */
export type MakeRunner = (spec: MatrixSpec, machine: MachineAtStart) => CellRunner;

/** Answers the parent process; never rejects. */
export function serveSession(makeRunner: MakeRunner): void {
  let stopped = false;
  // Ctrl-C and a closed terminal reach every process of it, and a scheduler signals a whole group; the parent decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  // Without a parent there is nobody to measure for.
  process.on('disconnect', () => process.exit(1));
  process.on('message', (message: SessionRequest | typeof STOP_SESSION) => {
    if (message === STOP_SESSION) {
      stopped = true;
      return;
    }
    void answer(message, makeRunner, () => stopped).then((last) =>
      process.send?.(last, () => process.exit(last.kind === 'done' ? 0 : 1)),
    );
  });
}

function tell(message: SessionMessage): void {
  process.send?.(message);
}

async function answer(
  request: SessionRequest,
  makeRunner: MakeRunner,
  isInterrupted: () => boolean,
): Promise<SessionMessage> {
  try {
    return { kind: 'done', interrupted: await run(request, makeRunner, isInterrupted) };
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode?: unknown };
    return {
      kind: 'failed',
      message,
      exitCode: typeof exitCode === 'number' ? exitCode : null,
      isOfInput: error instanceof UnusableInputError,
    };
  }
}

async function run(
  request: SessionRequest,
  makeRunner: MakeRunner,
  isInterrupted: () => boolean,
): Promise<boolean> {
  const { spec, session } = request;
  const groups = planMatrix(spec, request.cores, request.shard).filter(({ index }) =>
    request.groups.includes(index),
  );
  const seeded = { ...spec, seed: sessionSeed(spec.seed, session) };
  const state = {
    trials: earlier(request),
    cases: [],
    failures: [],
  } satisfies SessionState as Required<SessionState>;
  let sent = { trials: state.trials.length, cases: 0, failures: 0 };
  const sessions = new InProcessSessions(spec, () => makeRunner(seeded, readMachine()));
  return sessions.run(groups, session, state, {
    isInterrupted,
    onTrial: (cell, _group, place) => tell({ kind: 'trial', cell: cell.id, place }),
    save: (_state, groupDone) => {
      tell({
        kind: 'measured',
        trials: state.trials.slice(sent.trials),
        cases: state.cases.slice(sent.cases),
        failures: state.failures.slice(sent.failures),
        groupDone,
      });
      sent = {
        trials: state.trials.length,
        cases: state.cases.length,
        failures: state.failures.length,
      };
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
