/** What the thread that reads a file and the one that takes records from it say to each other. */
import type { CaptureError, CaptureErrorDetail } from './capture-error.js';
import type { CaptureCompression } from './capture-record.js';

/** What is to be read. */
export interface ReadingRequest {
  /** A regular file. */
  readonly file: string;
  readonly compression: CaptureCompression;
  /** Whether to hash the file's bytes. */
  readonly hash: boolean;
}

/** Memory that may be filled: that of this number as before, or new. */
export interface FreeChunk {
  readonly number: number;
  /** With room in front (chunk-memory.ts); absent = as before. */
  readonly memory?: SharedArrayBuffer;
}

/**
 * Bytes of the content, in memory that was handed out, the end, or why there are no more. `byteCount` is that of the file’s bytes read
 * so far, `sha256` theirs once all were.
 */
export type ReadingMessage =
  | { readonly number: number; readonly used: number; readonly byteCount: number }
  | { readonly ended: true; readonly byteCount: number; readonly sha256: string | null }
  | { readonly error: CaptureErrorDetail; readonly byteCount: number; readonly sha256: string | null };

/** Bytes handed over at a time, and how many of these chunks there are: two at either end, and two on their way. */
export const HANDED_BYTES = 1024 * 1024;
export const HANDED_COUNT = 6;

/** An error as what it was made from, which can be posted. */
export function errorDetail(error: CaptureError): CaptureErrorDetail {
  const { file, reason, advice, recordIndex, offset, wholeRecords, truncated } = error;
  return {
    file,
    reason,
    advice,
    ...(recordIndex === null ? {} : { recordIndex }),
    ...(offset === null ? {} : { offset }),
    ...(wholeRecords === null ? {} : { wholeRecords }),
    truncated,
  };
}
