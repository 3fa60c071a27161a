/** The program as a child of a shell: whatever happens to it or to its reader, it prints a result or an error. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import type { Result } from '../../../tools/result/schema.js';
import { ctreplay, scratchFolder, type CommandOutcome } from '../../support/command.js';

const HERE = dirname(fileURLToPath(import.meta.url));
const CLI = join(HERE, '..', '..', '..', 'dist', 'tools', 'cli.js');
const SABOTAGE = join(HERE, '..', '..', 'support', 'sabotage.mjs');

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  ctreplay(['synth', 'syn-flood', '-o', 'flood.pcap', '--packets', '3000'], folder);
  const arp = new PcapWriter(join(folder, 'arp.pcap'));
  arp.write({ timestampNs: 0n, frame: Uint8Array.from({ length: 42 }, (_, i) => (i === 12 ? 8 : 6)) });
  arp.close();
});

/** Runs the program with a reader behind a real pipe, or with its output redirected. */
function inShell(args: readonly string[], after: string, sabotage?: string): CommandOutcome {
  const script = `"$@" 2>errors ${after}; echo "\${PIPESTATUS[0]}" >code`;
  const sabotaged = sabotage === undefined ? [] : ['--import', SABOTAGE];
  const { stdout } = spawnSync('bash', ['-c', script, 'bash', process.execPath, ...sabotaged, CLI, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: '1', SABOTAGE: sabotage },
  });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { code: Number(read('code')), stdout, stderr: read('errors') };
}

const REPLAY = [
  ...['replay', '--synth', 'established', '--packets', '5000', '--design', 'rculist-sweep'],
  ...['--build', 'probed', '--json'],
];
/** Long enough to be disturbed, and asleep for most of it. */
const LONG_REPLAY = [...REPLAY, '--duration', '20s', '--pps', '100', '--quiet'];
/** As long, and never asleep. */
const BUSY_REPLAY = [...REPLAY, '--duration', '20s'];

/** A call of each command that has --json. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  replay: [...REPLAY, '--timeline', '1'],
  'ovs-benchmark': ['ovs-benchmark', '--packets', '6400', '--json'],
  scale: [
    ...['scale', '--scenario', 'established', '--packets', '2000', '--design', 'rculist-sweep'],
    ...['--sessions', '1', '--trials', '1', '--workers', '1', '--build', 'probed'],
    ...['--out', 'scaled', '--json'],
  ],
  // Of what scale has left.
  model: ['model', 'scaled', '--cores', '1,2', '--packets', '1000', '--json'],
  micro: ['micro', '--filter', 'mutex', '--time', '5', '--design', 'rculist-sweep', '--json'],
  contention: [
    ...['contention', '--workload', 'syn-flood', '--packets', '2000', '--threads', '1', '--rounds', '1'],
    ...['--design', 'rculist-sweep', '--json'],
  ],
  doctor: ['doctor', '--json'],
  synth: ['synth', '--list', '--json'],
  info: ['info', 'flood.pcap', '--json'],
  prep: ['prep', 'flood.pcap', '-o', 'flood.ctp', '--json'],
  trace: ['trace', 'flood.pcap', '--json'],
  dump: ['dump', 'flood.pcap', '--json'],
  diff: ['diff', 'flood.pcap', '--json'],
};
/** These need a baseline, an Open vSwitch, vectors, or rounds of all designs: their own tests run them. */
const ELSEWHERE = ['regress', 'conform', 'vectors', 'advise'];

describe('a reader that is slow to begin', () => {
  it('is tried with every command that has --json', () => {
    const commands = join(HERE, '..', '..', '..', 'tools', 'commands');
    const withJson = readdirSync(commands)
      .filter((file) => {
        const text = readFileSync(join(commands, file), 'utf8');
        return text.includes('export function register') && text.includes("'--json',");
      })
      .map((file) => basename(file, '.ts'));
    // Whose options are in a file of their own.
    withJson.push('replay');
    expect([...Object.keys(CALLS), ...ELSEWHERE].toSorted()).toEqual(withJson.toSorted());
  });

  it.each(Object.entries(CALLS))('%s: gets all of it', (name, args) => {
    const { code, stdout, stderr } = inShell(args, '| (sleep 0.5; cat)');
    expect(stderr).toBe('');
    // What the machine does not let it do well is an invalid result, but a result.
    expect([0, 1]).toContain(code);
    expect(stdout.endsWith('\n')).toBe(true);
    const documents = name === 'trace' ? stdout.trimEnd().split('\n') : [stdout];
    for (const document of documents) expect(typeof JSON.parse(document)).toBe('object');
    if (name === 'trace') expect(documents).toHaveLength(3000);
  });

  it('takes a result of megabytes a little at a time', () => {
    const slowly =
      "process.stdin.on('data', (part) => { process.stdout.write(part); process.stdin.pause(); " +
      'setTimeout(() => process.stdin.resume(), 10); })';
    const { code, stdout } = inShell(CALLS['dump'] as string[], `| node -e "${slowly}"`);
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(1e6);
    const { entries } = JSON.parse(stdout) as { entries: unknown[] };
    expect(entries).toHaveLength(3000);
  });
});

describe('a reader that is gone', () => {
  it.each(['replay', 'dump', 'info', 'ovs-benchmark', 'doctor'])('%s --json: is an error', (name) => {
    const { code, stderr } = inShell(CALLS[name] as string[], '| true');
    expect(stderr).toMatch(
      /^ctreplay: standard output was closed by its reader before the result was written/,
    );
    expect(code).toBe(1);
  });

  it.each([
    ['text', ['dump', 'flood.pcap']],
    ['a line for each packet', ['trace', 'flood.pcap', '--json']],
  ])('%s: it has taken what it wanted', (_, args) => {
    const { code, stdout, stderr } = inShell(args, '| head -1');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('does not make an input good of which everything was rejected', () => {
    const { code } = inShell(
      ['replay', 'arp.pcap', '--design', 'rculist-sweep', '--build', 'probed', '--out', 'rejected'],
      '| true',
    );
    expect(code).toBe(1);
  });

  it.skipIf(!existsSync('/dev/full'))('a disk that is full is an error', () => {
    for (const args of [REPLAY, ['dump', 'flood.pcap']]) {
      const { code, stderr } = inShell(args, '>/dev/full');
      expect(stderr).toMatch(/^ctreplay: standard output: ENOSPC/);
      expect(code).toBe(1);
    }
  });
});

describe('a program that is cut off', () => {
  it.each([
    ['something calls for the end', 'exit:500', LONG_REPLAY, /it ended before it was done: something in it/],
    [
      'nothing is left to wait for',
      'silence',
      ['info', 'flood.pcap', '--json'],
      /nothing was left to wait for/,
    ],
    ['nothing is left to wait for', 'silence', ['replay', 'flood.pcap', '--json'], /nothing was left/],
    ['an error that nobody waits for', 'rejection:500', LONG_REPLAY, /Error: stray/],
    ['its threads are ended at work', 'kill:500', BUSY_REPLAY, /(worker 0|the sweeper) failed/],
    ['its threads are ended at once', 'kill:1', LONG_REPLAY, /(worker 0|the sweeper) failed/],
    ['a command comes to its end without a word', 'omission', REPLAY, /it printed no result/],
  ])('%s (%s): an error, code 1', (_, sabotage, args, message) => {
    const { code, stdout, stderr } = inShell(args, '| cat', sabotage);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });
});

/** Starts a long replay, sends it a signal when it says that it measures, and waits for its end. */
async function signalled(name: NodeJS.Signals): Promise<CommandOutcome> {
  const child = spawn(process.execPath, [CLI, ...LONG_REPLAY, '--stats', '100ms'], { cwd: folder });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => {
    if (stderr === '') child.kill(name);
    stderr += part.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

describe('a signal', () => {
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const;

  it.each(signals)('%s: prints what was measured, and ends with code %d', async (name, expected) => {
    const { code, stdout, stderr } = await signalled(name);
    expect(stderr).toMatch(/^( +\d+\.\d s {2}rculist-sweep.*\n)+\nInterrupted/);
    expect(code).toBe(expected);
    const { partial, cases } = JSON.parse(stdout) as Pick<Result, 'partial' | 'cases'>;
    expect(partial).toBe(true);
    expect(cases[0]?.packets.injected).toBeGreaterThan(0);
  });

  it.each(signals)(
    '%s before anything is measured: ends it as it would any program, and is told',
    (name, code) => {
      expect(inShell(LONG_REPLAY, '| cat', `signal:${name}`)).toEqual({
        code,
        stdout: '',
        stderr: `ctreplay: ended by ${name} before anything was printed.\n`,
      });
    },
  );
});
