/**
 * A prepared capture staged without copying it: times and lengths come from its tables, and the frames are read, block by
 * block, each time they are visited. The page cache holds them anyway; a copy in memory of its own would cost more in
 * page faults than reading them again.
 */
import { CaptureError } from '../captures/capture-error.js';
import { PreparedCapture, takePrepared } from '../captures/prepared-reader.js';
import { RecordBlock } from '../captures/record-block.js';
import { eachFrame, firstOf, type StagedRangeVisitor } from './frame-range.js';
import { EmptyTrafficError, type StagedTraffic } from './staging.js';

/**
 * Stages a prepared capture, up to `limit` packets. The first visit of the frames verifies their checksums.
 * @throws EmptyTrafficError when there is no packet; CaptureError for a damaged file, the visits also for one that was replaced
 */
export function stagePrepared(file: string, limit: number | null): StagedTraffic {
  const capture = PreparedCapture.open(file);
  const { summary } = capture;
  const packets = Math.min(summary.recordCount, limit ?? Number.POSITIVE_INFINITY);
  const timesNs = new Float64Array(new SharedArrayBuffer(packets * 8));
  let frameBytes = 0;
  try {
    let at = 0;
    let lastNs = 0;
    for (const table of capture.tables()) {
      const count = Math.min(table.recordCount, packets - at);
      table.timesSince(summary.firstTimestampNs, timesNs.subarray(at, at + count));
      for (let index = 0; index < count; index += 1) {
        // Captures may run backwards by a little; the schedule does not.
        lastNs = Math.max(lastNs, timesNs[at + index] as number);
        timesNs[at + index] = lastNs;
        frameBytes += table.frameLength(index);
      }
      at += count;
      if (at === packets) break;
    }
  } finally {
    capture.close();
  }
  if (packets === 0) throw new EmptyTrafficError(file);
  let verified = false;
  const forEachRange = (visit: StagedRangeVisitor): void => {
    const again = reopen(file, capture);
    try {
      const block = new RecordBlock();
      let at = 0;
      for (const prepared of again.blocks(verified)) {
        takePrepared(prepared, block);
        const range = firstOf(block, packets - at);
        visit(range, at);
        at += range.count;
        if (at === packets) break;
      }
      verified = true;
    } finally {
      again.close();
    }
  };
  return {
    name: file,
    packets,
    frameBytes,
    timesNs,
    forEach: (visit) => forEachRange(eachFrame(visit)),
    forEachRange,
  };
}

function reopen(file: string, before: PreparedCapture): PreparedCapture {
  const again = PreparedCapture.open(file);
  const same = (Object.keys(before.summary) as (keyof typeof before.summary)[]).every(
    (key) => before.summary[key] === again.summary[key],
  );
  if (same) return again;
  again.close();
  throw new CaptureError({
    file,
    reason: 'the file was replaced while it was being loaded',
    advice: 'Run again once nothing writes it.',
  });
}
