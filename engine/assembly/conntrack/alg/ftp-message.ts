/**
 * Reading FTP control messages (RFC 959 §4.1.2, RFC 2428; spec §8.2): PORT and 227 on IPv4, EPRT and the extended passive
 * reply on IPv6, with SWITCH_FTP_IPV4_EXTENDED also EPRT and 229 on IPv4.
 *
 * The message is copied to the thread's scratch, cut at its first zero byte, with zero bytes behind it, so that
 * scanning needs no further bounds. As in the original, of the first 128 bytes of the payload all but
 * the last are looked at: a message that is not terminated loses its final byte.
 */
import { SWITCH_FTP_IPV4_EXTENDED, switches, T_SCRATCH, threadBlock } from '../../records/memory-map';
import { Packet } from '../../records/packet';
import { DL_TYPE_IPV6 } from '../../wire/locate';
import { isDigit, isHexDigit, parseIpv4, parseIpv6 } from './address-text';

const LONGEST_MESSAGE: u32 = 128;
/** Parsing may step a few bytes behind the end of the text. */
const MESSAGE_BUFFER: usize = 160;
const TCP_HEADER_SIZE: u32 = 20;
const TCP_DATA_OFFSET: usize = 12;

const SPACE: u32 = 0x20;
const COMMA: u32 = 0x2c;
const DOT: u32 = 0x2e;
const COLON: u32 = 0x3a;
const PARENTHESIS: u32 = 0x28;
const FAMILY_IPV4: u32 = 0x31;
const FAMILY_IPV6: u32 = 0x32;
/** "PORT", "EPRT", "227 " and "229 " as loaded; letters in lower case. */
const PORT: u32 = 0x74726f70;
const EPRT: u32 = 0x74727065;
const REPLY_227: u32 = 0x373232;
const REPLY_229: u32 = 0x393232;
const LOWER_CASE: u32 = 0x20202020;

export const FTP_NONE: u32 = 0;
export const FTP_PORT: u32 = 1;
export const FTP_PASV: u32 = 2;
export const FTP_EPRT: u32 = 3;
export const FTP_EPSV: u32 = 4;

/** The message last read by this thread. */
export class FtpMessage {
  /** Address of the payload in the packet. */
  static payload: usize = 0;
  /** FTP_*. */
  static kind: u32 = FTP_NONE;
  /** Announced port, host order. */
  static port: u32 = 0;
  /** Where the address stands in the payload and how long its text is; 0, 0 when the message has none. */
  static addressAt: u32 = 0;
  static addressSize: u32 = 0;
}

/** The text, then the address read from it (16 bytes, as in a key). */
// @ts-ignore: decorator
@inline
function text(): usize {
  return threadBlock + T_SCRATCH + 8192;
}
export function announcedAddress(): usize {
  return threadBlock + T_SCRATCH + 8192 + 256;
}
/** Room for the text of an address that replaces the announced one. */
export function replacementText(): usize {
  return threadBlock + T_SCRATCH + 8192 + 320;
}

/** Reads the payload of a TCP packet and returns which message it is: FTP_NONE for one without address or port. */
export function readFtpMessage(p: Packet): u32 {
  const at = text();
  memory.fill(at, 0, MESSAGE_BUFFER);
  FtpMessage.kind = FTP_NONE;
  const l4 = <usize>p.frame + p.l4;
  const l4Size = p.length - p.l2Pad - p.l4;
  if (l4Size < TCP_HEADER_SIZE) return FTP_NONE;
  const headerSize = ((<u32>load<u8>(l4, TCP_DATA_OFFSET)) >> 4) << 2;
  if (headerSize < TCP_HEADER_SIZE || headerSize > l4Size) return FTP_NONE;
  const payload = l4 + headerSize;
  FtpMessage.payload = payload;
  const considered = min<u32>(l4Size - headerSize, LONGEST_MESSAGE);
  for (let i: u32 = 0; i + 1 < considered; i++) {
    const c = load<u8>(payload + i);
    if (c == 0) break;
    store<u8>(at + i, c);
  }
  FtpMessage.kind = kindOf(at, <u32>p.dlType == DL_TYPE_IPV6);
  return FtpMessage.kind;
}

function kindOf(at: usize, ipv6: bool): u32 {
  const word = load<u32>(at);
  const command = word | LOWER_CASE;
  if (ipv6) {
    if (command == EPRT) return FTP_EPRT;
    return findExtendedPassive(at) ? FTP_EPSV : FTP_NONE;
  }
  const code = word & 0xffffff;
  if (command == PORT) return FTP_PORT;
  if (code == REPLY_227) return FTP_PASV;
  if (switches & SWITCH_FTP_IPV4_EXTENDED) {
    if (command == EPRT) return FTP_EPRT;
    if (code == REPLY_229) return FTP_EPSV;
  }
  return FTP_NONE;
}

/** Whether the text contains "extended passive" in any case: two words of eight letters compared at once. */
function findExtendedPassive(at: usize): bool {
  const lower: u64 = 0x2020202020202020;
  const extended: u64 = 0x6465646e65747865;
  // A space has no upper case, and its bit is set already.
  const passive: u64 = 0x6576697373617020;
  for (let i: usize = 0; i + 16 <= <usize>LONGEST_MESSAGE; i++) {
    if ((load<u64>(at + i) | lower) == extended && (load<u64>(at + i, 8) | lower) == passive) {
      // Setting bit 5 also turns a zero byte into a space: that would be the end of the text.
      return load<u8>(at + i, 8) != 0;
    }
  }
  return false;
}

/**
 * Reads port and address of the message into FtpMessage and announcedAddress(). Returns false when it is malformed. Whether
 * the address belongs to the connection is for the caller to judge.
 */
export function parseFtpMessage(ipv6: bool): bool {
  FtpMessage.addressAt = 0;
  FtpMessage.addressSize = 0;
  v128.store(announcedAddress(), i8x16.splat(0));
  const kind = FtpMessage.kind;
  if (ipv6) return kind == FTP_EPRT ? parseEprt6() : parsePortBehind(skipTo(text(), PARENTHESIS));
  const start = skipTo(text() + (kind == FTP_PORT || kind == FTP_EPRT ? 4 : 3), SPACE);
  const digit = skipToDigit(start);
  if (load<u8>(digit) == 0) return false;
  if (kind == FTP_EPRT) return parseEprt4(digit);
  return kind == FTP_EPSV ? parsePortBehind(digit) : parseSixNumbers(digit);
}

/** First `c` at or behind `at`, or the end of the text. */
function skipTo(at: usize, c: u32): usize {
  let i = at;
  while (load<u8>(i) != 0 && <u32>load<u8>(i) != c) i++;
  return i;
}

/** First digit at or behind `at`, or the end of the text. */
function skipToDigit(at: usize): usize {
  let i = at;
  while (load<u8>(i) != 0 && !isDigit(load<u8>(i))) i++;
  return i;
}

class Number {
  static value: u32 = 0;
  /** Address behind the number. */
  static end: usize = 0;
}

/** Reads at most `most` digits at `at`, if there is one; a number of ten digits or more counts as too large. */
function readNumber(at: usize, most: u32): bool {
  let value: u32 = 0;
  let digits: u32 = 0;
  let i = at;
  while (digits < most && isDigit(load<u8>(i))) {
    value = min<u32>(value, 99_999_999) * 10 + (<u32>load<u8>(i) - 0x30);
    digits++;
    i++;
  }
  Number.value = value;
  Number.end = i;
  return digits != 0;
}

/** `a,b,c,d,p,q` at `at`. */
function parseSixNumbers(at: usize): bool {
  let end = at;
  for (let commas: u32 = 0; commas < 4; end++) {
    const c = <u32>load<u8>(end);
    if (c == 0) return false;
    if (c == COMMA) commas++;
  }
  // `end` is behind the fourth comma.
  if (!parseIpv4(at, end - 1, COMMA, COMMA, announcedAddress())) return false;
  FtpMessage.addressAt = <u32>(at - text());
  FtpMessage.addressSize = <u32>(end - 1 - at);
  // One digit more than a number of the port may have is taken with it; the next byte separates, whatever it is.
  if (!readNumber(end, 4) || Number.value > 255) return false;
  const high = Number.value;
  if (!readNumber(Number.end + 1, LONGEST_MESSAGE) || Number.value > 255) return false;
  FtpMessage.port = (high << 8) | Number.value;
  return true;
}

/** Port of an extended message: up to six digits at `at`. */
function parsePort(at: usize): bool {
  if (!readNumber(at, 6) || Number.value > 65535) return false;
  FtpMessage.port = Number.value;
  return true;
}

/** Extended passive reply: the first number at or behind `at`. */
function parsePortBehind(at: usize): bool {
  return parsePort(skipToDigit(at));
}

/** `|2|address|port|`: the first digit is the family, any byte delimits. */
function parseEprt6(): bool {
  const family = skipToDigit(text() + 4);
  if (<u32>load<u8>(family) != FAMILY_IPV6 || isDigit(load<u8>(family, 1))) return false;
  const start = family + 2;
  let end = start;
  while (isAddressCharacter(load<u8>(end))) end++;
  if (!parseIpv6(start, end, announcedAddress())) return false;
  setAddressText(start, end);
  return parsePort(end + 1);
}

// @ts-ignore: decorator
@inline
function isAddressCharacter(c: u32): bool {
  return isHexDigit(c) || c == COLON || c == DOT;
}

/** The same on IPv4, from its first digit on. */
function parseEprt4(family: usize): bool {
  if (<u32>load<u8>(family) != FAMILY_IPV4 || isDigit(load<u8>(family, 1))) return false;
  const start = skipToDigit(family + 1);
  let end = start;
  let commas: u32 = 0;
  for (; isDigit(load<u8>(end)) || <u32>load<u8>(end) == DOT || <u32>load<u8>(end) == COMMA; end++) {
    // A fourth comma can only separate the port.
    if (<u32>load<u8>(end) == COMMA && ++commas == 4) break;
  }
  if (!parseIpv4(start, end, DOT, COMMA, announcedAddress())) return false;
  setAddressText(start, end);
  return parsePort(end + 1);
}

function setAddressText(start: usize, end: usize): void {
  FtpMessage.addressAt = <u32>(start - text());
  FtpMessage.addressSize = <u32>(end - start);
}
