import { ConnectionReader, writeKey, type ConnEntry, type ConnTuple } from './connection-view.js';
import { readCounters, type ThreadCounters } from './counters.js';
import { presetNumber } from './designs.js';
import { writeExecParams, type ExecRequest } from './exec-params.js';
import { ExpectationReader, type Expectation } from './expectation-view.js';
import { planMemory } from './memory-plan.js';
import { loadEngine, NO_TRACE, type EngineModule, type EngineTrace, type Flavour } from './module.js';
import { PacketStore } from './packet-store.js';
import { PacketHandle } from './packet-handle.js';
import { byteOffset, milliseconds, type ByteOffset, type Milliseconds } from './quantities.js';
import { reasonTable, type Reason } from './reason-text.js';
import {
  createRun,
  resetRun,
  type BehaviourSwitches,
  type EngineRun,
  type FragmentSettings,
  type RunSettings,
  type TouchAhead,
} from './run-memory.js';
import { EngineThread, type Clock } from './thread.js';
import { attributeValues, type TimeoutSeconds } from './timeout-attributes.js';

/** Behaviour that a tracker starts with. Everything absent is the default of the original. */
export interface TrackerSettings {
  /** Preset by name (`v7`); absent or null = the design's own. */
  readonly preset?: string | null | undefined;
  readonly sweepIntervalMs?: number | undefined;
  readonly connLimit?: number | undefined;
  readonly tcpSeqCheck?: boolean | undefined;
  readonly switches?: BehaviourSwitches | undefined;
  readonly fragments?: FragmentSettings | undefined;
  /** For the engine's random choices; absent = 0. */
  readonly seed?: number | undefined;
  /** Basis of the tuple hash; absent = 0. */
  readonly hashBasis?: number | undefined;
  /** Every how many lock holds the held time is measured, where locks are probed; absent = never. */
  readonly holdInterval?: number | undefined;
  /** Whether batches touch ahead; absent = auto, which a call for one packet never does. */
  readonly touchAhead?: TouchAhead | undefined;
}

/** What a tracker is made for. */
export interface TrackerOptions extends TrackerSettings {
  readonly design: string;
  /** Default `bare`. */
  readonly flavour?: Flavour | undefined;
  /** Records that the table can hold at once, companions of translated connections included; default 65,536. */
  readonly slabSlots?: number | undefined;
  /** Buckets of the connection map; default by `slabSlots`. */
  readonly buckets?: number | undefined;
  /** Bytes for packets that exist at once; default 16 MiB. */
  readonly packetStoreBytes?: number | undefined;
  readonly expectationSlots?: number | undefined;
  readonly fragmentSlots?: number | undefined;
  /** Nanoseconds for the probes; default a clock that stands still, so that nothing but work is counted. */
  readonly clock?: Clock | undefined;
  /** Makes what the traced flavour calls at its accesses; default nothing. */
  readonly trace?: ((run: EngineRun) => EngineTrace) | undefined;
  /** Where the compiled designs lie; default the package's own. */
  readonly wasmFolder?: string | undefined;
}

/** A packet that came back from a call. */
export interface ReturnedPacket {
  readonly handle: PacketHandle;
  /** ct_state in text form. */
  readonly state: string;
  readonly stateBits: number;
  readonly mark: number;
  /** Why the packet has this ct_state; null when there was nothing special. */
  readonly reason: Reason | null;
  /** Whether the frame differs from what it was before this call. */
  readonly frameChanged: boolean;
}

/** What a call returned. */
export interface ExecOutcome {
  /**
   * Packets put out, in order: the input first, unless it was held; then fragments that this call completed or gave
   * up. Empty when the input was held and nothing else came out.
   */
  readonly returned: readonly ReturnedPacket[];
  /** Whether the input is held for reassembly. */
  readonly held: boolean;
}

/** One clean-up pass. */
export interface SweepOutcome {
  /** Wake-up time that the pass asked for, relative to its `now`; may be 0 or negative. */
  readonly wakeMs: number;
  /** The pass stopped at its limit and named no time at all. */
  readonly immediate: boolean;
  /** How long the sweeper thread would wait, in milliseconds. */
  readonly delayMs: number;
  readonly checked: number;
  readonly cleaned: number;
}

/** A zone's limit; zone -1 is the default entry, or, with limit and count 0, none. */
export interface ZoneLimit {
  readonly zone: number;
  readonly limit: number;
  readonly count: number;
}

/**
 * A connection tracker for one thread with a clock that the caller moves: what traces, vectors, comparisons and tests
 * drive. Nothing happens in the background: clean-up is `sweep`.
 *
 * Replay does not use it: there each worker drives an EngineThread of its own.
 */
export class Tracker {
  readonly engine: EngineModule;
  readonly #run: EngineRun;
  readonly #options: TrackerOptions;
  readonly #reasons: ReadonlyMap<number, Reason>;
  readonly #connections: ConnectionReader;
  readonly #expectations: ExpectationReader;
  readonly #handles = new Map<number, PacketHandle>();
  /** Packets that the engine holds for reassembly. */
  readonly #held = new Set<PacketHandle>();
  #store: PacketStore;
  #thread: EngineThread;
  #packetIndex = 0;

  private constructor(run: EngineRun, options: TrackerOptions) {
    this.engine = run.engine;
    this.#run = run;
    this.#options = options;
    this.#reasons = reasonTable(run.engine.constants);
    this.#connections = new ConnectionReader(run.memory, run.engine.constants, run.plan.regions);
    this.#expectations = new ExpectationReader(run.memory, run.engine.constants, this.#connections);
    this.#store = this.#newStore();
    this.#thread = this.#start();
  }

  /**
   * @throws EngineError when the design was not built or the memory does not fit
   */
  static create(options: TrackerOptions): Tracker {
    const engine = loadEngine(options.design, options.flavour ?? 'bare', options.wasmFolder);
    const slabSlots = options.slabSlots ?? 65_536;
    const plan = planMemory(engine.constants, {
      threads: 1,
      maxConns: slabSlots,
      nat: false,
      slabSlots,
      packetStoreBytes: options.packetStoreBytes ?? 16 * 1024 ** 2,
      histogramBytes: engine.flavour === 'bare' ? 0 : engine.constants.HISTOGRAMS_SIZE,
      ...(options.buckets === undefined ? {} : { buckets: options.buckets }),
      ...(options.expectationSlots === undefined ? {} : { expectationSlots: options.expectationSlots }),
      ...(options.fragmentSlots === undefined ? {} : { fragmentSlots: options.fragmentSlots }),
    });
    return new Tracker(createRun(engine, plan, runSettings(engine, options)), options);
  }

  /** A tracker as new in the same memory, for many small cases in a row. Handles of before are void. */
  reset(settings: TrackerSettings = this.#options): void {
    this.#handles.clear();
    this.#held.clear();
    this.#packetIndex = 0;
    resetRun(this.#run, runSettings(this.engine, { ...settings, design: this.#options.design }));
    this.#store = this.#newStore();
    this.#thread = this.#start();
  }

  /**
   * A packet object with clean metadata that holds a copy of an Ethernet frame.
   * @throws EngineError when the packet store is full
   */
  packet(frame: Uint8Array): PacketHandle {
    const place = this.#store.take(frame.length);
    const handle = new PacketHandle(this.#thread.view, this.engine.constants, place, frame);
    this.#thread.exports.locatePacket(place.descriptor);
    this.#handles.set(place.descriptor, handle);
    return handle;
  }

  /** The packet object is done with. One that the engine holds is given back when it returns or is dropped. */
  release(handle: PacketHandle): void {
    if (this.#handles.get(handle.address) !== handle) return;
    if (handle.view.held) {
      handle.releaseOnReturn = true;
      return;
    }
    this.#handles.delete(handle.address);
    this.#store.give(handle.place);
  }

  /**
   * Runs one packet (spec §2).
   * @param nowMs the tracker's clock; fractions of a millisecond do not count
   * @throws EngineError when the engine stops on a broken invariant
   * @throws RangeError for a request out of range
   */
  execute(handle: PacketHandle, request: ExecRequest, nowMs: number): ExecOutcome {
    const thread = this.#thread;
    writeExecParams(thread.view, this.engine.constants, thread.paramsAt, request);
    thread.view.setUint32(thread.packetsAt, handle.address, true);
    const now = wholeMs(nowMs);
    thread.guard(() => thread.exports.execute(thread.packetsAt, 1, thread.paramsAt, now), this.#packetIndex);
    this.#packetIndex += 1;
    const held = handle.view.held;
    const returned: ReturnedPacket[] = held ? [] : [this.#returned(handle)];
    if (held) this.#held.add(handle);
    for (let i = 0; i < thread.exports.outputCount(); i++) {
      const output = this.#takeOutput(byteOffset(thread.exports.outputAddress(i) >>> 0));
      if (output !== null) returned.push(this.#returned(output));
    }
    this.#releaseReturned(returned);
    this.#releaseDropped();
    thread.exports.quiesce();
    return { returned, held };
  }

  /** As `packet` and `execute` together, for a packet that is not needed afterwards: returns its state in text form. */
  run(frame: Uint8Array, request: ExecRequest, nowMs: number): string {
    const handle = this.packet(frame);
    const outcome = this.execute(handle, request, nowMs);
    const own = outcome.returned.find((each) => each.handle === handle);
    this.release(handle);
    return own?.state ?? '0';
  }

  /** One clean-up pass. */
  sweep(nowMs: number): SweepOutcome {
    const { exports } = this.#thread;
    const wakeMs = this.#thread.guard(() => exports.sweep(wholeMs(nowMs)));
    this.#releaseDropped();
    exports.quiesce();
    return {
      wakeMs,
      immediate: exports.sweepWasImmediate() !== 0,
      delayMs: Number(exports.sweepDelayMs()),
      checked: exports.sweepChecked(),
      cleaned: exports.sweepCleaned(),
    };
  }

  /** The table at a time, as the design's dump shows it, in no particular order. */
  dump(nowMs: number): ConnEntry[] {
    const { exports } = this.#thread;
    const now = wholeMs(nowMs);
    const entries: ConnEntry[] = [];
    for (let at = exports.dumpNext(1, now) >>> 0; at !== 0; at = exports.dumpNext(0, now) >>> 0) {
      entries.push(this.#connections.entry(at, now));
    }
    return entries;
  }

  /** Removes all connections, or those of one zone. */
  flush(zone?: number): void {
    this.#thread.guard(() => this.#thread.exports.flush(zone ?? -1));
    this.#releaseDropped();
    this.#thread.exports.quiesce();
  }

  /** Removes what has expired but was not swept yet, however the design hides it. Returns how many. */
  removeExpired(nowMs: number): number {
    const now = wholeMs(nowMs);
    const removed = this.#thread.guard(() => this.#thread.exports.removeExpired(now));
    this.#thread.exports.quiesce();
    return removed;
  }

  /** Removes the connection of a tuple in either direction. Returns 0, or the errno 2 when there is none. */
  flushTuple(tuple: ConnTuple, zone: number, nowMs: number): number {
    const thread = this.#thread;
    writeKey(thread.view, this.engine.constants, thread.keyAt, tuple, zone);
    const now = wholeMs(nowMs);
    const errno = thread.guard(() => thread.exports.flushTuple(thread.keyAt, now));
    thread.exports.quiesce();
    return errno;
  }

  /** Connections that count against the limit: expired ones until they are swept, companions never. */
  get connCount(): number {
    return this.#thread.exports.connCount();
  }

  /** Records in the map, un-NAT companions included. */
  get tableCount(): number {
    return this.#thread.exports.tableCount();
  }

  /** Its engine in its memory: for reading what probes have recorded. */
  get engineRun(): EngineRun {
    return this.#run;
  }

  /** Records taken from the slab and not yet given back, companions and those that wait for a grace period included. */
  get slotsInUse(): number {
    const { C_SLAB_IN_USE, CONTROL } = this.engine.constants;
    return this.#thread.view.getUint32(CONTROL + C_SLAB_IN_USE, true);
  }

  get connLimit(): number {
    return this.#thread.exports.getConnLimit() >>> 0;
  }
  set connLimit(limit: number) {
    this.#thread.exports.setConnLimit(limit);
  }

  /** Switches the TCP window check. */
  setTcpSeqCheck(on: boolean): void {
    this.#thread.exports.setSeqCheck(on ? 1 : 0);
  }

  /** Sets the limit of a zone, -1 for the default. Returns 0, or the errno 22 for a zone that cannot be. */
  setZoneLimit(zone: number, limit: number): number {
    return this.#thread.exports.setZoneLimit(zone, limit);
  }

  /** Returns 0, for a zone without a limit too, or the errno 22 for one that cannot be. */
  deleteZoneLimit(zone: number): number {
    return this.#thread.exports.deleteZoneLimit(zone);
  }

  /** The record that applies to a zone. */
  zoneLimit(zone: number): ZoneLimit {
    const { exports, outAt, view } = this.#thread;
    exports.getZoneLimit(zone, outAt);
    return {
      zone: view.getInt32(outAt, true),
      limit: view.getUint32(outAt + 4, true),
      count: view.getUint32(outAt + 8, true),
    };
  }

  /**
   * Sets a timeout policy, replacing all of it. Returns 0, or the errno 28 when there is no room for another.
   * @throws RangeError for an attribute that does not exist
   */
  setTimeoutPolicy(id: number, seconds: TimeoutSeconds): number {
    const thread = this.#thread;
    attributeValues(seconds).forEach((value, index) =>
      thread.view.setUint32(thread.attributesAt + index * 4, value, true),
    );
    return thread.exports.setPolicy(id, thread.attributesAt);
  }

  /** Returns 0, or the errno 2 when there is no such policy. */
  deleteTimeoutPolicy(id: number): number {
    return this.#thread.exports.deletePolicy(id);
  }

  /** Data connections that application messages have announced. */
  expectations(): Expectation[] {
    const { exports } = this.#thread;
    return Array.from({ length: exports.expectationCount() }, (_, index) =>
      this.#expectations.read(exports.expectationAt(index) >>> 0),
    );
  }

  /** Counters since the start or the last reset. */
  counters(): ThreadCounters {
    return readCounters(this.#run, 0);
  }

  /** Reason of a code that the counters hold. */
  reason(code: number): Reason | null {
    return this.#reasons.get(code) ?? null;
  }

  /** A fragment that comes out of the engine's store goes back into the packet object it came from. */
  #takeOutput(output: ByteOffset): PacketHandle | null {
    const { view } = this.#thread;
    const handle = this.#handles.get(view.getUint32(output + this.engine.constants.PK_USER, true));
    if (handle === undefined) return null;
    handle.takeOver(output);
    this.#held.delete(handle);
    return handle;
  }

  #returned(handle: PacketHandle): ReturnedPacket {
    const { view } = handle;
    return {
      handle,
      state: view.stateText,
      stateBits: view.state,
      mark: view.mark,
      reason: this.#reasons.get(view.reason) ?? null,
      frameChanged: handle.takeChange(),
    };
  }

  #releaseReturned(returned: readonly ReturnedPacket[]): void {
    for (const { handle } of returned) if (handle.releaseOnReturn) this.release(handle);
  }

  /**
   * The engine drops a fragment in silence when its list is long past its timeout. What became of a packet that it held shows
   * only in what it still holds.
   */
  #releaseDropped(): void {
    const { exports, view } = this.#thread;
    if (exports.fragmentsHeld() === this.#held.size) return;
    const kept = new Set<number>();
    for (let at = exports.heldFragmentNext(1) >>> 0; at !== 0; at = exports.heldFragmentNext(0) >>> 0) {
      kept.add(view.getUint32(at + this.engine.constants.PK_USER, true));
    }
    for (const handle of this.#held) {
      if (kept.has(handle.address)) continue;
      this.#held.delete(handle);
      handle.view.noteDropped();
      if (handle.releaseOnReturn) this.release(handle);
    }
  }

  #newStore(): PacketStore {
    const { plan, engine } = this.#run;
    return new PacketStore(plan.regions.packets, plan.packetStoreBytes, engine.constants.PACKET_SIZE);
  }

  #start(): EngineThread {
    const { clock = (): number => 0, trace } = this.#options;
    const thread = new EngineThread(this.#run, 0, clock, { trace: trace?.(this.#run) ?? NO_TRACE });
    thread.guard(() => {
      thread.exports.initTracker();
      thread.exports.goOnline();
    });
    return thread;
  }
}

function runSettings(
  engine: EngineModule,
  options: TrackerSettings & { readonly design: string },
): RunSettings {
  return {
    seed: options.seed ?? 0,
    hashBasis: options.hashBasis ?? 0,
    preset: presetNumber({ design: options.design, preset: options.preset ?? null }, engine.presets),
    sweepIntervalMs: options.sweepIntervalMs,
    connLimit: options.connLimit,
    tcpSeqCheck: options.tcpSeqCheck,
    switches: options.switches,
    fragments: options.fragments,
    holdInterval: options.holdInterval,
    touchAhead: options.touchAhead,
  };
}

function wholeMs(nowMs: number): Milliseconds {
  return milliseconds(Math.floor(nowMs));
}
