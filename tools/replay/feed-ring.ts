/**
 * A ring of packet records in the engine's memory, for traffic that is larger than the packet store: the feeder thread writes
 * records, one worker reads them.
 *
 * Who writes, who reads: the records, HEAD, FLUSHED and SIGNAL belong to the writer, TAIL to the reader. A record is written with plain
 * stores before HEAD is stored, and read only after HEAD was loaded, so the reader sees it whole; it is read for the last time before TAIL
 * is stored, and overwritten only after TAIL was loaded. All words are Atomics, which are sequentially consistent: they order the
 * plain accesses around them.
 *
 * Both sides sleep until there is a good deal for them, since a sleep and a wake-up cost more than the packets of a batch. The writer sets
 * WANTED, looks again, and sleeps on the very TAIL it saw; the reader stores TAIL, then looks at WANTED. The reader loads SIGNAL, stores in
 * UNTIL the HEAD that it wants to see, sets WAITING, looks at HEAD and FLUSHED again, and sleeps on the very SIGNAL it saw; the writer stores
 * HEAD (when it flushes, FLUSHED before it: nothing may come for a while, so that the reader is not to wait for more), then looks at WAITING,
 * takes it back, and changes SIGNAL before it wakes the reader. WAITING is set by the reader and taken back by either: a writer that takes
 * back a later one than it looked at changes SIGNAL after that one's load, which then does not sleep. No wake-up can fall between,
 * and every sleep is bounded all the same, so that the end of a run is noticed.
 *
 * HEAD and TAIL count lines of 64 bytes for ever and wrap at 2^32; only their difference means anything. A record lies in one piece:
 * what does not fit before the end of the area leaves a record of kind RECORD_SKIP there.
 */
import { LINE_BYTES } from './packet-place.js';

/** Bytes before a record's payload. */
const RECORD_HEADER_BYTES = 64;
/** Lines are counted by shifting. */
const LINE_SHIFT = 6;

export const RECORD_PACKET = 0;
const RECORD_SKIP = 1;
/** The loop ends here: the next record, if any, is the first of the next loop. */
export const RECORD_LOOP_END = 2;

/** Offsets in a record's header. */
const LINES_AT = 0;
const KIND_AT = 4;
const INDEX_AT = 8;
const UNITS_AT = 16;
const TIME_AT = 24;

/** Control words of a ring; writer and reader each have a cache-line pair of their own. */
const HEAD = 0;
const WAITING = 1;
const UNTIL = 2;
const FLUSHED = 3;
const SIGNAL = 4;
const TAIL = 32;
const WANTED = 33;
const CONTROL_WORDS = 64;
/** Bytes of control words per ring. */
export const RING_CONTROL_BYTES = CONTROL_WORDS * 4;

/** The writer is woken when this much is free, not for every packet. */
const WAKE_BYTES = 1024 * 1024;
/** A reader that wants a good deal is woken when this much is there: a thousand short packets. */
const SUPPLY_BYTES = 256 * 1024;

/** Where a ring lies. Can be posted to a thread. */
export interface RingPlace {
  /** The words of all rings of a run. */
  readonly control: SharedArrayBuffer;
  /** Number of the ring among them. */
  readonly ring: number;
  /** Address of the area, a multiple of 64. */
  readonly at: number;
  /** Size of the area, a multiple of 64. */
  readonly bytes: number;
}

/** Bytes that a record with a payload of this size takes. */
export function recordBytes(payloadBytes: number): number {
  return recordLines(payloadBytes) * LINE_BYTES;
}

function recordLines(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + LINE_BYTES - 1 + payloadBytes) >>> LINE_SHIFT;
}

function controlWords({ control, ring }: RingPlace): Int32Array {
  return new Int32Array(control, ring * RING_CONTROL_BYTES, CONTROL_WORDS);
}

/** The feeder's end. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #at: number;
  readonly #lines: number;
  /** Lines written since the start, and where the next record goes, in lines from the area's start. */
  #written = 0;
  #place = 0;
  #published = 0;
  /** The reader's counter as last seen: looked at again only when there is no room by it. */
  #tail = 0;
  #reserved = 0;

  constructor(memory: ArrayBufferLike, place: RingPlace) {
    this.#words = controlWords(place);
    this.#view = new DataView(memory, place.at, place.bytes);
    this.#at = place.at;
    this.#lines = place.bytes / LINE_BYTES;
  }

  /** Whether the reader waits for more than was published. */
  get isWaitedFor(): boolean {
    return Atomics.load(this.#words, WAITING) !== 0;
  }

  /** Address for a payload of this size, to be filled before `commit`; 0 when there is no room now. */
  reserve(payloadBytes: number): number {
    const lines = recordLines(payloadBytes);
    if (this.#place + lines > this.#lines && !this.#skipToStart()) return 0;
    if (!this.#hasRoom(lines)) return 0;
    this.#reserved = lines;
    return this.#at + this.#place * LINE_BYTES + RECORD_HEADER_BYTES;
  }

  /** Finishes the reserved record. The reader sees it after `publish`. */
  commit(kind: number, index: number, units: number, timeNs: number): void {
    const header = this.#place * LINE_BYTES;
    const view = this.#view;
    view.setUint32(header + LINES_AT, this.#reserved, true);
    view.setUint32(header + KIND_AT, kind, true);
    view.setFloat64(header + INDEX_AT, index, true);
    view.setFloat64(header + UNITS_AT, units, true);
    view.setFloat64(header + TIME_AT, timeNs, true);
    this.#advance(this.#reserved);
  }

  /** Shows the reader what was committed, and wakes it where that is as much as it waits for. */
  publish(): void {
    if (this.#published === this.#written) return;
    const words = this.#words;
    this.#published = this.#written;
    Atomics.store(words, HEAD, this.#written | 0);
    if (Atomics.load(words, WAITING) === 0) return;
    if (((this.#written - Atomics.load(words, UNTIL)) | 0) >= 0) this.#wake();
  }

  /** As `publish`, and more may not come for a while: the reader is woken, however little there is. */
  flush(): void {
    const words = this.#words;
    this.#published = this.#written;
    Atomics.store(words, FLUSHED, this.#written | 0);
    Atomics.store(words, HEAD, this.#written | 0);
    if (Atomics.load(words, WAITING) !== 0) this.#wake();
  }

  /** Sleeps until there is a good deal of room, up to `ms`. What was committed must have been flushed. */
  waitForRoom(payloadBytes: number, ms: number): void {
    const needed = Math.min(this.#lines, recordLines(payloadBytes) * 2);
    const wanted = Math.max(needed, Math.min(this.#lines >> 2, WAKE_BYTES / LINE_BYTES));
    Atomics.store(this.#words, WANTED, wanted);
    const seen = Atomics.load(this.#words, TAIL);
    if (this.#lines - ((this.#written - seen) >>> 0) < wanted) Atomics.wait(this.#words, TAIL, seen, ms);
    Atomics.store(this.#words, WANTED, 0);
  }

  #wake(): void {
    const words = this.#words;
    if (Atomics.exchange(words, WAITING, 0) === 0) return;
    Atomics.add(words, SIGNAL, 1);
    Atomics.notify(words, SIGNAL);
  }

  #hasRoom(lines: number): boolean {
    if (this.#lines - ((this.#written - this.#tail) >>> 0) >= lines) return true;
    this.#tail = Atomics.load(this.#words, TAIL);
    return this.#lines - ((this.#written - this.#tail) >>> 0) >= lines;
  }

  /** Marks the rest of the area as skipped; false when the reader is not that far. */
  #skipToStart(): boolean {
    const rest = this.#lines - this.#place;
    if (!this.#hasRoom(rest)) return false;
    this.#reserved = rest;
    this.commit(RECORD_SKIP, 0, 0, 0);
    return true;
  }

  #advance(lines: number): void {
    this.#written = (this.#written + lines) >>> 0;
    this.#place = this.#place + lines === this.#lines ? 0 : this.#place + lines;
  }
}

/** The worker's end: records are looked at in order, and given back in order. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #at: number;
  readonly #lines: number;
  #head = 0;
  #read = 0;
  #place = 0;
  /** Of the record that `next` found. */
  kind = RECORD_PACKET;
  index = 0;
  units = 0;
  timeNs = 0;
  /** Address of its payload. */
  address = 0;

  constructor(memory: ArrayBufferLike, place: RingPlace) {
    this.#words = controlWords(place);
    this.#view = new DataView(memory, place.at, place.bytes);
    this.#at = place.at;
    this.#lines = place.bytes / LINE_BYTES;
  }

  /** Takes the next published record into the fields; false when there is none yet. */
  next(): boolean {
    for (;;) {
      if (this.#read === this.#head) {
        this.#head = Atomics.load(this.#words, HEAD) >>> 0;
        if (this.#read === this.#head) return false;
      }
      const header = this.#place * LINE_BYTES;
      const view = this.#view;
      const lines = view.getUint32(header + LINES_AT, true);
      this.kind = view.getUint32(header + KIND_AT, true);
      this.#read = (this.#read + lines) >>> 0;
      this.#place = this.#place + lines === this.#lines ? 0 : this.#place + lines;
      if (this.kind === RECORD_SKIP) continue;
      this.index = view.getFloat64(header + INDEX_AT, true);
      this.units = view.getFloat64(header + UNITS_AT, true);
      this.timeNs = view.getFloat64(header + TIME_AT, true);
      this.address = this.#at + header + RECORD_HEADER_BYTES;
      return true;
    }
  }

  /** Lines read so far: what to give to `release` when the record that was just read is done with. */
  get position(): number {
    return this.#read;
  }

  /** Place to give to `rewind`. */
  mark(): { readonly read: number; readonly place: number } {
    return { read: this.#read, place: this.#place };
  }

  /** Goes back to a mark behind which nothing was released. */
  rewind({ read, place }: { readonly read: number; readonly place: number }): void {
    this.#read = read;
    this.#place = place;
  }

  /** Gives everything up to `position` back to the writer. */
  release(position: number): void {
    Atomics.store(this.#words, TAIL, position | 0);
    const wanted = Atomics.load(this.#words, WANTED);
    if (wanted === 0) return;
    const head = Atomics.load(this.#words, HEAD) >>> 0;
    if (this.#lines - ((head - position) >>> 0) >= wanted) Atomics.notify(this.#words, TAIL);
  }

  /**
   * Sleeps until something is published behind what `next` took, up to `ms`.
   * @param plenty until it is a good deal, or all that there is for now
   * @returns false when the time was up
   */
  waitForMore(ms: number, plenty = false): boolean {
    const words = this.#words;
    const wanted = plenty ? Math.max(1, Math.min(this.#lines >> 2, SUPPLY_BYTES / LINE_BYTES)) : 1;
    const signal = Atomics.load(words, SIGNAL);
    Atomics.store(words, UNTIL, (this.#read + wanted) | 0);
    Atomics.store(words, WAITING, 1);
    const isWoken = this.#isSupplied(wanted) || Atomics.wait(words, SIGNAL, signal, ms) !== 'timed-out';
    Atomics.store(words, WAITING, 0);
    return isWoken;
  }

  /** Whether so many lines are published that were not read, or some and all that there is for now. */
  #isSupplied(wanted: number): boolean {
    const head = Atomics.load(this.#words, HEAD) >>> 0;
    const lines = (head - this.#read) >>> 0;
    return lines >= wanted || (lines > 0 && Atomics.load(this.#words, FLUSHED) >>> 0 === head);
  }
}
