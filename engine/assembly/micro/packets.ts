/** Loops over what is done to one packet: locating, classifying, summing, the protocol update, FTP rewriting. */
import { handleAlgControl } from '../conntrack/alg/control';
import { purgeExpectations } from '../conntrack/alg/expectations';
import { extractKey } from '../conntrack/classify';
import { Context, contextKey } from '../conntrack/context';
import { lookup } from '../conntrack/lookup';
import { protocolUpdate } from '../conntrack/protocol';
import { LC_CONN } from '../probe/counters';
import { CO_KEY, CO_LOCK, HELPER_FTP, ST_INV, UPDATE_VALID } from '../records/connection';
import { ExecParams } from '../records/exec-params';
import { Packet } from '../records/packet';
import { lock, unlock } from '../shm/mutex';
import { foldSum, sumBytes } from '../wire/checksum';
import { locate } from '../wire/locate';

export function loopLocate(packet: usize, n: u32): u32 {
  const p = changetype<Packet>(packet);
  let done: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    locate(p);
    done += u32(p.l4 != 0);
  }
  return done;
}

/** Validation with checksums, and the key with its hash. */
export function loopClassify(packet: usize, n: u32): u32 {
  const p = changetype<Packet>(packet);
  let valid: u32 = 0;
  for (let i: u32 = 0; i < n; i++) valid += u32(extractKey(p, i & 7));
  return valid;
}

export function loopChecksum(at: usize, length: u32, n: u32): u32 {
  let sum: u32 = 0;
  // The start differs from round to round, or one sum would serve for all.
  for (let i: u32 = 0; i < n; i++) sum += foldSum(sumBytes(at, length, i)) | 1;
  return sum == 0 ? 0 : n;
}

/** State update of the connection that the packet belongs to; the packet must be valid again and again. */
export function loopUpdate(packet: usize, now: f64, n: u32): u32 {
  const p = changetype<Packet>(packet);
  if (!extractKey(p, 0)) return 0;
  const conn = lookup(contextKey(), Context.hash, <i64>now);
  if (conn == 0) return 0;
  const reply = Context.reply;
  let valid: u32 = 0;
  lock(conn + CO_LOCK, LC_CONN);
  for (let i: u32 = 0; i < n; i++) valid += u32(protocolUpdate(conn, reply) == UPDATE_VALID);
  unlock(conn + CO_LOCK, LC_CONN);
  return valid;
}

// @ts-ignore: decorator
@inline
function restore(p: Packet, original: usize, length: u32): void {
  memory.copy(<usize>p.frame, original, length);
  p.length = length;
  p.ctState = 0;
}

/** An FTP message handled: expectation made, address and length rewritten, segment summed. The frame is restored each time. */
export function loopFtp(packet: usize, original: usize, length: u32, params: usize, now: f64, n: u32): u32 {
  const p = changetype<Packet>(packet);
  restore(p, original, length);
  if (!extractKey(p, 0)) return 0;
  const conn = lookup(contextKey(), Context.hash, <i64>now);
  if (conn == 0) return 0;
  let rewritten: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    restore(p, original, length);
    handleAlgControl(p, conn, HELPER_FTP, changetype<ExecParams>(params), <i64>now, true);
    purgeExpectations(conn + CO_KEY);
    rewritten += u32((p.ctState & ST_INV) == 0 && p.length != length);
  }
  return rewritten;
}

/** What loopFtp does besides. */
export function loopFtpRestore(packet: usize, original: usize, length: u32, conn: usize, n: u32): u32 {
  const p = changetype<Packet>(packet);
  for (let i: u32 = 0; i < n; i++) {
    restore(p, original, length);
    purgeExpectations(conn + CO_KEY);
  }
  return n;
}
