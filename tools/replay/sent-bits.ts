/** Bits that a finished run gave out: whole loops, and of the loop in which it was stopped what each worker had run. */
import { frameBits, framesOf, isStreamed, type PacketSource } from './packet-source.js';

/** What a worker ran of its packets. */
export interface WorkerShare {
  /** Packets that it gave out, over all loops. */
  readonly packets: number;
  /** Loops that it completed. */
  readonly loops: number;
  /** Its packets of one loop, by their place in the traffic, in the order in which it runs them. */
  readonly indexes: Uint32Array;
}

/**
 * Bits given out.
 * @returns null where a run of streamed packets was stopped inside a loop: what a worker has of it is not kept
 */
export function sentBits(traffic: PacketSource, workers: readonly WorkerShare[]): number | null {
  const sent = workers.reduce((sum, { packets }) => sum + packets, 0);
  const loops = workers.reduce((most, worker) => Math.max(most, worker.loops), 0);
  const isWhole = workers.every((worker) => worker.packets === 0 || worker.loops === loops);
  if (isWhole && sent === loops * traffic.packets) return loops * traffic.bits;
  if (isStreamed(traffic)) return null;
  const bits = bitsOfPackets(traffic);
  return workers.reduce((sum, { packets, indexes }) => {
    if (packets === 0) return sum;
    const bitsOf = (some: Uint32Array): number =>
      some.reduce((total, index) => total + (bits[index] ?? 0), 0);
    const part = packets % indexes.length;
    return sum + Math.floor(packets / indexes.length) * bitsOf(indexes) + bitsOf(indexes.subarray(0, part));
  }, 0);
}

function bitsOfPackets(traffic: PacketSource): Float64Array {
  const bits = new Float64Array(traffic.packets);
  framesOf(traffic).forEachRange(({ count, lengths }, first) => {
    for (let place = 0; place < count; place++) bits[first + place] = frameBits(lengths[place] as number);
  });
  return bits;
}
