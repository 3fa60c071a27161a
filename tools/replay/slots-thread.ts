/** Counting slots in a thread of its own, which reads frames that nobody writes any more (frame-pile.ts). */
import { Worker } from 'node:worker_threads';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { compiledFile } from '../captures/compiled-file.js';
import type { FrameRange } from './frame-range.js';
import type { TrafficSlots } from './traffic-slots.js';

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
