import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALL_FORMATS, renderFormats } from '../../../tools/report/formats.js';
import { writeResult } from '../../../tools/result/result-file.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
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
  it('prints a table of one result, and several side by side', () => {
    const one = ctreplay(['report', 'runs/monday'], folder);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.stdout).toContain('rculist-sweep');
    const both = ctreplay(['report', 'runs', '--format', 'summary.csv'], folder);
    expect(both.stdout.split('\r\n').map((line) => line.split(',')[0])).toEqual([
      'run',
      'monday',
      'monday',
      'tuesday',
      'tuesday',
      '',
    ]);
  });

  it('writes every format into a folder', () => {
    const { code, stdout } = ctreplay(['report', 'runs', '--format', 'all', '-o', 'out'], folder);
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

  it('names a file with -o, or says what is missing', () => {
    expect(ctreplay(['report', 'runs/monday', '--format', 'go', '-o', 'x/y.txt'], folder)).toMatchObject({
      code: 0,
    });
    expect(readFileSync(join(folder, 'x', 'y.txt'), 'utf8')).toContain('BenchmarkReplay/');
    expect(ctreplay(['report', 'runs/monday', '--format', 'csv'], folder)).toMatchObject({ code: 2 });
    expect(ctreplay(['report', 'runs/monday', '--format', 'pdf'], folder).stderr).toMatch(
      /none of table, html, csv/,
    );
    expect(ctreplay(['report', 'empty'], folder)).toMatchObject({ code: 1 });
    expect(ctreplay(['report', 'nowhere'], folder).stderr).toContain('nowhere');
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
