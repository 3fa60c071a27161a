import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { availableDesigns } from '../../engine/host/designs.js';
import { PcapWriter } from '../../tools/captures/pcap-writer.js';
import type { Result } from '../../tools/result/schema.js';
import { parseResult } from '../../tools/result/result-file.js';
import { ctreplay, scratchFolder } from '../support/command.js';
import { tcpFrame, udpFrame } from '../support/packets.js';
import { failedChecks } from '../support/replay.js';
import { runCommandLine } from '../support/run-command.js';

const folder = scratchFolder();
const good = join(folder, 'good.pcap');

function writeCapture(path: string, frames: readonly Uint8Array[]): Buffer {
  const writer = new PcapWriter(path);
  frames.forEach((frame, index) =>
    writer.write({ timestampNs: 1_700_000_000_000_000_000n + BigInt(index) * 1000n, frame }),
  );
  writer.close();
  return readFileSync(path);
}

beforeAll(() => {
  const frames = Array.from({ length: 300 }, (_, i) => udpFrame({ srcPort: 1000 + (i % 50), dstPort: 53 }));
  const bytes = writeCapture(good, frames);
  writeFileSync(join(folder, 'empty.pcap'), '');
  writeFileSync(join(folder, 'garbage.pcap'), Buffer.from('c8e7b14743473229b0102030405060708', 'hex'));
  writeFileSync(join(folder, 'foreign.txt'), 'not a capture\n');
  writeFileSync(join(folder, 'no-packets.pcap'), bytes.subarray(0, 24));
  writeFileSync(join(folder, 'cut.pcap'), bytes.subarray(0, bytes.length - 10));
  const huge = Buffer.from(bytes);
  huge.writeUInt32LE(0x7fff_ffff, 24 + 8);
  writeFileSync(join(folder, 'huge.pcap'), huge);
  writeCapture(join(folder, 'arp.pcap'), [
    Uint8Array.from({ length: 42 }, (_, i) => (i === 12 ? 8 : i === 13 ? 6 : 0)),
  ]);
  mkdirSync(join(folder, 'folder'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('files that are no good', () => {
  it.each([
    ['empty.pcap', /empty\.pcap, byte offset 0: .*empty/],
    ['garbage.pcap', /garbage\.pcap, byte offset 0: .*format/],
    ['foreign.txt', /foreign\.txt, byte offset 0: .*format/],
    ['no-packets.pcap', /no-packets\.pcap: .*no packets/],
    ['cut.pcap', /cut\.pcap, record 300, byte offset \d+: .*ends inside/],
    ['huge.pcap', /huge\.pcap, record 1, byte offset 24: .*2147483647/],
    ['missing.pcap', /missing\.pcap: no such file/],
    ['folder', /folder: .*directory/],
  ])('%s: one sentence with file, record and offset, code 1, nothing else', async (name, message) => {
    const before = readdirSync(folder);
    for (const command of ['replay', 'trace']) {
      const { code, stdout, stderr } = await runCommandLine(
        [command, name, ...(command === 'trace' ? ['--bare-states'] : [])],
        folder,
      );
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(code).toBe(1);
      // A trace has shown the whole records before the cut.
      if (command === 'replay' || name !== 'cut.pcap') expect(stdout).toBe('');
      else expect(stdout.trim().split('\n')).toHaveLength(299);
    }
    expect(readdirSync(folder)).toEqual(before);
  });

  it('a capture of which the tracker rejects everything is an error', async () => {
    const args = ['replay', 'arp.pcap', '--out', join(folder, 'rejected')];
    const { code, stderr } = await runCommandLine(args, folder);
    expect(stderr).toMatch(/every packet invalid \(not-ip\)/);
    expect(code).toBe(1);
  });
});

describe('options that are no good', () => {
  it.each([
    [['replay', 'good.pcap', '--workers', '0'], /--workers/],
    [['replay', 'good.pcap', '--batch', '33'], /--batch/],
    [['replay', 'good.pcap', '--pps', '-3'], /--pps/],
    [['replay', 'good.pcap', '--pps', '5', '--mbps', '2'], /--pps and --mbps/],
    [['replay', 'good.pcap', '--design', 'nope'], /nope.*timeout-lists/],
    [['replay', 'good.pcap', '--design', 'rculist-sweep@v9'], /v9.*v7-fixed/],
    [['replay', 'good.pcap', '--synth', 'syn-flood'], /exclude each other/],
    [['replay', '--synth', 'syn-flod'], /did you mean syn-flood/],
    [['replay', '--synth', 'syn-flood', '--packets', '0'], /packets/],
    [['replay'], /name a capture/],
    [['replay', 'good.pcap', '--no-such-option'], /no-such-option/],
    [['trace', 'good.pcap', '--design', 'all'], /one design/],
    [['bench', '--scenario', 'nope'], /ovs-benchmark/],
    [['no-such-command'], /no-such-command/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runCommandLine(args, folder);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

describe('the program', () => {
  it.each([
    [['replay', 'empty.pcap'], 1],
    [['replay', 'good.pcap', '--workers', '0'], 2],
    [['no-such-command'], 2],
    [['trace', 'good.pcap', '--bare-states'], 0],
  ])('prints and ends as its command line does: %j', async (args, code) => {
    const outcome = ctreplay(args, folder);
    expect(outcome).toEqual(await runCommandLine(args, folder));
    expect(outcome.code).toBe(code);
  });
});

describe('help', async () => {
  const { stdout } = await runCommandLine(['--help'], folder);
  const listed = stdout.slice(stdout.indexOf('\nCommands:\n'), stdout.indexOf('\nBegin with:\n'));
  const commands = [...listed.matchAll(/^ {2}([a-z-]+) /gm)]
    .map((match) => match[1] as string)
    .filter((name) => name !== 'help');

  it('lists the commands', () => {
    expect(commands).toContain('replay');
    expect(commands.length).toBeGreaterThan(6);
  });

  it.each(commands)('%s has options, and an example', async (name) => {
    const help = await runCommandLine([name, '--help'], folder);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/Examples?:\n {2}ctreplay /);
  });
});

describe('a replay from the command line', () => {
  it('writes result.json and CSV tables, and a table to the terminal', async () => {
    const out = join(folder, 'out');
    const { code, stdout } = await runCommandLine(
      ['replay', good, '--workers', '2', '--loop', '10', '--out', out],
      folder,
    );
    expect(stdout).toMatch(/timeout-lists/);
    expect(stdout).toMatch(/rculist-sweep/);
    expect(stdout).not.toMatch(/ct_lock/);
    const result = parseResult(readFileSync(join(out, 'result.json'), 'utf8'), 'result.json');
    expect(result.cases.map((each) => each.packets.injected)).toEqual([3000, 3000]);
    for (const name of ['summary.csv', 'latency.csv', 'locks.csv'])
      expect(existsSync(join(out, name))).toBe(true);
    expect(code).toBe(result.valid ? 0 : 1);
    const all = (await runCommandLine(['report', out], folder)).stdout;
    expect(all).toMatch(/ct_lock/);
    expect(all).toMatch(/Verdict\n/);
  });

  it('puts a fresh folder under results/', async () => {
    const args = ['replay', good, '--design', 'timeout-lists', '--build', 'probed'];
    const { code } = await runCommandLine(args, folder);
    expect(code).toBe(0);
    expect(readdirSync(join(folder, 'results'))).toHaveLength(1);
  });

  it('--json prints the result and nothing else, and writes nothing', () => {
    const before = readdirSync(folder);
    const { code, stdout, stderr } = ctreplay(
      ['replay', '-', '--json', '--limit', '100', '--seed', '9'],
      folder,
      readFileSync(good),
    );
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as Result;
    expect(result.seed).toBe(9);
    expect(result.cases[0]?.packets.injected).toBe(100);
    expect(stderr).toBe('');
    expect(readdirSync(folder)).toEqual(before);
  });

  it('replays the same packets from --synth as from the file that synth writes', async () => {
    const file = join(folder, 'flood.pcap');
    const synth = ['synth', 'syn-flood', '-o', file, '--packets', '500', '--seed', '4'];
    expect((await runCommandLine(synth, folder)).code).toBe(0);
    const replayed = async (...args: string[]): Promise<Result> => {
      const common = ['--json', '--clock', 'capture', '--seed', '4', '--build', 'probed'];
      return JSON.parse((await runCommandLine(['replay', ...args, ...common], folder)).stdout) as Result;
    };
    const fromFile = await replayed(file);
    const direct = await replayed('--synth', 'syn-flood', '--packets', '500');
    expect(direct.cases.map((each) => each.packets)).toEqual(fromFile.cases.map((each) => each.packets));
    expect(direct.cases[0]?.input.bytes).toBe(fromFile.cases[0]?.input.bytes);
  });
});

describe('the demo', () => {
  it('runs a capture and a SYN flood through both designs, and both designs expire connections in each', async () => {
    const out = join(folder, 'demo');
    const args = [
      ...['demo', '--out', out, '--trials', '1', '--limit', '20k'],
      ...['--pps', '20k', '--duration', '400ms', '--time-scale', '500'],
    ];
    const { code, stdout, stderr } = await runCommandLine(args, folder);
    // It fits a screen and a bit, and ends in what it found.
    expect(stdout.trimEnd().split('\n').length).toBeLessThan(60);
    expect(stdout.match(/^Verdict$/gm)).toHaveLength(2);
    const failed: string[] = [];
    for (const name of ['capture', 'syn-flood']) {
      expect(stdout).toContain(`Result: ${join(out, name)}`);
      const text = readFileSync(join(out, name, 'result.json'), 'utf8');
      const { cases } = parseResult(text, name);
      failed.push(...cases.flatMap(failedChecks).map((check) => check.name));
      expect(cases.map((each) => each.design)).toEqual(['timeout-lists', 'rculist-sweep']);
      for (const each of cases) expect(each.connections?.expired).toBeGreaterThan(0);
    }
    // A busy machine may not keep the rates, which is an error, and the only one.
    expect(failed.filter((check) => check !== 'rate-achieved')).toEqual([]);
    expect(code, stderr).toBe(failed.length === 0 ? 0 : 1);
  });
});

describe('trace and bench from the command line', () => {
  it('traces in the form of ovstest', async () => {
    const file = join(folder, 'tcp.pcap');
    writeCapture(file, [
      tcpFrame({ flags: 'S', seq: 1 }),
      tcpFrame({
        src: '10.1.1.2',
        dst: '10.1.1.1',
        srcPort: 80,
        dstPort: 40000,
        flags: 'SA',
        seq: 9,
        ack: 2,
      }),
      tcpFrame({ flags: 'A', seq: 2, ack: 10 }),
    ]);
    for (const design of availableDesigns()) {
      const args = ['trace', file, '--design', design, '--bare-states'];
      const { code, stdout, stderr } = await runCommandLine(args, folder);
      expect(stdout).toBe('1: new|trk\n2: est|rpl|trk\n3: est|trk\n');
      expect(stderr).toBe('');
      expect(code).toBe(0);
    }
  });

  it('runs the workload of ovstest', async () => {
    const args = [
      'bench',
      '--scenario',
      'ovs-benchmark',
      '--workers',
      '2',
      '--packets',
      '6400',
      '--batch',
      '32',
      '--change',
    ];
    const { code, stdout } = await runCommandLine([...args, '--bare', '--json'], folder);
    expect(code).toBe(0);
    const { results } = JSON.parse(stdout) as { results: Record<string, unknown>[] };
    expect(results).toHaveLength(2);
    for (const each of results) {
      expect(each).toMatchObject({ workers: 2, packets: 6400, total_packets: 12_800, connections: 64 });
      expect(each['pps']).toBeCloseTo((12_800 / (each['elapsed_ms'] as number)) * 1000, 3);
    }
    const { stdout: text } = await runCommandLine(args, folder);
    expect(text.match(/^conntrack: {2} *\d+ ms$/gm)).toHaveLength(2);
  });
});
