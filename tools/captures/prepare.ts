import { statSync } from 'node:fs';
import type { CaptureRecord } from './capture-record.js';
import { ethernetOriginalLength, toEthernetFrame } from './link-type.js';
import { requireOutput, writeFrom } from './output-file.js';
import { PcapWriter } from './pcap-writer.js';
import { PcapngWriter } from './pcapng-writer.js';
import { PreparedWriter, type PreparedWritableRecord } from './prepared-writer.js';
import { openCapture, readingNotes, requireRecords, type OpenCaptureOptions } from './reader.js';
import type { CaptureWriter } from './writer.js';
import { fixChecksums } from '../wire/frame-checksums.js';

/** What a capture can be converted to: prepared, or nanosecond pcap or pcapng, of Ethernet frames. */
export type ConvertedFormat = 'ctp' | 'pcap' | 'pcapng';

export const CONVERTED_FORMATS: readonly ConvertedFormat[] = ['ctp', 'pcap', 'pcapng'];

/** What `convertCapture` did. */
export interface ConversionResult {
  readonly recordCount: number;
  /** Sum of the frame lengths written, in bytes. */
  readonly frameBytes: number;
  /** Sum of the lengths on the wire, in bytes. */
  readonly originalBytes: number;
  /** Records cut by a snap length. */
  readonly cutRecordCount: number;
  /** Length of the file written, in bytes. */
  readonly fileBytes: number;
  /** Records kept of a capture that broke off (with `onTruncated: 'keep'`), as a sentence; null when it was whole. */
  readonly truncation: string | null;
  /** Records whose checksums were made right (with `fixChecksums`). */
  readonly fixedCount: number;
  /** Records left out because their link type has no Ethernet form. */
  readonly skippedCount: number;
  /** What was odd about the capture, the truncation included, as sentences. */
  readonly notes: readonly string[];
}

/** How a capture is converted. */
export interface ConversionOptions extends OpenCaptureOptions {
  /** Wrong checksums are made right. */
  readonly fixChecksums?: boolean;
}

interface ConvertedWriter extends CaptureWriter {
  write(record: PreparedWritableRecord): void;
}

/**
 * Converts a capture of any readable format and link type to Ethernet frames in another format, in bounded memory.
 * The output appears under its name only when it is complete. A prepared capture converted back to pcap holds the
 * frames, times and lengths that went into it. A length on the wire below the captured one is raised to it: no format is meant to have
 * that.
 * @throws CaptureError for unreadable, empty or unsupported input, or when the output cannot be written
 */
export async function convertCapture(
  input: string,
  output: string,
  format: ConvertedFormat,
  options: ConversionOptions = {},
): Promise<ConversionResult> {
  requireOutput(output, [input]);
  const reader = await openCapture(input, { ...options, trackable: true });
  try {
    const writer = createWriter(output, format);
    const totals = { frameBytes: 0, originalBytes: 0, cutRecordCount: 0, fixedCount: 0 };
    try {
      for await (const batch of reader.batches()) {
        for (const record of batch) {
          let frame = toEthernetFrame(record, input);
          const originalLength = Math.max(ethernetOriginalLength(record, frame), frame.length);
          if (options.fixChecksums === true) {
            // The reader's bytes are not to be changed.
            frame = Uint8Array.from(frame);
            if (fixChecksums(frame, originalLength)) totals.fixedCount += 1;
          }
          writeRecord(writer, input, record, frame, originalLength);
          totals.frameBytes += frame.length;
          totals.originalBytes += originalLength;
          if (frame.length < originalLength) totals.cutRecordCount += 1;
        }
      }
      requireRecords(reader);
      writer.close();
    } catch (error) {
      writer.discard();
      throw error;
    }
    const truncation = reader.truncation?.message ?? null;
    return {
      recordCount: writer.recordCount,
      ...totals,
      fileBytes: statSync(output).size,
      truncation,
      skippedCount: reader.skippedCount,
      notes: readingNotes(reader),
    };
  } finally {
    await reader.close();
  }
}

function createWriter(output: string, format: ConvertedFormat): ConvertedWriter {
  if (format === 'pcap') return new PcapWriter(output);
  return format === 'pcapng' ? new PcapngWriter(output) : new PreparedWriter(output);
}

/** A writer's refusal is about the record: the error then says which one. */
function writeRecord(
  writer: ConvertedWriter,
  file: string,
  record: CaptureRecord,
  frame: Uint8Array,
  originalLength: number,
): void {
  const place = { file, recordIndex: record.recordIndex, offset: record.fileOffset };
  const advice = 'Choose another format (ctp takes every time), or leave the record out with editcap.';
  writeFrom(place, advice, () =>
    writer.write({
      timestampNs: record.timestampNs,
      frame,
      originalLength,
      ...(record.timestampMissing === true ? { timestampMissing: true } : {}),
    }),
  );
}
