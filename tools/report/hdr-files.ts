/** .hgrm and .hlog, the files of the HdrHistogram tools. Values are nanoseconds. */
import { decodeHistogram } from '../measure/latency-summary.js';
import { cellsOf, latencyOfCell, TIME_KINDS, type TimeKind } from '../result/cells.js';
import { uniqueFileNames } from '../text/escape.js';
import type { Run } from '../result/runs.js';
import type { ResultCase } from '../result/schema.js';

export interface TextFile {
  name: string;
  content: string;
}

/** Points for each halving of the distance to 100 %, as HdrHistogram's own tools default to. */
const TICKS_PER_HALF = 5;

/**
 * One .hgrm per cell and kind of time that has a histogram, all trials together:
 * `<cell>.service.hgrm`, `<cell>.response.hgrm`.
 */
export function hgrmFiles(runs: readonly Run[]): TextFile[] {
  const cells = cellsOf(runs);
  const names = uniqueFileNames(
    cells.map((cell) => (runs.length > 1 ? `${cell.run.label}-${cell.id}` : cell.id)),
  );
  return cells.flatMap((cell, index) =>
    TIME_KINDS.flatMap((kind) => {
      const encoded = latencyOfCell(cell, kind)?.encoded;
      if (encoded === null || encoded === undefined) return [];
      const content = decodeHistogram(encoded).outputPercentileDistribution(TICKS_PER_HALF, 1);
      return [{ name: `${names[index]}.${kind}.hgrm`, content }];
    }),
  );
}

interface LogRow {
  tag: string;
  startMs: number;
  lengthMs: number;
  maxNs: number;
  encoded: string;
}

/** `Interval_Max` is in milliseconds, as HdrHistogram's writer has it for values in nanoseconds. */
const NS_PER_LOGGED_UNIT = 1e6;

/**
 * One .hlog (format 1.3) of all cases, or null when no case has a histogram. Each case and kind of time has a tag;
 * service time is logged by interval where the timeline holds histograms of every packet, else as one interval.
 * Rows are in order of time.
 */
export function hlogFile(runs: readonly Run[]): string | null {
  const cases = runs.flatMap((run) => run.result.cases.map((entry) => ({ run, entry })));
  const tags = uniqueFileNames(
    cases.map(({ run, entry }) => {
      const trial = entry.trial > 0 ? `-trial-${entry.trial}` : '';
      return `${runs.length > 1 ? `${run.label}-` : ''}${entry.id}${trial}`;
    }),
  );
  const starts = cases.map(({ run, entry }) => Date.parse(entry.startedAt ?? run.result.createdAt));
  const origin = Math.min(...starts);
  const rows = cases.flatMap(({ entry }, index) =>
    TIME_KINDS.flatMap((kind) =>
      logRows(entry, kind, `${tags[index]}.${kind}`, (starts[index] ?? origin) - origin),
    ),
  );
  if (rows.length === 0) return null;
  const lines = [
    '#[Histogram log format version 1.3]',
    '#[Values are nanoseconds; Interval_Max is in milliseconds]',
    `#[StartTime: ${(origin / 1000).toFixed(3)} (seconds since epoch), ${new Date(origin).toUTCString()}]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ...rows
      .toSorted((a, b) => a.startMs - b.startMs)
      .map(
        (row) =>
          `Tag=${row.tag},${(row.startMs / 1000).toFixed(3)},${(row.lengthMs / 1000).toFixed(3)},${(row.maxNs / NS_PER_LOGGED_UNIT).toFixed(3)},${row.encoded}`,
      ),
  ];
  return `${lines.join('\n')}\n`;
}

function logRows(entry: ResultCase, kind: TimeKind, tag: string, startMs: number): LogRow[] {
  const overall = entry.latency?.[kind]?.overall;
  const intervals =
    kind === 'service' ? (entry.timeline ?? []).filter((at) => typeof at.encoded === 'string') : [];
  const covered = intervals.reduce((sum, at) => sum + at.packets, 0);
  if (intervals.length > 0 && (overall === undefined || covered === overall.count)) {
    return intervals.map((at) => ({
      tag,
      startMs: startMs + at.tMs,
      lengthMs: at.intervalMs,
      maxNs: at.maxNs ?? 0,
      encoded: at.encoded ?? '',
    }));
  }
  if (typeof overall?.encoded !== 'string') return [];
  return [
    { tag, startMs, lengthMs: entry.elapsedNs / 1e6, maxNs: overall.maxNs ?? 0, encoded: overall.encoded },
  ];
}
