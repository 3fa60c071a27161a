/** Benchmarks of reading captures: per packet, from a file in the page cache, through the reader and the loader of replay. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapWriter } from '../captures/pcap-writer.js';
import { openCapture } from '../captures/reader.js';
import { loadSource } from '../replay/load-source.js';
import { AS_IT_IS } from '../replay/packet-source.js';
import { drainSource } from '../synth/write-capture.js';
import { openScenario } from '../synth/registry.js';
import type { BenchmarkSet } from './benchmark.js';
import { MicroError } from './micro-error.js';

/** Few, so that a sample takes some milliseconds: the least of many is one that nothing disturbed. */
const PACKETS = 8000;

/** Writes the capture to a temporary folder, which `close` removes. */
export function captureBenchmarks(seed: number): BenchmarkSet {
  const folder = mkdtempSync(join(tmpdir(), 'ctreplay-micro-'));
  const path = join(folder, 'capture.pcap');
  const writer = new PcapWriter(path);
  drainSource(openScenario('established', { packets: PACKETS }, seed).source, (record) =>
    writer.write(record),
  );
  const packets = writer.recordCount;
  writer.close();
  const sum = wordSum(path);
  const of = `a packet of a pcap file of ${packets.toLocaleString('en-US')}`;
  return {
    benchmarks: [
      {
        name: 'capture/read-file',
        what: `${of}: the file read whole and its words added, which is the least that loading could do`,
        design: null,
        operations: packets,
        run: () => {
          if (wordSum(path) !== sum) throw new MicroError(`${path}: changed while it was measured`);
          return packets;
        },
      },
      {
        name: 'capture/parse-pcap',
        what: `${of} parsed`,
        design: null,
        operations: packets,
        isAsync: true,
        run: async () => {
          const reader = await openCapture(path);
          let count = 0;
          for await (const batch of reader.batches()) count += batch.length;
          await reader.close();
          return count;
        },
      },
      {
        name: 'capture/load',
        what: `${of} parsed, located and staged for replay`,
        design: null,
        operations: packets,
        isAsync: true,
        run: async () => {
          const origin = { type: 'capture', files: [path], reading: {} } as const;
          const source = { origin, edits: AS_IT_IS, limit: null };
          const { packets: loaded } = await loadSource(source, Number.POSITIVE_INFINITY);
          return loaded;
        },
      },
    ],
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Sum of the file's 32-bit words, modulo 2^32. */
function wordSum(path: string): number {
  const bytes = readFileSync(path);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let sum = 0;
  for (let at = 0; at + 4 <= bytes.byteLength; at += 4) sum = (sum + words.getUint32(at, true)) >>> 0;
  return sum;
}
