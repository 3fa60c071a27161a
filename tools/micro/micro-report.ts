/** Table and CSV of a micro result. */
import { toCsv, type CsvColumn } from '../text/csv.js';
import { formatCount, formatNs, formatShare } from '../text/quantities.js';
import { grid } from '../text/terminal-grid.js';
import type { Paint } from '../text/terminal-style.js';
import type { MicroMeasurement, MicroResult } from './micro-result.js';

export function microTable(results: readonly MicroMeasurement[], width: number, paint: Paint): string {
  return grid(
    results,
    [
      { head: 'benchmark', align: 'left', expendable: 0, cell: (one) => one.name },
      { head: 'time/op', expendable: 0, cell: (one) => formatNs(one.nsPerOperation) },
      { head: '± 95 %', expendable: 1, cell: spread },
      { head: 'p99 of samples', expendable: 3, cell: (one) => formatNs(one.p99Ns) },
      { head: 'loop', expendable: 4, cell: (one) => formatNs(one.loopNs) },
      { head: 'samples', expendable: 5, cell: (one) => formatCount(one.samples) },
      { head: 'ops/sample', expendable: 6, cell: (one) => formatCount(one.operationsPerSample) },
      {
        head: 'succeeded',
        expendable: 2,
        cell: (one) => (one.successShare === 1 ? '' : formatShare(one.successShare)),
      },
    ],
    width,
    paint,
  );
}

/** Half the interval's width against the value. */
function spread({ nsPerOperation, lowNs, highNs }: MicroMeasurement): string {
  if (nsPerOperation === null || lowNs === null || highNs === null) return '–';
  return formatShare((highNs - lowNs) / 2 / nsPerOperation);
}

const COLUMNS: readonly CsvColumn<MicroMeasurement>[] = [
  { name: 'name', doc: 'group/name, with @design', value: (one) => one.name },
  { name: 'design', doc: 'empty where the design makes no difference', value: (one) => one.design },
  { name: 'ns_per_operation', doc: 'median, loop subtracted', value: (one) => one.nsPerOperation },
  { name: 'low_ns', doc: 'lower end of the 95 % interval', value: (one) => one.lowNs },
  { name: 'high_ns', doc: 'upper end of the 95 % interval', value: (one) => one.highNs },
  { name: 'p99_ns', doc: '99th percentile over samples', value: (one) => one.p99Ns },
  { name: 'loop_ns', doc: 'the loop alone', value: (one) => one.loopNs },
  { name: 'samples', doc: 'samples', value: (one) => one.samples },
  { name: 'operations_per_sample', doc: 'operations in a sample', value: (one) => one.operationsPerSample },
  { name: 'success_share', doc: 'operations that did what they should', value: (one) => one.successShare },
  { name: 'what', doc: 'what one operation is', value: (one) => one.what },
];

export function microCsv(result: MicroResult): string {
  return toCsv(COLUMNS, result.results);
}
