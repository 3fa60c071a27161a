/** Packets of a torture round and what is asked for them, laid out in the run's memory. */
import { writeKey, type ConnTuple } from '../../../engine/host/connection-view.js';
import { writeExecParams, type ExecRequest } from '../../../engine/host/exec-params.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { byteOffset, type ByteOffset } from '../../../engine/host/quantities.js';
import type { EngineThread } from '../../../engine/host/thread.js';
import { attributeValues, type TimeoutSeconds } from '../../../engine/host/timeout-attributes.js';
import { fragmentRanges, writeFragment } from '../../synth/fragmenter.js';
import { buildFrame, type FrameSpec } from '../../synth/packet-builder.js';

/** Flows by what rules apply to them. */
export type FlowGroup = 'udp' | 'mixed' | 'tcp' | 'sameHash' | 'private' | 'ftp' | 'fragments';

interface Flow {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
  /** No state of the tracker makes a packet of this flow invalid. */
  readonly neverInvalid: boolean;
}

interface Rule {
  readonly name: string;
  readonly flows: FlowGroup;
  readonly request: ExecRequest;
}

/** Zones that rules and operations use: 1 to this less one. */
export const ZONES = 10;
export const LIMITED_ZONE = 3;
export const CHANGING_POLICY = 7;
/** A policy that nobody changes and under which nothing expires. */
export const LASTING_POLICY = 9;
/** Zone of a thread's own flows, which no other thread sends: this + its index. */
export const OWN_ZONE = 100;
const LASTING: TimeoutSeconds = { udp_first: 1_000_000, udp_single: 1_000_000, udp_multiple: 1_000_000 };

const snat = (first: number, last: number): ExecRequest['nat'] => ({
  type: 'src',
  minAddress: '192.0.2.1',
  ports: [first, last],
});

const RULES: readonly Rule[] = [
  { name: 'commit', flows: 'mixed', request: { zone: 1, commit: true } },
  { name: 'commit', flows: 'udp', request: { zone: 1, commit: true } },
  { name: 'commit of flows with one hash', flows: 'sameHash', request: { zone: 1, commit: true } },
  { name: 'commit of few TCP flows', flows: 'tcp', request: { zone: 1, commit: true } },
  { name: 'no commit', flows: 'mixed', request: { zone: 1 } },
  { name: 'forced commit', flows: 'mixed', request: { zone: 5, commit: true, force: true } },
  { name: 'limited zone', flows: 'udp', request: { zone: LIMITED_ZONE, commit: true } },
  { name: 'policy', flows: 'udp', request: { zone: 4, commit: true, timeoutPolicy: CHANGING_POLICY } },
  { name: 'snat', flows: 'private', request: { zone: 2, commit: true, nat: snat(5000, 5007) } },
  {
    name: 'dnat',
    flows: 'private',
    request: { zone: 6, commit: true, nat: { type: 'dst', minAddress: '198.51.100.7' } },
  },
  { name: 'bare nat', flows: 'private', request: { zone: 2, nat: { type: 'none' } } },
  { name: 'ftp', flows: 'ftp', request: { zone: 7, commit: true, helper: 'ftp' } },
  {
    name: 'ftp with snat',
    flows: 'ftp',
    request: { zone: 8, commit: true, helper: 'ftp', nat: { type: 'src', minAddress: '192.0.2.9' } },
  },
  { name: 'fragments', flows: 'fragments', request: { zone: 9, commit: true } },
  {
    name: 'mark and label',
    flows: 'udp',
    request: { zone: 1, commit: true, mark: { value: 5, mask: 0xff }, label: { value: 1n, mask: 1n } },
  },
];

export interface LaidFlow {
  readonly name: string;
  readonly neverInvalid: boolean;
  readonly packets: readonly ByteOffset[];
}

export interface LaidRule {
  readonly name: string;
  readonly flows: FlowGroup;
  readonly params: ByteOffset;
  readonly translates: boolean;
  readonly helps: boolean;
}

/** What the threads of a round send, as they find it in the run's memory. */
export interface LaidTraffic {
  readonly flows: Readonly<Record<FlowGroup, readonly LaidFlow[]>>;
  readonly rules: readonly LaidRule[];
  /** Tuples to be flushed. */
  readonly keys: readonly ByteOffset[];
  /** Settings of the changing policy. */
  readonly attributes: readonly ByteOffset[];
  /** By thread: flows of its own, one packet there each, and the parameters for them. */
  readonly own: readonly { readonly params: ByteOffset; readonly packets: readonly ByteOffset[] }[];
}

/**
 * Lays everything out from `base` to the end of the packet region, and sets the policy of the threads' own flows.
 * @throws EngineError when it does not fit
 */
export function layTraffic(
  checker: EngineThread,
  base: ByteOffset,
  threads: number,
  ownFlows: number,
): LaidTraffic {
  const { constants } = checker.run.engine;
  const { regions, packetStoreBytes } = checker.run.plan;
  let next: number = base;
  const take = (size: number): ByteOffset => {
    const at = byteOffset(next);
    next += Math.ceil(size / 16) * 16;
    return at;
  };
  const params = (request: ExecRequest): ByteOffset => {
    const at = take(constants.PARAMS_SIZE);
    writeExecParams(checker.view, constants, at, request);
    return at;
  };
  const attributes = (seconds: TimeoutSeconds): ByteOffset => {
    const at = take(64);
    attributeValues(seconds).forEach((value, i) => checker.view.setUint32(at + i * 4, value, true));
    return at;
  };
  const rules = RULES.map(({ name, flows, request }) => ({
    name,
    flows,
    params: params(request),
    translates: request.nat !== undefined,
    helps: request.helper !== undefined,
  }));
  const keys = flushedTuples().map((tuple) => {
    const key = take(constants.KEY_SIZE);
    writeKey(checker.view, constants, key, tuple, 1);
    return key;
  });
  const changing = [{ udp_first: 1, udp_single: 2 }, { udp_first: 300, udp_multiple: 300 }, {}].map(
    attributes,
  );
  checker.exports.setPolicy(LASTING_POLICY, attributes(LASTING));
  const ownParams = Array.from({ length: threads }, (_, thread) =>
    params({ zone: OWN_ZONE + thread, commit: true, timeoutPolicy: LASTING_POLICY }),
  );
  const storeAt = byteOffset(Math.ceil(next / 64) * 64);
  const store = new PacketStore(storeAt, regions.packets + packetStoreBytes - storeAt, constants.PACKET_SIZE);
  const packet = (frame: Uint8Array): ByteOffset => {
    const handle = new PacketHandle(checker.view, constants, store.take(frame.length), frame);
    checker.exports.locatePacket(handle.address);
    return handle.address;
  };
  return {
    flows: layFlows(packet),
    rules,
    keys,
    attributes: changing,
    own: ownParams.map((each, thread) => ({
      params: each,
      packets: numbers(ownFlows).map((flow) =>
        packet(udp(`10.8.${thread}.${flow + 1}`, '10.9.0.1', 1000 + flow, 53)),
      ),
    })),
  };
}

/** The flows of all threads, in the order in which their frames are put into the store. */
function layFlows(packet: (frame: Uint8Array) => ByteOffset): LaidTraffic['flows'] {
  const lay = (flows: readonly Flow[]): LaidFlow[] =>
    flows.map(({ name, neverInvalid, frames }) => ({ name, neverInvalid, packets: frames.map(packet) }));
  return {
    udp: lay(udpFlows(40)),
    mixed: lay([...udpFlows(40), ...tcpFlows(20), ...echoFlows(8), ...udp6Flows(16)]),
    tcp: lay(tcpFlows(3)),
    sameHash: lay(sameHashFlows()),
    private: lay(privateFlows()),
    ftp: lay(ftpFlows()),
    fragments: lay(fragmentFlows()),
  };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function udp(src: string, dst: string, srcPort: number, dstPort: number, payload = 'query'): Uint8Array {
  const layer = src.includes(':') ? { ipv6: { src, dst } } : { ipv4: { src, dst } };
  return buildFrame({ ...layer, udp: { srcPort, dstPort }, payload });
}

function udpPair(src: string, dst: string, srcPort: number, dstPort: number): Uint8Array[] {
  return [udp(src, dst, srcPort, dstPort), udp(dst, src, dstPort, srcPort, 'answer')];
}

function udpFlows(count: number): Flow[] {
  return numbers(count).map((i) => ({
    name: `UDP flow ${i}`,
    frames: udpPair(`10.0.0.${i + 1}`, '10.1.0.1', 40000 + i, 53),
    neverInvalid: true,
  }));
}

function udp6Flows(count: number): Flow[] {
  return numbers(count).map((i) => ({
    name: `UDP/IPv6 flow ${i}`,
    frames: udpPair(`2001:db8::${i + 1}`, '2001:db8:1::1', 40000 + i, 53),
    neverInvalid: true,
  }));
}

type Tcp = NonNullable<FrameSpec['tcp']>;
type End = Pick<Tcp, 'srcPort' | 'dstPort'> & { readonly src: string; readonly dst: string };

function tcp({ src, dst, ...ports }: End, fields: Partial<Tcp>, payload = ''): Uint8Array {
  return buildFrame({ ipv4: { src, dst }, tcp: { ...ports, ...fields }, payload });
}

const turned = ({ src, dst, srcPort, dstPort }: End): End => ({
  src: dst,
  dst: src,
  srcPort: dstPort,
  dstPort: srcPort,
});

/** The first three segments, with sequence numbers 100 and 900. */
function handshake(there: End): Uint8Array[] {
  return [
    tcp(there, { seq: 100, flags: 'S' }),
    tcp(turned(there), { seq: 900, ack: 101, flags: 'SA' }),
    tcp(there, { seq: 101, ack: 901, flags: 'A' }),
  ];
}

function tcpFlows(count: number): Flow[] {
  return numbers(count).map((i) => {
    const there = { src: `10.2.0.${i + 1}`, dst: '10.3.0.1', srcPort: 30000 + i, dstPort: 80 };
    const back = turned(there);
    const frames = [
      ...handshake(there),
      tcp(there, { seq: 101, ack: 901, flags: 'FA' }),
      tcp(back, { seq: 901, ack: 102, flags: 'FA' }),
      tcp(back, { seq: 901, flags: 'R' }),
    ];
    return { name: `TCP flow ${i}`, frames, neverInvalid: false };
  });
}

function echoFlows(count: number): Flow[] {
  return numbers(count).map((i) => {
    const [src, dst] = [`10.4.0.${i + 1}`, '10.5.0.1'];
    const icmp = { id: i + 1, seq: 1 };
    const frames = [
      buildFrame({ ipv4: { src, dst }, icmp: { type: 8, ...icmp } }),
      buildFrame({ ipv4: { src: dst, dst: src }, icmp: { type: 0, ...icmp } }),
    ];
    // An echo reply to nothing cannot open a connection.
    return { name: `echo flow ${i}`, frames, neverInvalid: false };
  });
}

/** Both ends alike: the symmetric hash of every one of them is the same, so they hang on one chain. */
function sameHashFlows(): Flow[] {
  return numbers(8).map((i) => {
    const end = `10.6.0.${i + 1}`;
    return { name: `flow with itself ${i}`, frames: [udp(end, end, 7000 + i, 7000 + i)], neverInvalid: true };
  });
}

/** Flows that are translated; replies are made from what they were translated to. */
function privateFlows(): Flow[] {
  return numbers(16).map((i) => ({
    name: `private flow ${i}`,
    frames: [udp(`10.7.0.${i + 1}`, '203.0.113.1', 20000 + i, 53)],
    neverInvalid: false,
  }));
}

/** Control connections that announce a data connection, and its first packet. */
function ftpFlows(): Flow[] {
  return numbers(6).map((i) => {
    const there = { src: `10.10.0.${i + 1}`, dst: '10.11.0.1', srcPort: 35000 + i, dstPort: 21 };
    const port = 4000 + i;
    const command = `PORT ${there.src.replaceAll('.', ',')},${port >> 8},${port & 255}\r\n`;
    const data = { src: there.dst, dst: there.src, srcPort: 20, dstPort: port };
    const frames = [
      ...handshake(there),
      tcp(there, { seq: 101, ack: 901, flags: 'PA' }, command),
      tcp(data, { seq: 1, flags: 'S' }),
    ];
    return { name: `FTP flow ${i}`, frames, neverInvalid: false };
  });
}

/** UDP packets in three fragments each, IPv4 and IPv6, and one in overlapping ones. */
function fragmentFlows(): Flow[] {
  return numbers(6).map((i) => {
    const isIpv6 = i % 3 === 2;
    const src = isIpv6 ? `2001:db8:2::${i + 1}` : `10.12.0.${i + 1}`;
    const dst = isIpv6 ? '2001:db8:3::1' : '10.13.0.1';
    const whole = udp(src, dst, 50000 + i, 9000, 'x'.repeat(3000));
    const headerBytes = isIpv6 ? 40 : 20;
    const ranges = fragmentRanges(whole.length - 14 - headerBytes, isIpv6 ? 48 : 20, 1500);
    const frames = ranges.map((range, index) => {
      const into = new Uint8Array(2000);
      const more = index < ranges.length - 1;
      // The last flow's second fragment begins inside its first one.
      const moved = i === 5 && index === 1 ? { ...range, offsetBytes: range.offsetBytes - 8 } : range;
      return into.slice(0, writeFragment(into, 0, whole, { range: moved, id: 77 + i, more }));
    });
    return { name: `fragmented flow ${i}`, frames, neverInvalid: false };
  });
}

function flushedTuples(): ConnTuple[] {
  return numbers(24).map((i) => {
    const itself = `10.6.0.${i / 3 + 1}`;
    return i % 3 === 0
      ? {
          family: 4,
          src: itself,
          dst: itself,
          protocol: 17,
          srcPort: 7000 + i / 3,
          dstPort: 7000 + i / 3,
        }
      : { family: 4, src: `10.0.0.${i + 1}`, dst: '10.1.0.1', protocol: 17, srcPort: 40000 + i, dstPort: 53 };
  });
}
