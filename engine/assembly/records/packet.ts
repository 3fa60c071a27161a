/**
 * The packet descriptor: a frame in shared memory plus the metadata that travels with it between passes
 * (spec §1.1, §2). Two cache lines; where a frame is kept with its descriptor, it begins two bytes behind. Packets that wait for a
 * replay have a shorter head (placed-packet.ts). Only one thread handles a packet at a time, so plain loads and stores suffice;
 * hand-over between threads goes through the host.
 *
 * Fields are in host order. Frame bytes are in network order.
 */
export const PACKET_SIZE: usize = 116;
/** No such layer. */
export const NO_OFFSET: u32 = 0xffff;

/** Where the headers of a frame are: offsets from its first byte, NO_OFFSET if not located. */
@unmanaged
export class Layers {
  /** Network and transport header. */
  l3: u16;
  l4: u16;
  /** Bytes behind the IP datagram that are L2 padding. */
  l2Pad: u16;
  /** EtherType behind the VLAN tags: 0x0800, 0x86dd, ... */
  dlType: u16;
}

@unmanaged
export class Packet {
  /** Address of the first byte of the Ethernet header. */
  frame: u32;
  /** Frame length in bytes, L2 padding included. */
  length: u32;
  /** Bytes available at `frame`; rewriting may lengthen the frame up to this. */
  capacity: u32;
  /** Layers, in this order. */
  l3: u16;
  l4: u16;
  l2Pad: u16;
  dlType: u16;
  /** ct_state, ST_* bits. */
  ctState: u32;
  ctMark: u32;
  ctZone: u16;
  /** Why the packet has its ct_state, R_* (reasons.ts): for records, not for the tracker. */
  reason: u8;
  /** Cached connection and its generation; 0 = none. */
  conn: u32;
  connGeneration: u32;
  /** Address of this packet's own ExecParams; 0 = those of the call. */
  params: u32;
  /** ct_label, low and high half. */
  labelLow: u64;
  labelHigh: u64;
  /** Original tuple (spec §2 step j): addresses as in a key. */
  origSrcLow: u64;
  origSrcHigh: u64;
  origDstLow: u64;
  origDstHigh: u64;
  /** Original tuple ports in host order; for ICMP type and code. */
  origSrcPort: u16;
  origDstPort: u16;
  /** Protocol of the original tuple; 0 = none recorded. */
  origProto: u8;
  /** 4 or 6: which address family the original tuple has; 0 = none. */
  origFamily: u8;
  /** Recirculation id, part of the fragment key. */
  recirc: u16;
  /** Fragment bookkeeping (conntrack/fragments/fragments.ts): 1 = held by the fragment context, the caller gets nothing back. */
  consumed: u32;
  /** Free for the host. */
  user: u32;
  /** Direction (bit 0: reply) and kind (bit 1: related ICMP error) that go with the cached connection. */
  connFlags: u32;
}

// @ts-ignore: decorator
@inline
export function layersOf(p: Packet): Layers {
  return changetype<Layers>(changetype<usize>(p) + offsetof<Packet>('l3'));
}

/** Clears what the tracker attached to a packet: `ct_clear` (spec §2, last line) and the recorded tuple. */
export function resetPacket(p: Packet): void {
  p.ctState = 0;
  p.ctMark = 0;
  p.ctZone = 0;
  p.reason = 0;
  p.conn = 0;
  p.connGeneration = 0;
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
  p.consumed = 0;
}
