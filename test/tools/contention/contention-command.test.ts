import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns } from '../../../engine/host/designs.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { register } from '../../../tools/commands/contention.js';
import { contentionResult, type ContentionResult } from '../../../tools/contention/contention-result.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { runCommand } from '../../support/run-command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeCapture(name: string, frames: readonly Uint8Array[]): string {
  const path = join(folder, name);
  const writer = new PcapWriter(path);
  frames.forEach((frame, index) => writer.write({ timestampNs: BigInt(index) * 1000n, frame }));
  writer.close();
  return path;
}

async function contention(...args: string[]): Promise<ContentionResult> {
  const { code, stdout, stderr } = await runCommand(register, ['contention', ...args, '--json']);
  expect(stderr).toBe('');
  const result = contentionResult.parse(JSON.parse(stdout));
  expect(result.failedChecks).toEqual([]);
  expect(code).toBe(0);
  return result;
}

describe('contention', () => {
  it('runs the workloads of the original at every number of threads through every design', async () => {
    // Between the two that are replayed there is no difference but in the packets.
    const workloads =
      process.env['CTREPLAY_LONG'] === undefined
        ? ['ovs-benchmark', 'syn-flood']
        : ['ovs-benchmark', 'established', 'syn-flood'];
    const result = await contention(
      ...['--packets', '3k', '--threads', '1,2', '--rounds', '1'],
      ...['--workload', workloads.join(',')],
    );
    const names = result.rows.map(({ workload, threads, design }) => `${workload} ${threads} ${design}`);
    expect(names).toEqual(
      workloads.flatMap((workload) =>
        [1, 2].flatMap((threads) =>
          ['timeout-lists', 'rculist-sweep'].map((design) => `${workload} ${threads} ${design}`),
        ),
      ),
    );
    for (const row of result.rows) expect(row.pps.min).toBeGreaterThan(0);
    expect(result.ratios).toHaveLength(2 * workloads.length);
  });

  it('counts the acquisitions of ovs-benchmark alone: not those of the warm-up', async () => {
    const result = await contention(
      ...['--workload', 'ovs-benchmark', '--packets', '32k', '--threads', '1', '--rounds', '3'],
    );
    const [old, young] = result.rows as [ContentionResult['rows'][0], ContentionResult['rows'][0]];
    const packets = 32_000;
    expect(old.packets).toBe(packets);
    for (const perPacket of old.ctLockPerPacket.values) {
      // Created packets take the lock once, the others twice; the sweeper may take it once a pass.
      const byWorker = 2 * packets - 32;
      expect(perPacket * packets).toBeGreaterThanOrEqual(byWorker - 0.5);
      expect(perPacket * packets).toBeLessThanOrEqual(byWorker + 2.5);
    }
    for (const perPacket of young.ctLockPerPacket.values) expect(perPacket * packets).toBeCloseTo(32, 6);
    for (const { pps } of [old, young]) {
      const ascending = pps.values.toSorted((a, b) => a - b);
      expect([pps.min, pps.median, pps.max]).toEqual(ascending);
    }
    const ratios = young.pps.values.map((pps, round) => pps / (old.pps.values[round] as number));
    expect(result.ratios.map(({ ratio }) => ratio.values)).toEqual([ratios]);
  });

  it('takes the longest hold from a run in which connections expire, for any input', async () => {
    const result = await contention(
      ...['--synth', 'syn-flood', '--packets', '60k', '--threads', '1', '--rounds', '1'],
      ...['--time-scale', '100000', '--mutex', 'backoff'],
    );
    expect(result.mutex).toBe('backoff');
    expect(result.rows.map((row) => row.packets)).toEqual([60_000, 60_000]);
    for (const row of result.rows) {
      expect(row.ctLockPerPacket.median).toBeGreaterThanOrEqual(1);
      expect(row.longestHoldPerCleanedNs?.median).toBeGreaterThan(0);
      expect(row.meanHoldPerCleanedNs?.median).toBeGreaterThan(0);
    }
  });

  it('replays captures, and says in a table and in CSV what it found', async () => {
    const frames = Array.from({ length: 2000 }, (_, i) =>
      udpFrame({ srcPort: 1000 + (i % 50), dstPort: 53 }),
    );
    const capture = writeCapture('good.pcap', frames);
    const args = ['contention', capture, '--threads', '2', '--rounds', '2', '--design', 'rculist-sweep'];
    const table = await runCommand(register, args);
    expect(table.stderr).toBe('');
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(
      /good\.pcap {2}2,000 packets, --mutex glibc, --touch-ahead off, median of 2 rounds/,
    );
    expect(table.stdout).toMatch(/Mpps +ct_lock\/packet/);
    expect(table.stdout).toMatch(/2 +rculist-sweep +[\d.]+ +0\.025/);
    const { stdout } = await runCommand(register, [...args, '--csv', '--packets', '1k', '--rounds', '1']);
    const lines = stdout.trim().split('\r\n');
    expect(lines[0]).toBe('workload,threads,design,figure,rounds,median,min,max');
    expect(lines.find((line) => line.includes('ctLockPerPacket'))).toMatch(
      /,2,rculist-sweep,ctLockPerPacket,1,0\.05,0\.05,0\.05$/,
    );
  });

  it('refuses a capture of which the tracker rejects everything', async () => {
    const arp = Uint8Array.from({ length: 42 }, (_, i) => (i === 12 ? 8 : i === 13 ? 6 : 0));
    const { code, stdout, stderr } = await runCommand(register, [
      'contention',
      writeCapture('arp.pcap', [arp]),
    ]);
    expect(stderr).toMatch(/arp\.pcap: the tracker found every packet invalid \(not-ip\)/);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it.each([
    [['x.pcap', '--synth', 'syn-flood'], /the capture x\.pcap and --synth syn-flood exclude each other/],
    [['--workload', 'established', '--synth', 'syn-flood'], /--synth syn-flood and --workload exclude/],
    [
      ['--sweep', '--workload', 'established'],
      /--sweep fills the table itself and runs one thread; leave --workload out/,
    ],
    [
      ['--sweep', '--threads', '1', '--packets', '5', '--mutex', 'glibc'],
      /leave --packets and --threads and --mutex out/,
    ],
    [
      ['--sweep', '1000', '--time-scale', '5', '--touch-ahead', 'on'],
      /leave --time-scale and --touch-ahead out/,
    ],
    [['x.pcap', '--sweep'], /leave the capture x\.pcap out/],
    [['--json', '--csv'], /one of --json and --csv/],
    [['--design', 'nope'], /nope.*timeout-lists/],
  ])('%j is refused in one sentence', async (args, message) => {
    const { code, stdout, stderr } = await runCommand(register, ['contention', ...args]);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it.each([
    ['--threads', '0,1'],
    ['--threads', '1,,2'],
    ['--workload', 'churn'],
    ['--rounds', '0'],
    ['--sweep', '0'],
    ['--time-scale', '-1'],
    ['--mutex', 'ticket'],
  ])('%s %s is refused', async (...args) => {
    expect((await runCommand(register, ['contention', ...args])).code).toBe(2);
  });
});

describe('contention --sweep', () => {
  it('gives the cost of a pass for every design, bare and probed', async () => {
    const result = await contention('--sweep', '2k', '--rounds', '3', '--design', 'all');
    expect(result.rows).toEqual([]);
    const rows = result.sweeps.map(({ design, operation }) => `${design} ${operation}`);
    for (const design of availableDesigns()) {
      expect(rows).toContain(`${design} cleaned`);
      expect(rows).toContain(`${design} flushed`);
      expect(rows.includes(`${design} looked-at`), design).toBe(traitsOf(design).sweepLooksAtLiving);
    }
    for (const { connections, bareNs, probedNs, probedOverBare } of result.sweeps) {
      expect(connections).toBe(2000);
      expect(probedOverBare.values).toEqual(
        probedNs.values.map((ns, i) => ns / (bareNs.values[i] as number)),
      );
      expect(bareNs.min).toBeGreaterThan(0);
    }
  });
});
