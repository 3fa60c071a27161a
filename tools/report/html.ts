/** HTML that cannot be broken by what is put into it: every value is escaped unless it is HTML made here. */
import { escapeHtml } from '../text/escape.js';

/** A piece of finished HTML. Only {@link markup} and {@link trusted} make one. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[];

/** Template tag: strings and numbers are escaped, `Html` is put in as it is, lists are joined, nothing for null. */
export function markup(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = parts[0] ?? '';
  values.forEach((value, index) => {
    text += textOf(value) + (parts[index + 1] ?? '');
  });
  return new Html(text);
}

function textOf(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return value.map(textOf).join('');
}

/** HTML from this program's own files (style, script). Never for text from a result. */
export function trusted(text: string): Html {
  return new Html(text);
}

export interface HtmlColumn<Row> {
  head: string;
  /** Text columns go left, figures right. */
  left?: boolean;
  cell: (row: Row) => HtmlValue;
}

/**
 * A table in a box that scrolls sideways on a narrow screen and can be reached by keyboard. Columns in which every
 * row says `–` or nothing are left out. Nothing at all for no rows. Rows beyond `rowsMax` are left out, which it says.
 */
export function htmlTable<Row>(
  caption: string,
  allRows: readonly Row[],
  columns: readonly HtmlColumn<Row>[],
  rowsMax: number,
): HtmlValue {
  if (allRows.length === 0) return null;
  const rows = allRows.slice(0, rowsMax);
  const leftOut = allRows.length - rows.length;
  const kept = columns
    .map((column) => ({ column, cells: rows.map((row) => column.cell(row)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== '–' && textOf(cell) !== ''));
  const alignment = (column: HtmlColumn<Row>): Html => trusted(column.left === true ? ' class="left"' : '');
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${kept.map(({ column }) => markup`<th scope="col" ${alignment(column)}>${column.head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (_, index) =>
            markup`<tr>
              ${kept.map(({ column, cells }, place) =>
                place === 0
                  ? markup`<th scope="row" ${alignment(column)}>${cells[index]}</th>`
                  : markup`<td${alignment(column)}>${cells[index]}</td>`,
              )}
            </tr> `,
        )}
      </tbody>
    </table>
    ${leftOut > 0 ? markup`<p class="note">${leftOut} more rows are in the CSV files.</p>` : null}
  </div> `;
}
