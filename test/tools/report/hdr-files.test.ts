import hdr, { type Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { hgrmFiles, hlogFile } from '../../../tools/report/hdr-files.js';
import { sampleRuns } from './sample-runs.js';

const PERCENTILES = [0, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100];

function merged(encoded: readonly string[]): Histogram {
  const all = hdr.build({
    bitBucketSize: 64,
    autoResize: true,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 3,
  });
  for (const entry of encoded) all.add(hdr.decodeFromCompressedBase64(entry, 64));
  return all;
}

describe('.hgrm', () => {
  const runs = sampleRuns({ trials: 3, packets: 1500, kind: 'bench' });
  const files = hgrmFiles(runs);
  const cases = runs[0]!.result.cases;

  it('is one file per cell and kind of time', () => {
    expect(files.map((file) => file.name)).toEqual([
      'syn-flood-timeout-lists-w2.service.hgrm',
      'syn-flood-timeout-lists-w2.response.hgrm',
      'syn-flood-rculist-sweep-w2.service.hgrm',
      'syn-flood-rculist-sweep-w2.response.hgrm',
    ]);
  });

  it('has the layout of the HdrHistogram tools, and says what the histogram of all trials says', () => {
    for (const design of ['timeout-lists', 'rculist-sweep']) {
      for (const kind of ['service', 'response'] as const) {
        const { content } = files.find((file) => file.name === `syn-flood-${design}-w2.${kind}.hgrm`)!;
        const lines = content.trimEnd().split('\n');
        expect(lines[0]).toBe('       Value     Percentile TotalCount 1/(1-Percentile)');
        expect(lines[1]).toBe('');
        const all = merged(
          cases
            .filter((entry) => entry.design === design)
            .map((entry) => entry.latency![kind]!.overall.encoded!),
        );
        const rows = lines.slice(2).filter((line) => !line.startsWith('#['));
        const last = rows.length - 1;
        let before = 0;
        rows.forEach((line, index) => {
          expect(line).toMatch(
            index === last ? /^ *\d+\.\d{3} 1\.0{12} +\d+ *$/ : /^ *\d+\.\d{3} \d\.\d{12} +\d+ +\d+\.\d{2}$/,
          );
          const [value, percentile, total] = line.trim().split(/\s+/).map(Number) as [number, number, number];
          expect(value).toBe(all.getValueAtPercentile(percentile * 100));
          expect(total).toBeGreaterThanOrEqual(before);
          before = total;
        });
        expect(before).toBe(all.totalCount);
        const foot = lines.slice(-3);
        expect(foot[0]).toMatch(/^#\[Mean {4}= +[\d.]+, StdDeviation {3}= +[\d.]+\]$/);
        expect(foot[1]).toMatch(/^#\[Max {5}= +[\d.]+, Total count {4}= +\d+\]$/);
        expect(foot[2]).toMatch(/^#\[Buckets = +\d+, SubBuckets {5}= +\d+\]$/);
      }
    }
  });
});

interface LogRow {
  tag: string;
  startS: number;
  lengthS: number;
  max: number;
  histogram: Histogram;
}

/** Reads a log as HdrHistogram's log reader does. */
function readLog(text: string): LogRow[] {
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toBe('#[Histogram log format version 1.3]');
  expect(lines.some((line) => /^#\[StartTime: \d+\.\d{3} \(seconds since epoch\), .+\]$/.test(line))).toBe(
    true,
  );
  const legend = lines.findIndex((line) => !line.startsWith('#'));
  expect(lines[legend]).toBe(
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  );
  return lines.slice(legend + 1).map((line) => {
    const match = /^Tag=([^, \n]+),(\d+\.\d{3}),(\d+\.\d{3}),(\d+\.\d{3}),(HISTFAAA[A-Za-z0-9+/=]+)$/.exec(
      line,
    );
    expect(match, line.slice(0, 80)).not.toBeNull();
    const [, tag, start, length, max, encoded] = match!;
    return {
      tag: tag!,
      startS: Number(start),
      lengthS: Number(length),
      max: Number(max),
      histogram: hdr.decodeFromCompressedBase64(encoded!, 64),
    };
  });
}

describe('.hlog', () => {
  it('holds every packet once: the intervals of a tag add up to the case, with equal percentiles', () => {
    const runs = sampleRuns({ packets: 2000 });
    const rows = readLog(hlogFile(runs)!);
    expect(rows.map((row) => row.startS)).toEqual(rows.map((row) => row.startS).toSorted((a, b) => a - b));
    for (const entry of runs[0]!.result.cases) {
      for (const kind of ['service', 'response'] as const) {
        const mine = rows.filter((row) => row.tag === `${entry.id.replaceAll('/', '-')}.${kind}`);
        expect(mine.length).toBe(kind === 'service' ? 10 : 1);
        const together = merged(mine.map((row) => hdr.encodeIntoCompressedBase64(row.histogram)));
        const expected = hdr.decodeFromCompressedBase64(entry.latency![kind]!.overall.encoded!, 64);
        expect(together.totalCount).toBe(expected.totalCount);
        for (const percentile of PERCENTILES) {
          expect(together.getValueAtPercentile(percentile)).toBe(expected.getValueAtPercentile(percentile));
        }
        for (const row of mine) expect(row.max).toBeCloseTo(row.histogram.maxValue / 1e6, 3);
      }
    }
  });

  it('tags trials apart, and is nothing where nothing was timed', () => {
    const rows = readLog(hlogFile(sampleRuns({ trials: 2, packets: 1000 }, { packets: 1000 }))!);
    expect(new Set(rows.map((row) => row.tag)).size).toBe(2 * (2 * 2 + 2));
    expect(hlogFile(sampleRuns({ minimal: true }))).toBeNull();
  });
});
