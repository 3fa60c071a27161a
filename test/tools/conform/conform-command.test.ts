/** The conform command as a user runs it. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { register } from '../../../tools/commands/conform.js';
import { findIn } from '../../../tools/conform/ovs-programs.js';
import * as ovsPrograms from '../../../tools/conform/ovs-programs.js';
import { scratchFolder } from '../../support/command.js';
import { udpFrame } from '../../support/packets.js';
import { orWhySkipped, ovsMissing } from './ovs-available.js';

const folder = scratchFolder();
const capture = join(folder, 'in.pcap');
const config = join(folder, 'zones.yaml');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  process.exitCode = undefined;
  vi.restoreAllMocks();
});

function write(frames: readonly Uint8Array[]): void {
  const writer = new PcapWriter(capture);
  frames.forEach((frame, index) => writer.write({ timestampNs: BigInt(index) * 1_000_000n, frame }));
  writer.close();
}

async function conform(...args: string[]): Promise<{ text: string; exitCode: unknown }> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    text += String(part);
    return true;
  });
  const program = new Command();
  register(program);
  await program.parseAsync(['conform', ...args], { from: 'user' });
  return { text, exitCode: process.exitCode };
}

test('what to compare with has to be named', async () => {
  await expect(conform(capture)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('--ovs'),
  });
});

test('without Open vSwitch there is one sentence, and the exit code of an error', async () => {
  write([udpFrame()]);
  const failure = vi.spyOn(ovsPrograms, 'findOvsPrograms').mockImplementation(() => findIn([folder], []));
  const error = await conform(capture, '--ovs').catch((reason: unknown) => reason);
  expect(failure).toHaveBeenCalled();
  expect((error as Error).message).toMatch(
    /^Open vSwitch is not installed: [^.]*install openvswitch-switch\) and run again\.$/,
  );
  expect(error).not.toHaveProperty('exitCode');
});

describe.skipIf(ovsMissing !== null)(orWhySkipped('against Open vSwitch', ovsMissing), () => {
  test('agreement is told for each design, packets that it cannot compare are counted', async () => {
    const arp = new Uint8Array(60);
    arp.set([8, 6], 12);
    write([udpFrame(), arp, udpFrame({ srcPort: 9 })]);
    const { text, exitCode } = await conform(capture, '--ovs');
    expect(exitCode).toBeUndefined();
    expect(text).toMatch(/^ovs-vswitchd \(Open vSwitch\) \d.*\n3 packets, 2 connections at the end\n/);
    for (const design of availableDesigns()) {
      expect(text).toContain(`${design}: 2 of 2 packets agree, and the table; 1 not compared: not IP`);
    }
  });

  test('a difference that nothing explains ends with 99, and JSON has all of it', async () => {
    // The switch is of a later revision, which does not say that Open vSwitch 3.1 behaves so.
    writeFileSync(
      config,
      'switches: { defaultLimitPerZone: true }\nzoneLimits: { default: 1 }\nzone: { from: vlan }\n',
    );
    write([udpFrame({ vlans: [{ id: 1 }] }), udpFrame({ vlans: [{ id: 2 }] })]);
    const { text, exitCode } = await conform(
      capture,
      '--ovs',
      '--config',
      config,
      '--design',
      'rculist-sweep',
      '--json',
    );
    const report = JSON.parse(text) as {
      ovs: string;
      results: { agreeing: number; differences: object[] }[];
    };
    if (!/ 3\.[0-4]\./.test(report.ovs)) return;
    expect(exitCode).toBe(99);
    expect(report.results).toEqual([
      {
        design: 'rculist-sweep',
        compared: 2,
        notCompared: {},
        agreeing: 2,
        differences: [
          expect.objectContaining({
            what: 'table',
            packetNumber: null,
            tracker: expect.stringContaining('zone=2'),
            ovs: null,
            explanation: null,
          }),
        ],
      },
    ]);
  });

  test('nothing to compare is an error', async () => {
    const arp = new Uint8Array(60);
    arp.set([8, 6], 12);
    write([arp]);
    await expect(conform(capture, '--ovs')).rejects.toThrow('nothing was compared');
  });

  test('a configuration for which Open vSwitch has no form is named, and is wrong usage', async () => {
    writeFileSync(config, 'rules: [{ mark: 1 }]\n');
    write([udpFrame()]);
    await expect(conform(capture, '--ovs', '--config', config)).rejects.toMatchObject({
      exitCode: 2,
      message: `${config}: rules: Open vSwitch takes mark only together with commit`,
    });
  });
});
