/**
 * The packet store: every packet of one loop in the engine's memory, located, with its request, and steered to a worker.
 *
 * The requests (ExecParams) come first, then the packets, each at its place (packet-place.ts), then per worker the descriptors of its
 * batches, with room for copies where the engine may rewrite packets, and last the area that packets come through (range-placer.ts).
 *
 * Written by the main thread before the workers start; then each packet is touched only by its worker, which may give it other
 * addresses in each loop (rewrite/loop-addresses.ts), and the descriptors of a worker only by that.
 */
import { writeExecParams } from '../../engine/host/exec-params.js';
import type { EngineConstants } from '../../engine/host/constants.js';
import { byteOffset } from '../../engine/host/quantities.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { mayRewrite, type PacketRules } from '../config/rules.js';
import type { Assignment } from './packet-choice.js';
import {
  alignLine,
  batchAreaBytes,
  descriptorStride,
  mostPlaceBytes,
  type BatchArea,
} from './packet-place.js';
import { frameBits, framesOf, type PacketSource } from './packet-source.js';
import { placingAreaBytes, RangePlacer } from './range-placer.js';
import { SharedPlacing } from './shared-placing.js';

/** What one worker replays: shared arrays, in the order of its packets. */
export interface WorkerPackets extends BatchArea {
  /** Addresses of their places. */
  readonly addresses: Uint32Array<SharedArrayBuffer>;
  /** Place of each packet in the whole traffic, counting from 0. */
  readonly indexes: Uint32Array<SharedArrayBuffer>;
}

/**
 * Bytes the packets need in the store, for memory planning.
 * @param helpers threads that are to help placing them
 */
export function packetStoreBytes(
  { packets, placeBytes, longestFrame }: PacketSource,
  c: EngineConstants,
  { rules: { requests }, workers }: Pick<Assignment, 'rules' | 'workers'>,
  helpers = 0,
): number {
  const stride = descriptorStride(c, longestFrame, requests.some(mayRewrite));
  const bytes = mostPlaceBytes(c, packets, placeBytes) + requests.length * alignLine(c.PARAMS_SIZE);
  return bytes + workers * batchAreaBytes(stride) + (1 + helpers) * placingAreaBytes(longestFrame);
}

/**
 * Copies the traffic into the store and locates the headers.
 * @param thread the main thread's engine instance; for engines of earlier revisions, of a run whose store nobody wrote to
 * @returns what each worker has of it
 */
export function loadPackets(
  thread: EngineThread,
  traffic: PacketSource,
  { rules, workers, workerOf, requestOf }: Assignment,
): WorkerPackets[] {
  const { requestAt, packetsAt } = writeRequests(thread, rules);
  const addresses = new Uint32Array(traffic.packets);
  const placer = new RangePlacer(thread, placingAreasAt(thread.run, traffic, 0), traffic.longestFrame);
  let at = packetsAt;
  framesOf(traffic).forEachRange((range, first) => {
    const end = first + range.count;
    const requests = requestOf.subarray(first, end).map((request) => requestAt[request] as number);
    at = placer.place(range, requests, at, addresses.subarray(first, end));
  });
  return shareOut(thread.run, traffic, { rules, workers, workerOf, addresses, endAt: at });
}

/**
 * The same with the help of threads that were started ahead, while this one decides about the packets. All of them make the first request of
 * the rules, and lie in shared memory.
 * @param helpers threads to ask for help
 * @param assign decides about the packets
 * @throws what `assign` throws, or a thread that ended
 */
export async function loadPacketsTogether(
  thread: EngineThread,
  traffic: PacketSource,
  { rules, helpers }: { readonly rules: PacketRules; readonly helpers: number },
  assign: () => Assignment,
): Promise<WorkerPackets[]> {
  const { packets, longestFrame } = traffic;
  const { requestAt, packetsAt } = writeRequests(thread, rules);
  const placing = new SharedPlacing({
    engine: thread,
    ranges: framesOf(traffic).ranges ?? [],
    packets,
    longestFrame,
    requestAt: requestAt[0] as number,
    to: packetsAt,
    areasAt: placingAreasAt(thread.run, traffic, helpers),
    helpers,
  });
  const { workers, workerOf } = assign();
  await placing.finish();
  const { addresses, endAt } = placing;
  return shareOut(thread.run, traffic, { rules, workers, workerOf, addresses, endAt });
}

/** Writes the requests to the beginning of the store: where each is, and where the packets begin. */
function writeRequests(
  { run, view }: EngineThread,
  { requests }: PacketRules,
): { readonly requestAt: readonly number[]; readonly packetsAt: number } {
  const c = run.engine.constants;
  const stride = alignLine(c.PARAMS_SIZE);
  const first = run.plan.regions.packets;
  const requestAt = requests.map((request, index) => {
    const at = first + index * stride;
    writeExecParams(view, c, byteOffset(at), request);
    return at;
  });
  return { requestAt, packetsAt: first + requests.length * stride };
}

/** Where the areas of all placers begin: they are the last of the store. */
function placingAreasAt({ plan }: EngineRun, { longestFrame }: PacketSource, helpers: number): number {
  return plan.regions.packets + plan.packetStoreBytes - (1 + helpers) * placingAreaBytes(longestFrame);
}

/** Packets that are placed. */
interface PlacedPackets extends Pick<Assignment, 'rules' | 'workers' | 'workerOf'> {
  readonly addresses: Uint32Array;
  /** Behind the last of them. */
  readonly endAt: number;
}

/** Each worker's packets, in order, and the descriptors of its batches behind them. */
function shareOut(
  { engine }: EngineRun,
  { longestFrame }: PacketSource,
  { rules, workers, workerOf, addresses, endAt }: PlacedPackets,
): WorkerPackets[] {
  const copies = rules.requests.some(mayRewrite);
  const stride = descriptorStride(engine.constants, longestFrame, copies);
  return sharesOf(workerOf, addresses, workers).map((packets, worker) => ({
    ...packets,
    descriptorsAt: endAt + worker * batchAreaBytes(stride),
    descriptorStride: stride,
    copies,
  }));
}

/** Addresses and places of each worker's packets, in order. */
function sharesOf(
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
