/** Benchmark of reading captures: per packet, from a file in the page cache, through the reader that replay uses. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapWriter } from '../captures/pcap-writer.js';
import { openCapture } from '../captures/reader.js';
import { drainSource } from '../synth/write-capture.js';
import { openScenario } from '../synth/registry.js';
import type { BenchmarkSet } from './benchmark.js';

const PACKETS = 20_000;

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
  return {
    benchmarks: [
      {
        name: 'capture/parse-pcap',
        what: `a packet of a pcap file of ${packets.toLocaleString('en-US')} parsed`,
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
    ],
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
