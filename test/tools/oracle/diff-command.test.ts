/** The diff command on designs of which one has a fault: found, placed, shrunk, and told by the exit code. */
import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { register } from '../../../tools/commands/diff.js';
import { readPackets } from '../../../tools/oracle/capture-run.js';
import * as configured from '../../../tools/oracle/configured-tracker.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { runCommand } from '../../support/run-command.js';

/** As it is, without the fault. */
const { configuredTracker } = configured;

// The fault: narrow-insert follows a later revision's rule, so a third packet without a reply stays new.
beforeEach(() => {
  vi.spyOn(configured, 'configuredTracker').mockImplementation((choice, config, choices) => {
    const switches = choice.design === 'narrow-insert' ? { establishedAfterReply: true } : {};
    return configuredTracker(choice, { ...config, entries: { ...config.entries, switches } }, choices);
  });
});
afterEach(() => vi.restoreAllMocks());

const folder = scratchFolder();
const capture = join(folder, 'in.pcap');
const smallest = join(folder, 'smallest.pcap');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(ports: readonly number[]): void {
  const writer = new PcapWriter(capture);
  ports.forEach((srcPort, index) =>
    writer.write({ timestampNs: BigInt(index) * 1_000_000n, frame: udpFrame({ srcPort }) }),
  );
  writer.close();
}

const diff = (...args: string[]) => runCommand(register, ['diff', capture, ...args]);

describe('ctreplay diff with a fault in one design', () => {
  it('names the packet and both states, and exits with 99', async () => {
    write([1, 2, 3, 2, 1, 2, 2]);
    const { stdout: text, code: exitCode } = await diff('--designs', 'rculist-sweep,narrow-insert');
    expect(text).toContain('NOT EXPLAINED, packet 6, state:');
    expect(text).toMatch(/rculist-sweep: est\|trk\n +narrow-insert: new\|trk\n/);
    expect(exitCode).toBe(99);
  });

  it('reports the same as JSON', async () => {
    write([1, 1, 1]);
    const { stdout: text, code: exitCode } = await diff('--designs', 'timeout-lists,narrow-insert', '--json');
    expect(JSON.parse(text)).toMatchObject({
      designs: ['timeout-lists', 'narrow-insert'],
      packets: 3,
      unexplained: { packetNumber: 3, what: 'state', values: ['est|trk', 'new|trk'] },
      explained: [],
    });
    expect(exitCode).toBe(99);
  });

  it('shrinks the capture to the packets that are needed', async () => {
    write(Array.from({ length: 60 }, (_, i) => (i % 19 === 7 ? 5 : 100 + i)));
    await diff('--designs', 'rculist-sweep,narrow-insert', '--minimize', smallest);
    const ports: number[] = [];
    for await (const { frame } of readPackets([smallest])) ports.push(Buffer.from(frame).readUInt16BE(34));
    expect(ports).toEqual([5, 5, 5]);
  });

  it('designs without the fault do not differ', async () => {
    write([1, 1, 1]);
    const { stdout: text, code: exitCode } = await diff('--designs', 'timeout-lists,rculist-sweep');
    expect(text).toBe('timeout-lists and rculist-sweep, 3 packets: no divergence\n');
    expect(exitCode).toBe(0);
  });
});
