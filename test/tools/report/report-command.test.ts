import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALL_FORMATS, renderFormats } from '../../../tools/report/formats.js';
import { writeResult } from '../../../tools/result/result-file.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';

let folder: string;
beforeAll(async () => {
  folder = scratchFolder();
  const runs = sampleRuns({ packets: 200 }, { packets: 200, seed: 2 });
  await writeResult(join(folder, 'runs', 'monday'), runs[0]!.result);
  await writeResult(join(folder, 'runs', 'tuesday'), runs[1]!.result);
  mkdirSync(join(folder, 'empty'));
});

describe('ctreplay report', () => {
  const report = (...args: string[]) => runCommandLine(['report', ...args], folder);

  it('prints a table of one result, and several side by side', async () => {
    const single = await report('runs/monday');
    expect(single).toMatchObject({ code: 0, stderr: '' });
    expect(single.stdout).toContain('rculist-sweep');
    const both = await report('runs', '--format', 'summary.csv');
    expect(both.stdout.split('\r\n').map((line) => line.split(',')[0])).toEqual([
      'run',
      'monday',
      'monday',
      'tuesday',
      'tuesday',
      '',
    ]);
  });

  it('writes every format into a folder', async () => {
    const { code, stdout } = await report('runs', '--format', 'all', '-o', 'out');
    expect(code).toBe(0);
    const written = stdout.trim().split('\n');
    for (const file of written) expect(existsSync(join(folder, file)), file).toBe(true);
    const names = readdirSync(join(folder, 'out'));
    expect(names).toEqual(
      expect.arrayContaining([
        'report.html',
        'summary.csv',
        'latency.hlog',
        'benchmarks.txt',
        'report.md',
        'junit.xml',
        'bencher.json',
      ]),
    );
    expect(names.filter((name) => name.endsWith('.hgrm')).length).toBe(8);
    expect(JSON.parse(readFileSync(join(folder, 'out', 'bencher.json'), 'utf8'))).toBeTypeOf('object');
  });

  it('says the share of the harness once', async () => {
    const [run] = sampleRuns({ packets: 200 });
    for (const entry of run!.result.cases) entry.harnessShare = 0.59;
    await writeResult(join(folder, 'harness'), run!.result);
    const { stdout } = await report('harness', '--format', 'markdown');
    expect(stdout.split('\n').filter((line) => / harness /.test(line))).toEqual([
      expect.stringMatching(/^\| design [^\n]*?\| harness \|(?!.*harness)/),
    ]);
  });

  it('names a file with -o, or says what is missing', async () => {
    expect(await report('runs/monday', '--format', 'go', '-o', 'x/y.txt')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'x', 'y.txt'), 'utf8')).toContain('BenchmarkReplay/');
    expect(await report('runs/monday', '--format', 'csv')).toMatchObject({ code: 2 });
    expect((await report('runs/monday', '--format', 'svg')).stderr).toMatch(
      /none of table, html, csv.*Charts are saved from the page: --format html/,
    );
    expect(await report('empty')).toMatchObject({ code: 1 });
    expect((await report('nowhere')).stderr).toContain('nowhere');
  });
});

describe('hostile names', () => {
  it('make no path outside the folder, in any format', async () => {
    const runs = HOSTILE_TEXTS.map(hostileRun);
    const files = await renderFormats(runs, ALL_FORMATS);
    for (const { name } of files) expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
    expect(new Set(files.map(({ name }) => name.toLowerCase())).size).toBe(files.length);
  });

  it('send nothing to the terminal but text', () => {
    for (const text of HOSTILE_TEXTS) {
      const shown = renderTerminal([hostileRun(text)], { width: 120, colour: false });
      // oxlint-disable-next-line no-control-regex -- control characters must not be there
      expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
    }
  });
});
