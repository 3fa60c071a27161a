/** Batches of packets through one engine thread, as replay runs them: for what depends on the batch and not on the packet. */
import { createHash } from 'node:crypto';
import { ConnectionReader } from '../../engine/host/connection-view.js';
import { readCounters, type ThreadCounters } from '../../engine/host/counters.js';
import { dumpLine } from '../../engine/host/dump-text.js';
import { writeExecParams, type ExecRequest } from '../../engine/host/exec-params.js';
import { loadEngine } from '../../engine/host/module.js';
import { PacketHandle } from '../../engine/host/packet-handle.js';
import { PacketStore } from '../../engine/host/packet-store.js';
import { recordedTupleText, PacketView } from '../../engine/host/packet-view.js';
import { byteOffset, type ByteOffset } from '../../engine/host/quantities.js';
import type { RunSettings } from '../../engine/host/run-memory.js';
import { MAX_BATCH, type EngineThread } from '../../engine/host/thread.js';
import { primitiveRun } from '../engine/shm/primitive-threads.js';

/** A packet of a batch. */
export interface BatchPacket {
  readonly frame: Uint8Array;
  readonly request: ExecRequest;
}

const SLAB_SLOTS = 512;
const STORE_BYTES = 1 << 20;
/** Addresses of the store that hold the requests of a batch. */
const REQUEST_BYTES = 256;

/** What a bed is made of, where it matters. */
export interface BatchBedOptions {
  /** Of the engine; stands still unless given. */
  readonly clock?: () => number;
  /** Threads that there is memory for; the first one is used. */
  readonly threads?: number;
}

/** One thread, in the debug build unless told otherwise. */
export class BatchBed {
  readonly thread: EngineThread;
  nowMs = 1_000_000;
  readonly #store: PacketStore;
  readonly #requests: ByteOffset;
  readonly #connections: ConnectionReader;

  constructor(
    design: string,
    settings: Partial<RunSettings> = {},
    flavour: 'debug' | 'probed' = 'debug',
    { clock = () => 0, threads = 1 }: BatchBedOptions = {},
  ) {
    const engine = loadEngine(design, flavour, process.env['CTREPLAY_RACE_WASM']);
    const needs = { threads, packetStoreBytes: STORE_BYTES, slabSlots: SLAB_SLOTS, fragmentSlots: 64 };
    const { run, main } = primitiveRun(engine, 0, needs, settings, clock);
    this.thread = main;
    const { packets } = run.plan.regions;
    this.#requests = packets;
    const used = MAX_BATCH * REQUEST_BYTES;
    this.#store = new PacketStore(
      byteOffset(packets + used),
      STORE_BYTES - used,
      engine.constants.PACKET_SIZE,
    );
    this.#connections = new ConnectionReader(run.memory, engine.constants, run.plan.regions);
    main.exports.goOnline();
  }

  /** Runs a batch of up to 32 packets, each as its request says; returns what became of each, and what was put out besides. */
  run(batch: readonly BatchPacket[], timed = false): string[] {
    const { view, exports, packetsAt, paramsAt, run } = this.thread;
    const { constants: c } = run.engine;
    const places = batch.map(({ frame, request }, index) => {
      const place = this.#store.take(frame.length);
      const { address } = new PacketHandle(view, c, place, frame);
      exports.locatePacket(address);
      const params = byteOffset(this.#requests + index * REQUEST_BYTES);
      writeExecParams(view, c, params, request);
      view.setUint32(address + c.PK_PARAMS, params, true);
      view.setUint32(packetsAt + index * 4, address, true);
      return place;
    });
    writeExecParams(view, c, paramsAt, {});
    if (timed) exports.executeTimed(packetsAt, batch.length, paramsAt, this.nowMs, 0);
    else exports.execute(packetsAt, batch.length, paramsAt, this.nowMs);
    const outputs = Array.from(
      { length: exports.outputCount() },
      (_, index) => exports.outputAddress(index) >>> 0,
    );
    const seen = [...places.map(({ descriptor }) => descriptor), ...outputs].map((at) =>
      this.#seen(byteOffset(at)),
    );
    exports.quiesce();
    for (const place of places) this.#store.give(place);
    return seen;
  }

  /** A clean-up pass. */
  sweep(): void {
    this.thread.exports.sweep(this.nowMs);
    this.thread.exports.quiesce();
  }

  counters(): ThreadCounters {
    return readCounters(this.thread.run, this.thread.index);
  }

  /** The table in the form of `dump-conntrack -s`, in the order of the walk. */
  lines(): string[] {
    const { exports } = this.thread;
    const found: string[] = [];
    for (let at = exports.dumpNext(1, this.nowMs) >>> 0; at !== 0; at = exports.dumpNext(0, this.nowMs) >>> 0)
      found.push(dumpLine(this.#connections.entry(at, this.nowMs)));
    return found;
  }

  /** Digest of map and slab as they lie in memory. */
  table(): string {
    const { buckets, fragments } = this.thread.run.plan.regions;
    return createHash('sha1').update(this.thread.bytes.slice(buckets, fragments)).digest('hex');
  }

  #seen(at: ByteOffset): string {
    const { view, run } = this.thread;
    const packet = new PacketView(view, run.engine.constants, at);
    if (packet.held) return 'held';
    const tuple = packet.originalTuple;
    return [
      packet.stateText,
      packet.reason,
      packet.zone,
      packet.mark,
      packet.label,
      tuple === null ? '-' : recordedTupleText(tuple),
      Buffer.from(packet.copyFrame()).toString('hex'),
    ].join(' ');
  }
}
