/** Counting slots in a thread of its own, which reads frames that nobody writes any more (frame-pile.ts). */
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { countSlots, type TrafficSlots } from './traffic-slots.js';
import type { FrameRange } from './frame-range.js';
import type { Assignment } from './packet-choice.js';
import { framesOf, type PacketSource } from './packet-source.js';
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

/** Of traffic that is replayed through several designs, or again and again: the same assignment has the same slots. */
const known = new WeakMap<Assignment, TrafficSlots>();

/** Fewer packets are counted before a thread has started. */
const LEAST_PACKETS_FOR_THREAD = 200_000;

/**
 * Counts the slots of traffic that is kept. Of much traffic in shared memory it is another thread that counts, so that the packets can be
 * loaded meanwhile.
 */
export async function countTrafficSlots(traffic: PacketSource, assignment: Assignment): Promise<TrafficSlots> {
  const before = known.get(assignment);
  if (before !== undefined) return before;
  const { requestOf, rules } = assignment;
  const { requests } = rules;
  const frames = framesOf(traffic);
  const ranges = traffic.packets < LEAST_PACKETS_FOR_THREAD ? null : frames.sharedRanges();
  const counted = ranges === null ? null : await countInThread({ ranges, requests, requestOf });
  const slots = counted ?? countSlots((visit) => frames.forEachRange(visit), requests, requestOf);
  known.set(assignment, slots);
  return slots;
}
