/**
 * Running a matrix: groups one after the other, the cells of a group in turns, until each group has what it needs. Knows nothing
 * of what a trial is: the runner and what happens after each step are handed in.
 */
import type { ResultCase } from '../report/schema.js';
import { blockOrder, trialSeed } from './order.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Cell, Group } from './plan.js';
import { groupProgress, groupWarmUp, type GroupProgress } from './stopping.js';
import { completeBlocks, type CellRunner, type TrialMeasurement, type TrialRecord } from './trial.js';

/** What has been measured so far. Grows; earlier entries never change. */
export interface MatrixState {
  readonly trials: TrialRecord[];
  /** Cases of the trials, where the runner gave any; `trial` is the block. */
  readonly cases: ResultCase[];
}

/** What the caller may do along the way. */
export interface MatrixHooks {
  /** A trial is about to run; `block` is null for one that is not recorded. */
  readonly onTrial?: (cell: Cell, group: Group, block: number | null, progress: GroupProgress) => void;
  /** A block is complete, or a group (`groupDone`): time to write the result. */
  readonly save?: (state: MatrixState, groupDone: boolean) => Promise<void>;
  /** Asked before every trial; true ends the matrix there. */
  readonly isInterrupted?: () => boolean;
}

/** How a matrix ended. */
export interface MatrixOutcome {
  readonly state: MatrixState;
  readonly interrupted: boolean;
  /** What there is to say about groups: trials to warm up, precision not reached. One sentence each. */
  readonly remarks: readonly string[];
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

/**
 * Runs what is missing of a matrix.
 * @param state trials of an earlier run to go on from; added to
 * @throws TrialError when a trial fails, after saving
 */
export async function driveMatrix(
  groups: readonly Group[],
  spec: MatrixSpec,
  runner: CellRunner,
  state: MatrixState,
  hooks: MatrixHooks = {},
): Promise<MatrixOutcome> {
  const remarks: string[] = [];
  for (const group of groups) {
    const interrupted = await driveGroup(group, spec, runner, state, hooks);
    await hooks.save?.(state, true);
    remarks.push(...remarksOn(group, spec, state));
    if (interrupted) return { state, interrupted: true, remarks };
  }
  return { state, interrupted: false, remarks };
}

async function driveGroup(
  group: Group,
  spec: MatrixSpec,
  runner: CellRunner,
  state: MatrixState,
  hooks: MatrixHooks,
): Promise<boolean> {
  const ids = group.cells.map((cell) => cell.id);
  const blocksSoFar = () => completeBlocks(ids, state.trials);
  let progress = groupProgress(group, blocksSoFar(), spec);
  if (progress.done) return false;
  for (let block = 0; block < spec.warmupBlocks; block++) {
    for (const cell of blockOrder(group, block, spec.order, spec.seed)) {
      if (hooks.isInterrupted?.() === true) return true;
      hooks.onTrial?.(cell, group, null, progress);
      await runTrial(runner, cell, null, trialSeed(group, block, spec.seed), state, hooks);
    }
  }
  for (let block = blocksSoFar().length; !progress.done; block++) {
    const seed = trialSeed(group, block, spec.seed);
    const trials: TrialRecord[] = [];
    const cases: ResultCase[] = [];
    for (const cell of blockOrder(group, block, spec.order, spec.seed)) {
      // A block counts as a whole or not at all.
      if (hooks.isInterrupted?.() === true) return true;
      hooks.onTrial?.(cell, group, block, progress);
      const measured = await runTrial(runner, cell, block, seed, state, hooks);
      trials.push({ cell: cell.id, block, values: measured.values });
      if (measured.case !== null) cases.push({ ...measured.case, trial: block });
    }
    state.trials.push(...trials);
    state.cases.push(...cases);
    progress = groupProgress(group, blocksSoFar(), spec);
    if (!progress.done) await hooks.save?.(state, false);
  }
  return false;
}

async function runTrial(
  runner: CellRunner,
  cell: Cell,
  block: number | null,
  seed: number,
  state: MatrixState,
  hooks: MatrixHooks,
): Promise<TrialMeasurement> {
  try {
    return await runner.run(cell, seed);
  } catch (error) {
    await hooks.save?.(state, false);
    throw new TrialError(cell, block, error);
  }
}

function remarksOn(group: Group, spec: MatrixSpec, state: MatrixState): string[] {
  const blocks = completeBlocks(
    group.cells.map((cell) => cell.id),
    state.trials,
  );
  if (blocks.length === 0) return [];
  const remarks: string[] = [];
  const warmUp = groupWarmUp(group, blocks);
  if (warmUp.state === 'warm-up') {
    remarks.push(
      `${group.name}: the first ${warmUp.blocks} of ${blocks.length} trials of each cell were still warming up and do not count`,
    );
  }
  const progress = groupProgress(group, blocks, spec);
  if (progress.gaveUp) {
    const reached =
      progress.precision === null ? 'an unknown one' : `${(progress.precision * 100).toFixed(1)} %`;
    remarks.push(
      `${group.name}: ${blocks.length} trials gave a precision of ${reached}, not ${((spec.untilPrecision ?? 0) * 100).toFixed(1)} %; raise --max-trials, or make each trial longer`,
    );
  }
  return remarks;
}
