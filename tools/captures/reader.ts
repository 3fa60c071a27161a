import type { Readable } from 'node:stream';
import { RawBytes } from './byte-source.js';
import { ByteWindow } from './byte-window.js';
import { CaptureError } from './capture-error.js';
import { ChunkLedger } from './chunk-memory.js';
import { gunzip } from './gunzip.js';
import type { CaptureCompression, CaptureFormat, CaptureInterface, CaptureRecord } from './capture-record.js';
import type { BlockSource } from './record-source.js';
import { ReadingThread, isForThread } from './reading-thread.js';
import { toEthernetBlock } from './ethernet-block.js';
import { linkTypeWithNumber, SUPPORTED_LINK_TYPES, unsupportedLinkType } from './link-type.js';
import { oddityText, type CaptureOddity } from './oddities.js';
import { PcapSource } from './pcap-reader.js';
import { PcapngSource } from './pcapng-reader.js';
import { PreparedSource } from './prepared-reader.js';
import { RecordBlock } from './record-block.js';
import { ReusedWindow } from './reused-window.js';
import {
  beginsLikeErf,
  ERF,
  looksLikeErf,
  sniff,
  SNIFF_BYTES,
  SNIFF_RECORD_BYTES,
  type ContentKind,
} from './sniff.js';
import { unzstd } from './zstd/unzstd.js';

export { CaptureError } from './capture-error.js';
export type { CaptureCompression, CaptureFormat, CaptureRecord } from './capture-record.js';

/** How captures are read that are not quite sound. */
export interface CaptureReading {
  /**
   * What to do when the capture ends inside a record: throw (default), or end after the last whole record and leave
   * the error in `CaptureReader.truncation`.
   */
  readonly onTruncated?: 'error' | 'keep';
  /** Refuse whatever is odd about a record, instead of reading it as libpcap does and counting it. */
  readonly strict?: boolean;
}

export interface OpenCaptureOptions extends CaptureReading {
  /**
   * Hand out only records whose link type the tracker can be given; the others are skipped and counted. A capture that has no other
   * kind is an error.
   */
  readonly trackable?: boolean;
  /**
   * The records will be taken with `blocks`, and only so: the reader's memory is then used over and over.
   */
  readonly blocks?: boolean;
  /** Hash the file's bytes while they are read. */
  readonly hash?: boolean;
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
  /** Records left out so far because of their link type (`trackable`). */
  readonly skippedCount: number;
  /** What was odd about records that were read all the same, skipped ones included. */
  readonly oddities: readonly CaptureOddity[];
  /** Bytes of the file, compressed or not, that were read so far; all of them once the records have ended. */
  readonly fileBytesRead: number;
  /**
   * SHA-256 of the file's bytes in hexadecimal; null when it was not asked for, or not everything has been read.
   */
  sha256(): string | null;
  /** With `onTruncated: 'keep'`, where and how the capture broke off; null when it did not. */
  readonly truncation: CaptureError | null;
  /**
   * The records in file order, in arrays of some hundreds to thousands: the fast way through a large capture.
   * Memory in use is bounded by one batch, whatever the file's size.
   * @throws CaptureError after every record that comes before the fault
   */
  batches(): AsyncIterableIterator<CaptureRecord[]>;
  /**
   * The fastest way through a capture that was opened for it: the trackable records in file order, as Ethernet frames, in blocks that
   * say where each lies, without an object per packet. A block holds until the next one is asked for; none is empty.
   * @throws CaptureError after every record that comes before the fault, as `batches` with `trackable` does
   */
  blocks(): AsyncIterableIterator<RecordBlock>;
  close(): Promise<void>;
}

/**
 * Opens a capture, whose content decides format and compression, never its name:
 * pcap (both byte orders, microseconds or nanoseconds), pcapng, prepared captures (.ctp), and gzip or zstd of these.
 *
 * @param path file to read, `-` for standard input
 * @throws CaptureError when the file is missing, empty, of a foreign format, or its header is damaged
 */
export async function openCapture(path: string, options: OpenCaptureOptions = {}): Promise<CaptureReader> {
  const ledger = options.blocks === true ? new ChunkLedger() : null;
  const raw = new RawBytes(path, options.stdin ?? process.stdin, options.hash === true, ledger);
  try {
    return await openBytes(path, raw, options, ledger);
  } catch (error) {
    await raw.close();
    throw error;
  }
}

function brokenOffText({ recordIndex, offset, reason }: CaptureError): string {
  const place = [
    ...(recordIndex === null ? [] : [`record ${recordIndex}`]),
    ...(offset === null ? [] : [`byte offset ${offset}`]),
  ].join(', ');
  return `it breaks off${place === '' ? '' : ` in ${place}`}, and was read up to there: ${reason}`;
}

/** What people have to know of a capture that was read, a sentence each without the file's name: mostly nothing. */
export function readingNotes({ oddities, truncation }: CaptureReader): string[] {
  const notes = oddities.map(oddityText);
  if (truncation !== null) notes.push(brokenOffText(truncation));
  return notes;
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
  raw: RawBytes,
  options: OpenCaptureOptions,
  ledger: ChunkLedger | null,
): Promise<CaptureReader> {
  const windowOf = (chunks: AsyncIterable<Uint8Array>): ByteWindow =>
    ledger === null ? new ByteWindow(chunks) : new ReusedWindow(chunks, ledger);
  const rawWindow = windowOf(raw.chunks());
  const outer = await sniffWindow(file, rawWindow);
  const compression = outer === 'gzip' || outer === 'zstd' ? outer : 'none';
  const request = { file, compression, hash: options.hash === true } as const;
  if (ledger !== null && isForThread(request)) {
    await raw.close();
    const thread = new ReadingThread(request, ledger);
    try {
      const window = windowOf(thread.chunks());
      return await openContent({ file, compression, window, raw: thread, options, ledger });
    } catch (error) {
      await thread.close();
      throw error;
    }
  }
  if (compression === 'none') return openContent({ file, compression, window: rawWindow, raw, options, ledger });
  const plain = compression === 'gzip' ? gunzip(file, rawWindow) : unzstd(file, rawWindow);
  return openContent({ file, compression, window: windowOf(plain), raw, options, ledger });
}

/** Opens what is in the window: the file itself, or what it was compressed from. */
async function openContent(content: Omit<ReaderParts, 'source'>): Promise<CaptureReader> {
  const { file, compression, window, options } = content;
  const within = compression === 'none' ? undefined : compression;
  const kind = await sniffWindow(file, window, within);
  const source = await openSource(file, kind, content, options.strict === true, within);
  return new WindowReader({ ...content, source });
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
  const { what, advice } = (await holdsErf(window)) ? ERF : sniffed;
  throw new CaptureError({
    file,
    offset: 0,
    reason: `${within} ${compression === undefined ? 'is' : 'are'} ${what}`,
    advice,
  });
}

/** Reads further only when the first record may be one, so that a pipe with something else is not waited for. */
async function holdsErf(window: ByteWindow): Promise<boolean> {
  const head = (): Buffer => window.buffer.subarray(window.start, window.end);
  if (!beginsLikeErf(head())) return false;
  const whole = !(await window.fill(SNIFF_RECORD_BYTES));
  return looksLikeErf(head(), whole);
}

async function openSource(
  file: string,
  kind: ContentKind,
  { window, ledger }: Pick<ReaderParts, 'window' | 'ledger'>,
  strict: boolean,
  compression?: CaptureCompression,
): Promise<BlockSource> {
  switch (kind) {
    case 'pcap':
      return PcapSource.open(file, window, strict);
    case 'pcapng':
      return PcapngSource.open(file, window, strict);
    case 'ctp':
      return PreparedSource.open(file, window, ledger);
    default:
      throw new CaptureError({
        file,
        offset: 0,
        reason: `this is ${kind} data${compression === undefined ? '' : ` inside ${compression} data`}`,
        advice: 'Decompress it to a plain capture first.',
      });
  }
}

/** What is known of a file's bytes. */
type ReadBytes = Pick<RawBytes, 'byteCount' | 'sha256' | 'close'>;

interface ReaderParts {
  readonly file: string;
  readonly compression: CaptureCompression;
  readonly source: BlockSource;
  readonly window: ByteWindow;
  readonly raw: ReadBytes;
  readonly options: OpenCaptureOptions;
  /** Of the chunks whose memory is used again; null where none is. */
  readonly ledger: ChunkLedger | null;
}

class WindowReader implements CaptureReader {
  recordCount = 0;
  skippedCount = 0;
  truncation: CaptureError | null = null;
  readonly file: string;
  readonly compression: CaptureCompression;
  readonly #parts: ReaderParts;
  #firstSkipped: CaptureRecord | null = null;
  #fault: CaptureError | null = null;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
    this.file = parts.file;
    this.compression = parts.compression;
  }

  get format(): CaptureFormat {
    return this.#parts.source.format;
  }

  get interfaces(): readonly CaptureInterface[] {
    return this.#parts.source.interfaces;
  }

  get linkTypes(): readonly number[] {
    return [...new Set(this.interfaces.map((each) => each.linkType))];
  }

  get oddities(): readonly CaptureOddity[] {
    return this.#parts.source.oddities.list();
  }

  get fileBytesRead(): number {
    return this.#parts.raw.byteCount;
  }

  sha256(): string | null {
    return this.#parts.raw.sha256();
  }

  async *batches(): AsyncIterableIterator<CaptureRecord[]> {
    for (;;) {
      const batch = await this.#nextBatch();
      if (batch === null) break;
      const { trackable, blocks } = this.#parts.options;
      const wanted = trackable === true || blocks === true ? this.#trackableOf(batch) : batch;
      this.recordCount += wanted.length;
      if (wanted.length > 0) yield wanted;
    }
    this.#requireTrackable();
  }

  async *blocks(): AsyncIterableIterator<RecordBlock> {
    // A pcap file has one link type; where that is not tracked, its first record is an error.
    if (this.format !== 'pcapng' && !this.linkTypes.every((each) => SUPPORTED_LINK_TYPES.includes(each))) {
      for await (const _none of this.batches());
      return;
    }
    const block = new RecordBlock((record) => this.#takes(record, block));
    const { ledger } = this.#parts;
    if (ledger !== null) block.keep = () => ledger.keep(block.bytes);
    while (await this.#guarded(() => this.#refill(block), false)) {
      this.recordCount += block.count;
      toEthernetBlock(block);
      if (block.count > 0) yield block;
    }
    this.#requireTrackable();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<CaptureRecord> {
    for await (const batch of this.batches()) yield* batch;
  }

  async close(): Promise<void> {
    await this.#parts.window.close();
    await this.#parts.raw.close();
  }

  #requireTrackable(): void {
    if (this.recordCount > 0 || this.#firstSkipped === null) return;
    throw unsupportedLinkType(this.#firstSkipped, this.file);
  }

  #refill(block: RecordBlock): Promise<boolean> {
    block.clear();
    return this.#parts.source.fillBlock(block);
  }

  /** Whether a block is to take a record in; one that is left out is counted, and may end the reading. */
  #takes(record: CaptureRecord, block: RecordBlock): boolean {
    if (SUPPORTED_LINK_TYPES.includes(record.linkType)) return true;
    this.#fault = this.#skip(record);
    if (this.#fault !== null) block.close();
    return false;
  }

  /** The records that the tracker can be given; the others are counted. */
  #trackableOf(batch: CaptureRecord[]): CaptureRecord[] {
    const wanted: CaptureRecord[] = [];
    for (const record of batch) {
      if (SUPPORTED_LINK_TYPES.includes(record.linkType)) {
        wanted.push(record);
        continue;
      }
      this.#fault = this.#skip(record);
      // What comes before a fault is handed out first.
      if (this.#fault !== null) break;
    }
    return wanted;
  }

  /** Counts a record that is left out; an error where that is none to leave out. */
  #skip(record: CaptureRecord): CaptureError | null {
    // A pcap file has one link type: no other can follow.
    if (this.format !== 'pcapng') return unsupportedLinkType(record, this.file);
    this.#firstSkipped ??= record;
    this.skippedCount += 1;
    return this.#parts.source.oddities.note({
      kind: 'untracked-link-type',
      recordIndex: record.recordIndex,
      offset: record.fileOffset,
      describe: () => `${linkTypeWithNumber(record.linkType)} is not tracked; left out`,
    });
  }

  #nextBatch(): Promise<CaptureRecord[] | null> {
    return this.#guarded(() => this.#parts.source.nextBatch(), null);
  }

  /** Reads on; `ended` where there is nothing more, also of a capture that broke off and is kept up to there. */
  async #guarded<T>(read: () => Promise<T>, ended: T): Promise<T> {
    if (this.truncation !== null) return ended;
    if (this.#fault !== null) throw this.#fault;
    try {
      return await read();
    } catch (error) {
      if (this.#parts.options.onTruncated === 'keep' && error instanceof CaptureError && error.truncated) {
        this.truncation = error;
        return ended;
      }
      if (error instanceof CaptureError && error.recordIndex === null) {
        throw error.inRecord(this.recordCount + this.skippedCount + 1);
      }
      throw error;
    }
  }
}

