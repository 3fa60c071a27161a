import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { buildFrame, quoteOf } from '../../../tools/synth/packet-builder.js';
import { ctreplay, type CommandOutcome } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { pcapBytes } from './pcap-bytes.js';
import { readAll, Scratch } from './scratch.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const OFFICE = join(import.meta.dirname, '../../../captures/office-mix.pcap');
const run = (...args: string[]): Promise<CommandOutcome> => runCommandLine(args, scratch.folder);
const infoOf = async (file: string): Promise<Record<string, any>> => {
  const { code, stdout, stderr } = await run('info', '--json', file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout).captures[0];
};

const have = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const client = { src: '10.0.0.1', dst: '10.0.0.2' };
const server = { src: '10.0.0.2', dst: '10.0.0.1' };
const udp = { srcPort: 5000, dstPort: 53 };

/** One of each kind, with what the report must say of it. */
function everyKind(): string {
  const path = scratch.path('kinds.pcap');
  const writer = new PcapWriter(path);
  const datagram = buildFrame({ ipv4: client, udp, payload: 'query' });
  const frames = [
    buildFrame({ ipv4: client, tcp: { srcPort: 4000, dstPort: 80, flags: 'S' } }),
    buildFrame({ ipv4: server, tcp: { srcPort: 80, dstPort: 4000, flags: 'SA', ack: 1 } }),
    datagram,
    buildFrame({ ipv4: server, icmp: { type: 3, code: 3, quote: quoteOf(datagram, 28) } }),
    buildFrame({ ipv4: client, udp: { srcPort: 5001, dstPort: 53 }, payload: 'bad', badChecksums: ['udp'] }),
    buildFrame({ ipv6: { src: '2001:db8::1', dst: '2001:db8::2' }, udp }),
    buildFrame({ vlans: [7, 9], ipv4: client, icmp: { type: 8, id: 1, seq: 1 } }),
    buildFrame({ ipv4: { ...client, id: 77, moreFragments: true, protocol: 17 }, payload: new Uint8Array(1208) }),
    buildFrame({ etherType: 0x0806, payload: new Uint8Array(28) }),
  ];
  frames.forEach((frame, index) => writer.write({ timestampNs: BigInt(index) * 250_000_000n, frame }));
  writer.write({ timestampNs: 2_250_000_000n, frame: frames[0]!.subarray(0, 40), originalLength: 1500 });
  writer.close();
  return path;
}

describe('info', () => {
  it('counts flows, protocols, fragments, VLANs, cut packets, and what a tracker rejects and why', async () => {
    const report = await infoOf(everyKind());
    expect(report).toMatchObject({
      format: 'pcap-ns',
      compression: 'none',
      interfaces: [{ linkType: 1, linkTypeName: 'Ethernet', replayable: true, packets: 10 }],
      totals: { packets: 10, cutPackets: 1, durationSeconds: 2.25, packetsOutOfTimeOrder: 0, longestPacketBytes: 1500 },
      flows: { count: 6, byProtocol: { udp: 4, tcp: 1, icmp: 1 } },
      fragments: { ipv4First: 1, ipv4Later: 0, ipv6First: 0, ipv6Later: 0 },
      vlans: { taggedPackets: 1, doubleTaggedPackets: 1, packetsByOuterId: { 7: 1 } },
      tracker: {
        packetsByState: { related: 1 },
        rejected: {
          'udp-checksum': { text: 'wrong UDP checksum', packets: 1, firstPacket: 5 },
          'not-ip': { packets: 1, firstPacket: 9 },
        },
        fragmentsNeverComplete: 1,
      },
    });
    expect(report['protocols'].network).toMatchObject({ ipv4: { packets: 8 }, ipv6: { packets: 1 }, arp: { packets: 1 } });
  });

  it('says the same to people, one line for each reason', async () => {
    const { stdout } = await run('info', everyKind());
    expect(stdout).toMatch(/^Rejected: +1: wrong UDP checksum \(first: packet 5\)$/m);
    expect(stdout).toMatch(/^VLAN ids: +7 \(1\)$/m);
    expect(stdout).toMatch(/^Packets cut: +1 \(snap length\)$/m);
    expect((await run('info', '--no-tracker', everyKind())).stdout).not.toContain('Tracker says');
  });

  it.skipIf(!have('capinfos'))('tells what capinfos tells (skipped where it is not installed)', async () => {
    const fields = ['-c', '-s', '-d', '-u', '-a', '-e', '-y', '-i', '-z', '-x', '-o'];
    const line = execFileSync('capinfos', ['-T', '-m', '-r', '-S', ...fields, OFFICE], { encoding: 'utf8' });
    const cells = line.trim().split(',').map((cell) => cell.replaceAll('"', ''));
    const [packets, fileBytes, dataBytes, duration, first, last, byteRate, bitRate, average, packetRate, order] =
      cells.slice(1);
    const { totals, fileBytes: ownFileBytes } = await infoOf(OFFICE);
    expect({
      packets: totals.packets,
      fileBytes: ownFileBytes,
      dataBytes: totals.wireBytes,
      first: totals.firstTimeNs,
      last: totals.lastTimeNs,
      order: totals.packetsOutOfTimeOrder === 0 ? 'True' : 'False',
    }).toEqual({
      packets: Number(packets),
      fileBytes: Number(fileBytes),
      dataBytes: Number(dataBytes),
      first: `${first!.replace('.', '')}000`,
      last: `${last!.replace('.', '')}000`,
      order,
    });
    expect(totals.durationSeconds).toBeCloseTo(Number(duration), 5);
    expect(totals.averageBitsPerSecond / Number(bitRate)).toBeCloseTo(1, 3);
    expect(totals.averageBitsPerSecond / 8 / Number(byteRate)).toBeCloseTo(1, 3);
    expect(totals.averagePacketBytes).toBeCloseTo(Number(average), 1);
    expect(totals.averagePps / Number(packetRate)).toBeCloseTo(1, 3);
  });

  it('takes several captures, standard input among them', () => {
    const office = readFileSync(OFFICE);
    const { code, stdout } = ctreplay(['info', '--json', '--no-tracker', '-', everyKind()], scratch.folder, gzipSync(office));
    expect(code).toBe(0);
    const [piped, file] = JSON.parse(stdout).captures;
    expect(piped).toMatchObject({ file: '-', fileBytes: null, compression: 'gzip', totals: { packets: 30_482 } });
    expect(file.totals.packets).toBe(10);
  });

  it('tells of a link type that cannot be replayed, without rejecting the file', async () => {
    const report = await infoOf(scratch.write('wifi', pcapBytes([{ data: new Uint8Array(30) }], { linkType: 105 })));
    expect(report['interfaces'][0]).toMatchObject({ linkTypeName: 'IEEE 802.11', replayable: false });
    expect(report['tracker'].packetsNotReplayable).toBe(1);
  });
});

describe('prep', () => {
  it.each(['pcap', 'pcapng'])('to .ctp and back to %s: the same records', async (format) => {
    const inputs = [OFFICE, everyKind(), scratch.write('raw', pcapBytes([{ seconds: 5, data: buildFrame({ ipv4: client, udp }).subarray(14), original: 900 }], { linkType: 101 }))];
    for (const [index, input] of inputs.entries()) {
      const prepared = scratch.path(`${format}-${index}.ctp`);
      const back = scratch.path(`${format}-${index}`);
      expect(await run('prep', input, '-o', prepared)).toMatchObject({ code: 0, stderr: '' });
      expect(await run('prep', prepared, '--format', format, '-o', back)).toMatchObject({ code: 0, stderr: '' });
      const want = (await readAll(input)).records;
      const { records, reader } = await readAll(back);
      expect(reader.format).toBe(format === 'pcap' ? 'pcap-ns' : 'pcapng');
      expect(records).toHaveLength(want.length);
      const different = records.findIndex((record, at) => {
        const source = want[at]!;
        // A raw packet got an Ethernet header.
        const grown = record.frame.length - source.frame.length;
        return (
          grown !== (source.linkType === 1 ? 0 : 14) ||
          record.timestampNs !== source.timestampNs ||
          record.originalLength !== source.originalLength + grown ||
          !Buffer.from(record.frame.subarray(grown)).equals(source.frame)
        );
      });
      expect(different).toBe(-1);
    }
  });

  it('reads standard input, and says as JSON what it wrote', async () => {
    const { code, stdout } = ctreplay(['prep', '-', '-o', 'piped.ctp', '--json'], scratch.folder, gzipSync(readFileSync(OFFICE)));
    expect(code).toBe(0);
    const fileBytes = statSync(scratch.path('piped.ctp')).size;
    expect(JSON.parse(stdout)).toEqual({
      output: 'piped.ctp',
      format: 'ctp',
      packets: 30_482,
      frameBytes: 2_592_447,
      wireBytes: 2_592_447,
      cutPackets: 0,
      fileBytes,
      truncation: null,
    });
    expect((await infoOf(scratch.path('piped.ctp')))['totals'].packets).toBe(30_482);
  });
});

describe('errors of info and prep name the fault, its place and the remedy', () => {
  const two = pcapBytes([{ data: new Uint8Array(60) }, { data: new Uint8Array(60) }]);
  const cases: [what: string, make: () => string, message: RegExp, infoToo: boolean][] = [
    ['missing', () => 'missing.pcap', /missing\.pcap: no such file\. Check the path\./, true],
    ['directory', () => scratch.folder, /this is a directory, not a capture file\. Name the capture files/, false],
    ['empty', () => scratch.write('empty.pcap', new Uint8Array(0)), /byte offset 0: the file is empty \(0 bytes\)\. Give/, false],
    ['no packets', () => scratch.write('none.pcap', pcapBytes([])), /the capture holds no packets\. Give/, false],
    ['wrong magic', () => scratch.write('magic.pcap', Buffer.from('hello, world')), /offset 0: .*no capture format.*68 65 6c 6c 6f.*\. Give a pcap/, true],
    ['truncated', () => scratch.write('cut.pcap', two.subarray(0, 24 + 76 + 40)), /cut\.pcap, record 2, byte offset 100: .*\b24 of 60 bytes/, true],
    ['truncated header', () => scratch.write('head.pcap', two.subarray(0, 24 + 76 + 7)), /record 2, byte offset 100: .*\b7 of 16 bytes/, false],
    ['link type', () => scratch.write('dot11.pcap', pcapBytes([{ data: new Uint8Array(60) }], { linkType: 105 })), /record 1, byte offset 24: link type 105 \(IEEE 802\.11\) cannot be replayed\. .*Ethernet \(1\)/, false],
  ];

  it.each(cases)('%s', async (_what, make, message, infoToo) => {
    const file = make();
    const before = readdirSync(scratch.folder);
    for (const args of [['prep', file, '-o', 'out.ctp'], ...(infoToo ? [['info', file]] : [])]) {
      const { code, stdout, stderr } = await run(...args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    // Nothing is left behind, not even a part of the output.
    expect(readdirSync(scratch.folder)).toEqual(before);
  });

  it('a capture that breaks off can be kept', async () => {
    const file = scratch.write('keep.pcap', two.subarray(0, 24 + 76 + 40));
    const { code, stdout, stderr } = await run('prep', '--keep-truncated', file, '-o', 'kept.ctp');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^kept\.ctp: 1 packets/) });
    expect(stderr).toMatch(/^warning: .*record 2, byte offset 100/);
    expect((await run('info', '--keep-truncated', file)).stdout).toMatch(/Broken off: .*record 2/);
  });

  it('the input as output, a directory as output, another format, no output', async () => {
    const file = scratch.write('same.pcap', two);
    expect(await run('prep', file, '-o', 'same.pcap')).toMatchObject({ code: 1, stderr: expect.stringContaining('the same file') });
    expect(await run('prep', file, '-o', '.')).toMatchObject({ code: 1, stderr: expect.stringContaining('directory') });
    expect(await run('prep', file, '-o', 'x', '--format', 'erf')).toMatchObject({ code: 2, stderr: expect.stringContaining('ctp, pcap, pcapng') });
    expect(await run('prep', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('--out ') });
    expect(existsSync(scratch.path('x'))).toBe(false);
    expect(readFileSync(file).equals(two)).toBe(true);
  });
});
