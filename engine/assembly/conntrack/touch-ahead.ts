/**
 * Touching ahead: before a batch is run, the memory that its packets will need is loaded, so that the cache misses of many packets
 * are waited for together and not one after the other. In a table that no cache holds these waits are most of a packet's time.
 * Three passes over the batch: hash all tuples; touch the buckets; touch the records found there. Then the first packet is run. The
 * passes are apart because a processor goes on past a load that misses only for as many instructions as it can keep in flight.
 * WebAssembly has no prefetch: a touch is a plain load whose value is added up and stored, so that no compiler takes it out.
 *
 * It is a hint. Nothing it learns is kept for a packet: the look-up hashes, probes, locks and counts as if nothing had been touched,
 * so no ct_state, no count of work and no order depends on it. It is the same code before every design's, and the original has
 * nothing like it, which is why it is a setting (C_TOUCH_AHEAD): never, always, or by the size of the table.
 *
 * Who writes: this thread, into its own block. Who reads: this thread reads the frames of its own packets, and buckets and records
 * that other threads are changing meanwhile, without a lock, a version or atomics.
 *
 * Why that is safe without any ordering: a value read here goes into the sum and nowhere else, with one exception, the reference
 * beside a matching hash. It may be stale, or belong to another hash by now, so it is no address before slotWithin (shm/slab.ts) has
 * made it the start of a slot inside the slab. Buckets are reached by a masked hash, slots by a number below 7. So every touch lies
 * in the map or in the slab, which stay mapped for the whole run; a slot that is free, or becomes so, may be touched like any other.
 * Grace periods (shm/epoch.ts) are not needed for what nobody looks at.
 *
 * Frames may be of any length and hold anything: what is read of one lies before `length`, less its padding. Nothing is validated;
 * the hash of a packet that will be found invalid merely touches in vain.
 *
 * Not foreseen, and so not touched: fragments (their packet is not whole yet), ICMP and ICMPv6 (an error's tuple stands in its
 * quote), IPv6 with extension headers, and whatever a packet leads to besides its own tuple: the connection behind a companion, the
 * next one on a chain, neighbours in a list.
 */
import { CO_EXPIRATION, CO_KEY } from '../records/connection';
import { ExecParams } from '../records/exec-params';
import { endpointWordsOf, hashTuple, typeZoneProtocol } from '../records/key';
import {
  C_N_CONN,
  CONTROL,
  hashBasis,
  T_BATCHES,
  T_BATCHES_TOUCHED,
  T_PACKET_INDEX,
  T_TOUCH_HASHES,
  T_TOUCH_SINK,
  threadBlock,
  TOUCH_AHEAD_OFF,
  TOUCH_AHEAD_ON,
  touchPolicy,
} from '../records/memory-map';
import { NO_OFFSET, Packet } from '../records/packet';
import { peekFirstBucket, peekSecondBucket, touchFirstBucket, touchSecondBucket } from '../shm/hash-map';
import { slotWithin } from '../shm/slab';
import {
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_HEADER_SIZE,
  IPV4_PROTOCOL,
  IPV4_SRC,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_TCP,
  PROTO_UDP,
} from '../wire/ipv4';
import { IPV6_DST, IPV6_HEADER_SIZE, IPV6_NEXT_HEADER, IPV6_SRC, isExtension } from '../wire/ipv6';
import { DL_TYPE_IPV4, DL_TYPE_IPV6 } from '../wire/locate';

/**
 * Connections in the table from which TOUCH_AHEAD_AUTO touches: their records and buckets, some 150 bytes each, fill a second-level
 * cache of 1 to 2 MiB. In a smaller table touching costs more than it saves.
 */
export const TOUCH_AHEAD_CONNECTIONS: u32 = 8192;

/** Packets of a batch that are looked at; T_TOUCH_HASHES has room for as many. Hosts give no more (engine/host/thread.ts). */
const MOST_PACKETS: u32 = 32;
/** Bytes of a transport header that hold the ports. */
const PORTS_SIZE: u32 = 4;
/** No hash: a tuple that happens to have it is not touched for. */
const UNKNOWN: u32 = 0;

/**
 * Touches ahead for the `count` packets whose addresses stand at `packets`, if this batch is to have it, and counts the batch.
 * Returns whether it did. `call`: parameters of packets without their own.
 */
export function touchAhead(packets: usize, count: u32, call: ExecParams): bool {
  countIn(T_BATCHES);
  if (!isWanted(count)) return false;
  countIn(T_BATCHES_TOUCHED);
  const known = hashTuples(packets, min<u32>(count, MOST_PACKETS), call);
  const sink = touchBuckets(known) + touchRecords(known);
  store<u32>(threadBlock, load<u32>(threadBlock, T_TOUCH_SINK) + sink, T_TOUCH_SINK);
  return true;
}

// @ts-ignore: decorator
@inline
function countIn(counter: usize): void {
  const at = threadBlock + counter;
  store<u64>(at, load<u64>(at) + 1);
}

/** By the setting; where that is left to the table, by its size now. A lone packet has nobody to wait with. */
// @ts-ignore: decorator
@inline
function isWanted(count: u32): bool {
  if (touchPolicy == TOUCH_AHEAD_OFF) return false;
  if (touchPolicy == TOUCH_AHEAD_ON) return true;
  return count > 1 && atomic.load<u32>(CONTROL, C_N_CONN) >= TOUCH_AHEAD_CONNECTIONS;
}

// @ts-ignore: decorator
@inline
function hashAt(i: u32): usize {
  return threadBlock + T_TOUCH_HASHES + ((<usize>i) << 2);
}

/** Writes the hashes of the tuples that can be read off the frames; returns how many. */
function hashTuples(packets: usize, count: u32, call: ExecParams): u32 {
  let known: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(threadBlock, i, T_PACKET_INDEX);
    const p = changetype<Packet>(<usize>load<u32>(packets + ((<usize>i) << 2)));
    const params = p.params == 0 ? call : changetype<ExecParams>(<usize>p.params);
    const hash = tupleHash(p, params.zone);
    if (hash == UNKNOWN) continue;
    store<u32>(hashAt(known), hash);
    known++;
  }
  return known;
}

/** Hash of the key that extraction will make of the packet, should it be valid; UNKNOWN where that takes more than a look. */
// @ts-ignore: decorator
@inline
function tupleHash(p: Packet, zone: u32): u32 {
  const l3 = <u32>p.l3;
  const l4 = <u32>p.l4;
  if (l4 == NO_OFFSET || l4 + PORTS_SIZE + p.l2Pad > p.length) return UNKNOWN;
  const ip = <usize>p.frame + l3;
  const transport = <usize>p.frame + l4;
  const type = <u32>p.dlType;
  if (type == DL_TYPE_IPV4) {
    return l3 + IPV4_HEADER_SIZE > l4 ? UNKNOWN : tupleHash4(ip, transport, zone);
  }
  if (type != DL_TYPE_IPV6 || l3 + IPV6_HEADER_SIZE > l4) return UNKNOWN;
  return tupleHash6(ip, transport, zone);
}

/** Precondition: 20 bytes at `ip` and 4 at `transport`. */
// @ts-ignore: decorator
@inline
function tupleHash4(ip: usize, transport: usize, zone: u32): u32 {
  if ((<u32>load<u16>(ip, IPV4_FRAGMENT)) & IPV4_FRAGMENT_MASK) return UNKNOWN;
  const protocol = <u32>load<u8>(ip, IPV4_PROTOCOL);
  if (protocol == PROTO_ICMP) return UNKNOWN;
  return hashTuple(
    <u64>load<u32>(ip, IPV4_SRC),
    0,
    <u64>load<u32>(ip, IPV4_SRC + 4),
    0,
    endpointWordsOf(portsAt(transport, protocol)),
    typeZoneProtocol(DL_TYPE_IPV4, zone, protocol),
    hashBasis,
  );
}

/** Precondition: 40 bytes at `ip` and 4 at `transport`. */
function tupleHash6(ip: usize, transport: usize, zone: u32): u32 {
  const protocol = <u32>load<u8>(ip, IPV6_NEXT_HEADER);
  if (protocol == PROTO_ICMPV6 || isExtension(protocol)) return UNKNOWN;
  return hashTuple(
    load<u64>(ip, IPV6_SRC),
    load<u64>(ip, IPV6_SRC + 8),
    load<u64>(ip, IPV6_DST),
    load<u64>(ip, IPV6_DST + 8),
    endpointWordsOf(portsAt(transport, protocol)),
    typeZoneProtocol(DL_TYPE_IPV6, zone, protocol),
    hashBasis,
  );
}

// @ts-ignore: decorator
@inline
function portsAt(transport: usize, protocol: u32): u32 {
  return protocol == PROTO_UDP || protocol == PROTO_TCP ? load<u32>(transport) : 0;
}

/** Touches the first buckets of the hashes. */
function touchBuckets(known: u32): u32 {
  let sink: u32 = 0;
  for (let i: u32 = 0; i < known; i++) sink += touchFirstBucket(load<u32>(hashAt(i)));
  return sink;
}

/**
 * Touches the records in the first buckets, and the second buckets of hashes that were not there; then the records in these. New
 * connections are in neither, but are put into one of the two.
 */
function touchRecords(known: u32): u32 {
  let sink: u32 = 0;
  let missing: u32 = 0;
  for (let i: u32 = 0; i < known; i++) {
    const hash = load<u32>(hashAt(i));
    const ref = peekFirstBucket(hash);
    if (ref != 0) {
      sink += touchRecord(ref);
    } else {
      sink += touchSecondBucket(hash);
      store<u32>(hashAt(missing), hash);
      missing++;
    }
  }
  for (let i: u32 = 0; i < missing; i++) {
    const ref = peekSecondBucket(load<u32>(hashAt(i)));
    if (ref != 0) sink += touchRecord(ref);
  }
  return sink;
}

/** Touches both lines: the key, and what a packet renews. */
// @ts-ignore: decorator
@inline
function touchRecord(ref: usize): u32 {
  const slot = slotWithin(ref);
  if (slot == 0) return 0;
  return load<u32>(slot, CO_KEY) + load<u32>(slot, CO_EXPIRATION);
}
