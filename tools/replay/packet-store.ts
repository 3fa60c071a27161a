/**
 * The packet store: every packet of one loop in the engine's memory, located, with its request, and steered to a worker.
 *
 * The requests (ExecParams) come first, then the packets, each at its place (packet-place.ts), and per worker a scratch area for packets
 * that the engine may rewrite, and last the area that packets come through (range-placer.ts).
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
import { alignLine, FRAME_SHIFT } from './packet-place.js';
import { frameBits, framesOf, type PacketSource } from './packet-source.js';
import { placingAreaBytes, RangePlacer } from './range-placer.js';

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
  return alignLine(bytes + scratchBytes) + placingAreaBytes(longestFrame);
}

/** Bytes of one packet's place in a scratch area, for frames up to this length. */
export function scratchStride(descriptorBytes: number, longestFrame: number): number {
  return alignLine(descriptorBytes + FRAME_SHIFT + longestFrame + TAIL_ROOM_BYTES);
}

/**
 * Copies the traffic into the store and locates the headers.
 * @param thread the main thread's engine instance, of a run whose store nobody wrote to: descriptors are taken to be zero
 * @returns what each worker has of it
 */
export function loadPackets(
  thread: EngineThread,
  traffic: PacketSource,
  { rules, workers, workerOf, requestOf }: Assignment,
): WorkerPackets[] {
  const { run, view } = thread;
  const { plan } = run;
  const c = run.engine.constants;
  let at = alignLine(plan.regions.packets);
  const requestAt = rules.requests.map((request) => {
    const place = at;
    writeExecParams(view, c, byteOffset(place), request);
    at += alignLine(c.PARAMS_SIZE);
    return place;
  });
  const addressOf = new Uint32Array(traffic.packets);
  const { longestFrame } = traffic;
  const areaAt = plan.regions.packets + plan.packetStoreBytes - placingAreaBytes(longestFrame);
  const placer = new RangePlacer(thread, areaAt, longestFrame);
  framesOf(traffic).forEachRange((range, first) => {
    const end = first + range.count;
    const requests = requestOf.subarray(first, end).map((request) => requestAt[request] as number);
    at = placer.place(range, requests, at, addressOf.subarray(first, end));
  });
  const stride = rules.requests.some(mayRewrite) ? scratchStride(c.PACKET_SIZE, longestFrame) : 0;
  return shareOut(workerOf, addressOf, workers).map((packets, worker) => ({
    ...packets,
    scratchAt: stride === 0 ? 0 : at + worker * MAX_BATCH * stride,
    scratchStride: stride,
  }));
}

/** Each worker's packets, in order. */
function shareOut(
  workerOf: Uint16Array,
  addressOf: Uint32Array,
  workers: number,
): Pick<WorkerPackets, 'addresses' | 'indexes'>[] {
  const counts = new Uint32Array(workers);
  for (const worker of workerOf) counts[worker] = (counts[worker] as number) + 1;
  const shares = Array.from(counts, (count) => ({
    addresses: new Uint32Array(new SharedArrayBuffer(count * 4)),
    indexes: new Uint32Array(new SharedArrayBuffer(count * 4)),
  }));
  if (workers === 1) return shares.map((share) => wholeShare(share, addressOf));
  const filled = counts.fill(0);
  for (let index = 0; index < workerOf.length; index++) {
    const worker = workerOf[index] as number;
    const { addresses, indexes } = shares[worker] as (typeof shares)[number];
    const place = filled[worker] as number;
    addresses[place] = addressOf[index] as number;
    indexes[place] = index;
    filled[worker] = place + 1;
  }
  return shares;
}

/** All packets are the one worker's. */
function wholeShare<T extends Pick<WorkerPackets, 'addresses' | 'indexes'>>(
  share: T,
  addressOf: Uint32Array,
): T {
  share.addresses.set(addressOf);
  for (let index = 0; index < addressOf.length; index++) share.indexes[index] = index;
  return share;
}

/** Bits of all packets before each packet, by index: their places on the schedule of --mbps. */
export function cumulativeBits(traffic: PacketSource): Float64Array<SharedArrayBuffer> {
  const before = new Float64Array(new SharedArrayBuffer(traffic.packets * 8));
  let bits = 0;
  framesOf(traffic).forEachRange(({ count, lengths }, first) => {
    for (let place = 0; place < count; place++) {
      before[first + place] = bits;
      bits += frameBits(lengths[place] as number);
    }
  });
  return before;
}
