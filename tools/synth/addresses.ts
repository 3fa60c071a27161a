/** Text and numbers of MAC, IPv4 and IPv6 addresses, and of prefixes. */

/** An IPv4 address: dotted text, an unsigned 32-bit number in host order, or 4 bytes. */
export type Ipv4Address = string | number | Uint8Array;
/** An IPv6 address: RFC 4291 text or 16 bytes. */
export type Ipv6Address = string | Uint8Array;
/** A MAC address: six hexadecimal bytes with `:` or `-`, or 6 bytes. */
export type MacAddress = string | Uint8Array;

/** Dotted text as an unsigned 32-bit number, or null when it is not an IPv4 address. */
export function parseIpv4(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return null;
    const byte = Number(part);
    if (byte > 255) return null;
    value = value * 256 + byte;
  }
  return value;
}

/** Dotted text of an unsigned 32-bit number. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The 16 bytes of an IPv6 address in RFC 4291 text (with `::` and a dotted tail), or null. No zone index. */
export function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const left = parseGroups(halves[0]!, halves.length === 1);
  const right = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (left === null || right === null) return null;
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...left, ...Array.from({ length: missing }, () => 0), ...right];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group & 255;
  });
  return bytes;
}

function parseGroups(text: string, dottedTailAllowed: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const tail = dottedTailAllowed && i === parts.length - 1 ? parseIpv4(part) : null;
      if (tail === null) return null;
      groups.push(tail >>> 16, tail & 0xffff);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** Canonical text of 16 bytes (RFC 5952: lower case, longest run of zero groups shortened, first one on a tie). */
export function formatIpv6(bytes: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > bestLength) {
      bestStart = start;
      bestLength = end - start;
    }
    if (end > start) start = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}

/** @throws RangeError naming the address when it is none. */
export function ipv4Number(address: Ipv4Address): number {
  if (typeof address === 'number') return address >>> 0;
  if (typeof address === 'string') {
    const value = parseIpv4(address);
    if (value === null) throw new RangeError(`'${address}' is not an IPv4 address`);
    return value;
  }
  if (address.length !== 4) throw new RangeError(`an IPv4 address has 4 bytes, not ${address.length}`);
  return ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
}

/** @throws RangeError naming the address when it is none. */
export function ipv6Bytes(address: Ipv6Address): Uint8Array {
  const bytes = typeof address === 'string' ? parseIpv6(address) : address;
  if (bytes === null) throw new RangeError(`'${String(address)}' is not an IPv6 address`);
  if (bytes.length !== 16) throw new RangeError(`an IPv6 address has 16 bytes, not ${bytes.length}`);
  return bytes;
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
