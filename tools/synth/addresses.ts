/** MAC, IPv4 and IPv6 addresses of frames to build, given as text, as a number or as bytes. */
import { isIP } from 'node:net';
import { parseAddress, type IpFamily } from '../../engine/host/addresses.js';

/** An IPv4 address: dotted text, an unsigned 32-bit number in host order, or 4 bytes. */
export type Ipv4Address = string | number | Uint8Array;
/** An IPv6 address: RFC 4291 text or 16 bytes. */
export type Ipv6Address = string | Uint8Array;
/** A MAC address: six hexadecimal bytes with `:` or `-`, or 6 bytes. */
export type MacAddress = string | Uint8Array;

/** @throws RangeError naming the address when it is none. */
export function ipv4Number(address: Ipv4Address): number {
  if (typeof address === 'number') return address >>> 0;
  const [a = 0, b = 0, c = 0, d = 0] = bytesOf(address, 4, 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** @throws RangeError naming the address when it is none. */
export function ipv6Bytes(address: Ipv6Address): Uint8Array {
  return bytesOf(address, 6, 16);
}

/** Dotted text of an unsigned 32-bit number. */
export function ipv4Text(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}

function bytesOf(address: string | Uint8Array, family: IpFamily, size: number): Uint8Array {
  if (typeof address === 'string') {
    if (isIP(address) !== family) throw new RangeError(`'${address}' is not an IPv${family} address`);
    return parseAddress(address).bytes;
  }
  if (address.length !== size)
    throw new RangeError(`an IPv${family} address has ${size} bytes, not ${address.length}`);
  return address;
}

/** @throws RangeError naming the address when it is none. */
export function macBytes(address: MacAddress): Uint8Array {
  if (typeof address !== 'string') {
    if (address.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${address.length}`);
    return address;
  }
  if (!/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(address)) {
    throw new RangeError(`'${address}' is not a MAC address`);
  }
  return Uint8Array.from(address.split(/[:-]/), (part) => Number.parseInt(part, 16));
}
