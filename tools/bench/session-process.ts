/**
 * Sessions in processes of their own. The child (tools/commands/session-entry.ts) is started anew for each session, so nothing
 * of one is left in the next: memory, compiled code, addresses. It ends when its session is done, or when this process does.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ResultCase } from '../result/schema.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Group, Shard } from './matrix-plan.js';
import type { SessionHooks, SessionRunner, SessionState, TrialFailure, TrialPlace } from './session.js';
import type { TrialRecord } from './trial.js';

/** What a session's process gets at its start. */
export interface SessionRequest {
  readonly spec: MatrixSpec;
  readonly shard: Shard | null;
  readonly cores: number;
  readonly session: number;
  /** Indexes of the groups to run. */
  readonly groups: readonly number[];
  /** First free block number of each cell. */
  readonly firstBlocks: Readonly<Record<string, number>>;
}

/** What it answers, in order; `done` or `failed` is the last. */
export type SessionMessage =
  | { readonly kind: 'trial'; readonly cell: string; readonly place: TrialPlace }
  | {
      readonly kind: 'measured';
      readonly trials: readonly TrialRecord[];
      readonly cases: readonly ResultCase[];
      readonly failures?: readonly TrialFailure[];
      readonly groupDone: boolean;
    }
  | { readonly kind: 'done'; readonly interrupted: boolean }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly exitCode: number | null;
      /** It is the input's fault, and would be in any session. */
      readonly isOfInput?: boolean;
    };

/** Sent to the process: end before the next trial. */
export const STOP_SESSION = 'stop';

/** A session that ended without its result; the message says which and why. */
class SessionError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'SessionError';
    this.exitCode = exitCode;
  }
}

/** After so many ms at the latest the process hears of an interruption. */
const INTERRUPT_POLL_MS = 100;

/** That a process is gone before it hears something is not an error of sending: what it sent last is still to be read, and then its end. */
function noticedByItsEnd(): void {}

/** Starts a process for each session. */
export class ForkedSessions implements SessionRunner {
  readonly #request: Omit<SessionRequest, 'session' | 'groups' | 'firstBlocks'>;
  readonly #entry: string;
  readonly #args: readonly string[];
  /** What sessions have said on standard error: each reads the same inputs and warns of the same things. */
  readonly #printed = new Set<string>();

  /**
   * @param entry file of the process to start
   * @param args its arguments: none for a matrix
   */
  constructor(
    request: Omit<SessionRequest, 'session' | 'groups' | 'firstBlocks'>,
    entry: string,
    args: readonly string[] = [],
  ) {
    this.#request = request;
    this.#entry = entry;
    this.#args = args;
  }

  /** @throws SessionError when a trial fails, nothing of an input is tracked, or the process ends before its session is done */
  async run(
    groups: readonly Group[],
    session: number,
    state: SessionState,
    hooks: SessionHooks,
  ): Promise<boolean> {
    const child = fork(this.#entry, [...this.#args], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#relay(child);
    const timer = setInterval(() => {
      if (hooks.isInterrupted?.() === true && child.connected) child.send(STOP_SESSION, noticedByItsEnd);
    }, INTERRUPT_POLL_MS);
    try {
      const request: SessionRequest = {
        ...this.#request,
        session,
        groups: groups.map((group) => group.index),
        firstBlocks: firstBlocks(groups, state.trials),
      };
      child.send(request, noticedByItsEnd);
      return await listen(child, groups, session, state, hooks);
    } finally {
      clearInterval(timer);
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    }
  }

  /** Passes on what the process says on standard error, each line once over all sessions. */
  #relay(child: ChildProcess): void {
    if (child.stderr === null) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (this.#printed.has(line)) return;
      this.#printed.add(line);
      process.stderr.write(`${line}\n`);
    });
  }
}

function firstBlocks(
  groups: readonly Group[],
  trials: readonly TrialRecord[],
): Readonly<Record<string, number>> {
  const first: Record<string, number> = {};
  const ids = new Set(groups.flatMap((group) => group.cells.map((cell) => cell.id)));
  for (const { cell, block } of trials) {
    if (ids.has(cell)) first[cell] = Math.max(first[cell] ?? 0, block + 1);
  }
  return first;
}

function listen(
  child: ChildProcess,
  groups: readonly Group[],
  session: number,
  state: SessionState,
  hooks: SessionHooks,
): Promise<boolean> {
  const places = new Map(
    groups.flatMap((group) => group.cells.map((cell) => [cell.id, { cell, group }] as const)),
  );
  // Saving takes a while; messages wait their turn.
  let turn: Promise<void> = Promise.resolve();
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // What it sent last may arrive after its end: its channel closes behind it.
    const ended = Promise.all([once(child, 'close'), once(child, 'disconnect')]);
    void ended.then(([[code, signal]]) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      const text = `session ${session + 1}: its process ended with ${how} before it was done; what it measured before is kept`;
      void turn.then(() => reject(new SessionError(text)));
    }, reject);
    child.on('message', (message: SessionMessage) => {
      turn = turn.then(async () => {
        switch (message.kind) {
          case 'trial': {
            const at = places.get(message.cell);
            if (at !== undefined) hooks.onTrial?.(at.cell, at.group, message.place);
            return;
          }
          case 'measured':
            state.trials.push(...message.trials);
            state.cases.push(...message.cases);
            state.failures?.push(...(message.failures ?? []));
            await hooks.save?.(state, message.groupDone);
            return;
          case 'done':
            resolve(message.interrupted);
            return;
          case 'failed':
            reject(new SessionError(failureText(message, session), message.exitCode ?? 1));
        }
      });
      turn.catch(reject);
    });
  });
}

function failureText(
  { message, isOfInput }: Extract<SessionMessage, { kind: 'failed' }>,
  session: number,
): string {
  return isOfInput === true ? message : `session ${session + 1}: ${message}`;
}
