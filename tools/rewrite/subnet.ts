/** Networks in CIDR notation. */
import { isIPv4, isIPv6 } from 'node:net';
import { formatAddress, parseAddress, type IpFamily } from '../../engine/host/addresses.js';
import { shortened } from '../text/escape.js';

/** A network: the addresses whose first `prefixBits` bits are those of `bytes`. */
export interface Subnet {
  readonly family: IpFamily;
  /** Network address, host bits zero: 4 or 16 bytes in network order. */
  readonly bytes: Uint8Array;
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly prefixBits: number;
}

/**
 * Parses `10.0.0.0/8`, `2001:db8::/32`, or a single address.
 * @param strict whether bits behind the prefix must be zero; otherwise they are cleared
 * @throws RangeError that says what is wrong and what would be right
 */
export function parseSubnet(text: string, strict = true): Subnet {
  const [addressText = '', prefixText, ...more] = text.split('/');
  if (more.length > 0 || (!isIPv4(addressText) && !isIPv6(addressText))) {
    throw new RangeError(
      `'${shortened(text)}' is no network; give an address and a prefix length, as in 10.0.0.0/8`,
    );
  }
  const address = parseAddress(addressText);
  const most = address.family === 4 ? 32 : 128;
  const prefixBits = prefixText === undefined ? most : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1;
  if (prefixBits < 0 || prefixBits > most) {
    throw new RangeError(`'${shortened(text)}' has no prefix length from 0 to ${most} behind its '/'`);
  }
  const bytes = clearHostBits(address.bytes.slice(0, most / 8), prefixBits);
  const subnet: Subnet = { family: address.family, bytes, prefixBits };
  if (strict && !bytes.every((byte, index) => byte === address.bytes[index])) {
    throw new RangeError(
      `'${text}' has bits set behind its prefix; the network is ${formatSubnet(subnet)}, ` +
        `the address alone ${addressText}/${most}`,
    );
  }
  return subnet;
}

/** CIDR notation of a network. */
function formatSubnet(subnet: Subnet): string {
  const padded = new Uint8Array(16);
  padded.set(subnet.bytes);
  return `${formatAddress(subnet.family, padded)}/${subnet.prefixBits}`;
}

/**
 * Whether the address that lies at an offset of some bytes belongs to a network. The caller knows that it is of the
 * network's family and lies within the bytes.
 */
export function subnetHolds(subnet: Subnet, bytes: Uint8Array, at: number): boolean {
  const whole = subnet.prefixBits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[at + i] !== subnet.bytes[i]) return false;
  const rest = subnet.prefixBits & 7;
  if (rest === 0) return true;
  const difference = (bytes[at + whole] as number) ^ (subnet.bytes[whole] as number);
  return difference >> (8 - rest) === 0;
}

function clearHostBits(bytes: Uint8Array, prefixBits: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}
