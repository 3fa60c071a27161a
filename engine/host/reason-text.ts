import { CONSTANT_NAMES, type ConstantName, type EngineConstants } from './constants.js';

/** What a reason of the engine says to people; the key is the engine's constant without `R_`. */
const TEXT: Readonly<Record<string, string>> = {
  NOT_IP: 'not IPv4 or IPv6',
  NO_L3: 'no usable network header',
  NO_L4: 'no usable transport header',
  IPV4_HEADER: 'malformed IPv4 header',
  IPV4_CHECKSUM: 'wrong IPv4 header checksum',
  FRAGMENT: 'IP fragment that was not reassembled',
  IPV6_HEADER: 'malformed IPv6 header',
  TCP_HEADER: 'malformed TCP header',
  TCP_CHECKSUM: 'wrong TCP checksum',
  UDP_HEADER: 'malformed UDP header',
  UDP_CHECKSUM: 'wrong UDP checksum',
  PORT_ZERO: 'port 0',
  ICMP_HEADER: 'malformed ICMP header',
  ICMP_CHECKSUM: 'wrong ICMP checksum',
  ICMP_TYPE: 'ICMP type or code that is not tracked',
  ICMP_QUOTE: 'unusable quoted packet in an ICMP error',
  TCP_FLAGS: 'impossible TCP flags',
  TCP_WINDOW: 'TCP segment outside the window',
  CANNOT_CREATE: 'packet that cannot start a connection',
  ZONE_LIMIT: 'zone limit reached',
  CONN_LIMIT: 'connection limit reached',
  SLAB_FULL: 'no connection slot left',
  NAT_EXHAUSTED: 'no NAT tuple left',
  RELATED_UNKNOWN: 'ICMP error about an unknown connection',
  COMPANION_ORPHAN: 'NAT tuple whose connection is gone',
  LOST_RACE: 'another thread created the connection first',
  ALG_MALFORMED: 'malformed application message',
  FRAGMENT_HELD: 'fragment held for reassembly',
  FRAGMENT_BAD: 'fragment that cannot belong to a packet',
  FRAGMENT_EXPIRED: 'fragment whose packet never completed',
  MAP_FULL: 'no room in the connection map',
  CREATED: 'connection created',
  REOPENED: 'connection opened anew',
  FORCED: 'connection replaced by force',
};

/** One reason: its code in the engine, a stable word for programs (`udp-checksum`), and its text. */
export interface Reason {
  readonly code: number;
  readonly name: string;
  readonly text: string;
}

/** The reasons of an engine by code; code 0, "nothing special", has none. */
export function reasonTable(constants: EngineConstants): ReadonlyMap<number, Reason> {
  const table = new Map<number, Reason>();
  for (const constant of CONSTANT_NAMES) {
    if (!isReason(constant)) continue;
    const word = constant.slice(2);
    const code = constants[constant];
    if (code === 0) continue;
    const name = word.toLowerCase().replaceAll('_', '-');
    table.set(code, { code, name, text: TEXT[word] ?? name.replaceAll('-', ' ') });
  }
  return table;
}

function isReason(constant: ConstantName): boolean {
  return constant.startsWith('R_');
}
