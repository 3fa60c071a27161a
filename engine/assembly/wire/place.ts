/**
 * Placing packets that wait for their turn (records/placed-packet.ts), each on cache lines of its own, and making them ready to run.
 *
 * The host copies a piece of a capture into the run's memory as it lies there, and says where its frames are; what is to be done for
 * each of them is done here, in one call. Only the thread that loads calls this, before any other is told of the packets. A batch is
 * opened by the worker that runs it, in descriptors that are that worker's alone.
 */
import { layersOf, Packet, PACKET_SIZE, resetPacket } from '../records/packet';
import { FRAME_SHIFT, placedFrame, placedLayers, PlacedPacket } from '../records/placed-packet';
import { locateLayers } from './locate';

const LINE_SIZE: usize = 64;

/**
 * Places `count` frames one behind the other from `to` on, a multiple of 64, and locates their headers.
 *
 * `table` holds three arrays of `count` words: where each frame starts in memory, its length, and the address of the packet's own
 * ExecParams (0 = those of the call). The first comes back as the addresses of the places.
 * @returns where the next place begins
 */
export function placeFrames(table: usize, count: u32, to: usize): usize {
  const words = (<usize>count) << 2;
  let at = to;
  for (let word = table, end = table + words; word < end; word += 4) {
    const start = <usize>load<u32>(word);
    const placed = changetype<PlacedPacket>(at);
    const frame = placedFrame(placed);
    const length = load<u32>(word + words);
    placed.length = length;
    placed.params = load<u32>(word + (words << 1));
    copyFrame(start, frame, length);
    locateLayers(frame, length, placedLayers(placed));
    store<u32>(word, <u32>at);
    at = (frame + length + (LINE_SIZE - 1)) & ~(LINE_SIZE - 1);
  }
  return at;
}

/** Locates the headers of a packet whose length and frame are in place. */
export function locatePlaced(place: usize): void {
  const placed = changetype<PlacedPacket>(place);
  locateLayers(placedFrame(placed), placed.length, placedLayers(placed));
}

/**
 * Makes descriptors for `count` placed packets: the words at `packets` are their addresses, and come back as those of the descriptors,
 * which lie `stride` bytes apart. With `copies` each frame is copied behind its descriptor, where it may grow up to the next one; else
 * it stays where it is, and must not be rewritten.
 * @returns bytes of the frames
 */
export function openPackets(
  packets: usize,
  count: u32,
  descriptors: usize,
  stride: usize,
  copies: bool,
): u32 {
  const bytes = frameBytesOf(packets, count);
  for (let i: usize = 0; i < count; i++) {
    const word = packets + (i << 2);
    const placed = changetype<PlacedPacket>(<usize>load<u32>(word));
    const p = changetype<Packet>(descriptors + i * stride);
    open(p, placed);
    if (copies) copyBehind(p, stride);
    store<u32>(word, <u32>changetype<usize>(p));
  }
  return bytes;
}

/** Bytes of the frames. Its loads do not wait for each other, so that heads that are in no cache come together. */
// @ts-ignore: decorator
@inline
function frameBytesOf(packets: usize, count: u32): u32 {
  let bytes: u32 = 0;
  for (let i: usize = 0; i < count; i++)
    bytes += changetype<PlacedPacket>(<usize>load<u32>(packets + (i << 2))).length;
  return bytes;
}

// @ts-ignore: decorator
@inline
function open(p: Packet, placed: PlacedPacket): void {
  p.frame = <u32>placedFrame(placed);
  p.length = placed.length;
  p.capacity = placed.length;
  const layers = layersOf(p);
  const found = placedLayers(placed);
  layers.l3 = found.l3;
  layers.l4 = found.l4;
  layers.l2Pad = found.l2Pad;
  layers.dlType = found.dlType;
  p.params = placed.params;
  p.recirc = 0;
  p.user = 0;
  p.connFlags = 0;
  resetPacket(p);
}

// @ts-ignore: decorator
@inline
function copyBehind(p: Packet, stride: usize): void {
  const frame = changetype<usize>(p) + PACKET_SIZE + FRAME_SHIFT;
  copyFrame(<usize>p.frame, frame, p.length);
  p.frame = <u32>frame;
  p.capacity = <u32>(stride - PACKET_SIZE - FRAME_SHIFT);
}

/** Words of sixteen bytes, then what is left: a call of memory.copy costs more than most frames take. Reads and writes nothing beside the frame. */
// @ts-ignore: decorator
@inline
function copyFrame(from: usize, to: usize, length: u32): void {
  const end = from + length;
  let source = from;
  let target = to;
  for (; source + 16 <= end; source += 16, target += 16) v128.store(target, v128.load(source));
  if (length >= 16) {
    // The last sixteen bytes, some of them again.
    v128.store(to + length - 16, v128.load(end - 16));
    return;
  }
  for (; source < end; source++, target++) store<u8>(target, load<u8>(source));
}
