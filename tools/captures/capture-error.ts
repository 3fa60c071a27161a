/** What to do about a capture whose end is missing. */
export const KEEP_ADVICE =
  'Give --keep-truncated to use what comes before, or copy or record the capture again (editcap FILE REPAIRED rewrites it).';

/** What else can be done about a capture that goes on with something that is none of it; behind other advice. */
export const STRAY_ADVICE = ' Or give --keep-truncated to use what comes before.';

/** What is known about a fault in a capture; absent facts are left out, never 0. */
export interface CaptureErrorDetail {
  /** The file as the user named it; `-` is standard input. */
  readonly file: string;
  /** What was wrong, as a clause without a full stop. */
  readonly reason: string;
  /** What the user can do about it, as a sentence. */
  readonly advice: string;
  /** Number in the file (from 1) of the record at fault; absent when the fault lies outside any record. */
  readonly recordIndex?: number;
  /** Byte offset in the decompressed capture at which the fault lies. */
  readonly offset?: number;
  /** How many whole records come before the fault, where records had been read. */
  readonly wholeRecords?: number;
  /** True when the capture ends too early, or goes on with what is none of it, so that everything before is sound. */
  readonly truncated?: boolean;
  readonly cause?: unknown;
}

/**
 * A capture that cannot be read (or written) as asked: missing, empty, truncated, of a foreign format, or damaged.
 * The message names file, record, byte offset, reason and remedy; the fields hold the same for programs.
 */
export class CaptureError extends Error {
  readonly file: string;
  readonly reason: string;
  readonly advice: string;
  readonly recordIndex: number | null;
  readonly offset: number | null;
  readonly wholeRecords: number | null;
  readonly truncated: boolean;

  constructor(detail: CaptureErrorDetail) {
    super(describe(detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'CaptureError';
    this.file = detail.file;
    this.reason = detail.reason;
    this.advice = detail.advice;
    this.recordIndex = detail.recordIndex ?? null;
    this.offset = detail.offset ?? null;
    this.wholeRecords = detail.wholeRecords ?? null;
    this.truncated = detail.truncated ?? false;
  }

  /** The same error with the record it was met in, for faults found below the record level (decompression). */
  inRecord(recordIndex: number): CaptureError {
    return new CaptureError({
      file: this.file,
      reason: this.reason,
      advice: this.advice,
      recordIndex,
      ...(this.offset === null ? {} : { offset: this.offset }),
      wholeRecords: recordIndex - 1,
      truncated: this.truncated,
      cause: this.cause,
    });
  }
}

function describe(detail: CaptureErrorDetail): string {
  const file = detail.file === '-' ? 'standard input' : detail.file;
  const where: string[] = [];
  if (detail.recordIndex !== undefined) where.push(`record ${detail.recordIndex}`);
  if (detail.offset !== undefined) where.push(`byte offset ${detail.offset}`);
  const place = where.length === 0 ? file : `${file}, ${where.join(', ')}`;
  return `${place}: ${detail.reason}. ${detail.advice}`;
}
