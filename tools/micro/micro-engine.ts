/** An engine of one thread, built with the measured loops (engine/assembly/micro), and what benchmarks put into it. */
import { join } from 'node:path';
import { designLabel, presetNumber, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { writeExecParams, type ExecRequest } from '../../engine/host/exec-params.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine, wasmFolder } from '../../engine/host/module.js';
import { PacketStore } from '../../engine/host/packet-store.js';
import { PacketView } from '../../engine/host/packet-view.js';
import { byteOffset, type ByteOffset } from '../../engine/host/quantities.js';
import { createRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { MicroError } from './micro-error.js';

/** The loops. Each returns how many operations did what they should. */
export interface MicroExports {
  loopMutex(n: number): number;
  loopQuiesce(n: number): number;
  loopSlotLife(n: number): number;
  listPrepare(head: number): void;
  loopListInsert(head: number, n: number): number;
  loopListRemove(n: number): number;
  loopListScan(head: number): number;
  plainListPrepare(head: number): void;
  loopPlainListInsert(head: number, n: number): number;
  loopPlainListRemove(n: number): number;
  loopPlainListMove(head: number, population: number, n: number): number;
  loopPick(population: number, n: number): number;
  mapInit(): void;
  loopMapInsert(first: number, n: number): number;
  loopMapRemove(first: number, n: number): number;
  loopMapFind(first: number, population: number, n: number): number;
  loopMapPick(first: number, population: number, n: number): number;
  loopRecordFine(at: number, n: number): number;
  loopRecordCoarse(at: number, n: number): number;
  loopValues(n: number): number;
  loopLocate(packet: number, n: number): number;
  loopClassify(packet: number, n: number): number;
  loopChecksum(at: number, length: number, n: number): number;
  loopUpdate(packet: number, nowMs: number, n: number): number;
  loopFtp(packet: number, original: number, length: number, params: number, nowMs: number, n: number): number;
  loopFtpRestore(packet: number, original: number, length: number, conn: number, n: number): number;
  fillBatch(packets: number, population: number, round: number, count: number): number;
  loopFlows(packet: number, n: number): number;
  loopLookup(packet: number, population: number, nowMs: number, n: number): number;
  loopNat(packet: number, params: number, conn: number, nowMs: number, n: number): number;
  loopNatFlows(packet: number, params: number, conn: number, n: number): number;
  loopCreate(packet: number, params: number, nowMs: number, first: number, n: number): number;
  loopRefresh(timeoutClass: number, nowMs: number, n: number): number;
  loopClean(n: number): number;
  loopPacket(packet: number, params: number, nowMs: number, n: number): number;
  sweepLooks(nowMs: number): number;
  sweepRemoves(nowMs: number): number;
}

/** Records and buckets: a map of 57,344 places, room for records at every load of it. */
const SLAB_SLOTS = 70_000;
export const MAP_BUCKETS = 8192;
const STORE_BYTES = 4 * 1024 ** 2;
const SCRATCH_BYTES = 65_536;

/** How large the table is. */
export interface TableSize {
  readonly slabSlots: number;
  /** Default by the slots. */
  readonly buckets?: number;
}

/** A packet in the engine's memory that can be put back as it was. */
export interface MicroPacket {
  readonly address: ByteOffset;
  readonly frame: Uint8Array;
  /** A copy of the frame in the engine's memory. */
  readonly original: ByteOffset;
  restore(): void;
}

export class MicroEngine {
  readonly thread: EngineThread;
  readonly loops: MicroExports;
  /** Memory that nothing else uses. */
  readonly scratch: ByteOffset;
  readonly histogramsAt: number;
  readonly #store: PacketStore;
  #nextScratch: number;

  /** Design, with its preset as on the command line. */
  readonly design: string;
  /** The design without its preset, to ask for traits. */
  readonly baseDesign: string;

  /**
   * @param design perhaps with a preset, as `rculist-sweep@v7`
   * @throws EngineError when there is no such design or preset, or when its loops were not built
   */
  constructor(
    design: string,
    { slabSlots, buckets }: TableSize = { slabSlots: SLAB_SLOTS, buckets: MAP_BUCKETS },
  ) {
    const choice = resolveDesigns(design)[0] as DesignChoice;
    this.design = designLabel(choice);
    this.baseDesign = choice.design;
    const engine = loadEngine(choice.design, 'bare', join(wasmFolder(), 'micro'));
    const { constants } = engine;
    const plan = planMemory(constants, {
      threads: 1,
      maxConns: slabSlots,
      nat: false,
      slabSlots,
      ...(buckets === undefined ? {} : { buckets }),
      packetStoreBytes: STORE_BYTES,
      expectationSlots: 64,
      fragmentSlots: 16,
      histogramBytes: constants.HISTOGRAMS_SIZE,
    });
    const run = createRun(engine, plan, {
      seed: 1,
      hashBasis: 1,
      preset: presetNumber(choice, engine.presets),
    });
    this.thread = new EngineThread(run, 0, () => 0);
    this.loops = this.thread.exports as unknown as MicroExports;
    this.scratch = plan.regions.packets;
    this.#nextScratch = plan.regions.packets + 1024;
    this.histogramsAt = plan.regions.histograms;
    this.#store = new PacketStore(
      byteOffset(plan.regions.packets + SCRATCH_BYTES),
      STORE_BYTES - SCRATCH_BYTES,
      constants.PACKET_SIZE,
    );
    this.thread.exports.initTracker();
    this.thread.exports.goOnline();
  }

  /** Slot that the tracker never reaches: the last one. */
  get spareSlot(): number {
    const { plan, engine } = this.thread.run;
    return plan.regions.slab + (plan.slabSlots - 1) * engine.constants.CONN_SIZE;
  }

  /** An empty tracker whose next connections take the first slots in order. */
  fresh(): void {
    const { exports } = this.thread;
    exports.clearAll();
    exports.detach();
    exports.initTracker();
    exports.goOnline();
  }

  params(request: ExecRequest): ByteOffset {
    const { constants } = this.thread.run.engine;
    const at = this.#take(constants.PARAMS_SIZE);
    writeExecParams(this.thread.view, constants, at, request);
    return at;
  }

  packet(frame: Uint8Array): MicroPacket {
    const { constants } = this.thread.run.engine;
    const place = this.#store.take(frame.length);
    const view = new PacketView(this.thread.view, constants, place.descriptor);
    const original = this.#take(frame.length);
    this.thread.bytes.set(frame, original);
    const restore = (): void => {
      this.thread.bytes.set(frame, place.frame);
      view.initialise(place.frame, frame.length, place.capacity);
      this.thread.exports.locatePacket(place.descriptor);
    };
    restore();
    return { address: place.descriptor, frame, original, restore };
  }

  /** Runs one packet through the tracker; returns its ct_state. */
  execute(packet: MicroPacket, params: ByteOffset, nowMs: number): number {
    const { exports, view, packetsAt, run } = this.thread;
    exports.resetPacketState(packet.address);
    view.setUint32(packetsAt, packet.address, true);
    this.thread.guard(() => exports.execute(packetsAt, 1, params, nowMs));
    exports.quiesce();
    return view.getUint8(packet.address + run.engine.constants.PK_CT_STATE);
  }

  /** The only connection of the table. */
  onlyConnection(nowMs: number): number {
    const at = this.thread.exports.dumpNext(1, nowMs) >>> 0;
    if (at === 0) throw new MicroError('the table is empty: the connection to measure was not created');
    return at;
  }

  #take(size: number): ByteOffset {
    const at = byteOffset(this.#nextScratch);
    this.#nextScratch += Math.ceil(size / 64) * 64;
    if (this.#nextScratch > this.scratch + SCRATCH_BYTES) throw new MicroError('scratch memory is used up');
    return at;
  }
}
