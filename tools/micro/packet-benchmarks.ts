/** Benchmarks of what is done to single packets; nothing of them depends on the expiry design. */
import { buildFrame, quoteOf, type FrameSpec } from '../synth/packet-builder.js';
import type { Benchmark } from './benchmark.js';
import type { MicroEngine, MicroPacket } from './micro-engine.js';
import { MicroError } from './micro-error.js';

const NOW_MS = 1_000_000;
const CLIENT = '10.0.0.1';
const SERVER = '10.1.0.1';
const CLIENT6 = '2001:db8::1';
const SERVER6 = '2001:db8:1::1';
const PROTOCOL_GRE = 47;

const ip4 = { src: CLIENT, dst: SERVER } as const;
const ip6 = { src: CLIENT6, dst: SERVER6 } as const;
const text = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);

/** Packets to classify, by what they are. */
function classified(): [string, FrameSpec][] {
  const udp = { srcPort: 40000, dstPort: 53 };
  const tcp = { srcPort: 40000, dstPort: 80, seq: 101, ack: 901 };
  const quoted = buildFrame({ ipv4: { src: SERVER, dst: CLIENT }, udp, payload: text(32) });
  return [
    ['udp4-18', { ipv4: ip4, udp, payload: text(18) }],
    ['udp4-1400', { ipv4: ip4, udp, payload: text(1400) }],
    ['tcp4-ack', { ipv4: ip4, tcp }],
    ['tcp4-1448', { ipv4: ip4, tcp, payload: text(1448) }],
    ['icmp4-echo', { ipv4: ip4, icmp: { type: 8, id: 1, seq: 1 }, payload: text(56) }],
    ['icmp4-error', { ipv4: ip4, icmp: { type: 3, code: 3, quote: quoteOf(quoted, 60) } }],
    ['gre4', { ipv4: { ...ip4, protocol: PROTOCOL_GRE }, payload: text(64) }],
    ['udp6-18', { ipv6: ip6, udp, payload: text(18) }],
    ['tcp6-ack', { ipv6: ip6, tcp }],
    ['icmp6-echo', { ipv6: ip6, icmpv6: { type: 128, id: 1, seq: 1 }, payload: text(56) }],
    ['udp4-vlan', { vlans: [100], ipv4: ip4, udp, payload: text(18) }],
  ];
}

export function packetBenchmarks(engine: MicroEngine): Benchmark[] {
  return [...classification(engine), ...checksums(engine), ...updates(engine), ftp(engine)];
}

function classification(engine: MicroEngine): Benchmark[] {
  const { loops } = engine;
  const all = classified().map(([name, spec]): Benchmark => {
    const frame = buildFrame(spec);
    const packet = engine.packet(frame);
    return {
      name: `classify/${name}`,
      what: `a frame of ${frame.length} bytes validated, with checksums, and its key and hash made`,
      design: null,
      operations: null,
      run: (n) => loops.loopClassify(packet.address, n),
    };
  });
  const plain = engine.packet(buildFrame({ ipv4: ip4, udp: { srcPort: 1000, dstPort: 53 } }));
  const tagged = engine.packet(buildFrame({ vlans: [1, 2], ipv6: ip6, udp: { srcPort: 1000, dstPort: 53 } }));
  return [
    {
      name: 'locate/udp4',
      what: 'layers of a plain IPv4 frame located',
      design: null,
      operations: null,
      run: (n) => loops.loopLocate(plain.address, n),
    },
    {
      name: 'locate/udp6-two-vlans',
      what: 'layers of an IPv6 frame with two VLAN tags located',
      design: null,
      operations: null,
      run: (n) => loops.loopLocate(tagged.address, n),
    },
    ...all,
  ];
}

function checksums({ loops, scratch }: MicroEngine): Benchmark[] {
  return [20, 64, 512, 1460].map((length) => ({
    name: `checksum/${length}`,
    what: `${length} bytes summed and folded`,
    design: null,
    operations: null,
    run: (n) => loops.loopChecksum(scratch, length, n),
  }));
}

/** Protocol updates of connections that are established, by a packet that leaves their state as it is. */
function updates(engine: MicroEngine): Benchmark[] {
  const { loops } = engine;
  const commit = engine.params({ commit: true });
  const there = { srcPort: 40000, dstPort: 80 };
  const back = { srcPort: 80, dstPort: 40000 };
  const reversed = { src: SERVER, dst: CLIENT };
  const handshake = [
    { ipv4: ip4, tcp: { ...there, seq: 100, flags: 'S' } },
    { ipv4: reversed, tcp: { ...back, seq: 900, ack: 101, flags: 'SA' } },
    { ipv4: ip4, tcp: { ...there, seq: 101, ack: 901, flags: 'A' } },
  ].map((spec) => engine.packet(buildFrame(spec)));
  const datagrams = [
    { ipv4: ip4, udp: there, payload: 'question' },
    { ipv4: reversed, udp: back, payload: 'answer' },
  ].map((spec) => engine.packet(buildFrame(spec)));
  const establish = (packets: readonly MicroPacket[]) => (): void => {
    engine.fresh();
    for (const packet of packets) engine.execute(packet, commit, NOW_MS);
  };
  const acknowledgement = handshake.at(-1) as MicroPacket;
  const answer = datagrams.at(-1) as MicroPacket;
  return [
    {
      name: 'update/tcp',
      what: 'the state update of an established TCP connection by an acknowledgement, window check included',
      design: null,
      operations: null,
      prepare: establish(handshake),
      run: (n) => loops.loopUpdate(acknowledgement.address, NOW_MS, n),
    },
    {
      name: 'update/udp',
      what: 'the state update of a UDP connection by a reply',
      design: null,
      operations: null,
      prepare: establish(datagrams),
      run: (n) => loops.loopUpdate(answer.address, NOW_MS, n),
    },
  ];
}

/** A PORT command of a client behind source NAT, whose address in text grows by the translation. */
function ftp(engine: MicroEngine): Benchmark {
  const { loops } = engine;
  const control = engine.params({
    commit: true,
    helper: 'ftp',
    nat: { type: 'src', minAddress: '192.0.2.200' },
  });
  const tcp = { srcPort: 40000, dstPort: 21 };
  const open = engine.packet(buildFrame({ ipv4: ip4, tcp: { ...tcp, seq: 100, flags: 'S' } }));
  const command = engine.packet(
    buildFrame({
      ipv4: ip4,
      tcp: { ...tcp, seq: 101, ack: 901, flags: 'PA' },
      payload: 'PORT 10,0,0,1,156,64\r\n',
    }),
  );
  let conn = 0;
  return {
    name: 'ftp/rewrite-port',
    what: 'a PORT command handled: expectation made, address and lengths rewritten, segment summed',
    design: null,
    operations: null,
    prepare: () => {
      engine.fresh();
      open.restore();
      const state = engine.execute(open, control, NOW_MS);
      if ((state & engine.thread.run.engine.constants.ST_SNAT) === 0) {
        throw new MicroError(
          `the FTP control connection was not translated (ct_state 0x${state.toString(16)})`,
        );
      }
      conn = engine.onlyConnection(NOW_MS);
    },
    before: () => command.restore(),
    run: (n) => loops.loopFtp(command.address, command.original, command.frame.length, control, NOW_MS, n),
    baseline: (n) => loops.loopFtpRestore(command.address, command.original, command.frame.length, conn, n),
  };
}
