/**
 * The packet store: every packet of one loop in the engine's memory, located, with its request, and steered to a worker.
 *
 * The requests (ExecParams) come first, then the packets, each at its place (packet-place.ts), and per worker a scratch area for packets
 * that the engine may rewrite.
 *
 * Written by the main thread before the workers start; then each packet is touched only by its worker, which may give it other
 * addresses in each loop (rewrite/loop-addresses.ts).
 */
import { writeExecParams } from '../../engine/host/exec-params.js';
import type { EngineConstants } from '../../engine/host/constants.js';
import { byteOffset } from '../../engine/host/quantities.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { MAX_BATCH } from '../../engine/host/thread.js';
import { mayRewrite } from '../config/rules.js';
import type { Assignment } from './packet-choice.js';
import { alignLine, FRAME_SHIFT, LINE_BYTES, PlaceWriter } from './packet-place.js';
import { frameBits, framesOf, type PacketSource } from './packet-source.js';

/** Room for rewriting to lengthen a frame (the longest FTP address grows a message by less than 64 bytes). */
const TAIL_ROOM_BYTES = 256;

/** What one worker replays: shared arrays, in the order of its packets. */
export interface WorkerPackets {
  /** Descriptor addresses. */
  readonly addresses: Uint32Array<SharedArrayBuffer>;
  /** Place of each packet in the whole traffic, counting from 0. */
  readonly indexes: Uint32Array<SharedArrayBuffer>;
  /** Base of this worker's scratch area, 0 when nothing needs copying. */
  readonly scratchAt: number;
  /** Bytes of one packet's place in the scratch area. */
  readonly scratchStride: number;
}

/** A filled packet store. */
export interface LoadedPackets {
  readonly workers: readonly WorkerPackets[];
  /** Bits of all packets before each packet, by index; for --mbps. */
  readonly cumulativeBits: Float64Array<SharedArrayBuffer>;
}

/** Bytes the packets need in the store, for memory planning. */
export function packetStoreBytes(
  { packets, placeBytes, longestFrame }: PacketSource,
  { PACKET_SIZE, PARAMS_SIZE }: EngineConstants,
  { rules: { requests }, workers }: Assignment,
): number {
  const scratchBytes = requests.some(mayRewrite)
    ? workers * MAX_BATCH * scratchStride(PACKET_SIZE, longestFrame)
    : 0;
  const bytes = packets * alignLine(PACKET_SIZE) + placeBytes + requests.length * alignLine(PARAMS_SIZE);
  return bytes + scratchBytes + LINE_BYTES;
}

/** Bytes of one packet's place in a scratch area, for frames up to this length. */
export function scratchStride(descriptorBytes: number, longestFrame: number): number {
  return alignLine(descriptorBytes + FRAME_SHIFT + longestFrame + TAIL_ROOM_BYTES);
}

/**
 * Copies the traffic into the store and locates the headers.
 * @param thread the main thread's engine instance, of a run whose store nobody wrote to: descriptors are taken to be zero
 */
export function loadPackets(
  thread: EngineThread,
  traffic: PacketSource,
  { rules, workers: workerCount, workerOf, requestOf }: Assignment,
): LoadedPackets {
  const { run, view } = thread;
  const c = run.engine.constants;
  let at = alignLine(run.plan.regions.packets);
  const requestAt = rules.requests.map((request) => {
    const place = at;
    writeExecParams(view, c, byteOffset(place), request);
    at += alignLine(c.PARAMS_SIZE);
    return place;
  });
  const addressOf = new Uint32Array(traffic.packets);
  const counts = Array.from({ length: workerCount }, () => 0);
  const cumulativeBits = new Float64Array(new SharedArrayBuffer(traffic.packets * 8));
  let bits = 0;
  const store = new PlaceWriter(run, thread.exports.locatePacket);
  framesOf(traffic).forEachRange((range, firstIndex) => {
    const { count, lengths } = range;
    store.open(range);
    for (let place = 0; place < count; place++) {
      const index = firstIndex + place;
      const length = lengths[place] as number;
      store.write(at, place, requestAt[requestOf[index] as number] as number);
      const worker = workerOf[index] as number;
      counts[worker] = (counts[worker] as number) + 1;
      addressOf[index] = at;
      cumulativeBits[index] = bits;
      bits += frameBits(length);
      at += alignLine(c.PACKET_SIZE + FRAME_SHIFT + length);
    }
  });
  const stride = rules.requests.some(mayRewrite) ? scratchStride(c.PACKET_SIZE, traffic.longestFrame) : 0;
  const workers = counts.map((count, worker): WorkerPackets => {
    const scratchAt = stride === 0 ? 0 : at + worker * MAX_BATCH * stride;
    return {
      addresses: new Uint32Array(new SharedArrayBuffer(count * 4)),
      indexes: new Uint32Array(new SharedArrayBuffer(count * 4)),
      scratchAt,
      scratchStride: stride,
    };
  });
  const filled = counts.map(() => 0);
  for (let index = 0; index < traffic.packets; index++) {
    const worker = workerOf[index] as number;
    const place = filled[worker] as number;
    filled[worker] = place + 1;
    (workers[worker] as WorkerPackets).addresses[place] = addressOf[index] as number;
    (workers[worker] as WorkerPackets).indexes[place] = index;
  }
  return { workers, cumulativeBits };
}
