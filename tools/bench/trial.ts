/** One trial of a cell, and what runs it. */
import type { ResultCase } from '../result/schema.js';
import type { Cell } from './matrix-plan.js';

/** Figures of one trial by metric name; a metric that was not measured is absent. */
export type TrialValues = Readonly<Record<string, number>>;

/** What a runner gives back. */
export interface TrialMeasurement {
  readonly values: TrialValues;
  /** The whole measurement, for result.json; null from runners that only have figures. */
  readonly case: ResultCase | null;
}

/** Nothing can be measured of an input, in this trial or another. The message names it and says what to do. */
export class UnusableInputError extends Error {
  /** Exit code of the command line. */
  readonly exitCode: number;

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UnusableInputError';
    const { exitCode } = (cause ?? {}) as { exitCode?: unknown };
    this.exitCode = typeof exitCode === 'number' ? exitCode : 1;
  }

  /** Runs what reads or checks an input. */
  static async during<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new UnusableInputError(error instanceof Error ? error.message : String(error), error);
    }
  }
}

/** Runs one trial of a cell. The seed is the same for all cells of a block. */
export interface CellRunner {
  run(cell: Cell, trialSeed: number): Promise<TrialMeasurement>;
}

/** A trial as the matrix remembers it. */
export interface TrialRecord {
  readonly cell: string;
  /** Session it ran in: a process of its own. */
  readonly session: number;
  /** Block it ran in; each block holds every cell of its group once. Numbered through over the sessions. */
  readonly block: number;
  readonly values: TrialValues;
}

/** The blocks of a group as far as they are complete, in order: values by cell id. */
export type Blocks = readonly ReadonlyMap<string, TrialValues>[];

/** Numbers of the complete blocks, ascending; a block that lacks a cell is left out. */
export function completeBlockNumbers(cellIds: readonly string[], trials: readonly TrialRecord[]): number[] {
  return [...blocksByNumber(cellIds, trials).keys()];
}

/** Groups trials of one session into complete blocks; a block that lacks a cell is left out. */
function completeBlocks(cellIds: readonly string[], trials: readonly TrialRecord[]): Blocks {
  return [...blocksByNumber(cellIds, trials).values()];
}

function blocksByNumber(
  cellIds: readonly string[],
  trials: readonly TrialRecord[],
): Map<number, ReadonlyMap<string, TrialValues>> {
  const byBlock = new Map<number, Map<string, TrialValues>>();
  for (const trial of trials) {
    if (!cellIds.includes(trial.cell)) continue;
    const block = byBlock.get(trial.block) ?? new Map<string, TrialValues>();
    block.set(trial.cell, trial.values);
    byBlock.set(trial.block, block);
  }
  const whole = [...byBlock].filter(([, block]) => cellIds.every((id) => block.has(id)));
  return new Map(whole.toSorted(([a], [b]) => a - b));
}

/** The complete blocks of a group by session, sessions without one left out. */
export function completeSessions(
  cellIds: readonly string[],
  trials: readonly TrialRecord[],
): readonly Blocks[] {
  const own = trials.filter((trial) => cellIds.includes(trial.cell));
  const numbers = [...new Set(own.map((trial) => trial.session))].toSorted((a, b) => a - b);
  return numbers
    .map((session) =>
      completeBlocks(
        cellIds,
        own.filter((trial) => trial.session === session),
      ),
    )
    .filter((blocks) => blocks.length > 0);
}

/** Complete blocks of one session. */
export function sessionBlocks(
  cellIds: readonly string[],
  trials: readonly TrialRecord[],
  session: number,
): Blocks {
  return completeBlocks(
    cellIds,
    trials.filter((trial) => trial.session === session),
  );
}
