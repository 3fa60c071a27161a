/** Counting slots in a thread of its own, which reads frames that nobody writes any more (frame-pile.ts). */
import type { PacketRules } from '../config/rules.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { countSlots, type TrafficSlots } from './traffic-slots.js';
import type { FrameRange } from './frame-range.js';
import type { Assignment } from './packet-store.js';
import type { StagedTraffic } from './staging.js';
import { Worker } from 'node:worker_threads';
import { compiledFile } from '../captures/compiled-file.js';

/** What is counted: ranges in shared memory, in order, and the request of each packet. */
export interface SlotsRequest {
  readonly ranges: readonly FrameRange[];
  readonly requests: readonly ExecRequest[];
  readonly requestOf: Uint32Array;
}

/** The slots; null where the thread could not count them. */
export function countInThread(request: SlotsRequest): Promise<TrafficSlots | null> {
  return new Promise((resolve) => {
    const thread = new Worker(compiledFile(import.meta.url, 'slots-entry.js'), { workerData: request });
    thread.on('message', resolve);
    // Whatever ended it, the caller can count by itself.
    thread.on('error', () => resolve(null));
    thread.on('exit', () => resolve(null));
  });
}

interface Known {
  readonly rules: PacketRules;
  readonly steering: string;
  readonly slots: TrafficSlots;
}

/** Of traffic that is replayed through several designs, or again and again. */
const known = new WeakMap<StagedTraffic, Known>();

/** Fewer packets are counted before a thread has started. */
const LEAST_PACKETS_FOR_THREAD = 200_000;

/**
 * Counts the slots of staged traffic. Of much traffic in shared memory it is another thread that counts, so that the packets can be
 * loaded meanwhile.
 * @param steering what decided the assignment, as a text: an equal one for equal traffic and rules has an equal outcome
 */
export async function countTrafficSlots(
  traffic: StagedTraffic,
  rules: PacketRules,
  { requestOf }: Assignment,
  steering: string,
): Promise<TrafficSlots> {
  const before = known.get(traffic);
  if (before !== undefined && before.rules === rules && before.steering === steering) return before.slots;
  const ranges = traffic.packets < LEAST_PACKETS_FOR_THREAD ? null : (traffic.sharedRanges?.() ?? null);
  const counted =
    ranges === null ? null : await countInThread({ ranges, requests: rules.requests, requestOf });
  const slots = counted ?? countSlots((visit) => traffic.forEachRange(visit), rules.requests, requestOf);
  known.set(traffic, { rules, steering, slots });
  return slots;
}
