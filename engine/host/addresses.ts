import { isIPv4, isIPv6 } from 'node:net';

/** Address family of IP: 4 or 6. */
export type IpFamily = 4 | 6;

/** An address as the engine keeps it: 16 bytes in network order, IPv4 in the first four and zero behind. */
export interface IpAddress {
  readonly family: IpFamily;
  readonly bytes: Uint8Array;
}

/**
 * Parses an address in the usual text forms.
 * @throws RangeError when the text is neither an IPv4 nor an IPv6 address
 */
export function parseAddress(text: string): IpAddress {
  const bytes = new Uint8Array(16);
  if (isIPv4(text)) {
    text.split('.').forEach((part, index) => (bytes[index] = Number(part)));
    return { family: 4, bytes };
  }
  if (isIPv6(text) && !text.includes('%')) {
    writeIpv6(text, bytes);
    return { family: 6, bytes };
  }
  throw new RangeError(`'${text}' is not an IPv4 or IPv6 address`);
}

function writeIpv6(text: string, bytes: Uint8Array): void {
  const [head = '', tail] = text.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  front.forEach((group, index) => putGroup(bytes, index, group));
  back.forEach((group, index) => putGroup(bytes, 8 - back.length + index, group));
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

function putGroup(bytes: Uint8Array, index: number, group: number): void {
  bytes[index * 2] = group >> 8;
  bytes[index * 2 + 1] = group & 0xff;
}

/** Text of an address: dotted quad, or the form of RFC 5952 (lower case, longest run of zero groups as `::`). */
export function formatAddress(family: IpFamily, bytes: Uint8Array): string {
  if (family === 4) return `${bytes[0] ?? 0}.${bytes[1] ?? 0}.${bytes[2] ?? 0}.${bytes[3] ?? 0}`;
  if (isMapped(bytes)) {
    // RFC 5952, section 5: an embedded IPv4 address keeps its dotted form.
    return `::ffff:${formatAddress(4, bytes.subarray(12))}`;
  }
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  const run = longestZeroRun(groups);
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}

/** RFC 5952, section 4.2: the longest run, the first among equals. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    if (end > start) start = end;
  }
  return best;
}

/** Compares two addresses of one family as big-endian numbers: negative, 0 or positive. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  for (let i = 0; i < 16; i++) {
    const difference = (a.bytes[i] ?? 0) - (b.bytes[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
