import type { Readable } from 'node:stream';
import { readRawChunks } from './byte-source.js';
import { ByteWindow } from './byte-window.js';
import { CaptureError } from './capture-error.js';
import { gunzip } from './gunzip.js';
import type {
  CaptureCompression,
  CaptureFormat,
  CaptureInterface,
  CaptureRecord,
  RecordSource,
} from './capture-record.js';
import { PcapSource } from './pcap-reader.js';
import { PcapngSource } from './pcapng-reader.js';
import { PreparedSource } from './prepared-reader.js';
import { sniff, SNIFF_BYTES, type ContentKind } from './sniff.js';
import { unzstd } from './zstd/unzstd.js';

export { CaptureError } from './capture-error.js';
export type { CaptureCompression, CaptureFormat, CaptureInterface, CaptureRecord } from './capture-record.js';

export interface OpenCaptureOptions {
  /**
   * What to do when the capture ends inside a record: throw (default), or end after the last whole record and leave
   * the error in `CaptureReader.truncation`.
   */
  readonly onTruncated?: 'error' | 'keep';
  /** Where `-` reads from; default `process.stdin`. */
  readonly stdin?: Readable;
}

/** An open capture: iterate over its records once, singly or in batches, then (or earlier) close it. */
export interface CaptureReader extends AsyncIterable<CaptureRecord> {
  /** The file as named by the caller; `-` is standard input. */
  readonly file: string;
  readonly format: CaptureFormat;
  readonly compression: CaptureCompression;
  /** The interfaces met so far: pcapng may add some between records. */
  readonly interfaces: readonly CaptureInterface[];
  /** The distinct LINKTYPE_ numbers of the interfaces met so far. */
  readonly linkTypes: readonly number[];
  /** Records handed out so far. */
  readonly recordCount: number;
  /** With `onTruncated: 'keep'`, where and how the capture broke off; null when it did not. */
  readonly truncation: CaptureError | null;
  /**
   * The records in file order, in arrays of some hundreds to thousands: the fast way through a large capture.
   * Memory in use is bounded by one batch, whatever the file's size.
   * @throws CaptureError after every record that comes before the fault
   */
  batches(): AsyncIterableIterator<CaptureRecord[]>;
  close(): Promise<void>;
}

/**
 * Opens a capture, whose format and compression are told by its content, never by its name:
 * pcap (both byte orders, microseconds or nanoseconds), pcapng, prepared captures (.ctp), and gzip or zstd of these.
 *
 * @param path file to read, `-` for standard input
 * @throws CaptureError when the file is missing, empty, of a foreign format, or its header is damaged
 */
export async function openCapture(path: string, options: OpenCaptureOptions = {}): Promise<CaptureReader> {
  const raw = readRawChunks(path, options.stdin ?? process.stdin);
  try {
    return await openBytes(path, raw, options.onTruncated ?? 'error');
  } catch (error) {
    await raw.return(undefined);
    throw error;
  }
}

/**
 * Yields the records of a capture in batches and closes it.
 * @throws CaptureError as `openCapture` and `CaptureReader.batches` do
 */
export async function* readCaptureBatches(
  path: string,
  options: OpenCaptureOptions = {},
): AsyncGenerator<CaptureRecord[]> {
  const reader = await openCapture(path, options);
  try {
    yield* reader.batches();
  } finally {
    await reader.close();
  }
}

/**
 * The check that a whole capture held something to work on.
 * @throws CaptureError when no record was read
 */
export function requireRecords(reader: CaptureReader): void {
  if (reader.recordCount > 0) return;
  throw new CaptureError({
    file: reader.file,
    wholeRecords: 0,
    reason: 'the capture holds no packets',
    advice: 'Give a capture with at least one packet; check the filter and interface it was recorded with.',
    cause: reader.truncation ?? undefined,
  });
}

async function openBytes(
  file: string,
  raw: AsyncIterable<Uint8Array>,
  onTruncated: 'error' | 'keep',
): Promise<CaptureReader> {
  const rawWindow = new ByteWindow(raw);
  const outer = await sniffWindow(file, rawWindow);
  if (outer !== 'gzip' && outer !== 'zstd') {
    const source = await openSource(file, outer, rawWindow);
    return new WindowReader(file, 'none', source, rawWindow, onTruncated);
  }
  const plain = outer === 'gzip' ? gunzip(file, rawWindow) : unzstd(file, rawWindow);
  const window = new ByteWindow(plain);
  const inner = await sniffWindow(file, window, outer);
  return new WindowReader(file, outer, await openSource(file, inner, window, outer), window, onTruncated);
}

/** What the window holds; a foreign or empty file ends here. */
async function sniffWindow(
  file: string,
  window: ByteWindow,
  compression?: CaptureCompression,
): Promise<ContentKind> {
  await window.fill(SNIFF_BYTES);
  const within = compression === undefined ? 'the file' : `the ${compression} data`;
  if (window.available === 0) {
    throw new CaptureError({
      file,
      offset: 0,
      wholeRecords: 0,
      reason: compression === undefined ? 'the file is empty (0 bytes)' : `${within} decompress to 0 bytes`,
      advice: 'Give a capture with at least one packet; check that the recording was not cut off.',
    });
  }
  const sniffed = sniff(window.buffer.subarray(window.start, Math.min(window.end, window.start + SNIFF_BYTES)));
  if (sniffed.kind !== 'foreign') return sniffed.kind;
  throw new CaptureError({
    file,
    offset: 0,
    reason: `${within} ${compression === undefined ? 'is' : 'hold'} ${sniffed.what}`,
    advice: sniffed.advice,
  });
}

async function openSource(
  file: string,
  kind: ContentKind,
  window: ByteWindow,
  compression?: CaptureCompression,
): Promise<RecordSource> {
  switch (kind) {
    case 'pcap':
      return PcapSource.open(file, window);
    case 'pcapng':
      return PcapngSource.open(file, window);
    case 'ctp':
      return PreparedSource.open(file, window);
    default:
      throw new CaptureError({
        file,
        offset: 0,
        reason: `this is ${kind} data${compression === undefined ? '' : ` inside ${compression} data`}`,
        advice: 'Decompress it to a plain capture first.',
      });
  }
}

class WindowReader implements CaptureReader {
  recordCount = 0;
  truncation: CaptureError | null = null;

  constructor(
    readonly file: string,
    readonly compression: CaptureCompression,
    private readonly source: RecordSource,
    private readonly window: ByteWindow,
    private readonly onTruncated: 'error' | 'keep',
  ) {}

  get format(): CaptureFormat {
    return this.source.format;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.source.interfaces;
  }

  get linkTypes(): readonly number[] {
    return [...new Set(this.source.interfaces.map((each) => each.linkType))];
  }

  async *batches(): AsyncIterableIterator<CaptureRecord[]> {
    for (;;) {
      const batch = await this.nextBatch();
      if (batch === null) return;
      this.recordCount += batch.length;
      yield batch;
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<CaptureRecord> {
    for await (const batch of this.batches()) yield* batch;
  }

  async close(): Promise<void> {
    await this.window.close();
  }

  private async nextBatch(): Promise<CaptureRecord[] | null> {
    if (this.truncation !== null) return null;
    try {
      return await this.source.nextBatch();
    } catch (error) {
      if (this.onTruncated === 'keep' && error instanceof CaptureError && error.truncated) {
        this.truncation = error;
        return null;
      }
      if (error instanceof CaptureError && error.recordIndex === null) {
        throw error.inRecord(this.recordCount + 1);
      }
      throw error;
    }
  }
}
