import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import type { Result } from '../../../tools/result/schema.js';
import { pcapBytes } from '../captures/pcap-bytes.js';
import { scratchFolder, type CommandOutcome } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { runCommandLine } from '../../support/run-command.js';

const CLI = join(dirname(dirname(dirname(import.meta.dirname))), 'dist', 'tools', 'cli.js');
const DESIGN = availableDesigns()[0] as string;
/** A hang is ended, and fails. */
const HANG_MS = 60_000;

const folder = scratchFolder();
const capture = pcapBytes(
  Array.from({ length: 40 }, (_, index) => ({ seconds: index, data: udpFrame({ srcPort: 1000 + index }) })),
);
writeFileSync(join(folder, 'day.pcap'), capture);
writeFileSync(join(folder, 'day.pcap.gz'), gzipSync(capture));
// Of frames that do not fit a store of 1 MiB.
const large = pcapBytes(
  Array.from({ length: 1000 }, (_, index) => ({
    seconds: index,
    data: udpFrame({ payload: new Uint8Array(1400) }),
  })),
);
writeFileSync(join(folder, 'large.pcap'), large);

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Runs the command line where it meets no pipe that it would read. */
const run = (...args: readonly string[]): Promise<CommandOutcome> => runCommandLine(args, folder);

/** Runs shell text in which `ctreplay` is the program. */
function shell(text: string): CommandOutcome {
  const script = `ctreplay() { "${process.execPath}" "${CLI}" "$@"; }; ${text}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: folder,
    encoding: 'utf8',
    timeout: HANG_MS,
    killSignal: 'SIGKILL',
  });
  return { code: status, stdout, stderr };
}

function filesOf({
  code,
  stdout,
  stderr,
}: CommandOutcome): NonNullable<Result['cases'][number]['input']['files']> {
  expect(stderr, stderr).not.toMatch(/^ctreplay:/m);
  const result = JSON.parse(stdout) as Result;
  expect(result.cases.flatMap(({ audit }) => audit.filter(({ ok }) => !ok))).toEqual([]);
  expect(code).toBe(0);
  expect(result.cases[0]?.packets.injected).toBeGreaterThan(0);
  return result.cases[0]?.input.files ?? [];
}

const REPLAY_ARGS = ['replay', '--json', '--design', DESIGN, '--build', 'probed', '--warmup', '0'];
const REPLAY = REPLAY_ARGS.join(' ');

describe('what can be read only once', () => {
  it('a named pipe is replayed, and hashed while it is read', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const file of ['day.pcap', 'day.pcap.gz']) {
      const [described] = filesOf(shell(`cat ${file} > pipe & ctreplay ${REPLAY} pipe`));
      const bytes = file === 'day.pcap' ? capture : gzipSync(capture);
      expect(described).toEqual({ path: 'pipe', sha256: sha256(bytes), bytes: bytes.length, packets: 40 });
    }
  });

  it.each([
    ['standard input', `cat day.pcap | ctreplay ${REPLAY} -`, '-'],
    ['/dev/stdin as a pipe', `cat day.pcap | ctreplay ${REPLAY} /dev/stdin`, '/dev/stdin'],
    ['/dev/stdin as a file', `ctreplay ${REPLAY} /dev/stdin < day.pcap`, '/dev/stdin'],
  ])('%s has the hash of its content', (_what, text, path) => {
    expect(filesOf(shell(text))).toEqual([
      { path, sha256: sha256(capture), bytes: capture.length, packets: 40 },
    ]);
  });

  it('process substitution has the hash of its content', () => {
    const [described] = filesOf(shell(`ctreplay ${REPLAY} <(cat day.pcap)`));
    expect(described).toMatchObject({ sha256: sha256(capture), bytes: capture.length, packets: 40 });
  });

  it('has no hash when a limit ended the reading; a file has it all the same', async () => {
    expect(filesOf(shell(`cat day.pcap | ctreplay ${REPLAY} --limit 3 -`))).toEqual([
      { path: '-', sha256: null, bytes: null, packets: 3 },
    ]);
    const files = ['day.pcap', 'day.pcap', 'day.pcap'];
    expect(filesOf(await run(...REPLAY_ARGS, '--limit', '50', ...files))).toEqual(
      [40, 10, 0].map((packets) => ({
        path: 'day.pcap',
        sha256: sha256(capture),
        bytes: capture.length,
        packets,
      })),
    );
  });

  it('is refused when it would have to be streamed, before it is read to its end', async () => {
    // The pipe never ends: reading on would hang.
    const { code, stderr } = shell(
      `{ cat large.pcap; exec sleep 1000; } > pipe & ctreplay ${REPLAY} --store 1 pipe; code=$?; kill $!; exit $code`,
    );
    expect(stderr).toContain('pipe: the traffic is larger than the packet store (1 MiB)');
    expect(code).toBe(1);
    expect(filesOf(await run(...REPLAY_ARGS, '--store', '1', 'large.pcap'))[0]).toMatchObject({
      sha256: sha256(large),
      packets: 1000,
    });
  });

  it('is refused by commands that read their captures again', async () => {
    for (const command of ['bench', 'scale']) {
      const { code, stderr } = await run(command, '--capture', 'pipe');
      expect(code).not.toBe(0);
      expect(stderr).toContain('pipe: this is a pipe');
    }
  });

  it('is read once by every other command', () => {
    const read = (command: string): string => shell(`cat day.pcap > pipe & ctreplay ${command}`).stdout;
    expect(read('info pipe')).toContain(`${capture.length.toLocaleString('en-US')} bytes`);
    expect(read('trace --bare-states pipe')).toContain('40: new|trk');
    expect(read('dump pipe').trim().split('\n').length).toBeGreaterThan(1);
    expect(read('diff pipe')).toContain('40 packets: no divergence');
    expect(read('prep pipe -o day.ctp')).toContain('40 packets');
  });
});

describe('folders and patterns', () => {
  it('are replayed file by file, by name, and the result tells the packets of each', async () => {
    mkdirSync(join(folder, 'week'));
    for (const [name, count] of [
      ['d10.pcap', 3],
      ['d9.pcap', 2],
    ] as const) {
      const records = Array.from({ length: count }, (_, index) => ({ seconds: index, data: udpFrame({}) }));
      writeFileSync(join(folder, 'week', name), pcapBytes(records));
    }
    writeFileSync(join(folder, 'week', 'README'), 'notes on these captures');
    const expected = [
      { path: 'week/d9.pcap', packets: 2 },
      { path: 'week/d10.pcap', packets: 3 },
    ];
    const whole = await run(...REPLAY_ARGS, 'week');
    expect(whole.stderr).toContain('warning: week/README: left out');
    expect(filesOf(whole)).toMatchObject(expected);
    expect(filesOf(await run(...REPLAY_ARGS, 'week/*.pcap'))).toMatchObject(expected);
    const info = await run('info', '--json', 'week/d*.pcap');
    expect(info.stdout.match(/"packets": [23],/g)).not.toBeNull();
    expect((await run('trace', '--bare-states', 'week')).stdout.trim().split('\n')).toHaveLength(5);
    expect((await run('prep', 'week', '-o', 'week.ctp')).stderr).toContain('there are 2 in it');
  });
});
