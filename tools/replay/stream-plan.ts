/** Dividing the packet store of a streamed run: requests first, then each worker's descriptors, then one ring per worker. */
import { EngineError } from '../../engine/host/engine-error.js';
import type { EngineConstants } from '../../engine/host/constants.js';
import type { TrackerConfig } from '../config/read-config.js';
import { RING_CONTROL_BYTES, ringBytesFor, type RingPlace } from './feed-ring.js';
import { alignLine, batchAreaBytes, descriptorStride, headBytes, LINE_BYTES } from './packet-place.js';
import type { PacketSource } from './packet-source.js';
import type { WorkerPackets } from './packet-store.js';

/** Requests that rules can come to, over all zones. Their places cost memory only once they are written. */
export const MAX_STREAMED_REQUESTS = 65_536;

/** How the store of a streamed run is divided. */
export interface StreamPlan {
  /** Offset in the store of the descriptors, which are behind the requests. */
  readonly descriptorsOffset: number;
  readonly descriptorStride: number;
  /** Whether packets are copied before they run. */
  readonly copies: boolean;
  readonly ringsOffset: number;
  /** Bytes of one worker's ring. */
  readonly ringBytes: number;
  /** Bytes of the whole store. */
  readonly totalBytes: number;
}

/** Bytes from one request to the next. */
export function requestStride(c: EngineConstants): number {
  return alignLine(c.PARAMS_SIZE);
}

/** As `mayRewrite`, of what a configuration's rules may come to. Connections may take a second slot then. */
export function configRewrites({ entries }: TrackerConfig): boolean {
  return (entries.rules ?? []).some(({ nat, helper }) => nat !== undefined || helper !== undefined);
}

/**
 * Divides the store.
 * @param copies whether packets are copied before they run
 * @throws EngineError when a ring would be too short for batches of the longest frame
 */
export function planStream(
  c: EngineConstants,
  traffic: PacketSource,
  workers: number,
  batch: number,
  copies: boolean,
): StreamPlan {
  const stride = descriptorStride(c, traffic.longestFrame, copies);
  const ringBytes = Math.floor(traffic.storeBytes / workers / LINE_BYTES) * LINE_BYTES;
  // The reader keeps up to a batch while it waits for more, and the end of the area may be left unused.
  const leastBytes = ringBytesFor(2 * batch + 2, headBytes(c) + traffic.longestFrame);
  if (ringBytes < leastBytes) {
    throw new EngineError({
      reason:
        `${traffic.name}: a packet store of ${mib(traffic.storeBytes)} MiB gives each of ${workers} workers ${mib(ringBytes)} MiB, and ` +
        `batches of ${batch} frames of up to ${traffic.longestFrame} bytes need ${mib(leastBytes)} MiB`,
      advice: `Give --store ${Math.ceil((leastBytes * workers) / 1024 ** 2)} or more, a smaller --batch, or --snaplen.`,
    });
  }
  const descriptorsOffset = MAX_STREAMED_REQUESTS * requestStride(c);
  const ringsOffset = descriptorsOffset + workers * batchAreaBytes(stride);
  return {
    descriptorsOffset,
    descriptorStride: stride,
    copies,
    ringsOffset,
    ringBytes,
    totalBytes: ringsOffset + workers * ringBytes + LINE_BYTES,
  };
}

/** Places of a run's rings. */
export function ringPlaces(plan: StreamPlan, storeAt: number, workers: number): RingPlace[] {
  const control = new SharedArrayBuffer(workers * RING_CONTROL_BYTES);
  return Array.from({ length: workers }, (_, ring) => ({
    control,
    ring,
    at: storeAt + plan.ringsOffset + ring * plan.ringBytes,
    bytes: plan.ringBytes,
  }));
}

/** What a worker of a streamed run has in place of packets: the descriptors of its batches. */
export function batchesOnly(plan: StreamPlan, storeAt: number, worker: number): WorkerPackets {
  const { descriptorsOffset, descriptorStride: stride, copies } = plan;
  return {
    addresses: new Uint32Array(new SharedArrayBuffer(0)),
    indexes: new Uint32Array(new SharedArrayBuffer(0)),
    descriptorsAt: storeAt + descriptorsOffset + worker * batchAreaBytes(stride),
    descriptorStride: stride,
    copies,
  };
}

function mib(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
