/** One trial of a cell, and what runs it. */
import type { ResultCase } from '../report/schema.js';
import type { Cell } from './plan.js';

/** Figures of one trial by metric name; a metric that was not measured is absent. */
export type TrialValues = Readonly<Record<string, number>>;

/** What a runner gives back. */
export interface TrialMeasurement {
  readonly values: TrialValues;
  /** The whole measurement, for result.json; null from runners that only have figures. */
  readonly case: ResultCase | null;
}

/** Runs one trial of a cell. The seed is the same for all cells of a block. */
export interface CellRunner {
  run(cell: Cell, trialSeed: number): Promise<TrialMeasurement>;
}

/** A trial as the matrix remembers it. */
export interface TrialRecord {
  readonly cell: string;
  /** Block it ran in; each block holds every cell of its group once. */
  readonly block: number;
  readonly values: TrialValues;
}

/** The blocks of a group as far as they are complete, in order: values by cell id. */
export type Blocks = readonly ReadonlyMap<string, TrialValues>[];

/** Groups trials into complete blocks; a block that lacks a cell is left out. */
export function completeBlocks(cellIds: readonly string[], trials: readonly TrialRecord[]): Blocks {
  const byBlock = new Map<number, Map<string, TrialValues>>();
  for (const trial of trials) {
    if (!cellIds.includes(trial.cell)) continue;
    const block = byBlock.get(trial.block) ?? new Map<string, TrialValues>();
    block.set(trial.cell, trial.values);
    byBlock.set(trial.block, block);
  }
  return [...byBlock]
    .toSorted(([a], [b]) => a - b)
    .filter(([, block]) => cellIds.every((id) => block.has(id)))
    .map(([, block]) => block);
}
