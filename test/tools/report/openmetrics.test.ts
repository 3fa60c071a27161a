import { describe, expect, it } from 'vitest';
import {
  historyCsv,
  historyMarkdown,
  historyOf,
  historyPage,
  historyText,
} from '../../../tools/report/history.js';
import { openMetricsText } from '../../../tools/report/openmetrics.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { throughputOf } from '../../../tools/result/throughput.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';

describe('OpenMetrics text', () => {
  const text = openMetricsText(sampleRuns({ packets: 300, trials: 2 }));

  it('has a type and a help before the samples of each family, and ends as it must', () => {
    expect(text.endsWith('# EOF\n')).toBe(true);
    const lines = text.trim().split('\n').slice(0, -1);
    let family = '';
    for (const line of lines) {
      const type = /^# TYPE (\S+) gauge$/.exec(line);
      if (type !== null) family = type[1] as string;
      else if (!line.startsWith('# HELP')) {
        expect(line).toMatch(
          /^ctreplay_\w+\{\w+="(?:[^"\\]|\\.)*"(?:,\w+="(?:[^"\\]|\\.)*")*\} -?[\d.e+-]+$/,
        );
        expect(line.startsWith(`${family}{`)).toBe(true);
      }
    }
    expect(text).toContain('outcome="natFailed"');
  });

  it('stays on its line whatever a name holds', () => {
    for (const hostile of HOSTILE_TEXTS) {
      for (const line of openMetricsText([hostileRun(hostile)]).split('\n'))
        expect(line).toMatch(/^(?:$|# (?:TYPE|HELP|EOF)|ctreplay_\w+\{.*\} \S+$)/);
    }
  });
});

describe('the history', () => {
  const [first, second] = [sampleRuns({ packets: 300 })[0]!, sampleRuns({ packets: 300, seed: 2 })[0]!];
  second.label = 'second';
  second.result.createdAt = '2026-12-01T00:00:00.000Z';

  it('sets each result beside the one before, oldest first', () => {
    const lines = historyOf([second, first]);
    expect(lines.map(({ cell, before }) => [cell.run.label, before?.run.label ?? null])).toEqual([
      ['sample', null],
      ['second', 'sample'],
      ['sample', null],
      ['second', 'sample'],
    ]);
    expect(historyText(lines, { width: 160, colour: false })).toMatch(/[+-]\d+\.\d %/);
    expect(historyMarkdown(lines)).toMatch(/^\| cell \|/);
    expect(historyCsv(lines).split('\r\n')[0]).toMatch(/^cell,created_at,commit/);
    expect(historyPage(lines)).toContain('<table>');
  });

  it('marks what failed its audit, and compares it with nothing', () => {
    const failed = structuredClone(first);
    failed.result.createdAt = '2026-11-30T00:00:00.000Z';
    failed.result.valid = false;
    const lines = historyOf([second, failed, first]).slice(0, 3);
    expect(lines.map(({ before, apart }) => [before?.run ?? null, apart])).toEqual([
      [null, ''],
      [null, 'self-audit failed: do not use'],
      [first, ''],
    ]);
    expect(historyMarkdown(lines)).toContain('self-audit failed: do not use');
  });

  it('has ~ for a percentile that the machine decides, and says what it is', () => {
    const interrupted = structuredClone(first);
    for (const { latency } of interrupted.result.cases) latency!.service!.overall.interruptedShare = 0.5;
    const lines = historyOf([interrupted]);
    for (const text of [historyText(lines, { width: 160, colour: false }), historyPage(lines)])
      for (const part of [/[ >]~[ <]{1,2}/, /~ is a tail/]) expect(text).toMatch(part);
    expect(historyText(historyOf([first]), { width: 160, colour: false })).not.toContain('~');
  });

  it('does not compare machines, nor different cells', () => {
    const elsewhere = structuredClone(second);
    elsewhere.result.environment.machineId = 'other';
    expect(historyOf([first, elsewhere])[1]).toMatchObject({ before: null, apart: 'another machine' });
    // Runners that take turns: each result has one of its own machine before it, if not right before it.
    const third = structuredClone(second);
    third.result.createdAt = '2026-12-02T00:00:00.000Z';
    const lines = historyOf([first, elsewhere, third]).filter(
      ({ cell }) => cell.id === first.result.cases[0]!.id,
    );
    expect(lines.map(({ before, apart }) => [before?.run.label ?? null, apart])).toEqual([
      [null, ''],
      [null, 'another machine'],
      [first.label, ''],
    ]);
    const looped = structuredClone(second);
    for (const entry of looped.result.cases) entry.loops = 7;
    expect(historyOf([first, looped])[1]?.apart).toMatch(/loops/);
  });

  it('shows throughput that was given, or has the cost of probes in it, without a change', () => {
    const changes = (alter: (entry: ResultCase) => void): string[] => {
      const runs = [first, second].map((run) => structuredClone(run));
      for (const entry of runs.flatMap(({ result }) => result.cases)) {
        entry.pacing.mode = 'topspeed';
        entry.throughput = { ...throughputOf(entry), build: 'bare', timed: false };
        alter(entry);
      }
      const rows = historyMarkdown(historyOf(runs)).split('\n');
      return rows.filter((row) => row.includes('2026-12-01')).map((row) => row.split('|')[6]!.trim());
    };
    for (const change of changes(() => {})) expect(change).toMatch(/^[+-]\d+\.\d %$/);
    expect(changes((entry) => (entry.pacing.mode = 'pps'))).toEqual(['', '']);
    expect(changes((entry) => (entry.throughput!.build = 'probed'))).toEqual(['', '']);
  });
});
