/** vectors, trace, dump and diff as a user runs them. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Command } from 'commander';
import { availableDesigns } from '../../../engine/host/designs.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { register as registerDiff } from '../../../tools/commands/diff.js';
import { register as registerDump } from '../../../tools/commands/dump.js';
import { register as registerTrace } from '../../../tools/commands/trace.js';
import { register as registerVectors } from '../../../tools/commands/vectors.js';
import { readPackets } from '../../../tools/oracle/capture-run.js';
import { scratchFolder } from '../../support/command.js';
import { dissect } from '../../support/dissect.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';
import { runCommand } from '../../support/run-command.js';

const folder = scratchFolder();
const before = process.cwd();
process.chdir(folder);
afterAll(() => process.chdir(before));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MS = 1_000_000n;
const DESIGNS = availableDesigns();
const reverse = { src: '10.1.1.2', dst: '10.1.1.1' };

function ctreplay(...args: string[]) {
  const register = (program: Command): void => {
    for (const add of [registerVectors, registerTrace, registerDump, registerDiff]) add(program);
  };
  return runCommand(register, args);
}

/** Writes a capture of frames at times in milliseconds. */
function capture(name: string, packets: readonly (readonly [number, Uint8Array])[]): string {
  const writer = new PcapWriter(join(folder, name));
  for (const [ms, frame] of packets)
    writer.write({ timestampNs: 1_700_000_000_000n * MS + BigInt(ms) * MS, frame });
  writer.close();
  return name;
}

function text(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

const udp = udpFrame({ srcPort: 1000 });
const answer = udpFrame({ ...reverse, srcPort: 53, dstPort: 1000 });
const flow = capture('flow.pcap', [
  [0, udp],
  [10, answer],
  [20, udp],
  [40_000, udp],
]);
const snat = text(
  'snat.yaml',
  `zone: 4
rules:
  - {match: {src: 10.1.1.1}, commit: true, mark: 9, nat: {type: src, addr: 10.1.1.240}}
  - {nat: {type: none}}
`,
);

const step = (expected: string): string =>
  JSON.stringify({
    name: 'one',
    tags: [],
    steps: [
      { op: 'now', ms: 1000 },
      { op: 'pkt', hex: Buffer.from(udp).toString('hex'), commit: true, expect: { state: expected } },
    ],
  });

describe('vectors', () => {
  it('counts what passed per file and design', async () => {
    const file = text('good.jsonl', `${step('new|trk')}\n\n${step('new|trk')}\n`);
    const { code, stdout } = await ctreplay('vectors', file);
    expect(stdout).toBe(DESIGNS.map((design) => `good.jsonl  ${design}: 2 passed, 0 failed\n`).join(''));
    expect(code).toBe(0);
  });

  it('shows name, step, expected and got of each failure, and exits with 99', async () => {
    const file = text('bad.jsonl', `${step('new|trk')}\n${step('est|trk')}\n`);
    const { code, stdout } = await ctreplay('vectors', file, '--design', 'rculist-sweep');
    expect(stdout).toContain('bad.jsonl  rculist-sweep: 1 passed, 1 failed\n');
    expect(stdout).toContain('one, step 1 (pkt): state: expected "est|trk", got "new|trk"');
    expect(stdout).toContain('expected {"state":"est|trk"}');
    expect(stdout).toMatch(/got +\{"state":"new\|trk"/);
    expect(code).toBe(99);

    const json = await ctreplay('vectors', file, '--design', 'rculist-sweep', '--json');
    expect(json.code).toBe(99);
    expect(JSON.parse(json.stdout)).toMatchObject({
      results: [
        {
          file,
          design: 'rculist-sweep',
          passed: 1,
          failed: 1,
          failures: [{ vector: 'one', step: 1, expected: { state: 'est|trk' }, got: { state: 'new|trk' } }],
        },
      ],
    });
  });

  it('of a directory are those of its vector files; one without any is an error', async () => {
    mkdirSync(join(folder, 'many'));
    text('many/b.jsonl', `${step('new|trk')}\n`);
    text('many/a.jsonl', `${step('new|trk')}\n`);
    text('many/README.md', '# no vectors');
    const { code, stdout } = await ctreplay('vectors', 'many', '--design', 'rculist-sweep');
    expect(stdout).toBe(
      'many/a.jsonl  rculist-sweep: 1 passed, 0 failed\nmany/b.jsonl  rculist-sweep: 1 passed, 0 failed\n',
    );
    expect(code).toBe(0);
    mkdirSync(join(folder, 'none'));
    expect(await ctreplay('vectors', 'none')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none: there are no vectors in this directory'),
    });
  });

  it('are run with the preset that is named, which the outcome has too', async () => {
    const file = text('preset.jsonl', `${step('new|trk')}\n`);
    const { stdout } = await ctreplay('vectors', file, '--design', 'rculist-sweep@upstream-main');
    expect(stdout).toBe('preset.jsonl  rculist-sweep@upstream-main: 1 passed, 0 failed\n');
  });

  it.each([
    ['empty.jsonl', '', /empty\.jsonl: the file holds no vectors/],
    ['notjson.jsonl', `${step('new|trk')}\n{oops\n`, /notjson\.jsonl, line 2: the line is not JSON/],
    [
      'unknown.jsonl',
      '{"name":"x","tags":[],"steps":[{"op":"dance"}]}',
      /unknown\.jsonl, line 1: steps\.0\.op/,
    ],
    ['badhex.jsonl', step('new|trk').replace('"hex":"', '"hex":"zz'), /badhex\.jsonl, line 1: steps\.1\.hex/],
  ])('%s is refused by file, line and field', async (name, content, message) => {
    const { code, stdout, stderr } = await ctreplay('vectors', text(name, content));
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('vectors that apply to no chosen design are no success', async () => {
    const other = JSON.stringify({ ...JSON.parse(step('new|trk')), designs: ['timeout-lists'] });
    const { code, stderr } = await ctreplay(
      'vectors',
      text('other.jsonl', other),
      '--design',
      'rculist-sweep',
    );
    expect(stderr).toMatch(/no vector applies/);
    expect(code).toBe(1);
  });
});

describe('trace', () => {
  it('follows the timestamps when asked, and stands still otherwise', async () => {
    const states = async (clock: string): Promise<string> =>
      (await ctreplay('trace', flow, '--clock', clock, '--bare-states')).stdout;
    expect(await states('frozen')).toBe('1: new|trk\n2: est|rpl|trk\n3: est|trk\n4: est|trk\n');
    expect(await states('capture')).toBe('1: new|trk\n2: est|rpl|trk\n3: est|trk\n4: new|trk\n');
  });

  it('tells state, mark, zone, reason and tuples a line a packet, and writes the packets as they became', async () => {
    const file = capture('nat.pcap', [
      [0, udp],
      [1, udpFrame({ src: '10.1.1.2', dst: '10.1.1.240', srcPort: 53, dstPort: 1000 })],
      [2, udpFrame({ badChecksums: ['udp'] })],
    ]);
    const { code, stdout } = await ctreplay(
      'trace',
      file,
      '--config',
      snat,
      '--json',
      '--write',
      'out.pcap',
      '--design',
      'timeout-lists',
    );
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      {
        packet: 1,
        timestampNs: '1700000000000000000',
        state: 'new|trk|snat',
        mark: 9,
        zone: 4,
        reason: null,
        tuple: '10.1.1.1:1000>10.1.1.2:53 udp',
        tupleAfter: '10.1.1.240:1000>10.1.1.2:53 udp',
        frameChanged: true,
      },
      { packet: 2, state: 'est|rpl|trk|dnat', tupleAfter: '10.1.1.2:53>10.1.1.1:1000 udp' },
      { packet: 3, state: 'inv|trk', mark: 0, reason: 'udp-checksum', frameChanged: false },
    ]);
  });

  it('what was written can be read again, with its times', async () => {
    const seen = [];
    for await (const packet of readPackets([join(folder, 'out.pcap')])) seen.push(packet);
    expect(seen.map((each) => each.timestampNs % (1000n * MS))).toEqual([0n, MS, 2n * MS]);
    expect(dissect(seen[0]?.frame as Uint8Array)).toMatchObject({ src: '10.1.1.240', badChecksums: [] });
  });

  it('a packet that the snap length cut is written with its length on the wire', async () => {
    const whole = udpFrame({ payload: 'x'.repeat(100) });
    const writer = new PcapWriter(join(folder, 'cut.pcap'));
    writer.write({ timestampNs: 1n, frame: whole.subarray(0, 60), originalLength: whole.length });
    writer.close();
    const { stdout } = await ctreplay('trace', 'cut.pcap', '--json', '--write', 'cut-out.pcap');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'inv|trk', reason: 'ipv4-header' });
    for await (const { frame, missingBytes } of readPackets(['cut-out.pcap'])) {
      expect([frame.length, missingBytes]).toEqual([60, whole.length - 60]);
    }
  });

  it('reads several captures one after the other', async () => {
    const { stdout } = await ctreplay('trace', flow, flow, '--bare-states');
    expect(stdout.trim().split('\n')).toHaveLength(8);
    expect(stdout).toContain('8: est|trk');
  });

  it.each([
    [['trace', flow, '--config', 'missing.yaml'], /missing\.yaml: there is no such file/],
    [['trace', flow, '--clock', 'wall'], /--clock.*frozen/],
    [['trace', flow, '--json', '--bare-states'], /exclude each other/],
    [['trace', flow, '--design', 'nope'], /nope.*timeout-lists, rculist-sweep/],
    [['dump', flow, '--design', 'all'], /one design/],
    [['dump', flow, '--at', 'soon'], /--at/],
    [['diff', flow, '--designs', 'timeout-lists'], /names 1: give two/],
    [['diff', flow, '--designs', 'timeout-lists,nope'], /--designs is '.*nope'.*nope.*rculist-sweep/],
  ])('%j is told what is wrong', async (args, message) => {
    const { code, stdout, stderr } = await ctreplay(...args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(args.includes('missing.yaml') ? code : 2);
    expect(code).not.toBe(0);
  });

  it.each(['trace', 'dump', 'diff'])('%s: no file and no packets are errors', async (command) => {
    const empty = capture('empty.pcap', []);
    for (const [file, message] of [
      ['absent.pcap', /absent\.pcap: no such file/],
      [empty, /empty\.pcap: .*no packets/],
    ] as const) {
      const { code, stdout, stderr } = await ctreplay(command, file);
      expect(stderr).toMatch(message);
      expect([code, stdout]).toEqual([1, '']);
    }
  });
});

describe('dump', () => {
  const tcp = capture('tcp.pcap', [
    [0, tcpFrame({ flags: 'S', seq: 1 })],
    [1, tcpFrame({ ...reverse, srcPort: 80, dstPort: 40000, flags: 'SA', seq: 9, ack: 2 })],
    [2, tcpFrame({ flags: 'A', seq: 2, ack: 10 })],
    [3, echoFrame({ id: 7 })],
    [5000, udp],
  ]);
  const established =
    'tcp,orig=(src=10.1.1.1,dst=10.1.1.2,sport=40000,dport=80),reply=(src=10.1.1.2,dst=10.1.1.1,sport=80,dport=40000)';

  it('prints the table as dpctl/dump-conntrack -s does', async () => {
    for (const design of DESIGNS) {
      const { code, stdout } = await ctreplay('dump', tcp, '--design', design);
      expect(stdout).toBe(
        [
          'icmp,orig=(src=10.1.1.1,dst=10.1.1.2,id=7,type=8,code=0),reply=(src=10.1.1.2,dst=10.1.1.1,id=7,type=0,code=0),timeout=55',
          `${established},timeout=86395,protoinfo=(state=ESTABLISHED)`,
          'udp,orig=(src=10.1.1.1,dst=10.1.1.2,sport=1000,dport=53),reply=(src=10.1.1.2,dst=10.1.1.1,sport=53,dport=1000),timeout=60',
          '',
        ].join('\n'),
      );
      expect(code).toBe(0);
    }
  });

  it('at a time: packets after it do not count, and what expired by then is swept or not', async () => {
    const early = (await ctreplay('dump', tcp, '--at', '4s')).stdout;
    expect(early).not.toContain('udp');
    expect(early).toContain('timeout=86396');
    const late = (await ctreplay('dump', tcp, '--at', '90s')).stdout;
    expect(late).toBe(`${established},timeout=86310,protoinfo=(state=ESTABLISHED)\n`);
  });

  it('shows zone, mark and translation, also as JSON', async () => {
    const file = capture('nat2.pcap', [[0, udp]]);
    expect((await ctreplay('dump', file, '--config', snat)).stdout).toBe(
      'udp,orig=(src=10.1.1.1,dst=10.1.1.2,sport=1000,dport=53),reply=(src=10.1.1.2,dst=10.1.1.240,sport=53,dport=1000),zone=4,timeout=60,mark=9\n',
    );
    const json = JSON.parse((await ctreplay('dump', file, '--config', snat, '--json')).stdout) as unknown;
    expect(json).toMatchObject({
      atMs: 0,
      entries: [
        {
          original: { src: '10.1.1.1', srcPort: 1000, protocol: 17 },
          reply: { dst: '10.1.1.240' },
          zone: 4,
          mark: 9,
          tcp: null,
          timeoutSeconds: 60,
          remainingMs: 60_000,
        },
      ],
    });
  });
});

describe('a capture whose clock was set years ahead in the middle', () => {
  const thirtyYearsMs = 30 * 365 * 86_400_000;
  const file = capture('years.pcap', [
    [0, tcpFrame({ flags: 'S', seq: 1 })],
    [1, tcpFrame({ ...reverse, srcPort: 80, dstPort: 40000, flags: 'SA', seq: 9, ack: 2 })],
    [2, tcpFrame({ flags: 'A', seq: 2, ack: 10 })],
    [3, udp],
    [thirtyYearsMs, udp],
    [thirtyYearsMs + 1, tcpFrame({ flags: 'S', seq: 1 })],
  ]);

  it.each(DESIGNS)('%s finds everything expired, without running every pass in between', async (design) => {
    const traced = await ctreplay('trace', file, '--clock', 'capture', '--bare-states', '--design', design);
    expect(traced.stdout.split('\n').slice(3, 6)).toEqual(['4: new|trk', '5: new|trk', '6: new|trk']);
    const dumped = (await ctreplay('dump', file, '--design', design)).stdout;
    expect(dumped.match(/timeout=\d+/g)).toEqual(['timeout=30', 'timeout=59']);
  });

  it('is compared to the end', async () => {
    const { code, stdout } = await ctreplay('diff', file);
    expect(stdout).toContain('6 packets: no divergence');
    expect(code).toBe(0);
  });
});

describe('diff', () => {
  it('says so when there is nothing', async () => {
    const { code, stdout } = await ctreplay('diff', flow);
    expect(stdout).toBe('timeout-lists and rculist-sweep, 4 packets: no divergence\n');
    expect(code).toBe(0);
  });

  it('explains what comes from connections that one design still keeps, shrinks it, and passes', async () => {
    // One connection fits. It expires at 65 s; at 67 s the old design has removed it, the new one sweeps at 80 s.
    const limit = text('limit.yaml', 'maxConns: 1\nrules: [{commit: true}]\n');
    const other = udpFrame({ srcPort: 2000 });
    const back = udpFrame({ ...reverse, srcPort: 53, dstPort: 2000 });
    const bad = udpFrame({ badChecksums: ['udp'] });
    const noise = Array.from({ length: 5 }, (_, i): [number, Uint8Array] => [
      6000 + i,
      udpFrame({ srcPort: 3000 + i }),
    ]);
    const file = capture('limit.pcap', [[0, bad], [5000, udp], ...noise, [67_000, other], [67_001, back]]);
    const args = ['diff', file, '--config', limit, '--minimize', 'smallest.pcap'];
    const { code, stdout, stderr } = await ctreplay(...args);
    expect(stdout).toMatch(/they diverge\nFirst, packet 9, state:\n {4}timeout-lists: est\|rpl\|trk\n/);
    expect(stdout).toContain('Explained, an expired connection that one design has removed');
    expect(stdout).toContain('Every divergence is explained');
    expect(stderr).toContain('3 of 9 packets still diverge');
    expect(code).toBe(0);
    const again = await ctreplay('diff', 'smallest.pcap', '--config', limit, '--json');
    const report = JSON.parse(again.stdout) as { first: unknown };
    expect(report).toMatchObject({ packets: 3, unexplained: null });
    expect(report.first).not.toBeNull();
  });
});
