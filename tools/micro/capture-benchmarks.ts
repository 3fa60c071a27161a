/**
 * Benchmarks of loading captures: per packet, from a file in the page cache to the engine's memory.
 *
 * Memory is used again wherever loading lets it be, and the least of many samples counts: the first touch of a page can cost more than all
 * the packets on it, and how much more is the system's doing.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
/** What makes an object of each packet takes eight times as long, and the least of many short samples is one that nothing disturbed. */
const PARSED_PACKETS = 4000;
/** Those that are placed take 200 bytes each. */
const PLACED_PACKETS = 100_000;
/** Short packets: what is done for each one is to be measured, not copying. */
const SHORT = { 'request-bytes': 16, 'response-bytes': 16 } as const;
/** A capture of short packets. */
interface ShortCapture {
  readonly path: string;
  readonly packets: number;
  /** `a packet of a pcap file of 160,000` */
  readonly of: string;
}

/** Writes captures to a temporary folder, which `close` removes. */
export function captureBenchmarks(seed: number): BenchmarkSet {
  const folder = mkdtempSync(join(tmpdir(), 'ctreplay-micro-'));
  const large = writeShort(join(folder, 'large.pcap'), PACKETS, seed);
  const small = writeShort(join(folder, 'small.pcap'), PARSED_PACKETS, seed);
  const words = new WordSum(large.path);
  const sum = words.read();
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
        run: () => {
          if (words.read() !== sum) throw new MicroError(`${large.path}: changed while it was measured`);
          return large.packets;
        },
      },
      {
        name: 'capture/parse-pcap',
        what: `${small.of} parsed by pcap-parser, an object each`,
        design: null,
        operations: small.packets,
        isAsync: true,
        run: () => parse(small),
      },
      {
        name: 'capture/walk',
        what: `${large.of} read and found where it lies, as traffic is that streams`,
        design: null,
        operations: large.packets,
        isAsync: true,
        run: () => walk(large),
      },
      {
        name: 'capture/load',
        what: `${large.of} read and kept for replay, in memory that mostly nobody has touched before`,
        design: null,
        operations: large.packets,
        isAsync: true,
        run: async () => (await load(null)).packets,
      },
      {
        name: 'capture/place',
        what: `one of ${PLACED_PACKETS.toLocaleString('en-US')} packets that were loaded, given to one of two workers and placed in the engine's memory`,
        design: null,
        operations: PLACED_PACKETS,
        prepare: () => bed.open(),
        run: () => bed.place(),
        finish: () => bed.close(),
      },
    ],
    close: () => {
      words.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeShort(path: string, packets: number, seed: number): ShortCapture {
  const writer = new PcapWriter(path);
  drainSource(openScenario('established', { packets, ...SHORT }, seed).source, (record) =>
    writer.write(record),
  );
  const { recordCount } = writer;
  writer.close();
  return {
    path,
    packets: recordCount,
    of: `a packet of a pcap file of ${recordCount.toLocaleString('en-US')}`,
  };
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

/** Sum of a file's 32-bit words, modulo 2^32, read into the same memory each time. */
class WordSum {
  readonly #file: number;
  readonly #words: DataView;

  constructor(path: string) {
    this.#file = openSync(path, 'r');
    this.#words = new DataView(new ArrayBuffer(fstatSync(this.#file).size));
  }

  read(): number {
    const words = this.#words;
    const byteCount = readSync(this.#file, words, { position: 0 });
    let sum = 0;
    for (let at = 0; at + 4 <= byteCount; at += 4) sum = (sum + words.getUint32(at, true)) >>> 0;
    return sum;
  }

  close(): void {
    closeSync(this.#file);
  }
}
