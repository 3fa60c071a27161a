/**
 * Benchmarks of whole batches: packets of random flows through the tracker, 32 in a call, with and without touching ahead, by the
 * number of connections in the table. The larger the table, the less of it is in a cache when a packet comes.
 */
import { touchAheadWord, type TouchAhead } from '../../engine/host/run-memory.js';
import { MAX_BATCH } from '../../engine/host/thread.js';
import { releaseMemory } from '../replay/release-memory.js';
import { buildFrame } from '../synth/packet-builder.js';
import type { Benchmark } from './benchmark.js';
import { MicroEngine } from './micro-engine.js';
import { MicroError } from './micro-error.js';

const NOW_MS = 1_000_000;
const POPULATIONS = [1000, 30_000, 300_000, 1_000_000] as const;
/** Slots beside those of the connections. */
const SPARE_SLOTS = 1024;
/** Where the UDP checksum of an untagged IPv4 frame without options stands; 0 there means that it has none. */
const UDP_CHECKSUM_AT = 40;

/** A full table and a batch of packets. It takes under 200 bytes a connection. */
class BatchBed {
  readonly #engine: MicroEngine;
  readonly #population: number;
  readonly #params: number;
  /** Numbers the packets through, so that every batch is of other flows. */
  #round = 0;

  /** @throws MicroError when not every connection could be created */
  constructor(design: string, population: number) {
    this.#engine = new MicroEngine(design, { slabSlots: population + SPARE_SLOTS });
    this.#population = population;
    this.#params = this.#engine.params({ commit: true });
    const { thread, loops } = this.#engine;
    const packets = Array.from({ length: MAX_BATCH }, () => this.#engine.packet(flowFrame()));
    packets.forEach(({ address }, place) =>
      thread.view.setUint32(thread.packetsAt + place * 4, address, true),
    );
    const first = packets[0] as (typeof packets)[number];
    const created = loops.loopCreate(first.address, this.#params, NOW_MS, 0, population);
    if (created !== population) {
      throw new MicroError(`${design}: ${created} of ${population} connections could be created`);
    }
    // The first packet of a connection's own changes its state; what is timed are those that find it changed.
    this.run('off', population);
  }

  /** Runs packets of random flows; returns how many found their connection. */
  run(setting: TouchAhead, packets: number): number {
    const { thread, loops } = this.#engine;
    const { exports, packetsAt, run } = thread;
    const { constants: c } = run.engine;
    thread.view.setUint32(c.CONTROL + c.C_TOUCH_AHEAD, touchAheadWord(c, setting), true);
    exports.attach(thread.index);
    for (let done = 0; done < packets; done += MAX_BATCH) {
      const count = Math.min(MAX_BATCH, packets - done);
      loops.fillBatch(packetsAt, this.#population, this.#round, count);
      exports.execute(packetsAt, count, this.#params, NOW_MS);
      exports.quiesce();
      this.#round = (this.#round + count) >>> 0;
    }
    // A packet that did not find its connection has made one.
    return packets - (exports.connCount() - this.#population);
  }

  /** What `run` does besides running packets. */
  fill(packets: number): number {
    const { thread, loops } = this.#engine;
    let filled = 0;
    while (filled < packets) {
      const count = Math.min(MAX_BATCH, packets - filled);
      filled += loops.fillBatch(thread.packetsAt, this.#population, this.#round + filled, count);
      thread.exports.quiesce();
    }
    return filled;
  }
}

function flowFrame(): Uint8Array {
  const frame = buildFrame({
    ipv4: { src: '10.0.0.1', dst: '10.255.0.1' },
    udp: { srcPort: 40000, dstPort: 53 },
    payload: new Uint8Array(18),
  });
  // The flows differ in their address, which is under the checksum.
  frame.fill(0, UDP_CHECKSUM_AT, UDP_CHECKSUM_AT + 2);
  return frame;
}

/** The batches of one design; each is made when its turn comes, since a large table takes some time and 300 MB. */
export function batchBenchmarks(design: string): Benchmark[] {
  return POPULATIONS.map((population): Benchmark => {
    let bed: BatchBed | null = null;
    const ready = (): BatchBed => (bed ??= new BatchBed(design, population));
    const what = (setting: string): string =>
      `the whole way of a 60-byte packet in batches of ${MAX_BATCH}, of one of ${population.toLocaleString('en-US')} ` +
      `established UDP connections at random, ${setting}`;
    return {
      name: `batch/off-${population}@${design}`,
      what: what('without touching ahead'),
      design,
      operations: null,
      prepare: () => void ready(),
      run: (n) => ready().run('off', n),
      twin: {
        name: `batch/touch-ahead-${population}@${design}`,
        what: what('touching ahead'),
        run: (n) => ready().run('on', n),
      },
      baseline: (n) => ready().fill(n),
      finish: () => {
        bed = null;
        releaseMemory();
      },
    };
  });
}
