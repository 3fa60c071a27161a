/**
 * One session of a matrix: a process that runs its groups one after the other, the cells of each in turns. This is the part
 * that runs inside the session's process, whichever that is; session-process.ts starts another for it.
 */
import { rejectedInputText } from '../result/rejected-input.js';
import type { ResultCase } from '../result/schema.js';
import { blockOrder, sessionSeed, trialSeed } from './order.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Cell, Group } from './matrix-plan.js';
import { groupProgress, type GroupProgress } from './stopping.js';
import {
  sessionBlocks,
  UnusableInputError,
  type CellRunner,
  type TrialMeasurement,
  type TrialRecord,
} from './trial.js';

/** Where a matrix stands, for whoever watches. */
export interface TrialPlace {
  readonly session: number;
  /** Within its session; null for a trial that is not recorded. */
  readonly block: number | null;
  /** Blocks expected in the session. */
  readonly expected: number;
}

/** Told and asked during a session. */
export interface SessionHooks {
  /** A trial is about to run. */
  readonly onTrial?: (cell: Cell, group: Group, place: TrialPlace) => void;
  /** A block is complete, or a group (`groupDone`). */
  readonly save?: (state: SessionState, groupDone: boolean) => Promise<void>;
  /** Asked before every trial; true ends the session there. */
  readonly isInterrupted?: () => boolean;
}

/** Trials and cases, added to as they are measured. */
export interface SessionState {
  readonly trials: TrialRecord[];
  readonly cases: ResultCase[];
  /** Trials that failed and were repeated; absent where nobody asks. */
  readonly failures?: TrialFailure[];
}

/** A trial that failed once and was run again. */
export interface TrialFailure {
  readonly cell: string;
  readonly message: string;
}

/** How often a trial is tried: what fails by chance, a thread that died, an allocation, seldom does so three times. */
const ATTEMPTS = 3;

/** Runs one session of some groups and adds what it measures to `state`. Resolves to whether it was interrupted. */
export interface SessionRunner {
  run(groups: readonly Group[], session: number, state: SessionState, hooks: SessionHooks): Promise<boolean>;
}

/** A trial that failed, with the cell it belongs to. What was measured before is saved. */
export class TrialError extends Error {
  constructor(cell: Cell, block: number | null, cause: unknown) {
    super(
      `${cell.id}, ${block === null ? 'warm-up' : `trial ${block + 1}`}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
    this.name = 'TrialError';
  }
}

/** Runs sessions in this process. Only the first is a fresh one then. */
export class InProcessSessions implements SessionRunner {
  readonly #spec: MatrixSpec;
  readonly #makeRunner: (session: number) => CellRunner;

  /** @param makeRunner what runs the trials of a session */
  constructor(spec: MatrixSpec, makeRunner: (session: number) => CellRunner) {
    this.#spec = spec;
    this.#makeRunner = makeRunner;
  }

  /** @throws TrialError when a trial fails, UnusableInputError for an input that cannot be read, or, after its first block, of which nothing is tracked */
  async run(
    groups: readonly Group[],
    session: number,
    state: SessionState,
    hooks: SessionHooks,
  ): Promise<boolean> {
    const runner = this.#makeRunner(session);
    for (const group of groups) {
      const interrupted = await runGroup(group, session, { spec: this.#spec, runner, state, hooks });
      await hooks.save?.(state, true);
      if (interrupted) return true;
    }
    return false;
  }
}

/** What a session's groups are run with. */
interface SessionContext {
  readonly spec: MatrixSpec;
  readonly runner: CellRunner;
  readonly state: SessionState;
  readonly hooks: SessionHooks;
}

/** Runs one group to the end of its session; true when it was interrupted. */
async function runGroup(group: Group, session: number, context: SessionContext): Promise<boolean> {
  const { spec, state, hooks } = context;
  const ids = group.cells.map((cell) => cell.id);
  const first = nextBlock(ids, state.trials);
  const begun = sessionBlocks(ids, state.trials, session).length;
  let progress = sessionProgress(group, state, session, spec);
  // What is wrong with an input is told after its first block, not after hours.
  let isFirst = true;
  const run = async (place: BlockPlace): Promise<readonly MeasuredCell[] | null> => {
    const measured = await runBlock(group, place, context);
    if (measured !== null && isFirst) requireTracked(measured);
    isFirst = false;
    return measured;
  };
  for (let index = 0; index < spec.warmupBlocks; index++) {
    const place = { session, index, block: null, expected: progress.expected };
    if ((await run(place)) === null) return true;
  }
  for (let block = begun; !progress.done; block++) {
    const measured = await run({ session, index: block, block, expected: progress.expected });
    if (measured === null) return true;
    const number = first + block - begun;
    for (const { cell, values, case: entry } of measured) {
      state.trials.push({ cell: cell.id, session, block: number, values });
      if (entry !== null) state.cases.push({ ...entry, session, trial: number });
    }
    progress = sessionProgress(group, state, session, spec);
    if (!progress.done) await hooks.save?.(state, false);
  }
  return false;
}

/** A block and where it stands. */
interface BlockPlace extends TrialPlace {
  /** What its order and its seed come from. */
  readonly index: number;
}

interface MeasuredCell extends TrialMeasurement {
  readonly cell: Cell;
}

/** Runs every cell of a group once; null when it was interrupted, since a block counts as a whole or not at all. */
async function runBlock(
  group: Group,
  { index, ...place }: BlockPlace,
  { spec, runner, state, hooks }: SessionContext,
): Promise<readonly MeasuredCell[] | null> {
  const seed = sessionSeed(spec.seed, place.session);
  const measured: MeasuredCell[] = [];
  for (const cell of blockOrder(group, index, spec.order, seed)) {
    if (hooks.isInterrupted?.() === true) return null;
    hooks.onTrial?.(cell, group, place);
    measured.push({
      cell,
      ...(await runTrial(cell, place.block, trialSeed(group, index, seed), { runner, state })),
    });
  }
  return measured;
}

/** @throws UnusableInputError when no cell tracked a packet */
function requireTracked(measured: readonly MeasuredCell[]): void {
  const cases = measured.flatMap(({ case: entry }) => entry ?? []);
  const text = cases.length === measured.length ? rejectedInputText(cases) : null;
  if (text !== null) throw new UnusableInputError(text);
}

/** Blocks are numbered through over the sessions of a group. */
function nextBlock(ids: readonly string[], trials: readonly TrialRecord[]): number {
  return trials.reduce((next, { cell, block }) => (ids.includes(cell) ? Math.max(next, block + 1) : next), 0);
}

/** Whether a session has all the blocks it is to have: a fixed number, or in a matrix of one session as many as it takes. */
export function sessionProgress(
  group: Group,
  state: Pick<SessionState, 'trials'>,
  session: number,
  spec: MatrixSpec,
): Pick<GroupProgress, 'done' | 'expected'> {
  const ids = group.cells.map((cell) => cell.id);
  const blocks = sessionBlocks(ids, state.trials, session);
  if (spec.sessions === 1) return groupProgress(group, [blocks], spec);
  return { done: blocks.length >= spec.trials, expected: spec.trials };
}

async function runTrial(
  cell: Cell,
  block: number | null,
  seed: number,
  { runner, state }: Pick<SessionContext, 'runner' | 'state'>,
): Promise<TrialMeasurement> {
  for (let attempt = 1; ; attempt++) {
    try {
      const measured = await runner.run(cell, seed);
      const late = attempt === ATTEMPTS ? undefined : lateCheck(measured);
      if (late === undefined) return measured;
      state.failures?.push({ cell: cell.id, message: `the rate was not held (${late})` });
    } catch (error) {
      if (error instanceof UnusableInputError) throw error;
      // Wrong usage stays wrong.
      const isLast = attempt === ATTEMPTS || (error as { exitCode?: unknown }).exitCode === 2;
      if (isLast) throw new TrialError(cell, block, error);
      state.failures?.push({
        cell: cell.id,
        message: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** The failed check of a trial in which the machine did not let the rate be held: another may. What it found; undefined for none. */
function lateCheck({ case: entry }: TrialMeasurement): string | undefined {
  return entry?.audit.find(({ ok, name }) => !ok && name.startsWith('rate-achieved'))?.name;
}

/** Failures as remarks: one sentence a message, however many trials it was. */
export function failureRemarks(failures: readonly TrialFailure[]): string[] {
  const byMessage = new Map<string, string[]>();
  for (const { cell, message } of failures) byMessage.set(message, [...(byMessage.get(message) ?? []), cell]);
  return [...byMessage].map(([message, cells]) => {
    const distinct = [...new Set(cells)];
    return `${cells.length} ${cells.length === 1 ? 'trial' : 'trials'} failed and ${cells.length === 1 ? 'was' : 'were'} repeated (${distinct.join(', ')}): ${message}`;
  });
}
