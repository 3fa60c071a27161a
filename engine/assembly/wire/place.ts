/**
 * Putting frames where the engine runs them: a descriptor on a cache line, two bytes, then the frame, so that the IP header behind
 * an Ethernet header is 4-byte aligned and no two packets share a line.
 *
 * The host copies a piece of a capture into the run's memory as it lies there, and says where its frames are; what is to be done for
 * each of them is done here, in one call. Only the thread that loads calls this, before any other is told of the packets.
 */
import { Packet, PACKET_SIZE } from '../records/packet';
import { locate } from './locate';

const LINE_SIZE: usize = 64;
/** Bytes between a descriptor and its frame: as the host has it (tools/replay/packet-place.ts), which works out where packets go. */
const FRAME_SHIFT: usize = 2;

/**
 * Places `count` frames one behind the other from `to` on, a multiple of 64, and locates their headers. Nobody has written there yet:
 * descriptors are taken to be zero.
 *
 * `table` holds three arrays of `count` words: where each frame starts in memory, its length, and the address of the packet's own
 * ExecParams (0 = those of the call). The first comes back as the addresses of the descriptors.
 * @returns where the next place begins
 */
export function placeFrames(table: usize, count: u32, to: usize): usize {
  const words = (<usize>count) << 2;
  let at = to;
  for (let word = table, end = table + words; word < end; word += 4) {
    const start = <usize>load<u32>(word);
    const length = load<u32>(word + words);
    const p = changetype<Packet>(at);
    const frame = at + PACKET_SIZE + FRAME_SHIFT;
    p.frame = <u32>frame;
    p.length = length;
    p.capacity = length;
    p.params = load<u32>(word + (words << 1));
    copyFrame(start, frame, length);
    locate(p);
    store<u32>(word, <u32>at);
    at = (frame + length + (LINE_SIZE - 1)) & ~(LINE_SIZE - 1);
  }
  return at;
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
