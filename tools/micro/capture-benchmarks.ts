/**
 * Benchmarks of loading captures: per packet, from a file in the page cache to the engine's memory.
 *
 * Memory is used again wherever loading lets it be, and the least of many samples counts: the first touch of a page can cost more than all
 * the packets on it, and how much more is the system's doing.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markUnfinished, unmarkUnfinished } from '../captures/unfinished-files.js';
import { PcapWriter } from '../captures/pcap-writer.js';
import { openCapture } from '../captures/reader.js';
import { loadSource } from '../replay/load-source.js';
import { AS_IT_IS, type PacketRequest, type PacketSource } from '../replay/packet-source.js';
import { readRanges } from '../replay/read-ranges.js';
import { openScenario } from '../synth/registry.js';
import { drainSource } from '../synth/write-capture.js';
import type { BenchmarkSet } from './benchmark.js';
import { MicroError } from './micro-error.js';
import { PlacingBed } from './placing-bed.js';

/** So many that opening a file, and touching the memory it is read into, is little beside them; a sample takes some tens of milliseconds. */
const PACKETS = 400_000;
/** What makes an object of each packet takes many times as long, and the least of many short samples is one that nothing disturbed. */
const PARSED_PACKETS = 4000;
/** Fewer, since those that are placed take memory of the engine. */
const PLACED_PACKETS = 100_000;
/** Short packets: what is done for each one is to be measured, not copying. */
const SHORT = { 'request-bytes': 16, 'response-bytes': 16 } as const;

/** Writes captures to a temporary folder, each when its first benchmark is run; `close` removes it. */
export function captureBenchmarks(seed: number): BenchmarkSet {
  const folder = mkdtempSync(join(tmpdir(), 'ctreplay-micro-'));
  markUnfinished(folder);
  const large = new ShortCapture(join(folder, 'large.pcap'), PACKETS, seed);
  const small = new ShortCapture(join(folder, 'small.pcap'), PARSED_PACKETS, seed);
  const words = new WordSum(large);
  const load = (limit: number | null): Promise<PacketSource> =>
    loadSource(sourceOf(large, limit), Number.POSITIVE_INFINITY);
  const bed = new PlacingBed(() => load(PLACED_PACKETS));
  return {
    benchmarks: [
      {
        name: 'capture/read-file',
        what: `${large.of}: the file read whole and its words added, which is the least that loading could do`,
        design: null,
        operations: large.packets,
        prepare: () => words.open(),
        run: () => words.check(),
        finish: () => words.close(),
      },
      {
        name: 'capture/parse-pcap',
        what: `${small.of} parsed by pcap-parser, an object each`,
        design: null,
        operations: small.packets,
        isAsync: true,
        prepare: () => small.write(),
        run: () => parse(small),
      },
      {
        name: 'capture/walk',
        what: `${large.of} read and found where it lies, as traffic is that streams`,
        design: null,
        operations: large.packets,
        isAsync: true,
        prepare: () => large.write(),
        run: () => walk(large),
      },
      {
        name: 'capture/load',
        what: `${large.of} read and kept for replay, in memory that mostly nobody has touched before`,
        design: null,
        operations: large.packets,
        isAsync: true,
        prepare: () => large.write(),
        run: async () => (await load(null)).packets,
      },
      {
        name: 'capture/place',
        what: `one of ${PLACED_PACKETS.toLocaleString('en-US')} packets that were loaded, given to one of two workers and placed in the engine's memory`,
        design: null,
        operations: PLACED_PACKETS,
        prepare: () => {
          large.write();
          return bed.open();
        },
        run: () => bed.place(),
        finish: () => bed.close(),
      },
    ],
    close: () => {
      rmSync(folder, { recursive: true, force: true });
      unmarkUnfinished(folder);
    },
  };
}

/** A capture of short packets, written when it is wanted. */
class ShortCapture {
  readonly path: string;
  readonly packets: number;
  readonly #seed: number;
  #isWritten = false;

  constructor(path: string, packets: number, seed: number) {
    this.path = path;
    this.packets = packets;
    this.#seed = seed;
  }

  /** `a packet of a pcap file of 400,000` */
  get of(): string {
    return `a packet of a pcap file of ${this.packets.toLocaleString('en-US')}`;
  }

  write(): void {
    if (this.#isWritten) return;
    const writer = new PcapWriter(this.path);
    const { source } = openScenario('established', { packets: this.packets, ...SHORT }, this.#seed);
    drainSource(source, (record) => writer.write(record));
    writer.close();
    this.#isWritten = true;
  }
}

function sourceOf({ path }: ShortCapture, limit: number | null): PacketRequest {
  return { origin: { type: 'capture', files: [path], reading: {} }, edits: AS_IT_IS, limit };
}

/** @returns packets of the capture */
async function walk(capture: ShortCapture): Promise<number> {
  let count = 0;
  await readRanges(sourceOf(capture, null), (range) => {
    count += range.count;
    return true;
  });
  return count;
}

/** @returns packets of the capture */
async function parse({ path }: ShortCapture): Promise<number> {
  const reader = await openCapture(path);
  let count = 0;
  for await (const batch of reader.batches()) count += batch.length;
  await reader.close();
  return count;
}

/** Reads a capture whole, into the same memory each time, and adds its 32-bit words. */
class WordSum {
  readonly #capture: ShortCapture;
  #file = -1;
  #words = new DataView(new ArrayBuffer(0));
  #sum = 0;

  constructor(capture: ShortCapture) {
    this.#capture = capture;
  }

  open(): void {
    if (this.#file >= 0) return;
    this.#capture.write();
    this.#file = openSync(this.#capture.path, 'r');
    this.#words = new DataView(new ArrayBuffer(fstatSync(this.#file).size));
    this.#sum = this.#read();
  }

  /**
   * @returns packets of the capture
   * @throws MicroError when the sum is another than at first
   */
  check(): number {
    const { path, packets } = this.#capture;
    if (this.#read() !== this.#sum) throw new MicroError(`${path}: changed while it was measured`);
    return packets;
  }

  /** Gives the memory back. */
  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    this.#words = new DataView(new ArrayBuffer(0));
  }

  /** Sum modulo 2^32. */
  #read(): number {
    const words = this.#words;
    const byteCount = readSync(this.#file, words, { position: 0 });
    let sum = 0;
    for (let at = 0; at + 4 <= byteCount; at += 4) sum = (sum + words.getUint32(at, true)) >>> 0;
    return sum;
  }
}
