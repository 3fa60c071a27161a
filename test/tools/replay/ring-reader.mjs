// The reading end of a ring on a thread of its own: checks every record and tells how many there were.
// oxlint-disable unicorn/require-post-message-target-origin -- threads of one process have no origins
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, place, records, holdBack, plenty } = workerData;
const { RECORD_LOOP_END, RingReader } = await import(module);
const bytes = new Uint8Array(memory);
const reader = new RingReader(memory, place);
let seen = 0;
let fault = null;
let held = [];

while (seen < records && fault === null) {
  if (!reader.next()) {
    if (!reader.waitForMore(20_000, plenty)) fault = `nobody woke the reader after record ${seen}`;
    continue;
  }
  if (reader.kind === RECORD_LOOP_END) {
    fault = `an end of the loop after record ${seen}`;
    break;
  }
  const length = reader.units;
  if (reader.index !== seen) fault = `record ${reader.index} in place of ${seen}`;
  for (let i = 0; i < length; i++) {
    if (bytes[reader.address + i] !== ((seen * 31 + i) & 0xff))
      fault = `byte ${i} of record ${seen} is wrong`;
  }
  seen++;
  held.push(reader.position);
  // As a worker does: some records are kept while more are looked at.
  if (held.length > holdBack) {
    reader.release(held[0]);
    held = held.slice(1);
  }
}
for (const position of held) reader.release(position);
parentPort.postMessage({ seen, fault });
