/** Traffic as the replay takes it: frames with times, whatever they come from. */
import { toEthernetFrame } from '../captures/link-type.js';
import { openCapture, requireRecords } from '../captures/reader.js';
import type { PacketSource } from '../synth/scenario.js';

/** Receives one Ethernet frame; the bytes may be overwritten after the call. */
export type FrameVisitor = (frame: Uint8Array, timestampNs: number) => boolean;

/**
 * A supply of frames, in order. `visit` returning false ends it early.
 * Times are nanoseconds since the first packet of the supply.
 */
export interface Traffic {
  readonly name: string;
  forEach(visit: FrameVisitor): Promise<void>;
}

/**
 * The packets of captures, one file after the other. A later file's times are moved so that its first packet follows the last one
 * of the file before by the mean gap of that file: the gap between two recordings is not part of either.
 * @throws CaptureError for files that cannot be read, are empty, or have an unsupported link type
 */
export function captureTraffic(files: readonly string[]): Traffic {
  return {
    name: files.join(', '),
    async forEach(visit) {
      let baseNs = 0;
      for (const file of files) {
        const reader = await openCapture(file);
        let first: bigint | null = null;
        let last = 0;
        let packets = 0;
        try {
          for await (const batch of reader.batches()) {
            for (const record of batch) {
              first ??= record.timestampNs;
              // Captures may run backwards by a little; the schedule does not.
              last = Math.max(last, Number(record.timestampNs - first));
              packets++;
              if (!visit(toEthernetFrame(record, file), baseNs + last)) return;
            }
          }
          requireRecords(reader);
        } finally {
          await reader.close();
        }
        baseNs += last + (packets > 1 ? Math.round(last / (packets - 1)) : 1000);
      }
    },
  };
}

/** The packets of a scenario. */
export function scenarioTraffic(name: string, source: PacketSource): Traffic {
  return {
    name,
    async forEach(visit) {
      const buffer = new Uint8Array(source.maxFrameLength);
      for (;;) {
        const length = source.next(buffer, 0);
        if (length === 0 || !visit(buffer.subarray(0, length), source.timestampNs)) return;
      }
    },
  };
}
