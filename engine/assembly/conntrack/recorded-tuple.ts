/** Finding a connection by the original tuple a packet carries from an earlier pass (spec §2 step g). */
import {
  K_DCODE,
  K_DL_TYPE,
  K_DPORT,
  K_DTYPE,
  K_PROTO,
  K_SCODE,
  K_SPORT,
  K_STYPE,
  K_ZONE,
  keyHash,
} from '../records/key';
import { hashBasis } from '../records/memory-map';
import { Packet } from '../records/packet';
import { NO_TYPE, pairedType } from './classify-icmp';
import { Context, contextKey, reverseScratch } from './context';
import { lookupConnection } from './lookup';

/**
 * Looks up the recorded tuple and zone of a packet that carries NAT bits. Returns the connection or 0. The
 * context key is left as it is.
 */
export function findByRecordedTuple(p: Packet, now: i64): usize {
  const packetKey = contextKey();
  const dlType = <u32>load<u16>(packetKey, K_DL_TYPE);
  if (p.origProto == 0 || <u32>p.origFamily != (dlType == 0x0800 ? 4 : 6)) return 0;
  const key = reverseScratch();
  store<u64>(key, p.origSrcLow);
  store<u64>(key, p.origSrcHigh, 8);
  store<u64>(key, p.origDstLow, 16);
  store<u64>(key, p.origDstHigh, 24);
  const icmp: u32 = dlType == 0x0800 ? 1 : 58;
  if (<u32>load<u8>(packetKey, K_PROTO) == icmp) {
    const type = <u32>p.origSrcPort & 0xff;
    const paired = pairedType(type, icmp == 1);
    if (paired == NO_TYPE) return 0;
    store<u16>(key, load<u16>(packetKey, K_SPORT), K_SPORT);
    store<u16>(key, load<u16>(packetKey, K_DPORT), K_DPORT);
    store<u8>(key, <u8>type, K_STYPE);
    store<u8>(key, <u8>paired, K_DTYPE);
    store<u8>(key, 0, K_SCODE);
    store<u8>(key, 0, K_DCODE);
  } else {
    store<u32>(key, <u32>bswap<u16>(p.origSrcPort), K_SPORT);
    store<u32>(key, <u32>bswap<u16>(p.origDstPort), K_DPORT);
  }
  store<u16>(key, <u16>dlType, K_DL_TYPE);
  store<u16>(key, p.ctZone, K_ZONE);
  store<u32>(key, <u32>p.origProto, K_PROTO);
  const reply = Context.reply;
  // The companion of an identity translation answers to the recorded tuple too, but has no state to update (spec §13).
  const conn = lookupConnection(key, keyHash(key, hashBasis), now);
  Context.reply = reply;
  return conn;
}
