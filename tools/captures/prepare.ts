import { ethernetOriginalLength, toEthernetFrame } from './link-type.js';
import type { PreparedSummary } from './prepared.js';
import { PreparedWriter } from './prepared-writer.js';
import { openCapture, requireRecords, type OpenCaptureOptions } from './reader.js';

/** What `prepareCapture` did. */
export interface PrepareResult {
  readonly summary: PreparedSummary;
  /** Records kept of a capture that broke off (with `onTruncated: 'keep'`), as a sentence; null when it was whole. */
  readonly truncation: string | null;
}

/**
 * Converts a capture of any readable format and link type to a prepared capture, in bounded memory.
 * The output appears under its name only when it is complete.
 * @param onProgress called after every batch with the records done so far
 * @throws CaptureError for unreadable, empty or unsupported input, or when the output cannot be written
 */
export async function prepareCapture(
  input: string,
  output: string,
  options: OpenCaptureOptions = {},
  onProgress?: (recordCount: number) => void,
): Promise<PrepareResult> {
  const reader = await openCapture(input, options);
  try {
    const writer = new PreparedWriter(output);
    try {
      for await (const batch of reader.batches()) {
        for (const record of batch) {
          const frame = toEthernetFrame(record, input);
          writer.write({
            timestampNs: record.timestampNs,
            frame,
            originalLength: ethernetOriginalLength(record, frame),
            ...(record.timestampMissing === true ? { timestampMissing: true } : {}),
          });
        }
        onProgress?.(writer.recordCount);
      }
      requireRecords(reader);
      writer.close();
    } catch (error) {
      writer.discard();
      throw error;
    }
    return { summary: writer.summary(), truncation: reader.truncation?.message ?? null };
  } finally {
    await reader.close();
  }
}
