/** What a CSV table is made of. */
import { toCsv, type CsvColumn, type Field } from '../text/csv.js';
import { CASE_COLUMNS, type CaseRow } from './csv-case-columns.js';
import type { Run } from '../result/runs.js';

export interface CsvTable {
  /** File name without `.csv`. */
  name: string;
  doc: string;
  columns: readonly { name: string; doc: string }[];
  /** Written even when nothing was measured, with only its header. */
  always: boolean;
  /** Null when there are no rows and the table is not one that is always written. */
  render: (runs: readonly Run[]) => string | null;
}

/** A table of `rows`, rendered with `columns`. */
export function table<Row>(
  name: string,
  doc: string,
  columns: readonly CsvColumn<Row>[],
  rows: (runs: readonly Run[]) => Row[],
  always = false,
): CsvTable {
  return {
    name,
    doc,
    columns,
    always,
    render: (runs) => {
      const all = rows(runs);
      return all.length === 0 && !always ? null : toCsv(columns, all);
    },
  };
}

/** The columns that name the case, then `columns`. */
export function forCase<Row extends CaseRow>(columns: readonly CsvColumn<Row>[]): CsvColumn<Row>[] {
  return [...CASE_COLUMNS, ...columns];
}

/** One column. */
export function column<Row>(name: string, doc: string, value: (row: Row) => Field): CsvColumn<Row> {
  return { name, doc, value };
}
