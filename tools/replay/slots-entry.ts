/** The thread that counts slots (slots-thread.ts). */
import { parentPort, workerData } from 'node:worker_threads';
import type { SlotsRequest } from './slots-thread.js';
import { countSlots } from './traffic-slots.js';

if (parentPort !== null) {
  const { ranges, requests, requestOf } = workerData as SlotsRequest;
  const slots = countSlots(
    (visit) => {
      let firstIndex = 0;
      for (const range of ranges) {
        visit(range, firstIndex);
        firstIndex += range.count;
      }
    },
    requests,
    requestOf,
  );
  parentPort.postMessage(slots, []);
}
