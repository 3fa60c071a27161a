/** Repeated replays, from the command line: the processes are real, the traffic as small as it gets. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { MatrixResult } from '../../../tools/bench/matrix-result.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

vi.setConfig({ testTimeout: 300_000 });

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NAT = ['--synth', 'nat-exhaustion', '--packets', '20k', '--warmup', '0'];

/** Verdict lines as sentences: what stands behind the heading. */
function verdictIn(stdout: string): string {
  return (stdout.split(/^Verdict$/m)[1] ?? '').replaceAll(/\s+/g, ' ').trim();
}

describe('replay --trials', () => {
  it('runs the designs in turns, each round in a process of its own, and ends in a verdict', () => {
    const { code, stdout, stderr } = ctreplay(['replay', ...NAT, '--trials', '3', '--out', 'three'], folder);
    expect(`${code} ${code === 0 ? '' : stderr}`).toBe('0 ');
    const result = JSON.parse(readFileSync(join(folder, 'three', 'result.json'), 'utf8')) as MatrixResult;
    expect(result.cases.map(({ design, trial, session }) => `${design} ${trial} ${session}`)).toEqual([
      ...[0, 1, 2].map((n) => `timeout-lists ${n} ${n}`),
      ...[0, 1, 2].map((n) => `rculist-sweep ${n} ${n}`),
    ]);
    expect(result.cases.every((entry) => entry.kind === 'replay' && entry.packets.injected === 20_000)).toBe(
      true,
    );
    expect(result.comparisons.find(({ metric }) => metric === 'pps')).toMatchObject({ sessions: 3, n: 3 });
    // The same packets in each, by the scenario's own seed.
    expect(new Set(result.cases.map(({ input }) => JSON.stringify(input.parameters))).size).toBe(1);
    const verdict = verdictIn(stdout);
    expect(verdict).toMatch(/^(?:Throughput|rculist-sweep handles)/);
    expect(verdict).toMatch(/outcome/);
    expect((verdict.match(/\.(?: |$)/g) ?? []).length).toBeLessThanOrEqual(4);
    // The last thing that is printed.
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^ {2}\S/);
  });

  it('--trials 1 makes no claim', async () => {
    const { stdout } = await runCommandLine(['replay', ...NAT, '--trials', '1', '--out', 'one'], folder);
    expect(verdictIn(stdout)).toMatch(/^One run of each design: no claim/);
  });

  it('has as many trials as make a verdict where a run is short and nothing is said', async () => {
    // The test's helper adds --trials 1 to every replay that does not say.
    const { stdout } = await runCommandLine(['replay', '--help'], folder);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('(default: 5 where a run is short, 1 with --json)');
  });

  it('refuses what can be read once only', () => {
    const { code, stderr } = ctreplay(['replay', '-', '--trials', '2'], folder, new Uint8Array());
    expect(stderr).toMatch(/--trials 2 reads the traffic anew for each, and standard input can be read once/);
    expect(code).toBe(2);
  });
});

describe('what the first trial shows', () => {
  const arp = (i: number): number => [8, 6][i - 12] ?? 0;
  const few = ['--packets', '64', '--warmup', '0', '--trials', '2'];

  it.each([
    ['replay', []],
    ['bench', ['--sessions', '3']],
  ])('%s of a capture none of whose packets is tracked ends there, with what to do', (command, more) => {
    const capture = new PcapWriter(join(folder, 'arp.pcap'));
    capture.write({ timestampNs: 0n, frame: Uint8Array.from({ length: 42 }, (_, i) => arp(i)) });
    capture.close();
    const args = [command, 'arp.pcap', '--trials', '3', ...more, '--out', 'rejected'];
    const { code, stdout, stderr } = ctreplay(args, folder);
    expect(stderr).toMatch(
      /ctreplay: arp\.pcap: the tracker found every packet invalid \(not-ip\)\. 'ctreplay info' tells/,
    );
    // What the trials would have been presented as.
    expect([code, stdout, existsSync(join(folder, 'rejected'))]).toEqual([1, '', false]);
  });

  it('that runs are too short for a claim is told once, with how many loops would do', () => {
    const { code, stderr } = ctreplay(['replay', '--synth', 'syn-flood', ...few, '--out', 'short'], folder);
    expect(`${code} ${code === 0 ? '' : stderr}`).toBe('0 ');
    expect(
      stderr.match(/^syn-flood: the run took .*; --loop \d+ is long enough\. Replay longer.* Ctrl-C/gm),
    ).toHaveLength(1);
  });
});

describe('--out', () => {
  it('is refused before the run where it cannot be made, or holds a result; --force clears that', async () => {
    writeFileSync(join(folder, 'file'), '');
    const short = ['--synth', 'syn-flood', '--packets', '500', '--warmup', '0', '--design', 'timeout-lists'];
    const blocked = await runCommandLine(['replay', ...short, '--out', join('file', 'below')], folder);
    expect(blocked.stderr).toMatch(/--out file\/below: it, or what it lies in, is a file/);
    expect(blocked.code).toBe(2);
    expect(blocked.stdout).toBe('');

    mkdirSync(join(folder, 'used'));
    writeFileSync(join(folder, 'used', 'nat.csv'), 'of another run\n');
    writeFileSync(join(folder, 'used', 'notes.txt'), 'mine\n');
    const refused = await runCommandLine(['replay', ...short, '--out', 'used'], folder);
    expect(refused.stderr).toMatch(
      /--out used: holds a result already \(nat\.csv\); add --force to replace it/,
    );
    expect(refused.code).toBe(2);
    expect(readdirSync(join(folder, 'used')).toSorted()).toEqual(['nat.csv', 'notes.txt']);

    expect((await runCommandLine(['replay', ...short, '--out', 'used', '--force'], folder)).code).toBe(0);
    const names = readdirSync(join(folder, 'used'));
    expect(names).toContain('result.json');
    expect(names).toContain('notes.txt');
    expect(names).not.toContain('nat.csv');
  });

  it('leaves no folder behind when the run fails', async () => {
    const { code } = await runCommandLine(['replay', 'missing.pcap', '--out', 'never'], folder);
    expect(code).toBe(1);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});

describe('units and spellings', () => {
  const SHORT = [...NAT.slice(0, 2), '--packets', '500', '--warmup', '0', '--design', 'timeout-lists'];

  it('takes units', async () => {
    const configurationOf = async (...args: string[]): Promise<MatrixResult['configuration']> => {
      const { stdout, stderr } = await runCommandLine(
        ['replay', ...SHORT, '--json', '--quiet', ...args],
        folder,
      );
      // Not the exit code: half a thousand packets may miss the rate on a busy machine, which is another matter.
      expect(stderr).toBe('');
      return (JSON.parse(stdout) as MatrixResult).configuration;
    };
    const units = ['--pps', '100kpps', '--timeline', '50ms', '--sweep-interval', '500ms'];
    expect(await configurationOf(...units)).toMatchObject({
      pacing: { mode: 'pps', pps: 100_000 },
      timelineMs: 50,
      config: { entries: { sweep: { intervalMs: 500 } } },
    });
    expect(await configurationOf('--mbps', '1gbps')).toMatchObject({ pacing: { mode: 'mbps', mbps: 1000 } });
  });

  // In processes of their own: a hint is given once, and not to who asks for JSON.
  it('takes old spellings, with a hint', () => {
    const bare = ctreplay(
      ['replay', ...SHORT, '--build', 'bare', '--out', 'bare', '--timeline', '50'],
      folder,
    );
    expect(bare.stderr).toContain('hint: a time of 50 counts in ms; write 50ms');
    // A program is told nothing that it did not ask for.
    expect(
      ctreplay(['replay', ...SHORT, '--build', 'bare', '--json', '--timeline', '50'], folder),
    ).toMatchObject({
      code: 0,
      stderr: '',
    });
    const old = ctreplay(['bench', '--scenario', 'syn-flood', '--list'], folder);
    expect(old.code).toBe(0);
    expect(old.stderr).toContain('hint: --scenario is called --synth now');
    expect(ctreplay(['bench', '--synth', 'syn-flood', '--list'], folder)).toMatchObject({
      stdout: old.stdout,
      stderr: '',
    });
    // What is written has one name in every command.
    for (const [command = '', ...args] of [
      ['synth', 'syn-flood', '--packets', '10', '--output', 'flood.pcap'],
      ['prep', 'flood.pcap', '--output', 'flood.ctp'],
      ['report', 'bare', '--format', 'csv', '--output', 'tables'],
      ['history', 'bare', '--output', 'history.txt'],
      ['compare', 'bare', 'bare', '--output', 'same.txt'],
    ]) {
      const written = ctreplay([command, ...args], folder);
      expect([command, written.code, written.stderr]).toEqual([
        command,
        0,
        expect.stringContaining('hint: --output is called --out now'),
      ]);
      expect(existsSync(join(folder, args.at(-1) as string))).toBe(true);
    }
  });

  it('gives a cell one name in replay and bench', async () => {
    const load = ['--synth', 'syn-flood', '--pps', '50k'];
    const replayed = await runCommandLine(
      ['replay', ...load, '--packets', '500', '--json', '--design', 'timeout-lists'],
      folder,
    );
    const [entry] = (JSON.parse(replayed.stdout) as MatrixResult).cases;
    const listed = await runCommandLine(['bench', ...load, '--list'], folder);
    expect(entry?.id).toBe('syn-flood/timeout-lists/w1/50000pps');
    expect(listed.stdout).toContain(`  ${entry?.id}\n`);
  });
});

describe('a matrix that cannot come to a verdict', () => {
  it('is refused before it runs, with what would do', async () => {
    const { code, stderr, stdout } = await runCommandLine(
      ['bench', '--synth', 'syn-flood', '--sessions', '1', '--trials', '3', '--out', 'no'],
      folder,
    );
    expect(stderr).toMatch(
      /3 trials in one session cannot show a difference.*Give --trials 9, or several sessions/,
    );
    expect([code, stdout, existsSync(join(folder, 'no'))]).toEqual([2, '', false]);
  });
});
