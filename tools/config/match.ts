/** Conditions of a rule, compiled to a test of a dissected frame. */
import type { Dissection } from '../captures/dissect.js';
import { contains, parseNetwork } from './network.js';
import type { MatchEntry } from './schema.js';

/** Whether a frame meets a rule's conditions. */
export type FrameTest = (frame: Uint8Array, layers: Dissection) => boolean;

const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  icmpv6: 58,
  sctp: 132,
};

/** Protocols whose header starts with two ports. */
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);

/** Compiles the conditions; all have to hold. */
export function compileMatch(match: MatchEntry | undefined): FrameTest {
  const tests: FrameTest[] = [];
  if (match?.vlan !== undefined) {
    const wanted = match.vlan;
    tests.push((_frame, layers) => (layers.vlanIds[0] ?? 0) === wanted);
  }
  if (match?.proto !== undefined) {
    const wanted = typeof match.proto === 'number' ? match.proto : PROTOCOL_NUMBERS[match.proto];
    tests.push((_frame, layers) => layers.protocol === wanted);
  }
  if (match?.src !== undefined) tests.push(addressTest(match.src, 0));
  if (match?.dst !== undefined) tests.push(addressTest(match.dst, 1));
  if (match?.sport !== undefined) tests.push(portTest(match.sport, 0));
  if (match?.dport !== undefined) tests.push(portTest(match.dport, 2));
  return (frame, layers) => tests.every((test) => test(frame, layers));
}

/** The source (0) or destination (1) address lies in a network. */
export function addressTest(text: string, which: 0 | 1): FrameTest {
  const network = parseNetwork(text);
  return (frame, layers) =>
    layers.ipVersion === network.family &&
    contains(network, frame, layers.addressesAt + which * layers.addressBytes);
}

function portTest(range: number | [number, number], offset: number): FrameTest {
  const [first, last] = typeof range === 'number' ? [range, range] : range;
  return (frame, layers) => {
    if (layers.l4 === null || layers.protocol === null || !WITH_PORTS.has(layers.protocol)) return false;
    if (layers.l4 + 4 > frame.length) return false;
    const port = ((frame[layers.l4 + offset] as number) << 8) | (frame[layers.l4 + offset + 1] as number);
    return port >= first && port <= last;
  };
}
