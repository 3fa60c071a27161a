/** Which packets are fragments, whether they can belong to a packet, and to which (spec §1.5). Needs no lock. */
import { buffersBase, SWITCH_CHECKSUMS_IGNORED, switches, threadIndex } from '../../records/memory-map';
import { NO_OFFSET, Packet } from '../../records/packet';
import { foldSum, SUM_VALID, sumBytes } from '../../wire/checksum';
import {
  IPV4_FRAGMENT,
  IPV4_FRAGMENT_MASK,
  IPV4_HEADER_SIZE,
  IPV4_ID,
  IPV4_PROTOCOL,
  IPV4_SRC,
  ipv4HeaderLength,
} from '../../wire/ipv4';
import { IPV6_FRAGMENT_OFFSET_MASK, IPV6_SRC, Ipv6Walk, walkExtensions } from '../../wire/ipv6';
import { DL_TYPE_IPV4, DL_TYPE_IPV6 } from '../../wire/locate';
import { load16 } from '../../wire/network-order';
import { countFragment, FC_TOO_SMALL, FS_MIN4, FS_MIN6, setting } from './settings';

/**
 * Bytes of one thread's buffer at C_BUFFERS_BASE: the reassembled packet, then the key of the fragment in progress and the
 * outputs of the batch.
 */
export const BUFFER_SIZE: usize = 131072;
const FRAGMENT_KEY_AT: usize = 98304;
export const OUTPUTS_AT: usize = 98432;

/** Key of a list: source and destination (16 bytes each, as in a connection key), then: */
export const FRAGMENT_KEY_SIZE: usize = 48;
/** Identification, as loaded; IPv4 has 16 bits. */
const FK_ID: usize = 32;
const FK_RECIRC: usize = 36;
const FK_DL_TYPE: usize = 38;
const FK_ZONE: usize = 40;
/** 0 for IPv6. */
const FK_PROTO: usize = 42;

const IPV4_MORE: u32 = 0x2000;
const IPV4_OFFSET: u32 = 0x1fff;
const IPV6_MORE: u32 = 1;
const IPV6_FIELD: usize = 2;
const IPV6_ID: usize = 4;
/** No fragment reaches beyond this byte of its packet's payload. */
const LAST_BYTE: u32 = 65535;

export const NOT_FRAGMENT: u32 = 0;
const FRAGMENT: u32 = 1;
export const BAD_FRAGMENT: u32 = 2;

/** The fragment last recognised by this thread. */
export class Fragment {
  static ipv6: bool = false;
  /** First and last byte of its part of the payload. */
  static start: u32 = 0;
  static end: u32 = 0;
  /** It is the first, the last of its packet. */
  static first: bool = false;
  static last: bool = false;
}

// @ts-ignore: decorator
@inline
export function threadBuffer(): usize {
  return buffersBase + <usize>threadIndex * BUFFER_SIZE;
}
// @ts-ignore: decorator
@inline
export function fragmentKey(): usize {
  return threadBuffer() + FRAGMENT_KEY_AT;
}

/** FRAGMENT (then Fragment and fragmentKey() describe it), BAD_FRAGMENT, or NOT_FRAGMENT. */
export function recognise(p: Packet, zone: u32): u32 {
  if (<u32>p.l4 == NO_OFFSET) return NOT_FRAGMENT;
  const dlType = <u32>p.dlType;
  if (dlType == DL_TYPE_IPV4) return recognise4(p, zone);
  return dlType == DL_TYPE_IPV6 ? recognise6(p, zone) : NOT_FRAGMENT;
}

function recognise4(p: Packet, zone: u32): u32 {
  const ip = <usize>p.frame + p.l3;
  if (((<u32>load<u16>(ip, IPV4_FRAGMENT)) & IPV4_FRAGMENT_MASK) == 0) return NOT_FRAGMENT;
  const headerLength = ipv4HeaderLength(ip);
  const total = p.length - p.l2Pad - p.l3;
  if (headerLength < IPV4_HEADER_SIZE || headerLength > total) return BAD_FRAGMENT;
  const verified = (switches & SWITCH_CHECKSUMS_IGNORED) == 0;
  if (verified && foldSum(sumBytes(ip, headerLength, 0)) != SUM_VALID) return BAD_FRAGMENT;

  const field = load16(ip + IPV4_FRAGMENT);
  const offset = (field & IPV4_OFFSET) << 3;
  const more = (field & IPV4_MORE) != 0;
  Fragment.ipv6 = false;
  Fragment.first = offset == 0;
  Fragment.last = !more;
  if (more && total < setting(FS_MIN4)) {
    countFragment(FC_TOO_SMALL, false);
    return BAD_FRAGMENT;
  }
  const key = fragmentKey();
  store<u64>(key, <u64>load<u32>(ip, IPV4_SRC));
  store<u64>(key, 0, 8);
  store<u64>(key, <u64>load<u32>(ip, IPV4_SRC + 4), 16);
  store<u64>(key, 0, 24);
  finishKey(p, key, load<u16>(ip, IPV4_ID), zone, load<u8>(ip, IPV4_PROTOCOL));
  return setRange(offset, total - headerLength);
}

function recognise6(p: Packet, zone: u32): u32 {
  const ip = <usize>p.frame + p.l3;
  const end = <usize>p.frame + p.length - p.l2Pad;
  if (!walkExtensions(ip, end) || !Ipv6Walk.fragmented) return NOT_FRAGMENT;
  const header = Ipv6Walk.fragmentHeader;
  const field = load16(header + IPV6_FIELD);
  const offset = field & IPV6_FRAGMENT_OFFSET_MASK;
  const more = (field & IPV6_MORE) != 0;
  if (offset == 0 && !more) return NOT_FRAGMENT;
  Fragment.ipv6 = true;
  Fragment.first = offset == 0;
  Fragment.last = !more;
  if (more && <u32>(end - ip) < setting(FS_MIN6)) {
    countFragment(FC_TOO_SMALL, true);
    return BAD_FRAGMENT;
  }
  const key = fragmentKey();
  v128.store(key, v128.load(ip, IPV6_SRC));
  v128.store(key, v128.load(ip, IPV6_SRC + 16), 16);
  finishKey(p, key, load<u32>(header, IPV6_ID), zone, 0);
  // Headers behind the fragment header are not counted, as in the original: such a packet never completes.
  return setRange(offset, <u32>(end - Ipv6Walk.l4));
}

function finishKey(p: Packet, key: usize, id: u32, zone: u32, proto: u32): void {
  store<u32>(key, id, FK_ID);
  store<u16>(key, p.recirc, FK_RECIRC);
  store<u16>(key, p.dlType, FK_DL_TYPE);
  store<u64>(key, 0, FK_ZONE);
  store<u16>(key, <u16>zone, FK_ZONE);
  store<u8>(key, <u8>proto, FK_PROTO);
}

/** Empty fragments and ones that end beyond the longest packet cannot belong to one. */
function setRange(offset: u32, size: u32): u32 {
  if (size == 0 || offset + size - 1 > LAST_BYTE) return BAD_FRAGMENT;
  Fragment.start = offset;
  Fragment.end = offset + size - 1;
  return FRAGMENT;
}
