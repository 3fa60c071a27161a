/** Loops over a connection's life, generic over the expiry design. */
import { extractKey } from '../conntrack/classify';
import { Context, contextKey } from '../conntrack/context';
import { createNarrow, createWide } from '../conntrack/create';
import { unlockCreation } from '../conntrack/creation-locks';
import { lookup } from '../conntrack/lookup';
import { chooseNatTuple } from '../conntrack/nat/select';
import { processPacket } from '../conntrack/tracker';
import { LastSweep } from '../expiry/expiry';
import { LC_CONN } from '../probe/counters';
import { CO_KEY, CO_LOCK, CO_NAT_ACTION, HELPER_NONE, ST_TRK } from '../records/connection';
import { ExecParams } from '../records/exec-params';
import { copyKey, K_SPORT, K_SRC, keyHash } from '../records/key';
import { CONN_SIZE, hashBasis, SHARDED, slabBase } from '../records/memory-map';
import { Packet } from '../records/packet';
import { lock, unlock } from '../shm/mutex';
import { finishSum, sumBytes } from '../wire/checksum';
import { IPV4_CHECKSUM, IPV4_HEADER_SIZE, IPV4_SRC } from '../wire/ipv4';

/** Makes the context key that of flow `i`: its source address differs. */
// @ts-ignore: decorator
@inline
function setFlow(i: u32): void {
  const key = contextKey();
  store<u32>(key, 0x0a000000 | i, K_SRC);
  Context.hash = keyHash(key, hashBasis);
}

/** Creates the flows from `first` on, as the tracker does once a look-up has found nothing. */
export function loopCreateOf<E>(packet: usize, params: usize, now: i64, first: u32, n: u32): u32 {
  const p = changetype<Packet>(packet);
  const call = changetype<ExecParams>(params);
  if (!extractKey(p, call.zone)) return 0;
  let created: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    setFlow(first + i);
    p.ctState = 0;
    const conn = changetype<E>(0).insertsNarrowly()
      ? createNarrow<E>(p, call, now, false, HELPER_NONE, true)
      : createWide<E>(p, call, now, false, HELPER_NONE);
    created += u32(conn != 0);
  }
  return created;
}

/** What loopCreate does besides creating. */
export function loopFlows(packet: usize, n: u32): u32 {
  const p = changetype<Packet>(packet);
  if (!extractKey(p, 0)) return 0;
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    setFlow(i);
    p.ctState = 0;
    sum += Context.hash | 1;
  }
  return sum == 0 ? 0 : n;
}

/** Finds the flows from 0 to `population`, in an order that caches cannot foresee, and checks that they live. */
export function loopLookup(packet: usize, population: u32, now: f64, n: u32): u32 {
  if (!extractKey(changetype<Packet>(packet), 0)) return 0;
  let found: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    setFlow(<u32>((<u64>(i * 0x9e3779b1) * population) >> 32));
    found += u32(lookup(contextKey(), Context.hash, <i64>now) != 0);
  }
  return found;
}

/** Refreshes the connections in the first `n` slots: lock, new expiration, unlock. */
export function loopRefreshOf<E>(timeoutClass: u32, now: i64, n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) {
    const conn = slabBase + <usize>i * CONN_SIZE;
    lock(conn + CO_LOCK, LC_CONN);
    changetype<E>(0).refreshed(conn, timeoutClass, now);
    unlock(conn + CO_LOCK, LC_CONN);
  }
  return n;
}

/** Removes the connections in the first `n` slots. */
export function loopCleanOf<E>(n: u32): u32 {
  for (let i: u32 = 0; i < n; i++) changetype<E>(0).remove(slabBase + <usize>i * CONN_SIZE);
  return n;
}

/** One pass; returns the connections that it looked at. */
export function sweepCheckedOf<E>(now: i64): u32 {
  changetype<E>(0).sweep(now);
  return LastSweep.checked;
}

/** One pass; returns the connections that it removed. */
export function sweepCleanedOf<E>(now: i64): u32 {
  changetype<E>(0).sweep(now);
  return LastSweep.cleaned;
}

/** The whole way of one packet, again and again. */
export function loopPacketOf<E>(packet: usize, params: usize, now: i64, n: u32): u32 {
  const p = changetype<Packet>(packet);
  let tracked: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    p.ctState = 0;
    p.conn = 0;
    processPacket<E>(p, changetype<ExecParams>(params), now);
    tracked += u32((p.ctState & ST_TRK) != 0);
  }
  return tracked;
}

// @ts-ignore: decorator
@inline
function setNatFlow(conn: usize, i: u32, action: u32): void {
  const key = contextKey();
  store<u32>(key, 0x0b000000 | i, K_SRC);
  store<u16>(key, bswap<u16>(<u16>(1024 + (i & 0x3fff))), K_SPORT);
  copyKey(conn + CO_KEY, key);
  store<u8>(conn, <u8>action, CO_NAT_ACTION);
}

/** Chooses a tuple for flow after flow without taking it. `conn` is a slot outside the table. Returns how many got one. */
export function loopNat(packet: usize, params: usize, conn: usize, now: f64, n: u32): u32 {
  const call = changetype<ExecParams>(params);
  if (!extractKey(changetype<Packet>(packet), call.zone)) return 0;
  let chosen: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    setNatFlow(conn, i, call.natAction);
    if (!chooseNatTuple(conn, call, <i64>now)) continue;
    chosen++;
    // With shards the choice comes with the locks that keep it.
    if (SHARDED) unlockCreation();
  }
  return chosen;
}

/** What loopNat does besides choosing. */
export function loopNatFlows(packet: usize, params: usize, conn: usize, n: u32): u32 {
  const call = changetype<ExecParams>(params);
  if (!extractKey(changetype<Packet>(packet), call.zone)) return 0;
  let sum: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    setNatFlow(conn, i, call.natAction);
    sum += load<u32>(conn, CO_KEY) | 1;
  }
  return sum == 0 ? 0 : n;
}

/**
 * Makes the `count` packets at `packets` (IPv4, no transport checksum) those of flows among the first `population`, in an order that
 * caches cannot foresee; `round` numbers the packets through. Returns `count`.
 */
export function fillBatch(packets: usize, population: u32, round: u32, count: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const p = changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2)));
    const ip = <usize>p.frame + p.l3;
    const flow = <u32>((<u64>((round + i) * 0x9e3779b1) * population) >> 32);
    store<u32>(ip, 0x0a000000 | flow, IPV4_SRC);
    store<u16>(ip, 0, IPV4_CHECKSUM);
    store<u16>(ip, <u16>finishSum(sumBytes(ip, IPV4_HEADER_SIZE, 0)), IPV4_CHECKSUM);
    p.ctState = 0;
    p.conn = 0;
  }
  return count;
}
