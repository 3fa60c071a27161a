/**
 * A packet as it waits for its turn: what is to be known of its frame, then two bytes, then the frame. What the tracker attaches to a
 * packet has its place in the descriptor (packet.ts), of which a batch has as many as it has packets, used again by the next: so a
 * packet that waits takes two cache lines where it is a TCP packet of up to 110 bytes, and running it writes to neither.
 *
 * Written by whoever places the packet, before any other thread is told of it; from then on only read, but for the frame, which the
 * packet's worker may give other addresses. Fields are in host order.
 */
import { Layers } from './packet';

/** Bytes before the two in front of the frame. */
export const PLACED_SIZE: usize = 16;
/** Bytes between head and frame, so that the IP header behind an Ethernet header is 4-byte aligned. */
export const FRAME_SHIFT: usize = 2;

@unmanaged
export class PlacedPacket {
  /** As in the descriptor. */
  l3: u16;
  l4: u16;
  l2Pad: u16;
  dlType: u16;
  /** Frame length in bytes, L2 padding included. */
  length: u32;
  /** Address of the packet's own ExecParams; 0 = those of the call. */
  params: u32;
}

// @ts-ignore: decorator
@inline
export function placedFrame(placed: PlacedPacket): usize {
  return changetype<usize>(placed) + PLACED_SIZE + FRAME_SHIFT;
}

// @ts-ignore: decorator
@inline
export function placedLayers(placed: PlacedPacket): Layers {
  return changetype<Layers>(placed);
}
