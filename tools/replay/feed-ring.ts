/**
 * A ring of packets in the engine's memory, for traffic that is larger than the packet store: the feeder thread writes records, one
 * worker reads them. A record is an entry, which says what the packet is and where it lies, and its place. Entries lie side by side, so that
 * the reader does not wait for a cache line of one packet to learn where the next is; places lie behind one another, each in one piece.
 *
 * Who writes, who reads: the records, HEAD, FLUSHED and MORE belong to the writer, TAIL and ROOM to the reader. A record is written with
 * plain stores before HEAD is stored, and read only after HEAD was loaded, so the reader sees it whole; it is read for the last time before
 * TAIL is stored, and overwritten only after TAIL was loaded. All words are Atomics, which are sequentially consistent: they order the
 * plain accesses around them.
 *
 * Both sides sleep until there is a good deal for them, since a sleep and a wake-up cost more than the packets of a batch. The sleeper loads
 * the word that it is going to sleep on (the reader MORE, the writer ROOM), says what it wants (UNTIL and WAITING; WANTED), looks
 * at the other side's counter again, and sleeps on the very value it saw. The other side stores its counter, then looks whether that is enough
 * for who waits; if so it takes WAITING or WANTED back, so that it wakes nobody twice, changes the word, and wakes the sleeper. Should what it takes back
 * be a later wish than the one it looked at, the word changes after that wish's load of it, and that sleep ends as well. When the writer
 * flushes, nothing may come for a while: it stores FLUSHED before HEAD, and the reader does not wait for more. No wake-up can fall between,
 * and every sleep is bounded all the same, so that the end of a run is noticed.
 *
 * HEAD and TAIL count lines of 64 bytes for ever and wrap at 2^32; only their difference means anything. A place that does not fit before
 * the end of the area begins at its start again, and what it leaves out counts as its own. A record counts for at least so many
 * lines that entries cannot run out before them.
 */
import { LINE_BYTES } from './packet-place.js';

/** Lines are counted by shifting. */
const LINE_SHIFT = 6;
/** Lines that a record counts for at least: those of a TCP packet without data, in its place. */
const LEAST_LINES = 2;

export const RECORD_PACKET = 0;
/** The loop ends here: the next record, if any, is the first of the next loop. */
export const RECORD_LOOP_END = 1;

/** An entry: two words, address (0 = end of a loop) and the count of lines behind the record; then index, units and time as doubles. */
const ENTRY_BYTES = 32;
const ENTRY_WORDS = ENTRY_BYTES / 4;
const ENTRY_DOUBLES = ENTRY_BYTES / 8;

/** Control words of a ring; writer and reader each have a cache-line pair of their own. */
const HEAD = 0;
const WAITING = 1;
const UNTIL = 2;
const FLUSHED = 3;
const MORE = 4;
const TAIL = 32;
const WANTED = 33;
const ROOM = 34;
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
  /** Size of the area. */
  readonly bytes: number;
}

/** Lines that a record with a payload of this size counts for. */
function recordLines(payloadBytes: number): number {
  return Math.max(LEAST_LINES, (payloadBytes + LINE_BYTES - 1) >>> LINE_SHIFT);
}

/** Bytes of an area that has room for so many records with payloads of this size. */
export function ringBytesFor(records: number, payloadBytes: number): number {
  const lines = records * recordLines(payloadBytes);
  return (lines + 1) * LINE_BYTES + entryCount(lines) * ENTRY_BYTES;
}

function entryCount(lines: number): number {
  return Math.ceil(lines / LEAST_LINES) + 1;
}

/** Lines for places in an area of this size, beside the entries for as many as they can hold. */
function linesIn(bytes: number): number {
  const perLine = LINE_BYTES + ENTRY_BYTES / LEAST_LINES;
  let lines = Math.max(0, Math.floor(bytes / perLine));
  while (lines > 0 && (lines + 1) * LINE_BYTES + entryCount(lines) * ENTRY_BYTES > bytes) lines--;
  return lines;
}

/** What both ends of a ring see. */
class RingArea {
  readonly words: Int32Array;
  readonly lines: number;
  /** Address of the first place. */
  readonly at: number;
  readonly entries: number;
  readonly entryWords: Uint32Array;
  readonly entryDoubles: Float64Array;

  constructor(memory: ArrayBufferLike, { control, ring, at, bytes }: RingPlace) {
    this.words = new Int32Array(control, ring * RING_CONTROL_BYTES, CONTROL_WORDS);
    this.lines = linesIn(bytes);
    this.entries = entryCount(this.lines);
    this.entryWords = new Uint32Array(memory, at, this.entries * ENTRY_WORDS);
    this.entryDoubles = new Float64Array(memory, at, this.entries * ENTRY_DOUBLES);
    this.at = at + Math.ceil((this.entries * ENTRY_BYTES) / LINE_BYTES) * LINE_BYTES;
  }
}

/** The feeder's end. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #entryWords: Uint32Array;
  readonly #entryDoubles: Float64Array;
  readonly #entries: number;
  readonly #at: number;
  readonly #lines: number;
  /** Lines written since the start, up to the last record, and where the next place may begin, in lines from the first one. */
  #written = 0;
  #place = 0;
  #entry = 0;
  #published = 0;
  /** The reader's counter as last seen: looked at again only when there is no room by it. */
  #tail = 0;
  /** Of the record that room was reserved for: its address, its place behind it, and all that it counts for. */
  #address = 0;
  #placeAfter = 0;
  #counted = 0;

  constructor(memory: ArrayBufferLike, place: RingPlace) {
    const area = new RingArea(memory, place);
    this.#words = area.words;
    this.#entryWords = area.entryWords;
    this.#entryDoubles = area.entryDoubles;
    this.#entries = area.entries;
    this.#at = area.at;
    this.#lines = area.lines;
  }

  /** Whether the reader waits for more than was published. */
  get isWaitedFor(): boolean {
    return Atomics.load(this.#words, WAITING) !== 0;
  }

  /** Address for a payload of this size, to be filled before `commit`; 0 when there is no room now. */
  reserve(payloadBytes: number): number {
    const lines = recordLines(payloadBytes);
    const rest = this.#lines - this.#place;
    const isSkipped = lines > rest;
    const counted = isSkipped ? rest + lines : lines;
    if (!this.#hasRoom(counted)) return 0;
    const place = isSkipped ? 0 : this.#place;
    this.#counted = counted;
    this.#placeAfter = place + lines;
    this.#address = this.#at + place * LINE_BYTES;
    return this.#address;
  }

  /** Finishes the reserved record. The reader sees it after `publish`. */
  commit(kind: number, index: number, units: number, timeNs: number): void {
    const entry = this.#entry;
    const doubles = entry * ENTRY_DOUBLES;
    this.#written = (this.#written + this.#counted) >>> 0;
    this.#place = this.#placeAfter;
    this.#entryWords[entry * ENTRY_WORDS] = kind === RECORD_LOOP_END ? 0 : this.#address;
    this.#entryWords[entry * ENTRY_WORDS + 1] = this.#written;
    this.#entryDoubles[doubles + 1] = index;
    this.#entryDoubles[doubles + 2] = units;
    this.#entryDoubles[doubles + 3] = timeNs;
    this.#entry = entry + 1 === this.#entries ? 0 : entry + 1;
  }

  /** Shows the reader what was committed, and wakes it where that is as much as it waits for. */
  publish(): void {
    if (this.#published === this.#written) return;
    const words = this.#words;
    this.#published = this.#written;
    Atomics.store(words, HEAD, this.#written | 0);
    if (Atomics.load(words, WAITING) === 0) return;
    if (((this.#written - Atomics.load(words, UNTIL)) | 0) >= 0) wake(words, WAITING, MORE);
  }

  /** As `publish`, and more may not come for a while: the reader is woken, however little there is. */
  flush(): void {
    const words = this.#words;
    this.#published = this.#written;
    Atomics.store(words, FLUSHED, this.#written | 0);
    Atomics.store(words, HEAD, this.#written | 0);
    if (Atomics.load(words, WAITING) !== 0) wake(words, WAITING, MORE);
  }

  /**
   * Sleeps until there is a good deal of room, up to `ms`. What was committed must have been flushed.
   * @returns false when the time was up
   */
  waitForRoom(payloadBytes: number, ms: number): boolean {
    const words = this.#words;
    const needed = Math.min(this.#lines, recordLines(payloadBytes) * 2);
    const wanted = Math.max(needed, Math.min(this.#lines >> 2, WAKE_BYTES / LINE_BYTES));
    const room = Atomics.load(words, ROOM);
    Atomics.store(words, WANTED, wanted);
    const tail = Atomics.load(words, TAIL);
    const hasRoom = this.#lines - ((this.#written - tail) >>> 0) >= wanted;
    const isWoken = hasRoom || Atomics.wait(words, ROOM, room, ms) !== 'timed-out';
    Atomics.store(words, WANTED, 0);
    return isWoken;
  }

  #hasRoom(lines: number): boolean {
    if (this.#lines - ((this.#written - this.#tail) >>> 0) >= lines) return true;
    this.#tail = Atomics.load(this.#words, TAIL);
    return this.#lines - ((this.#written - this.#tail) >>> 0) >= lines;
  }
}

/** The worker's end: records are looked at in order, and given back in order. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #entryWords: Uint32Array;
  readonly #entryDoubles: Float64Array;
  readonly #entries: number;
  readonly #lines: number;
  #head = 0;
  #read = 0;
  #entry = 0;
  /** Of the record that `next` found. */
  kind = RECORD_PACKET;
  index = 0;
  units = 0;
  timeNs = 0;
  /** Address of its payload; 0 where a loop ends. */
  address = 0;

  constructor(memory: ArrayBufferLike, place: RingPlace) {
    const area = new RingArea(memory, place);
    this.#words = area.words;
    this.#entryWords = area.entryWords;
    this.#entryDoubles = area.entryDoubles;
    this.#entries = area.entries;
    this.#lines = area.lines;
  }

  /** Takes the next published record into the fields; false when there is none yet. */
  next(): boolean {
    if (this.#read === this.#head) {
      this.#head = Atomics.load(this.#words, HEAD) >>> 0;
      if (this.#read === this.#head) return false;
    }
    const entry = this.#entry;
    const doubles = entry * ENTRY_DOUBLES;
    this.address = this.#entryWords[entry * ENTRY_WORDS] as number;
    this.#read = this.#entryWords[entry * ENTRY_WORDS + 1] as number;
    this.kind = this.address === 0 ? RECORD_LOOP_END : RECORD_PACKET;
    this.index = this.#entryDoubles[doubles + 1] as number;
    this.units = this.#entryDoubles[doubles + 2] as number;
    this.timeNs = this.#entryDoubles[doubles + 3] as number;
    this.#entry = entry + 1 === this.#entries ? 0 : entry + 1;
    return true;
  }

  /** Lines read so far: what to give to `release` when the record that was just read is done with. */
  get position(): number {
    return this.#read;
  }

  /** Place to give to `rewind`. */
  mark(): { readonly read: number; readonly entry: number } {
    return { read: this.#read, entry: this.#entry };
  }

  /** Goes back to a mark behind which nothing was released. */
  rewind({ read, entry }: { readonly read: number; readonly entry: number }): void {
    this.#read = read;
    this.#entry = entry;
  }

  /** Gives everything up to `position` back to the writer. */
  release(position: number): void {
    const words = this.#words;
    Atomics.store(words, TAIL, position | 0);
    const wanted = Atomics.load(words, WANTED);
    if (wanted === 0) return;
    const head = Atomics.load(words, HEAD) >>> 0;
    if (this.#lines - ((head - position) >>> 0) >= wanted) wake(words, WANTED, ROOM);
  }

  /**
   * Sleeps until something is published behind what `next` took, up to `ms`.
   * @param plenty until it is a good deal, or all that there is for now
   * @returns false when the time was up
   */
  waitForMore(ms: number, plenty = false): boolean {
    const words = this.#words;
    const wanted = plenty ? Math.max(1, Math.min(this.#lines >> 2, SUPPLY_BYTES / LINE_BYTES)) : 1;
    const more = Atomics.load(words, MORE);
    Atomics.store(words, UNTIL, (this.#read + wanted) | 0);
    Atomics.store(words, WAITING, 1);
    const isWoken = this.#isSupplied(wanted) || Atomics.wait(words, MORE, more, ms) !== 'timed-out';
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

/** Wakes who waits, once, and takes its wish back. */
function wake(words: Int32Array, wish: number, signal: number): void {
  if (Atomics.exchange(words, wish, 0) === 0) return;
  Atomics.add(words, signal, 1);
  Atomics.notify(words, signal);
}
