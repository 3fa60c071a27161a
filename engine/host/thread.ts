import { EngineError } from './engine-error.js';
import { ARGUMENT_BYTES } from './memory-plan.js';
import { byteOffset, type ByteOffset } from './quantities.js';
import { NO_TRACE, type EngineTrace } from './module.js';
import type { EngineRun } from './run-memory.js';

/**
 * What a compiled design exports for the host (engine/assembly/designs/api.ts and shared.ts). Addresses are byte
 * offsets in the run's memory, times are milliseconds of the caller's clock. WebAssembly hands 32-bit numbers over as
 * signed: results above 2 GiB arrive negative and want `>>> 0`.
 */
export interface EngineExports {
  attach(threadIndex: number): number;
  detach(): void;
  initTracker(): void;
  clearAll(): void;
  goOnline(): void;
  goOffline(): void;
  quiesce(): void;
  reclaimNow(): void;

  locatePacket(packet: number): void;
  /**
   * Places frames that lie in memory one behind the other (engine/assembly/wire/place.ts); returns where the next place begins.
   * Engines of earlier revisions lack it, which `regress --against` still loads.
   */
  placeFrames?(table: number, count: number, to: number): number;
  /** Locates the headers of a packet that was placed by hand. Lacking likewise, as the next one: where PLACED_SIZE is 0. */
  locatePlaced(place: number): void;
  /**
   * Makes descriptors for packets that were placed, of copies where these may be rewritten; the words at `packets` become their addresses.
   * Returns the bytes of the frames.
   */
  openPackets(packets: number, count: number, descriptors: number, stride: number, copies: boolean): number;
  resetPacketState(packet: number): void;
  resetPackets(packets: number, count: number): void;
  dropCachedConnections(packets: number, count: number): void;
  execute(packets: number, count: number, params: number, nowMs: number): number;
  executeTimed(packets: number, count: number, params: number, nowMs: number, dueNs: number): number;
  outputCount(): number;
  outputAddress(index: number): number;
  fragmentsHeld(): number;
  /** Descriptor of the next fragment held, 0 at the end; `first` not 0 starts a walk. */
  heldFragmentNext(first: number): number;

  /** Wake-up time after the pass, relative to `nowMs`; may be 0 or negative. */
  sweep(nowMs: number): number;
  sweepWasImmediate(): number;
  sweepDelayMs(): number;
  sweepChecked(): number;
  sweepCleaned(): number;

  connCount(): number;
  tableCount(): number;
  countExpired(nowMs: bigint): number;
  setConnLimit(limit: number): void;
  getConnLimit(): number;
  setSeqCheck(on: number): void;
  setZoneLimit(zone: number, limit: number): number;
  deleteZoneLimit(zone: number): number;
  /** Writes zone (i32), limit and count (u32) to `out`. */
  getZoneLimit(zone: number, out: number): void;
  setPolicy(id: number, attributes: number): number;
  deletePolicy(id: number): number;
  flush(zone: number): void;
  /** Removes what has expired but was not swept; returns how many. */
  removeExpired(nowMs: number): number;
  flushTuple(key: number, nowMs: number): number;
  /** Address of the next connection of a dump, 0 at its end; `first` not 0 starts one. */
  dumpNext(first: number, nowMs: number): number;
  /** Index of the thread that holds the lock at this address, or -1. */
  lockOwner(lock: number): number;
  /** Takes and releases a lock: for tests of what happens when a thread dies holding one. */
  testLock(lock: number, lockClass: number): void;
  testUnlock(lock: number, lockClass: number): void;
  resetHistograms(): void;
  expectationCount(): number;
  expectationAt(index: number): number;
}

/** Monotonic nanoseconds. */
export type Clock = () => number;

/** Told of each step of the `torture` flavour before it is made; what it throws comes out of the engine's call. */
export type StepHook = (step: number) => void;

/** Packets that one call takes at most. */
export const MAX_BATCH = 32;

/** Places in a thread's argument area. */
const PACKETS_AT = 0;
const DUE_AT = 256;
const PARAMS_AT = 512;
const ATTRIBUTES_AT = 1024;
const KEY_AT = 1152;
const OUT_AT = 1280;

/** What the flavours for tests call; no other asks for it. */
export interface EngineHooks {
  /** Of the `torture` flavour. */
  readonly step?: StepHook;
  /** Told of the accesses of the `traced` flavour. */
  readonly trace?: EngineTrace;
}

/**
 * One thread's instance of a run's engine. Lives on the thread that attached; its argument area lies in the run's memory and
 * belongs to it alone.
 */
export class EngineThread {
  readonly run: EngineRun;
  readonly index: number;
  readonly exports: EngineExports;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  /** Array of MAX_BATCH packet addresses (u32). */
  readonly packetsAt: ByteOffset;
  /** Array of MAX_BATCH due times (f64). */
  readonly dueAt: ByteOffset;
  /** One ExecParams. */
  readonly paramsAt: ByteOffset;
  readonly attributesAt: ByteOffset;
  readonly keyAt: ByteOffset;
  readonly outAt: ByteOffset;

  /**
   * Instantiates the engine on a run's memory and attaches as thread `index`.
   * @param clock monotonic nanoseconds, for the probes
   * @param hooks what the flavours for tests call
   * @throws EngineError when the memory was not laid out or the index is out of range
   */
  constructor(
    run: EngineRun,
    index: number,
    clock: Clock,
    { step = () => {}, trace = NO_TRACE }: EngineHooks = {},
  ) {
    this.run = run;
    this.index = index;
    const { memory, engine, plan } = run;
    const instance = new WebAssembly.Instance(engine.module, { env: { memory, clock, step, ...trace } });
    this.exports = instance.exports as unknown as EngineExports;
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    if (this.exports.attach(index) === 0) {
      throw new EngineError({
        design: engine.design,
        threadIndex: index,
        reason: `it cannot attach: the memory is not laid out, or for ${plan.threads} threads only`,
      });
    }
    const base = plan.regions.arguments + index * ARGUMENT_BYTES;
    this.packetsAt = byteOffset(base + PACKETS_AT);
    this.dueAt = byteOffset(base + DUE_AT);
    this.paramsAt = byteOffset(base + PARAMS_AT);
    this.attributesAt = byteOffset(base + ATTRIBUTES_AT);
    this.keyAt = byteOffset(base + KEY_AT);
    this.outAt = byteOffset(base + OUT_AT);
  }

  /**
   * What a trap of the engine means to the caller.
   * @param firstPacketIndex number of the first packet of the call, if packets were being run
   */
  engineError(cause: unknown, firstPacketIndex?: number): EngineError {
    const inBatch = this.view.getUint32(this.#block + this.run.engine.constants.T_PACKET_INDEX, true);
    const aborted = this.view.getUint32(
      this.run.engine.constants.CONTROL + this.run.engine.constants.C_ABORT,
      true,
    );
    return new EngineError({
      design: this.run.engine.design,
      threadIndex: this.index,
      ...(firstPacketIndex === undefined ? {} : { packetIndex: firstPacketIndex + inBatch }),
      reason:
        aborted === 0
          ? `the engine stopped on a broken invariant (${(cause as Error).message})`
          : `the run was ended by thread ${aborted - 1}`,
      cause,
    });
  }

  /** Runs `action`; a trap becomes an EngineError. */
  guard<T>(action: () => T, firstPacketIndex?: number): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) {
        throw this.engineError(error, firstPacketIndex);
      }
      throw error;
    }
  }

  get #block(): number {
    return this.run.plan.regions.threads + this.index * this.run.engine.constants.THREAD_SIZE;
  }
}
