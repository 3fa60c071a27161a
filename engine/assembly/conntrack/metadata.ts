/** What the tracker writes back to a packet: state, zone, mark, label, original tuple (spec §2 steps j, k). */
import { LC_CONN } from '../probe/counters';
import { CO_FLAGS, CO_KEY, CO_LOCK, CO_MARK, CONN_ALG_RELATED, ST_TRK } from '../records/connection';
import { EXEC_LABEL, EXEC_MARK, ExecParams } from '../records/exec-params';
import { K_DL_TYPE, K_DPORT, K_PROTO, K_SCODE, K_SPORT, K_STYPE } from '../records/key';
import { hasOneHold } from '../records/memory-map';
import { Packet } from '../records/packet';
import { labelHalf, parentTupleOf, storeLabel } from '../records/side-data';
import { lock, unlock } from '../shm/mutex';
import { expectationLabel, expectationMark, expectationParentKey } from './alg/expectations';
import { Context } from './context';

const IPV4: u32 = 0x0800;

/** Marks the packet tracked with no connection and no tuple: failed extraction, state already invalid. */
export function writeNoTuple(p: Packet, zone: u32): void {
  p.ctState |= ST_TRK;
  p.ctZone = <u16>zone;
  p.ctMark = 0;
  p.labelLow = 0;
  p.labelHigh = 0;
  p.origSrcLow = 0;
  p.origSrcHigh = 0;
  p.origDstLow = 0;
  p.origDstHigh = 0;
  p.origSrcPort = 0;
  p.origDstPort = 0;
  p.origProto = 0;
  p.origFamily = 0;
}

/** Gives the packet the connection's mark and label. The connection's lock is held. */
// @ts-ignore: decorator
@inline
export function copyMarkAndLabel(p: Packet, conn: usize): void {
  p.ctMark = load<u32>(conn, CO_MARK);
  p.labelLow = labelHalf(conn, 0);
  p.labelHigh = labelHalf(conn, 1);
}

/** `conn` may be 0; then `expected` says whether an expectation matched, and `key` is the packet's. */
// @ts-ignore: decorator
@inline
export function writeMetadata(p: Packet, zone: u32, conn: usize, key: usize, expected: bool): void {
  p.ctState |= ST_TRK;
  p.ctZone = <u16>zone;
  if (conn != 0) {
    if (!hasOneHold() || Context.metadataOf != conn) {
      lock(conn + CO_LOCK, LC_CONN);
      copyMarkAndLabel(p, conn);
      unlock(conn + CO_LOCK, LC_CONN);
    }
    const key = conn + CO_KEY;
    writeTuple(p, isRelated(conn) ? parentTupleOf(conn) : key, key);
  } else if (expected) {
    p.ctMark = expectationMark();
    p.labelLow = load<u64>(expectationLabel());
    p.labelHigh = load<u64>(expectationLabel(), 8);
    writeTuple(p, expectationParentKey(), expectationParentKey());
  } else {
    p.ctMark = 0;
    p.labelLow = 0;
    p.labelHigh = 0;
    writeTuple(p, key, key);
  }
}

// @ts-ignore: decorator
@inline
function isRelated(conn: usize): bool {
  return (load<u8>(conn, CO_FLAGS) & (<u8>CONN_ALG_RELATED)) != 0;
}

/** Addresses and ports from `tuple`, type and protocol from `key`. */
// @ts-ignore: decorator
@inline
function writeTuple(p: Packet, tuple: usize, key: usize): void {
  p.origSrcLow = load<u64>(tuple);
  p.origSrcHigh = load<u64>(tuple, 8);
  p.origDstLow = load<u64>(tuple, 16);
  p.origDstHigh = load<u64>(tuple, 24);
  const proto = <u32>load<u8>(key, K_PROTO);
  const isIpv4 = <u32>load<u16>(key, K_DL_TYPE) == IPV4;
  p.origFamily = isIpv4 ? 4 : 6;
  p.origProto = <u8>proto;
  if (proto == (isIpv4 ? 1 : 58)) {
    p.origSrcPort = <u16>load<u8>(tuple, K_STYPE);
    p.origDstPort = <u16>load<u8>(tuple, K_SCODE);
  } else {
    p.origSrcPort = bswap<u16>(load<u16>(tuple, K_SPORT));
    p.origDstPort = bswap<u16>(load<u16>(tuple, K_DPORT));
  }
}

/** Set-mark then set-label; on a related ALG connection the request is ignored and the inherited value reported. */
export function setMarkAndLabel(p: Packet, conn: usize, params: ExecParams): void {
  const inherited = isRelated(conn);
  if (params.flags & EXEC_MARK) {
    lock(conn + CO_LOCK, LC_CONN);
    if (inherited) {
      p.ctMark = load<u32>(conn, CO_MARK);
    } else {
      p.ctMark = params.markValue | (p.ctMark & ~params.markMask);
      store<u32>(conn, p.ctMark, CO_MARK);
    }
    unlock(conn + CO_LOCK, LC_CONN);
  }
  if (params.flags & EXEC_LABEL) {
    lock(conn + CO_LOCK, LC_CONN);
    if (inherited) {
      p.labelLow = labelHalf(conn, 0);
      p.labelHigh = labelHalf(conn, 1);
    } else {
      p.labelLow = params.labelLow | (p.labelLow & ~params.labelMaskLow);
      p.labelHigh = params.labelHigh | (p.labelHigh & ~params.labelMaskHigh);
      storeLabel(conn, p.labelLow, p.labelHigh);
    }
    unlock(conn + CO_LOCK, LC_CONN);
  }
}
