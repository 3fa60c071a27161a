/** What became of the traffic, as columns. */
import type { Cell } from '../result/cells.js';
import { outcomeOfCell, OUTCOME_NAMES, OUTCOMES } from '../result/outcome.js';
import { formatCount } from '../text/quantities.js';

/** A column of outcomes, for any table with a line a cell. */
export interface OutcomeColumn {
  readonly head: string;
  readonly expendable: number;
  readonly of: (cell: Cell) => string;
}

/**
 * The columns of what became of the traffic, for tables of these cells. Invalid packets always have one; an outcome that no cell had
 * has no column. One in which the cells differ is never dropped.
 */
export function outcomeColumns(cells: readonly Cell[]): OutcomeColumn[] {
  return OUTCOMES.flatMap((outcome) => {
    const counts = cells.map((cell) => outcomeOfCell(cell, outcome) ?? 0);
    const most = Math.max(0, ...counts);
    if (most === 0 && outcome !== 'invalid') return [];
    const differs = counts.some((count) => count !== counts[0]);
    return [
      {
        head: OUTCOME_NAMES[outcome],
        expendable: differs ? 0 : 3,
        of: (cell: Cell): string => formatCount(outcomeOfCell(cell, outcome)),
      },
    ];
  });
}
