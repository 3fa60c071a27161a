/** CSV as every spreadsheet and data tool reads it: RFC 4180, UTF-8, and no cell that runs as a formula. */
import { stringify } from 'csv-stringify/sync';
import { printable } from './escape.js';

/** What a cell may hold. Null and undefined become an empty field: not measured is not 0. */
export type Field = string | number | boolean | null | undefined;

/** A column: its name, with the unit last where it has one; what it holds; and how a row gives it. */
export interface CsvColumn<Row> {
  name: string;
  doc: string;
  value: (row: Row) => Field;
}

/**
 * The CSV text: a header, then the rows, each line ended by CR LF.
 *
 * Text that begins like a formula (`=`, `+`, `-`, `@` and their full-width forms) gets a leading `'`; control and
 * invisible characters become visible escapes. Numbers are written in full, never with thousands separators.
 */
export function toCsv<Row>(columns: readonly CsvColumn<Row>[], rows: Iterable<Row>): string {
  const records: (string | number | null)[][] = [columns.map((column) => column.name)];
  for (const row of rows) records.push(columns.map((column) => fieldOf(column.value(row))));
  return stringify(records, { record_delimiter: 'windows', escape_formulas: true });
}

function fieldOf(field: Field): string | number | null {
  if (field === null || field === undefined) return null;
  if (typeof field === 'boolean') return field ? 'true' : 'false';
  if (typeof field === 'number') return Number.isFinite(field) ? field : null;
  return printable(field);
}
