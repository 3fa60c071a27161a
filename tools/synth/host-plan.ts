/**
 * Which hosts a scenario's traffic comes from and goes to. Every scenario has networks of its own, so that scenarios
 * can be mixed without sharing a connection: clients 10.b.0.0/16 and servers 10.(200 + b).0.0/16 for block b.
 */
import { formatAddress } from '../../engine/host/addresses.js';
import { ipv4Text } from './addresses.js';
import { host6, type IpFamily } from './packet-writer.js';

export type HostBlock = keyof typeof BLOCKS;

/** The networks of a scenario's hosts, in CIDR notation. */
export interface HostNetworks {
  readonly clients: string;
  readonly servers: string;
}

const BLOCKS = {
  'syn-flood': 1,
  'tcp-crr': 2,
  established: 3,
  'udp-churn': 4,
  'zone-policies': 5,
  'port-scan': 6,
  'icmp-mix': 7,
  fragments: 8,
  elephants: 9,
  mice: 10,
  'nat-exhaustion': 11,
  'ftp-alg': 12,
} as const;

const NET_10 = 10 * 2 ** 24;

/** First client address of a block, as a 32-bit number. */
export function firstClient(block: HostBlock): number {
  return NET_10 + BLOCKS[block] * 65536;
}

/** First server address of a block. */
export function firstServer(block: HostBlock): number {
  return NET_10 + (200 + BLOCKS[block]) * 65536 + 1;
}

/** The networks of a block in one IP version; a router is in that of the servers. */
export function networksOf(block: HostBlock, family: IpFamily): HostNetworks {
  const network = (host: number): string =>
    family === 4 ? `${ipv4Text(host)}/16` : `${formatAddress(6, host6(host))}/112`;
  return { clients: network(firstClient(block)), servers: network(firstServer(block) - 1) };
}

/** A router of a block, outside its clients and servers: what sends the ICMP errors that hosts do not. */
export function routerOf(block: HostBlock): number {
  return NET_10 + (200 + BLOCKS[block]) * 65536 + 65534;
}

/** The address that source NAT translates clients to: 203.0.113.1 (TEST-NET-3, RFC 5737). */
export const NAT_ADDRESS = 0xcb007101;
