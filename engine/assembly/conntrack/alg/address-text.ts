/**
 * Addresses as text, in memory: what the C library's inet_pton and inet_ntop accept and write (RFC 4291 §2.2, RFC 5952 §4, with
 * a dotted tail for IPv4-mapped and IPv4-compatible addresses). Text is bytes from an address to an end, not terminated.
 */
import { swap16 } from '../../wire/network-order';

const DIGIT_0: u32 = 0x30;
const COLON: u32 = 0x3a;
const DOT: u32 = 0x2e;
const GROUPS: u32 = 8;

// @ts-ignore: decorator
@inline
export function isDigit(c: u32): bool {
  return c - DIGIT_0 < 10;
}

/** Value of a hexadecimal digit, or a value over 15. */
// @ts-ignore: decorator
@inline
function hexValue(c: u32): u32 {
  if (isDigit(c)) return c - DIGIT_0;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : 16;
}

// @ts-ignore: decorator
@inline
export function isHexDigit(c: u32): bool {
  return hexValue(c) < 16;
}

/**
 * Reads four decimal numbers of at most 255, without leading zeros, separated by `separator` or `other`. Writes the
 * address to `to` (4 bytes, network order). Returns false when the text is anything else.
 */
export function parseIpv4(at: usize, end: usize, separator: u32, other: u32, to: usize): bool {
  let octets: u32 = 0;
  let value: u32 = 0;
  let digits: u32 = 0;
  for (let i = at; i < end; i++) {
    const c = <u32>load<u8>(i);
    if (isDigit(c)) {
      if (digits != 0 && value == 0) return false;
      value = value * 10 + (c - DIGIT_0);
      digits++;
      if (value > 255) return false;
    } else if ((c == separator || c == other) && digits != 0 && octets < 3) {
      store<u8>(to + octets++, <u8>value);
      value = 0;
      digits = 0;
    } else {
      return false;
    }
  }
  if (octets != 3 || digits == 0) return false;
  store<u8>(to + 3, <u8>value);
  return true;
}

/** Reads an IPv6 address into 16 bytes at `to`. Returns false, with `to` undefined, when the text is not one. */
export function parseIpv6(at: usize, end: usize, to: usize): bool {
  v128.store(to, i8x16.splat(0));
  let i = at;
  if (i + 1 < end && <u32>load<u8>(i) == COLON) {
    if (<u32>load<u8>(i + 1) != COLON) return false;
    i++;
  }
  let written: u32 = 0;
  let gap: u32 = GROUPS + 1;
  let value: u32 = 0;
  let digits: u32 = 0;
  let token = i;
  while (i < end) {
    const c = <u32>load<u8>(i++);
    const hex = hexValue(c);
    if (hex < 16) {
      if (digits == 4) return false;
      value = (value << 4) | hex;
      digits++;
    } else if (c == COLON) {
      token = i;
      if (digits == 0) {
        if (gap <= GROUPS) return false;
        gap = written;
      } else {
        if (i == end || written == GROUPS) return false;
        store<u16>(to + ((<usize>written) << 1), <u16>swap16(value));
        written++;
        value = 0;
        digits = 0;
      }
    } else if (c == DOT && written <= GROUPS - 2) {
      if (!parseIpv4(token, end, DOT, DOT, to + ((<usize>written) << 1))) return false;
      written += 2;
      digits = 0;
      break;
    } else {
      return false;
    }
  }
  if (digits != 0) {
    if (written == GROUPS) return false;
    store<u16>(to + ((<usize>written) << 1), <u16>swap16(value));
    written++;
  }
  if (gap > GROUPS) return written == GROUPS;
  if (written == GROUPS) return false;
  openGap(to, gap, written);
  return true;
}

/** Moves the groups behind the gap to the end and zeroes what lies between. */
function openGap(to: usize, gap: u32, written: u32): void {
  const moved = (written - gap) << 1;
  const from = to + ((<usize>gap) << 1);
  const target = to + 16 - moved;
  memory.copy(target, from, moved);
  memory.fill(from, 0, target - from);
}

/** Writes the decimal form of `value` (at most 255); returns the address behind it. */
function writeOctet(to: usize, value: u32): usize {
  let at = to;
  if (value >= 100) store<u8>(at++, <u8>(DIGIT_0 + value / 100));
  if (value >= 10) store<u8>(at++, <u8>(DIGIT_0 + ((value / 10) % 10)));
  store<u8>(at++, <u8>(DIGIT_0 + (value % 10)));
  return at;
}

/** Writes an IPv4 address with the given separator, at most 15 bytes; returns their number. */
export function formatIpv4(address: usize, separator: u32, to: usize): u32 {
  let at = to;
  for (let i: usize = 0; i < 4; i++) {
    if (i != 0) store<u8>(at++, <u8>separator);
    at = writeOctet(at, load<u8>(address + i));
  }
  return <u32>(at - to);
}

/** Writes an IPv6 address, at most 45 bytes; returns their number. The first longest run of two or more zero groups is `::`. */
export function formatIpv6(address: usize, to: usize): u32 {
  let bestStart: u32 = GROUPS;
  let bestLength: u32 = 1;
  let length: u32 = 0;
  for (let i: u32 = 0; i < GROUPS; i++) {
    length = load<u16>(address + ((<usize>i) << 1)) == 0 ? length + 1 : 0;
    if (length > bestLength) {
      bestLength = length;
      bestStart = i + 1 - length;
    }
  }
  let at = to;
  for (let i: u32 = 0; i < GROUPS; i++) {
    if (i >= bestStart && i < bestStart + bestLength) {
      if (i == bestStart) store<u8>(at++, <u8>COLON);
      continue;
    }
    if (i != 0) store<u8>(at++, <u8>COLON);
    const mapped = bestStart == 0 && bestLength == 5 && <u32>load<u16>(address, 10) == 0xffff;
    if (i == 6 && bestStart == 0 && (bestLength == 6 || mapped)) {
      return <u32>(at - to) + formatIpv4(address + 12, DOT, at);
    }
    at = writeGroup(at, swap16(load<u16>(address + ((<usize>i) << 1))));
  }
  if (bestStart + bestLength == GROUPS && bestLength > 1) store<u8>(at++, <u8>COLON);
  return <u32>(at - to);
}

/** Writes a group in lower-case hexadecimal without leading zeros; returns the address behind it. */
function writeGroup(to: usize, group: u32): usize {
  let at = to;
  for (let shift: i32 = 12; shift >= 0; shift -= 4) {
    const digit = (group >> shift) & 15;
    if (group >> shift != 0 || shift == 0) store<u8>(at++, <u8>(digit < 10 ? DIGIT_0 + digit : 0x57 + digit));
  }
  return at;
}
