/** Splits a frame's IP datagram into fragments, for IPv4 (RFC 791) and IPv6 (RFC 8200 section 4.5). */
import { checksumOf, sumWords } from '../wire/checksum.js';
import * as h from './headers.js';

/** One part of a datagram, in bytes of its fragmentable part. */
export interface FragmentRange {
  offsetBytes: number;
  lengthBytes: number;
}

/**
 * Ranges that cut `totalBytes` into pieces whose IP packets are at most `mtu` bytes.
 *
 * @param headerBytes bytes of headers that every fragment repeats: 20 for IPv4 without options, 48 for IPv6
 */
export function fragmentRanges(totalBytes: number, headerBytes: number, mtu: number): FragmentRange[] {
  const step = Math.floor((mtu - headerBytes) / 8) * 8;
  if (step < 8) throw new RangeError(`MTU ${mtu} leaves no room for 8 bytes after ${headerBytes} of headers`);
  const ranges: FragmentRange[] = [];
  for (let offsetBytes = 0; offsetBytes < totalBytes; offsetBytes += step) {
    ranges.push({ offsetBytes, lengthBytes: Math.min(step, totalBytes - offsetBytes) });
  }
  return ranges;
}

/** A fragment to write. */
export interface Fragment {
  readonly range: FragmentRange;
  /** Identification: 16 bits for IPv4, 32 for IPv6. */
  readonly id: number;
  /** The M flag. */
  readonly more: boolean;
}

/**
 * One fragment of an untagged Ethernet frame that holds an unfragmented IPv4 packet without options or an IPv6
 * packet without extension headers.
 *
 * @param into where it is written, at `at`
 * @returns the fragment's frame length in bytes
 */
export function writeFragment(
  into: Uint8Array,
  at: number,
  frame: Uint8Array,
  { range, id, more }: Fragment,
): number {
  const l3 = h.ETHERNET_LENGTH;
  const isIpv6 = h.get16(frame, 12) === h.ETHERTYPE_IPV6;
  const source = l3 + (isIpv6 ? h.IPV6_LENGTH : h.IPV4_LENGTH) + range.offsetBytes;
  into.set(frame.subarray(0, l3 + (isIpv6 ? h.IPV6_LENGTH : h.IPV4_LENGTH)), at);
  const ip = at + l3;
  let body: number;
  if (isIpv6) {
    h.put16(into, ip + 4, h.IP6_FRAGMENT_LENGTH + range.lengthBytes);
    body = ip + h.IPV6_LENGTH;
    into[body] = into[ip + 6]!;
    into[ip + 6] = h.IP6_FRAGMENT;
    into[body + 1] = 0;
    h.put16(into, body + 2, range.offsetBytes | (more ? 1 : 0));
    h.put32(into, body + 4, id);
    body += h.IP6_FRAGMENT_LENGTH;
  } else {
    body = ip + h.IPV4_LENGTH;
    h.put16(into, ip + 2, h.IPV4_LENGTH + range.lengthBytes);
    h.put16(into, ip + 4, id);
    h.put16(into, ip + 6, (more ? h.IP_MORE_FRAGMENTS : 0) | (range.offsetBytes / 8));
    h.put16(into, ip + 10, 0);
    h.put16(into, ip + 10, checksumOf(sumWords(into, ip, body)));
  }
  into.set(frame.subarray(source, source + range.lengthBytes), body);
  return body + range.lengthBytes - at;
}
