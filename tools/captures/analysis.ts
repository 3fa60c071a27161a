import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import { SUPPORTED_LINK_TYPES, toEthernetFrame } from './link-type.js';
import {
  openCapture,
  requireRecords,
  type CaptureCompression,
  type CaptureFormat,
  type CaptureRecord,
  type OpenCaptureOptions,
} from './reader.js';
import type { CaptureOddity } from './oddities.js';

/** A packet as an analysis section sees it; valid only during the call. */
export interface AnalysedPacket {
  readonly record: CaptureRecord;
  /** As the tracker would be given it; null when the link type cannot be replayed. */
  readonly frame: Uint8Array | null;
  /** Headers of `frame`; null together with it. */
  readonly headers: Dissection | null;
}

/** One line of a report for people: what it is, and its value. */
export type ReportLine = readonly [label: string, value: string];

/**
 * One part of the report on a capture. Sections see every packet once, in file order, and know nothing of each
 * other, so a command adds one by putting it into the list.
 */
export interface AnalysisSection {
  /** Key of the section's part in the JSON report. */
  readonly key: string;
  add(packet: AnalysedPacket): void;
  /** The section's part of the JSON report; plain data, missing figures null. */
  toJson(): unknown;
  toLines(): ReportLine[];
}

/** Facts about the file rather than its packets. */
export interface AnalysedFile {
  readonly file: string;
  readonly format: CaptureFormat;
  readonly compression: CaptureCompression;
  /** Bytes read of the file, compressed or not; null for standard input. */
  readonly fileBytes: number | null;
  readonly recordCount: number;
  readonly interfaces: readonly AnalysedInterface[];
  /** Where and how the capture broke off (with `onTruncated: 'keep'`); null when it is whole. */
  readonly truncation: string | null;
  /** What was odd about records that were read all the same. */
  readonly oddities: readonly CaptureOddity[];
}

export interface AnalysedInterface {
  readonly name: string | null;
  readonly linkType: number;
  readonly snapLength: number | null;
  readonly resolution: string;
  readonly recordCount: number;
}

/**
 * Reads a whole capture once, in bounded memory, and shows each packet to every section.
 * @throws CaptureError when the capture cannot be read or holds no packets
 */
export async function analyseCapture(
  path: string,
  sections: readonly AnalysisSection[],
  options: OpenCaptureOptions = {},
): Promise<AnalysedFile> {
  const reader = await openCapture(path, options);
  try {
    const headers = emptyDissection();
    const perInterface: number[] = [];
    for await (const batch of reader.batches()) {
      for (const record of batch) {
        perInterface[record.interfaceIndex] = (perInterface[record.interfaceIndex] ?? 0) + 1;
        const frame = SUPPORTED_LINK_TYPES.includes(record.linkType) ? toEthernetFrame(record, path) : null;
        if (frame !== null) dissect(frame, headers);
        const packet = { record, frame, headers: frame === null ? null : headers };
        for (const section of sections) section.add(packet);
      }
    }
    requireRecords(reader);
    return {
      file: path,
      format: reader.format,
      compression: reader.compression,
      fileBytes: path === '-' ? null : reader.fileBytesRead,
      recordCount: reader.recordCount,
      interfaces: reader.interfaces.map((each, index) => ({
        name: each.name,
        linkType: each.linkType,
        snapLength: each.snapLength,
        resolution: each.resolution,
        recordCount: perInterface[index] ?? 0,
      })),
      truncation: reader.truncation?.message ?? null,
      oddities: reader.oddities,
    };
  } finally {
    await reader.close();
  }
}
