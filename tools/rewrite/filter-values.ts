/** Values of a filter's conditions: addresses, networks, ports and protocols, under their qualifiers. */
import { isIPv4, isIPv6 } from 'node:net';
import type { IpFamily } from '../../engine/host/addresses.js';
import { nearestName } from '../text/nearest-name.js';
import type { Direction, FilterNode } from './filter-node.js';
import { PORT_PROTOCOLS, PROTOCOL_NUMBERS, PROTOCOL_WORDS, SERVICE_PORTS } from './filter-names.js';
import { parseSubnet, type Subnet } from './subnet.js';

export type Kind = 'host' | 'net' | 'port' | 'portrange' | 'proto';

/** What stands before a value. */
export interface Qualifiers {
  /** `tcp`, `ip6` and the like; null when none was given. */
  readonly protocol: string | null;
  readonly direction: Direction;
  /** Null when only a direction was given: then the value's form decides between host and net. */
  readonly kind: Kind | null;
}

/**
 * The condition that a value makes under qualifiers.
 * @param mask of `net ADDRESS mask MASK`; null when there is none
 * @throws RangeError that says what is wrong with the value
 */
export function nodeOf(qualifiers: Qualifiers, value: string, mask: string | null): FilterNode {
  const { kind } = qualifiers;
  if (kind === 'proto') return protocolNode(qualifiers, value);
  if (kind === 'port' || kind === 'portrange') return portNode(qualifiers, kind, value);
  return addressNode(qualifiers, value, mask);
}

function addressNode(qualifiers: Qualifiers, value: string, mask: string | null): FilterNode {
  const { protocol, direction } = qualifiers;
  const kind = qualifiers.kind ?? (value.includes('/') ? 'net' : 'host');
  if (protocol !== null && protocol !== 'ip' && protocol !== 'ip6') {
    throw new RangeError(`'${protocol}' does not go with ${kind}; write '${protocol} and ${kind} ${value}'`);
  }
  const subnet = kind === 'host' ? hostOf(value) : networkOf(value, mask);
  if (protocol !== null && subnet.family !== (protocol === 'ip' ? 4 : 6)) {
    throw new RangeError(`'${value}' is an IPv${subnet.family} address, which '${protocol}' excludes`);
  }
  return { type: 'address', direction, subnet };
}

function hostOf(value: string): Subnet {
  if (value.includes('/')) throw new RangeError(`'${value}' is a network; write net ${value}`);
  if (isIPv4(value) || isIPv6(value)) return parseSubnet(value);
  throw new RangeError(`'${value}' is no IPv4 or IPv6 address; names are not looked up`);
}

/** pcap-filter takes `net 10.1` for 10.1.0.0/16 and `net 10.1.0.0 mask 255.255.0.0`. */
function networkOf(value: string, mask: string | null): Subnet {
  const [address = '', prefix] = value.split('/');
  const parts = address.split('.');
  const isPartial = parts.length < 4 && parts.every((part) => /^\d{1,3}$/.test(part));
  const whole = isPartial ? [...parts, '0', '0', '0'].slice(0, 4).join('.') : address;
  if (mask !== null) {
    if (prefix !== undefined) throw new RangeError(`'${value}' has a prefix length already; leave mask out`);
    return parseSubnet(`${whole}/${prefixOfMask(mask)}`);
  }
  return parseSubnet(`${whole}/${prefix ?? (isPartial ? parts.length * 8 : isIPv6(whole) ? 128 : 32)}`);
}

function prefixOfMask(mask: string): number {
  if (isIPv4(mask)) {
    const bits = mask
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('');
    if (/^1*0*$/.test(bits)) return bits.replaceAll('0', '').length;
  }
  throw new RangeError(`'${mask}' is no IPv4 network mask such as 255.255.0.0`);
}

function portNode(qualifiers: Qualifiers, kind: 'port' | 'portrange', value: string): FilterNode {
  const { protocol, direction } = qualifiers;
  const number = protocol === null ? undefined : PROTOCOL_WORDS[protocol]?.number;
  if (protocol !== null && (number === undefined || !PORT_PROTOCOLS.includes(number))) {
    throw new RangeError(`'${protocol}' has no ports; ${kind} goes with tcp, udp or sctp`);
  }
  const protocols = number === undefined ? PORT_PROTOCOLS : [number];
  if (kind === 'port') {
    const port = portOf(value);
    return { type: 'port', direction, protocols, first: port, last: port };
  }
  const range = /^(\d+)[-:](\d+)$/.exec(value);
  if (range === null) throw new RangeError(`'${value}' is no port range such as 1024-2047`);
  const first = portOf(range[1] as string);
  const last = portOf(range[2] as string);
  if (first > last) throw new RangeError(`the port range ${value} runs backwards; write ${last}-${first}`);
  return { type: 'port', direction, protocols, first, last };
}

function portOf(value: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 0xffff) return Number(value);
  if (Object.hasOwn(SERVICE_PORTS, value)) return SERVICE_PORTS[value] as number;
  if (/^\d+-\d+$/.test(value)) throw new RangeError(`'${value}' is a range; write portrange ${value}`);
  const near = nearestName(value, Object.keys(SERVICE_PORTS));
  throw new RangeError(
    `'${value}' is no port from 0 to 65535${near === null ? '' : ` and no service; did you mean '${near}'?`}`,
  );
}

function protocolNode(qualifiers: Qualifiers, value: string): FilterNode {
  const { protocol, direction } = qualifiers;
  if (direction !== 'either') throw new RangeError(`'src' and 'dst' do not go with proto`);
  if (protocol !== null && protocol !== 'ip' && protocol !== 'ip6') {
    throw new RangeError(`'${protocol}' does not go with proto; write ip proto or ip6 proto`);
  }
  const families: readonly IpFamily[] = protocol === null ? [4, 6] : protocol === 'ip' ? [4] : [6];
  return { type: 'protocol', families, number: protocolOf(value) };
}

function protocolOf(value: string): number {
  if (/^\d{1,3}$/.test(value) && Number(value) <= 0xff) return Number(value);
  if (Object.hasOwn(PROTOCOL_NUMBERS, value)) return PROTOCOL_NUMBERS[value] as number;
  throw new RangeError(
    `'${value}' is no protocol: give a number from 0 to 255 or one of ${Object.keys(PROTOCOL_NUMBERS).join(', ')}`,
  );
}
