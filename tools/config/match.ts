/** Conditions of a rule, compiled to a test of a dissected frame. */
import type { Dissection } from '../wire/dissect.js';
import { compileDissectedFilter } from '../rewrite/filter.js';
import { parseSubnet, subnetHolds } from '../rewrite/subnet.js';
import { PROTOCOLS_WITH_PORTS } from '../wire/protocols.js';
import type { MatchEntry, RuleEntry } from './schema.js';

/** Whether a frame meets conditions. */
export type FrameTest = (frame: Uint8Array, layers: Dissection, zone: number) => boolean;

/** By the names that rules use. */
const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  icmpv6: 58,
  sctp: 132,
};

/** The protocol that a rule names; null for a name that there is none of. */
export function protocolNumber(proto: NonNullable<MatchEntry['proto']>): number | null {
  return typeof proto === 'number' ? proto : (PROTOCOL_NUMBERS[proto] ?? null);
}

/** Compiles the conditions; all have to hold. */
export function compileMatch(match: RuleEntry['match']): FrameTest {
  if (typeof match === 'string') return compileDissectedFilter(match);
  const tests = match === undefined ? [] : conditionsOf(match);
  return (frame, layers, zone) => tests.every((test) => test(frame, layers, zone));
}

function conditionsOf(match: MatchEntry): FrameTest[] {
  const tests: FrameTest[] = [];
  if (match.zone !== undefined) {
    const zones = [match.zone].flat();
    tests.push((_frame, _layers, zone) => zones.includes(zone));
  }
  if (match.vlan !== undefined) {
    const wanted = match.vlan;
    tests.push((_frame, layers) => (layers.vlanIds[0] ?? 0) === wanted);
  }
  if (match.proto !== undefined) {
    const wanted = protocolNumber(match.proto);
    tests.push((_frame, layers) => layers.protocol === wanted);
  }
  if (match.src !== undefined) tests.push(addressTest(match.src, 0));
  if (match.dst !== undefined) tests.push(addressTest(match.dst, 1));
  if (match.sport !== undefined) tests.push(portTest(match.sport, 0));
  if (match.dport !== undefined) tests.push(portTest(match.dport, 1));
  if (match.filter !== undefined) tests.push(compileDissectedFilter(match.filter));
  return tests;
}

/** The source (0) or destination (1) address lies in a network. */
export function addressTest(text: string, end: 0 | 1): FrameTest {
  const subnet = parseSubnet(text);
  return (frame, layers) =>
    layers.ipVersion === subnet.family &&
    subnetHolds(subnet, frame, layers.addressesAt + end * layers.addressBytes);
}

/** The source (0) or destination (1) port of a frame; null when it has none. */
export function portOf(frame: Uint8Array, layers: Dissection, end: 0 | 1): number | null {
  const { l4, protocol } = layers;
  if (l4 === null || protocol === null || !PROTOCOLS_WITH_PORTS.has(protocol) || l4 + 4 > frame.length)
    return null;
  return ((frame[l4 + end * 2] as number) << 8) | (frame[l4 + end * 2 + 1] as number);
}

function portTest(range: number | [number, number], end: 0 | 1): FrameTest {
  const [first, last] = typeof range === 'number' ? [range, range] : range;
  return (frame, layers) => {
    const port = portOf(frame, layers, end);
    return port !== null && port >= first && port <= last;
  };
}
