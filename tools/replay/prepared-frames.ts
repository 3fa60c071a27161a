/**
 * A prepared capture kept without copying it: times and lengths come from its tables, and the frames are read, block by
 * block, each time they are visited. The page cache holds them anyway; a copy in memory of its own would cost more in
 * page faults than reading them again.
 */
import { CaptureError } from '../captures/capture-error.js';
import { PreparedCapture, takePrepared } from '../captures/prepared-reader.js';
import { RecordBlock } from '../captures/record-block.js';
import type { RangeVisitor } from './frame-range.js';
import { EmptyTrafficError, PacketCount, type KeptFrames, type PacketCounts } from './packet-source.js';

export class PreparedFrames implements KeptFrames {
  readonly counts: PacketCounts;
  readonly timesNs: Float64Array<SharedArrayBuffer>;
  readonly #file: string;
  readonly #summary: PreparedCapture['summary'];
  #verified = false;

  /**
   * Reads the tables, up to `limit` packets. The first visit of the frames verifies their checksums.
   * @throws EmptyTrafficError when there is no packet; CaptureError for a damaged file, the visits also for one that was replaced
   */
  constructor(file: string, limit: number | null) {
    this.#file = file;
    const capture = PreparedCapture.open(file);
    this.#summary = capture.summary;
    const packets = Math.min(capture.summary.recordCount, limit ?? Number.POSITIVE_INFINITY);
    this.timesNs = new Float64Array(new SharedArrayBuffer(packets * 8));
    try {
      this.counts = this.#readTables(capture, packets);
    } finally {
      capture.close();
    }
    if (packets === 0) throw new EmptyTrafficError(file);
  }

  forEachRange(visit: RangeVisitor): void {
    const again = this.#reopen();
    try {
      const block = new RecordBlock();
      let at = 0;
      for (const prepared of again.blocks(this.#verified)) {
        takePrepared(prepared, block);
        block.count = Math.min(block.count, this.counts.packets - at);
        visit(block, at);
        at += block.count;
        if (at === this.counts.packets) break;
      }
      this.#verified = true;
    } finally {
      again.close();
    }
  }

  #readTables(capture: PreparedCapture, packets: number): PacketCounts {
    const times = this.timesNs;
    const count = new PacketCount();
    for (const table of capture.tables()) {
      const first = count.packets;
      const end = Math.min(first + table.recordCount, packets);
      table.timesSince(capture.summary.firstTimestampNs, times.subarray(first, end));
      for (let at = first; at < end; at += 1) {
        // Captures may run backwards by a little; the schedule does not.
        times[at] = Math.max(count.lastNs, times[at] as number);
        count.add(table.frameLength(at - first), times[at] as number);
      }
      if (end === packets) break;
    }
    return count.counts;
  }

  #reopen(): PreparedCapture {
    const file = this.#file;
    const [before, again] = [this.#summary, PreparedCapture.open(file)];
    const keys = Object.keys(before) as (keyof typeof before)[];
    if (keys.every((key) => before[key] === again.summary[key])) return again;
    again.close();
    throw new CaptureError({
      file,
      reason: 'the file was replaced while it was being loaded',
      advice: 'Run again once nothing writes it.',
    });
  }
}
