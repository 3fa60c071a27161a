/** Commands that read results: where what they make goes, and what it is called there. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { readResult, writeResult } from '../../../tools/result/result-file.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { sampleRuns } from '../report/sample-runs.js';

const CAPTURE = join(
  dirname(fileURLToPath(import.meta.url)),
  '../../../captures/conform/ftp-active-snat.pcap',
);

let folder: string;
const run = (...args: string[]) => runCommandLine(args, folder);

beforeAll(async () => {
  folder = scratchFolder();
  const [monday, tuesday] = sampleRuns({ packets: 200 }, { packets: 300, seed: 2 });
  await writeResult(join(folder, 'monday'), monday!.result);
  await writeResult(join(folder, 'tuesday'), tuesday!.result);
  mkdirSync(join(folder, 'taken'));
  writeFileSync(join(folder, 'file'), '');
});

describe.each([
  ['compare', ['compare', 'monday', 'tuesday']],
  ['history', ['history', 'monday', 'tuesday']],
  ['report', ['report', 'monday', '--format', 'markdown']],
] as const)('the file that %s makes', (_, command) => {
  it('is written into a folder that is made for it, without colours', async () => {
    const file = `made/by/${command[0]}.txt`;
    const before = process.env['FORCE_COLOR'];
    process.env['FORCE_COLOR'] = '1';
    try {
      expect(await run(...command, '-o', file)).toMatchObject({ code: 0, stderr: '' });
    } finally {
      if (before === undefined) delete process.env['FORCE_COLOR'];
      else process.env['FORCE_COLOR'] = before;
    }
    const written = readFileSync(join(folder, file), 'utf8');
    expect(written.length).toBeGreaterThan(0);
    expect(written).not.toContain('\u001b');
  });

  it('is an error that names the option where it cannot be', async () => {
    expect(await run(...command, '-o', 'file/x.txt')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--out file/x.txt: what it is to lie in is a file') as string,
    });
  });

  it('goes where a link leads, and through a pipe, and leaves both as they are', async () => {
    const [link, target, pipe] = ['link', 'target', 'pipe'].map((name) => `${command[0]}-${name}`);
    writeFileSync(join(folder, target!), 'before');
    symlinkSync(target!, join(folder, link!));
    expect((await run(...command, '-o', link!)).code).toBe(0);
    expect(lstatSync(join(folder, link!)).isSymbolicLink()).toBe(true);
    const written = readFileSync(join(folder, target!), 'utf8');
    expect(written).not.toBe('before');

    execFileSync('mkfifo', [join(folder, pipe!)]);
    const reader = spawn('cat', [join(folder, pipe!)]);
    // It may be done before the command is.
    const closed = once(reader, 'close');
    let read = '';
    reader.stdout.on('data', (part: Buffer) => (read += part.toString()));
    try {
      expect((await run(...command, '-o', pipe!)).code).toBe(0);
      expect(lstatSync(join(folder, pipe!)).isFIFO()).toBe(true);
      await closed;
    } finally {
      reader.kill();
    }
    expect(read).toBe(written);
  });

  it.skipIf(!existsSync('/dev/full'))('is named where the disk is full', async () => {
    expect(await run(...command, '-o', '/dev/full')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^ctreplay: \/dev\/full: the file cannot be written: ENOSPC.*free space/,
      ) as string,
    });
  });
});

describe('compare', () => {
  it('concludes nothing from a result that failed its audit', async () => {
    const failed = structuredClone(sampleRuns({ packets: 200 })[0]!.result);
    failed.valid = false;
    await writeResult(join(folder, 'failed'), failed);
    const { stdout } = await run('compare', 'monday', 'failed');
    expect(stdout).toContain('failed: its self-audit failed; do not use its figures.');
    const twice = await run('compare', 'failed', 'failed');
    expect(twice.stdout.match(/its self-audit failed/g)).toHaveLength(1);
    expect(stdout.split('Verdict')[1]!.trim()).toBe(
      'The self-audit failed (failed), so nothing is concluded.',
    );
  });

  it('refuses a folder as its file', async () => {
    expect(await run('compare', 'monday', 'tuesday', '-o', 'taken')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--out taken: this is a folder') as string,
    });
  });
});

describe('a folder that cannot be made', () => {
  it.each([
    ['report', ['monday', '--format', 'csv', '-o', 'file']],
    ['man', ['--out', 'file']],
    ['micro', ['--filter', '^map/', '--out', 'file']],
  ])('%s: is wrong usage, and said before anything is measured', async (name, args) => {
    expect(await run(name, ...args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(
        'file: it, or what it lies in, is a file; name another folder',
      ) as string,
    });
  });
});

describe.each(['replay', 'bench', 'advise'])('%s --force', (name) => {
  it('leaves the result that is there to one that takes its place, not to a run that fails', async () => {
    await writeResult(join(folder, `kept-${name}`), sampleRuns({ packets: 100 })[0]!.result);
    const path = join(folder, `kept-${name}`, 'result.json');
    const before = readFileSync(path, 'utf8');
    const failed = await run(name, 'missing.pcap', '--out', `kept-${name}`, '--force');
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain('missing.pcap');
    expect(readFileSync(path, 'utf8')).toBe(before);
  });
});

describe.each([
  ['replay', ['--trials', '1', '--build', 'bare']],
  ['bench', ['--sessions', '1', '--trials', '1']],
])('%s --force', (name, short) => {
  it('leaves nothing of the result before beside its own', async () => {
    const out = `old-${name}`;
    await writeResult(join(folder, out), sampleRuns({ packets: 100 })[0]!.result);
    writeFileSync(join(folder, out, 'junit.xml'), 'of the result before');
    writeFileSync(join(folder, out, 'notes.txt'), 'not of ctreplay');
    const small = [CAPTURE, '--limit', '20', '--warmup', '0', '--design', 'rculist-sweep', '--quiet'];
    await run(name, ...small, ...short, '--out', out, '--force');
    const { cases } = await readResult(join(folder, out));
    expect(cases[0]?.packets.injected).toBe(20);
    expect(existsSync(join(folder, out, 'junit.xml'))).toBe(false);
    expect(existsSync(join(folder, out, 'notes.txt'))).toBe(true);
  });
});

describe('merge', () => {
  it('replaces no result unless told to, and names its tables as report does', async () => {
    await writeResult(join(folder, 'joined'), sampleRuns({ packets: 100 })[0]!.result);
    writeFileSync(join(folder, 'joined', 'junit.xml'), 'of another result');
    const refused = await run('merge', 'monday', 'tuesday', '--out', 'joined');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') as string });
    const merged = await run('merge', 'monday', 'tuesday', '--out', 'joined', '--force');
    expect(merged.stderr).not.toMatch(/--force/);
    expect(existsSync(join(folder, 'joined', 'junit.xml'))).toBe(false);
    const { stdout } = await run('report', 'joined', '--format', 'summary.csv');
    expect(readFileSync(join(folder, 'joined', 'summary.csv'), 'utf8')).toBe(stdout);
  });
});

describe('bench', () => {
  it('names a folder as it is called, and captures of one name by their folders', async () => {
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name), { recursive: true });
      copyFileSync(CAPTURE, join(folder, name, 'day.pcap'));
    }
    const list = async (...captures: string[]): Promise<string> =>
      (await run('bench', ...captures, '--list')).stdout;
    expect(await list('a/')).toMatch(/^a, 1 worker/m);
    const both = await list('a/day.pcap', 'b/day.pcap');
    expect(both).toMatch(/^a-day\.pcap, 1 worker/m);
    expect(both).toMatch(/^b-day\.pcap, 1 worker/m);
  });
});
