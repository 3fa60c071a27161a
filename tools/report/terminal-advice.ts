/** Advice as a terminal shows it: a row for each design, then two sentences. */
import { criterionValue } from '../result/advice-words.js';
import type { Run } from '../result/runs.js';
import type { Advice, AdviceFigure, AdviceRow, CriterionName, Shown } from '../result/schema.js';
import { WITHHELD } from '../result/tail.js';
import { printable } from '../text/escape.js';
import { NOT_MEASURED } from '../text/quantities.js';
import { grid, wrap, type Column } from '../text/terminal-grid.js';
import { painter, type Paint } from '../text/terminal-style.js';

/** What stands behind a figure: how it is shown against the design in use. */
const MARKS: Readonly<Record<Shown, string>> = {
  better: '+',
  worse: '-',
  'little-better': '+',
  'little-worse': '-',
  same: '~',
  open: '~',
  unknown: '~',
};

interface ColumnOf {
  readonly head: string;
  /** Which give way in a narrow terminal: those with the highest number first, 0 never. */
  readonly expendable: number;
  /** Of the column of intervals beside it; null where there is none. */
  readonly interval: number | null;
}

const COLUMNS: Readonly<Record<CriterionName, ColumnOf>> = {
  outcome: { head: 'turned away', expendable: 5, interval: null },
  throughput: { head: 'packets/s', expendable: 0, interval: 6 },
  tail: { head: 'p99', expendable: 1, interval: 8 },
  lag: { head: 'lag p99', expendable: 0, interval: 7 },
  cpu: { head: 'sweeper CPU', expendable: 2, interval: 9 },
  memory: { head: 'bytes/conn', expendable: 4, interval: null },
};

/** The order of the columns, whatever decides first. */
const SHOWN: readonly CriterionName[] = ['throughput', 'tail', 'lag', 'cpu', 'memory', 'outcome'];

/** The advice of runs that have some, each with its table; empty without. Ends with a newline. */
export function renderAdvice(
  runs: readonly Run[],
  { width, colour }: { readonly width: number; readonly colour: boolean },
): string {
  const paint = painter(colour);
  const room = Math.max(40, width);
  return runs
    .flatMap(({ label, result }) => {
      const { advice } = result;
      if (advice == null) return [];
      const heading = paint('bold', runs.length > 1 ? `Advice, ${printable(label)}` : 'Advice');
      const sentences = advice.sentences.map((text) => `  ${wrap(printable(text), room - 2, '  ')}`);
      return [`\n${adviceTable(advice, room, paint)}\n\n${heading}\n${sentences.join('\n')}\n`];
    })
    .join('');
}

/** A row for each design; figures of the one in use stand alone, of the others with how they are shown against it. */
function adviceTable(advice: Advice, width: number, paint: Paint): string {
  const { rows, current, chosen } = advice;
  const columns: Column<AdviceRow>[] = [
    {
      head: 'Design',
      align: 'left',
      expendable: 0,
      cell: ({ design }) => paint('cyan', `${design === chosen ? '>' : ' '} ${printable(design)}`),
    },
    ...SHOWN.flatMap((criterion) => columnsOf(advice, criterion)),
    { head: 'by the rule', align: 'left', expendable: 3, cell: ({ standing }) => standing },
  ];
  const kind = advice.metrics.tail?.split('.')[0] ?? 'service';
  const legend =
    `> is advised; + better, - worse than ${printable(current)} as far as the intervals tell, ~ where they do not; ` +
    `packets/s of the bare build at top speed, the rest at the rate that all hold, p99 of ${kind} time`;
  return `${grid(rows, columns, width, paint)}\n${paint('dim', wrap(legend, width))}`;
}

function columnsOf({ metrics, current }: Advice, criterion: CriterionName): Column<AdviceRow>[] {
  const { head, expendable, interval } = COLUMNS[criterion];
  const metric = metrics[criterion];
  const text = (value: number | null | undefined): string => criterionValue(criterion, metric, value);
  const column: Column<AdviceRow> = {
    head,
    expendable,
    cell: ({ design, figures }) => {
      const one = figures.find((figure) => figure.criterion === criterion);
      if (one === undefined) return NOT_MEASURED;
      if (text(one.value) === NOT_MEASURED) return one.note == null ? NOT_MEASURED : WITHHELD;
      const mark = design === current || (interval === null && one.shown === 'same') ? ' ' : MARKS[one.shown];
      return `${text(one.value)} ${mark}`;
    },
  };
  if (interval === null) return [column];
  return [
    column,
    {
      head: `${head} interval`,
      expendable: interval,
      cell: ({ figures }) =>
        intervalOf(
          figures.find((one) => one.criterion === criterion),
          text,
        ),
    },
  ];
}

function intervalOf(one: AdviceFigure | undefined, text: (value: number) => string): string {
  return typeof one?.low === 'number' && typeof one.high === 'number'
    ? `${text(one.low)} .. ${text(one.high)}`
    : '';
}
