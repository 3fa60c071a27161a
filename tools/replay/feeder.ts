/**
 * The feeder: a thread that reads a capture, or makes a scenario's packets, and writes them to the rings of the workers while
 * they are replayed. Steering and rules are those of the packet store, so a streamed run does what a staged one does.
 *
 * It is the only writer of the requests (feed-ring.ts says who writes the rings): a request is written before the first
 * packet that makes it is published, and never changed. It holds no lock and is no thread of the engine: of that it uses
 * the function that locates headers, which touches the packet alone.
 */
import { writeExecParams } from '../../engine/host/exec-params.js';
import { byteOffset } from '../../engine/host/quantities.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { createRules, type PacketRules } from '../config/rules.js';
import { makeRewriter, type FrameRewriter } from '../rewrite/rewriter.js';
import { eventLoopTurn } from './event-loop.js';
import { makeInjector, PendingFault, type FaultInjector } from './fault-injection.js';
import { RECORD_LOOP_END, RECORD_PACKET, RingWriter, type RingPlace } from './feed-ring.js';
import type { TimedRange } from './frame-range.js';
import { LocatedPacket } from './located-packet.js';
import { PacketChoice } from './packet-choice.js';
import { headBytes, PlaceWriter, type Locator } from './packet-place.js';
import { frameBits, type PacketSource } from './packet-source.js';
import { readRanges } from './read-ranges.js';
import { abortRun, announceDeath, feederIndex } from './run-abort.js';
import { SharedState, STOP_NONE } from './shared-state.js';
import { loopCount, loopsPerChange } from './plan-loops.js';
import type { ReplayPlan } from './replay-plan.js';
import { MAX_STREAMED_REQUESTS, requestStride } from './stream-plan.js';
import type { FaultInjection, ThreadFailure } from './worker-input.js';

export interface FeederInput {
  readonly run: EngineRun;
  readonly state: SharedArrayBuffer;
  /** Without its frames. */
  readonly traffic: PacketSource;
  readonly plan: ReplayPlan;
  /** One per worker. */
  readonly rings: readonly RingPlace[];
  readonly fault: FaultInjection | null;
}

export interface FeederReport {
  /** Packets written, over all loops. */
  readonly packets: number;
  /** Why it ended early; null when it did not. */
  readonly failure: ThreadFailure | null;
}

/** Packets written to a ring before its worker is told. */
const PUBLISH_PACKETS = 32;
/** Looked at again after this long, though nobody said that there is room. */
const FULL_WAIT_MS = 20;
/** A source that is slower than this at filling the rings is not waited for. */
const PREFILL_MS = 10_000;

/** Feeds a run. Never throws: a failure is part of the report, and stops the run. */
export async function feed(input: FeederInput): Promise<FeederReport> {
  const state = new SharedState(input.state);
  const index = feederIndex(input.run);
  const silence = announceDeath(input.run, state, index);
  const prefill = setTimeout(() => state.markPrefilled(), PREFILL_MS);
  let feeder: Feeder | null = null;
  try {
    feeder = new Feeder(input, state);
    const loops = loopCount(input.plan);
    for (let loop = 0; loop < loops && state.stopped === STOP_NONE; loop++) await feeder.feedLoop(loop);
    state.markPrefilled();
    await eventLoopTurn();
    return { packets: feeder.packets, failure: null };
  } catch (error) {
    if (error instanceof PendingFault) await error.strike();
    const isFirst = abortRun(input.run, state, index);
    const message = error instanceof Error ? error.message : String(error);
    const isInput = !(error instanceof WebAssembly.RuntimeError);
    return {
      packets: feeder?.packets ?? 0,
      failure: { message, packetIndex: null, secondary: !isFirst, isInput },
    };
  } finally {
    clearTimeout(prefill);
    silence();
  }
}

/** How far a loop has come. */
interface LoopPlace {
  readonly loop: number;
  /** Packets of the loop that were written, and their bits. */
  index: number;
  bits: number;
}

class Feeder {
  readonly #input: FeederInput;
  readonly #state: SharedState;
  readonly #rings: readonly RingWriter[];
  readonly #unpublished: Uint32Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  /** Bytes of a place in front of its frame. */
  readonly #headBytes: number;
  /** Addresses of the requests that were written. */
  readonly #requestAt: number[] = [];
  readonly #packet = new LocatedPacket();
  readonly #writer: PlaceWriter;
  readonly #rules: PacketRules;
  readonly #rewriter: FrameRewriter | null;
  readonly #fault: FaultInjector | null;
  /** Packets written. */
  packets = 0;

  constructor(input: FeederInput, state: SharedState) {
    const { run, rings } = input;
    const { memory, engine } = run;
    this.#input = input;
    this.#state = state;
    this.#rings = rings.map((place) => new RingWriter(memory.buffer, place));
    this.#unpublished = new Uint32Array(rings.length);
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#headBytes = headBytes(engine.constants);
    const instance = new WebAssembly.Instance(engine.module, { env: { memory, clock: () => 0 } });
    const locator = instance.exports as unknown as Locator;
    this.#writer = new PlaceWriter(run, locator);
    const uniqueIpLoops = loopsPerChange(input.plan);
    this.#rewriter = uniqueIpLoops === null ? null : makeRewriter({ uniqueIpLoops });
    // The descriptor lies beyond the end of any memory.
    const trap = (): void => locator.locatePacket(0xffff_fff0);
    const index = feederIndex(run);
    this.#fault = makeInjector(input.fault, { kind: 'feeder', index, run, state, engine: null, trap });
    this.#fault?.at('set-up', 0);
    this.#rules = createRules(input.plan.config);
  }

  /** Reads the traffic once, and marks the end of the loop. Steering and rules look at the packets as captured. */
  async feedLoop(loop: number): Promise<void> {
    const { traffic, plan } = this.#input;
    const choice = new PacketChoice(this.#rules, plan.steer, this.#rings.length);
    const place: LoopPlace = { loop, index: 0, bits: 0 };
    await readRanges(traffic.request, (range) => this.#feedRange(range, choice, place));
    const { index, bits } = place;
    if (this.#state.stopped !== STOP_NONE) return;
    if (index < traffic.packets) throw this.#changed(`only ${index}`);
    for (const ring of this.#rings) {
      if (this.#waitForRoom(ring, 0) === 0) return;
      ring.commit(RECORD_LOOP_END, index, bits, 0);
    }
    this.#flushAll();
  }

  /** Writes the packets of a range; false when the run was stopped meanwhile. */
  #feedRange(range: TimedRange, choice: PacketChoice, place: LoopPlace): boolean {
    const { packets, longestFrame } = this.#input.traffic;
    const { count, lengths, timesNs } = range;
    const packet = this.#packet;
    const writer = this.#writer;
    const rewriter = place.loop > 0 ? this.#rewriter : null;
    let { index, bits } = place;
    writer.open(range);
    for (let at = 0; at < count; at++) {
      const length = lengths[at] as number;
      if (index === packets) throw this.#changed('more');
      if (length > longestFrame) throw this.#changed('longer');
      packet.open(range, at);
      choice.look(packet);
      const { worker, request } = choice;
      const requestAt = this.#requestAt[request] ?? this.#placeOf(request);
      if (this.#fault !== null) this.#failIfAsked(this.#fault);
      const ring = this.#rings[worker] as RingWriter;
      const payloadBytes = this.#headBytes + length;
      let to = ring.reserve(payloadBytes);
      if (to === 0) to = this.#waitForRoom(ring, payloadBytes);
      if (to === 0) return false;
      writer.write(to, at, requestAt);
      rewriter?.rewrite(this.#frameOf(to, length), place.loop);
      ring.commit(RECORD_PACKET, index, bits, timesNs[at] as number);
      this.packets++;
      this.#countUnpublished(worker, ring);
      index++;
      bits += frameBits(length);
    }
    place.index = index;
    place.bits = bits;
    // The source may keep this thread waiting for the next range.
    this.#flushAll();
    return true;
  }

  #failIfAsked(fault: FaultInjector): void {
    fault.at('warm-up', this.packets);
    fault.at('work', this.packets);
    if (fault.isDue('empty', this.packets) !== true) return;
    this.#flushAll();
    this.#state.markPrefilled();
    while (!this.#rings.some((ring) => ring.isWaitedFor) && this.#state.stopped === STOP_NONE) {
      this.#state.sleep(1);
    }
    fault.at('empty', this.packets);
  }

  #frameOf(place: number, length: number): Uint8Array {
    const start = place + this.#headBytes;
    return this.#bytes.subarray(start, start + length);
  }

  /** Shows the worker now and then what was written for it. */
  #countUnpublished(worker: number, ring: RingWriter): void {
    const unpublished = (this.#unpublished[worker] as number) + 1;
    this.#unpublished[worker] = unpublished % PUBLISH_PACKETS;
    if (unpublished === PUBLISH_PACKETS) ring.publish();
  }

  /** Room in a ring, waited for; 0 when the run was stopped meanwhile. */
  #waitForRoom(ring: RingWriter, payloadBytes: number): number {
    for (;;) {
      const at = ring.reserve(payloadBytes);
      if (at !== 0) return at;
      // Nobody waits for what lies here unseen while this thread sleeps.
      this.#flushAll();
      this.#state.markPrefilled();
      if (this.#state.stopped !== STOP_NONE) return 0;
      this.#fault?.at('asleep', this.packets);
      ring.waitForRoom(payloadBytes, FULL_WAIT_MS);
    }
  }

  #flushAll(): void {
    for (const ring of this.#rings) ring.flush();
    this.#unpublished.fill(0);
  }

  /** Address of a request that was not made before; it and those before it are written now. */
  #placeOf(request: number): number {
    const { run, traffic } = this.#input;
    const { requests } = this.#rules;
    const c = run.engine.constants;
    if (request >= MAX_STREAMED_REQUESTS) {
      throw new Error(
        `${traffic.name}: the rules come to more than ${MAX_STREAMED_REQUESTS} requests in different zones. ` +
          'Use fewer zones in --config, or a larger --store, so that the traffic is not streamed.',
      );
    }
    for (let next = this.#requestAt.length; next <= request; next++) {
      const at = run.plan.regions.packets + next * requestStride(c);
      writeExecParams(this.#view, c, byteOffset(at), requests[next] as (typeof requests)[number]);
      this.#requestAt.push(at);
    }
    return this.#requestAt[request] as number;
  }

  #changed(what: string): Error {
    const { name, packets, longestFrame } = this.#input.traffic;
    const now =
      what === 'longer'
        ? `a frame longer than ${longestFrame} bytes`
        : `${what} packets instead of ${packets}`;
    return new Error(
      `${name}: it changed while it was replayed: there are now ${now}. Replay a file that nobody writes to.`,
    );
  }
}
