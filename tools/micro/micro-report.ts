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
      { head: 'benchmark', align: 'left', expendable: 0, cell: (row) => row.name },
      { head: 'time/op', expendable: 0, cell: (row) => formatNs(row.nsPerOperation) },
      { head: '± 95 %', expendable: 1, cell: spread },
      { head: 'p99 of samples', expendable: 3, cell: (row) => formatNs(row.p99Ns) },
      { head: 'loop', expendable: 4, cell: (row) => formatNs(row.loopNs) },
      { head: 'samples', expendable: 5, cell: (row) => formatCount(row.samples) },
      { head: 'ops/sample', expendable: 6, cell: (row) => formatCount(row.operationsPerSample) },
      {
        head: 'succeeded',
        expendable: 2,
        cell: (row) => (row.successShare === 1 ? '' : formatShare(row.successShare)),
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
  { name: 'name', doc: 'group/name, with @design', value: (row) => row.name },
  { name: 'design', doc: 'empty where the design makes no difference', value: (row) => row.design },
  { name: 'ns_per_operation', doc: 'median, loop subtracted', value: (row) => row.nsPerOperation },
  { name: 'low_ns', doc: 'lower end of the 95 % interval', value: (row) => row.lowNs },
  { name: 'high_ns', doc: 'upper end of the 95 % interval', value: (row) => row.highNs },
  { name: 'least_ns', doc: 'shortest sample, shortest loop subtracted', value: (row) => row.leastNs },
  { name: 'p99_ns', doc: '99th percentile over samples', value: (row) => row.p99Ns },
  { name: 'loop_ns', doc: 'the loop alone', value: (row) => row.loopNs },
  { name: 'samples', doc: 'samples', value: (row) => row.samples },
  { name: 'operations_per_sample', doc: 'operations in a sample', value: (row) => row.operationsPerSample },
  { name: 'success_share', doc: 'operations that did what they should', value: (row) => row.successShare },
  { name: 'what', doc: 'what one operation is', value: (row) => row.what },
];

export function microCsv(result: MicroResult): string {
  return toCsv(COLUMNS, result.results);
}
