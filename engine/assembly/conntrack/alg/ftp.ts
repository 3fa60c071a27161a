/**
 * FTP control connections (spec §8.2, §8.4): expectations for announced data connections, translation of announced
 * addresses, and the sequence numbers that a translation shifts.
 *
 * A translated address may be longer or shorter, so every later byte of that direction moves by the accumulated skew: packets in
 * the direction of the rewriting get it added to their sequence number, opposite ones subtracted from their acknowledgement.
 * A rewritten packet itself uses the skew from before. The TCP checksum of control packets is computed anew each time.
 *
 * Differs from the original: lengths are not cut to 8 bits; a skew of 0 in total is stored; a packet whose transport is not TCP,
 * though detection took it for that, is left alone; text does not grow beyond what the IP length can say.
 */
import { countWork, LC_CONN, W_ALG_REWRITES } from '../../probe/counters';
import { CO_KEY, CO_LOCK, ST_INV, ST_RPL, ST_TRK } from '../../records/connection';
import { K_DST, K_PROTO, K_SRC, keyHash } from '../../records/key';
import { hashBasis } from '../../records/memory-map';
import { Packet } from '../../records/packet';
import { R_ALG_MALFORMED } from '../../records/reasons';
import { reverseKeyOf, skewOf, skewsReply, storeSkewOf } from '../../records/side-data';
import { lock, unlock } from '../../shm/mutex';
import { finishSum, pseudoSum4, pseudoSum6, sumBytes } from '../../wire/checksum';
import { IPV4_TOTAL_LENGTH, PROTO_TCP } from '../../wire/ipv4';
import { IPV6_PAYLOAD_LENGTH } from '../../wire/ipv6';
import { DL_TYPE_IPV6 } from '../../wire/locate';
import { load16, load32, swap16 } from '../../wire/network-order';
import { Context, reverseScratch } from '../context';
import { lookupConnection } from '../lookup';
import { adjustIpv4Checksum16 } from '../nat/headers';
import { formatIpv4, formatIpv6 } from './address-text';
import { createExpectation } from './expectations';
import {
  announcedAddress,
  FTP_EPRT,
  FTP_EPSV,
  FTP_NONE,
  FTP_PASV,
  FTP_PORT,
  FtpMessage,
  parseFtpMessage,
  readFtpMessage,
  replacementText,
} from './ftp-message';

const TCP_HEADER_SIZE: u32 = 20;
const TCP_SEQUENCE: usize = 4;
const TCP_ACKNOWLEDGEMENT: usize = 8;
const TCP_CHECKSUM: usize = 16;
/** Spare bytes that a frame must have before its text is touched: the most an address can grow. */
const SPARE_IPV4: u32 = 8;
const SPARE_IPV6: u32 = 45;
const LONGEST_DATAGRAM: i32 = 65535;
const COMMA: u32 = 0x2c;
const DOT: u32 = 0x2e;

// @ts-ignore: decorator
@inline
function carriesTcp(p: Packet, conn: usize): bool {
  return (
    !Context.icmpRelated &&
    <u32>load<u8>(conn, CO_KEY + K_PROTO) == PROTO_TCP &&
    p.length >= <u32>p.l2Pad + p.l4 + TCP_HEADER_SIZE
  );
}

/**
 * A control packet that announces nothing: sequence adjustment (only with `nat`) and checksum; the tracker says when (spec
 * §8.4). One that does announce something is left to handleFtpMessage. Takes the connection's lock.
 */
export function adjustFtpSequence(p: Packet, conn: usize, reply: bool, nat: bool): void {
  if (!carriesTcp(p, conn) || readFtpMessage(p) != FTP_NONE) return;
  lock(conn + CO_LOCK, LC_CONN);
  finishSegment(p, conn, reply, nat);
  unlock(conn + CO_LOCK, LC_CONN);
}

/**
 * A control packet that announces a data connection: records the expectation, with `nat` translates the announced
 * address, then adjusts and sums the segment. A malformed message makes the packet invalid on top of its state. Takes the
 * connection's lock, inside it the resources lock.
 */
export function handleFtpMessage(p: Packet, conn: usize, now: i64, nat: bool): void {
  if (!carriesTcp(p, conn) || readFtpMessage(p) == FTP_NONE) return;
  const ipv6 = <u32>p.dlType == DL_TYPE_IPV6;
  if (!parseFtpMessage(ipv6) || !announcesOwnAddress(conn)) {
    p.ctState |= ST_TRK | ST_INV;
    p.reason = <u8>R_ALG_MALFORMED;
    return;
  }
  const reply = Context.reply;
  lock(conn + CO_LOCK, LC_CONN);
  createExpectation(conn, swap16(FtpMessage.port), (p.ctState & ST_RPL) != 0);
  const moved = nat ? replaceAddress(p, conn, ipv6) : 0;
  finishSegment(p, conn, reply, nat);
  const skew = skewOf(conn) + moved;
  unlock(conn + CO_LOCK, LC_CONN);
  if (moved != 0) storeSkew(conn, skew, reply, now);
}

/** Address that stands for the message's sender after translation; before it, the sender's own is at the second address. */
// @ts-ignore: decorator
@inline
function translatedAddress(conn: usize): usize {
  return FtpMessage.kind == FTP_PORT || FtpMessage.kind == FTP_EPRT
    ? reverseKeyOf(conn, reverseScratch()) + K_DST
    : conn + CO_KEY + K_DST;
}

/** The announced address is the sender's, as it is or translated; extended passive replies announce none. */
function announcesOwnAddress(conn: usize): bool {
  const kind = FtpMessage.kind;
  if (kind == FTP_EPSV) return true;
  const own = (kind == FTP_PASV ? reverseKeyOf(conn, reverseScratch()) : conn + CO_KEY) + K_SRC;
  const announced = v128.load(announcedAddress());
  return equals(announced, own) || equals(announced, translatedAddress(conn));
}

// @ts-ignore: decorator
@inline
function equals(address: v128, at: usize): bool {
  return !v128.any_true(v128.xor(address, v128.load(at)));
}

/**
 * Puts the translated address into the payload and corrects the IP length. Returns by how many bytes the payload grew; 0
 * also when there is no address, or no room for a longer one.
 */
function replaceAddress(p: Packet, conn: usize, ipv6: bool): i32 {
  const oldSize = FtpMessage.addressSize;
  if (oldSize == 0 || p.length + (ipv6 ? SPARE_IPV6 : SPARE_IPV4) > p.capacity) return 0;
  const address = translatedAddress(conn);
  const source = replacementText();
  const separator = FtpMessage.kind == FTP_EPRT ? DOT : COMMA;
  const newSize = ipv6 ? formatIpv6(address, source) : formatIpv4(address, separator, source);
  const moved = <i32>newSize - <i32>oldSize;
  const lengthAt = <usize>p.frame + p.l3 + (ipv6 ? IPV6_PAYLOAD_LENGTH : IPV4_TOTAL_LENGTH);
  const oldLength = load16(lengthAt);
  if (<i32>oldLength + moved > LONGEST_DATAGRAM) return 0;

  const at = FtpMessage.payload + FtpMessage.addressAt;
  const rest = at + oldSize;
  memory.copy(at + newSize, rest, <usize>p.frame + p.length - rest);
  memory.copy(at, source, newSize);
  p.length += moved;
  countWork(W_ALG_REWRITES, 1);
  if (moved == 0) return 0;
  const newLength = swap16(oldLength + moved);
  store<u16>(lengthAt, <u16>newLength);
  if (!ipv6) adjustIpv4Checksum16(<usize>p.frame + p.l3, swap16(oldLength), newLength);
  return moved;
}

/** Applies the connection's skew to the segment and computes its checksum. Precondition: the connection's lock is held. */
function finishSegment(p: Packet, conn: usize, reply: bool, nat: bool): void {
  const l3 = <usize>p.frame + p.l3;
  const l4 = <usize>p.frame + p.l4;
  const l4Size = p.length - p.l2Pad - p.l4;
  const skew = skewOf(conn);
  if (nat && skew != 0) {
    if (reply == skewsReply(conn)) addTo(l4 + TCP_SEQUENCE, skew);
    else addTo(l4 + TCP_ACKNOWLEDGEMENT, -skew);
  }
  store<u16>(l4, 0, TCP_CHECKSUM);
  const ipv6 = <u32>p.dlType == DL_TYPE_IPV6;
  const pseudo = ipv6 ? pseudoSum6(l3, PROTO_TCP, l4Size) : pseudoSum4(l3, PROTO_TCP, l4Size);
  store<u16>(l4, <u16>finishSum(sumBytes(l4, l4Size, pseudo)), TCP_CHECKSUM);
}

// @ts-ignore: decorator
@inline
function addTo(at: usize, difference: i32): void {
  store<u32>(at, bswap<u32>(load32(at) + difference));
}

/** Stores the skew in the live connection of this key, which normally is the one given. */
function storeSkew(conn: usize, skew: i32, reply: bool, now: i64): void {
  const key = conn + CO_KEY;
  const packetReply = Context.reply;
  const live = lookupConnection(key, keyHash(key, hashBasis), now);
  Context.reply = packetReply;
  if (live == 0) return;
  lock(live + CO_LOCK, LC_CONN);
  storeSkewOf(live, skew, reply);
  unlock(live + CO_LOCK, LC_CONN);
}
