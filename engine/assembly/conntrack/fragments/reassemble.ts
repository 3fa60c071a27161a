/**
 * Building the packet of a complete list, and giving its fragments what the tracker made of it (spec §1.5).
 *
 * The reassembled packet lives in the thread's buffer. It is only tracked, never put out; it has no room to grow, so an
 * application message in it is not translated (the fragments could not carry one of another length).
 *
 * Differs from the original on IPv6: extension headers are dropped, so that the packet is what its headers say.
 */
import { countWork, W_BYTES_COPIED } from '../../probe/counters';
import { Packet, PACKET_SIZE } from '../../records/packet';
import { IPV4_FRAGMENT, IPV4_TOTAL_LENGTH } from '../../wire/ipv4';
import {
  IPV6_HEADER_SIZE,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  Ipv6Walk,
  walkExtensions,
} from '../../wire/ipv6';
import { load16, swap16 } from '../../wire/network-order';
import { adjustIpv4Checksum16, copyAddresses4, copyAddresses6 } from '../nat/headers';
import { threadBuffer } from './recognise';
import { F_END, F_NEXT, F_START, fragmentPacket, L_FIRST, L_IPV6, L_LAST } from './store';

const LONGEST_PACKET: u32 = 65535;
const FRAGMENT_HEADER_SIZE: u32 = 8;
/** "More fragments" as loaded. */
const IPV4_MORE: u32 = 0x0020;
const FRAME_AT: usize = PACKET_SIZE + 2;

/** The packet last reassembled by this thread. */
export function reassembledPacket(): Packet {
  return changetype<Packet>(threadBuffer());
}

/** Builds the packet of a sorted, contiguous list. Returns false when it would be longer than a packet can be. */
export function reassemble(list: usize): bool {
  const firstSlot = <usize>load<u32>(list, L_FIRST);
  const first = fragmentPacket(firstSlot);
  const second = <usize>load<u32>(firstSlot, F_NEXT);
  const rest = load<u32>(<usize>load<u32>(list, L_LAST), F_END) - load<u32>(second, F_START) + 1;
  const packet = reassembledPacket();
  memory.copy(changetype<usize>(packet), changetype<usize>(first), PACKET_SIZE);
  packet.frame = <u32>(threadBuffer() + FRAME_AT);
  packet.l2Pad = 0;
  const built = load<u32>(list, L_IPV6) != 0 ? begin6(packet, first, rest) : begin4(packet, first, rest);
  if (!built) return false;
  for (let part = second; part != 0; part = <usize>load<u32>(part, F_NEXT)) {
    const source = fragmentPacket(part);
    append(packet, <usize>source.frame + source.l4, load<u32>(part, F_END) - load<u32>(part, F_START) + 1);
  }
  packet.capacity = packet.length;
  countWork(W_BYTES_COPIED, packet.length);
  return true;
}

// @ts-ignore: decorator
@inline
function append(packet: Packet, from: usize, size: u32): void {
  memory.copy(<usize>packet.frame + packet.length, from, size);
  packet.length += size;
}

/** First fragment with the lengths of the whole and without "more fragments". */
function begin4(packet: Packet, first: Packet, rest: u32): bool {
  packet.length = 0;
  const oldLength = load16(<usize>first.frame + first.l3 + IPV4_TOTAL_LENGTH);
  if (oldLength + rest > LONGEST_PACKET) return false;
  append(packet, first.frame, first.length - first.l2Pad);
  const ip = <usize>packet.frame + packet.l3;
  const field = <u32>load<u16>(ip, IPV4_FRAGMENT);
  const newLength = swap16(oldLength + rest);
  adjustIpv4Checksum16(ip, field, field & ~IPV4_MORE);
  adjustIpv4Checksum16(ip, swap16(oldLength), newLength);
  store<u16>(ip, <u16>(field & ~IPV4_MORE), IPV4_FRAGMENT);
  store<u16>(ip, <u16>newLength, IPV4_TOTAL_LENGTH);
  return true;
}

/** Headers up to the IPv6 header, then at once the transport part of the first fragment. */
function begin6(packet: Packet, first: Packet, rest: u32): bool {
  packet.length = 0;
  const ip = <usize>first.frame + first.l3;
  const end = <usize>first.frame + first.length - first.l2Pad;
  if (load16(ip + IPV6_PAYLOAD_LENGTH) - FRAGMENT_HEADER_SIZE + rest > LONGEST_PACKET) return false;
  if (!walkExtensions(ip, end)) return false;
  const l4Size = <u32>(end - Ipv6Walk.l4);
  append(packet, first.frame, <u32>first.l3 + IPV6_HEADER_SIZE);
  append(packet, Ipv6Walk.l4, l4Size);
  packet.l4 = <u16>(<u32>first.l3 + IPV6_HEADER_SIZE);
  const copy = <usize>packet.frame + packet.l3;
  store<u8>(copy, <u8>Ipv6Walk.protocol, IPV6_NEXT_HEADER);
  store<u16>(copy, <u16>swap16(l4Size + rest), IPV6_PAYLOAD_LENGTH);
  return true;
}

/**
 * After the reassembled packet was tracked: its state, mark, label, zone, original tuple and addresses go to every fragment, its
 * first transport bytes (ports, checksum) to the first.
 */
export function shareState(list: usize): void {
  const packet = reassembledPacket();
  const ip = <usize>packet.frame + packet.l3;
  const ipv6 = load<u32>(list, L_IPV6) != 0;
  const firstSlot = <usize>load<u32>(list, L_FIRST);
  const first = fragmentPacket(firstSlot);
  const l4Size = load<u32>(firstSlot, F_END) - load<u32>(firstSlot, F_START) + 1;
  memory.copy(<usize>first.frame + first.l4, <usize>packet.frame + packet.l4, l4Size);
  for (let part = firstSlot; part != 0; part = <usize>load<u32>(part, F_NEXT)) {
    const p = fragmentPacket(part);
    copyMetadata(p, packet);
    if (ipv6) copyAddresses6(<usize>p.frame + p.l3, ip);
    else copyAddresses4(<usize>p.frame + p.l3, ip);
  }
}

function copyMetadata(to: Packet, from: Packet): void {
  to.ctState = from.ctState;
  to.ctMark = from.ctMark;
  to.ctZone = from.ctZone;
  to.reason = from.reason;
  to.labelLow = from.labelLow;
  to.labelHigh = from.labelHigh;
  to.origSrcLow = from.origSrcLow;
  to.origSrcHigh = from.origSrcHigh;
  to.origDstLow = from.origDstLow;
  to.origDstHigh = from.origDstHigh;
  to.origSrcPort = from.origSrcPort;
  to.origDstPort = from.origDstPort;
  to.origProto = from.origProto;
  to.origFamily = from.origFamily;
}
