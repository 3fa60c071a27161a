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
import { FrameCopy } from './frame-copy.js';
import type { TimedRange } from './frame-range.js';
import { frameBits } from './pace.js';
import { PacketChoice } from './packet-choice.js';
import { FRAME_SHIFT } from './packet-store.js';
import { abortRun, announceDeath, feederIndex } from './run-abort.js';
import { SharedState, STOP_NONE } from './shared-state.js';
import { loopCount, loopsPerChange } from './plan-loops.js';
import type { ReplayPlan } from './replay-plan.js';
import { makeSteering } from './steer.js';
import { MAX_STREAMED_REQUESTS, requestStride } from './stream-plan.js';
import { openTraffic, type StreamedTraffic } from './traffic-source.js';
import type { FaultInjection, ThreadFailure } from './worker-input.js';

export interface FeederInput {
  readonly run: EngineRun;
  readonly state: SharedArrayBuffer;
  readonly traffic: StreamedTraffic;
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

/** Single frames as ranges of one. */
class FrameAsRange {
  readonly #wireBytes = new Uint32Array(1);
  readonly #lengths = new Uint32Array(1);
  readonly #starts = new Uint32Array(1);
  readonly #timesNs = new Float64Array(1);

  of(bytes: Uint8Array, timeNs: number, wireBytes: number): TimedRange {
    this.#lengths[0] = bytes.length;
    this.#wireBytes[0] = wireBytes;
    this.#timesNs[0] = timeNs;
    return {
      bytes,
      count: 1,
      starts: this.#starts,
      lengths: this.#lengths,
      wireBytes: this.#wireBytes,
      timesNs: this.#timesNs,
    };
  }
}

class Feeder {
  readonly #input: FeederInput;
  readonly #state: SharedState;
  readonly #rings: readonly RingWriter[];
  readonly #unpublished: Uint32Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #copy: FrameCopy;
  readonly #locate: (packet: number) => void;
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
    this.#words = new Int32Array(memory.buffer);
    this.#copy = new FrameCopy(memory.buffer);
    const instance = new WebAssembly.Instance(engine.module, { env: { memory, clock: () => 0 } });
    this.#locate = instance.exports['locatePacket'] as (packet: number) => void;
    const uniqueIpLoops = loopsPerChange(input.plan);
    this.#rewriter = uniqueIpLoops === null ? null : makeRewriter({ uniqueIpLoops });
    // The descriptor lies beyond the end of any memory.
    const trap = (): void => this.#locate(0xffff_fff0);
    const index = feederIndex(run);
    this.#fault = makeInjector(input.fault, { kind: 'feeder', index, run, state, engine: null, trap });
    this.#fault?.at('set-up', 0);
    this.#rules = createRules(input.plan.config);
  }

  /** Reads the traffic once, and marks the end of the loop. Steering and rules look at the packets as captured. */
  async feedLoop(loop: number): Promise<void> {
    const { traffic, plan } = this.#input;
    const { limit } = traffic.source;
    const choice = new PacketChoice(this.#rules, makeSteering(plan.steer, this.#rings.length));
    const place: LoopPlace = { loop, index: 0, bits: 0 };
    const opened = openTraffic(traffic.source);
    if (opened.forEachRange !== undefined) {
      await opened.forEachRange(limit, (range) => this.#feedRange(range, choice, place));
    } else {
      const one = new FrameAsRange();
      await opened.forEach((frame, timeNs, wireBytes = frame.length) => {
        if (limit !== null && place.index >= limit) return false;
        if (!this.#feedRange(one.of(frame, timeNs, wireBytes), choice, place)) return false;
        return limit === null || place.index < limit;
      });
    }
    const { index, bits } = place;
    if (this.#state.stopped !== STOP_NONE) return;
    if (index < traffic.packets) throw this.#changed(`only ${index}`);
    for (const ring of this.#rings) {
      if (this.#reserve(ring, 0) === 0) return;
      ring.commit(RECORD_LOOP_END, index, bits, 0);
    }
    this.#publishAll();
  }

  /** Writes the packets of a range; false when the run was stopped meanwhile. */
  #feedRange(range: TimedRange, choice: PacketChoice, place: LoopPlace): boolean {
    const { packets, longestFrame } = this.#input.traffic;
    const { count, starts, lengths, timesNs } = range;
    this.#copy.open(range);
    for (let at = 0; at < count; at++) {
      const length = lengths[at] as number;
      if (place.index === packets) throw this.#changed('more');
      if (length > longestFrame) throw this.#changed('longer');
      choice.look(range, at);
      const { worker } = choice;
      const request = this.#placeOf(choice.request);
      this.#failIfAsked();
      if (!this.#write(worker, starts[at] as number, length, request, place.loop)) return false;
      this.#commit(worker, place.index, place.bits, timesNs[at] as number);
      place.index++;
      place.bits += frameBits(length);
    }
    return true;
  }

  #failIfAsked(): void {
    this.#fault?.at('warm-up', this.packets);
    this.#fault?.at('work', this.packets);
    if (this.#fault?.isDue('empty', this.packets) !== true) return;
    this.#publishAll();
    this.#state.markPrefilled();
    while (!this.#rings.some((ring) => ring.isWaitedFor) && this.#state.stopped === STOP_NONE) {
      this.#state.sleep(1);
    }
    this.#fault.at('empty', this.packets);
  }

  /** Writes one packet of the range that is open, to be committed; false when the run was stopped while its ring was full. */
  #write(worker: number, start: number, length: number, request: number, loop: number): boolean {
    const c = this.#input.run.engine.constants;
    const ring = this.#rings[worker] as RingWriter;
    const at = this.#reserve(ring, c.PACKET_SIZE + FRAME_SHIFT + length);
    if (at === 0) return false;
    const frame = at + c.PACKET_SIZE + FRAME_SHIFT;
    const view = this.#view;
    const words = this.#words;
    const lastWord = (at + c.PACKET_SIZE) >>> 2;
    for (let word = at >>> 2; word < lastWord; word++) words[word] = 0;
    this.#copy.copy(start, frame, length);
    if (loop > 0) this.#rewriter?.rewrite(this.#bytes.subarray(frame, frame + length), loop);
    view.setUint32(at + c.PK_FRAME, frame, true);
    view.setUint32(at + c.PK_LENGTH, length, true);
    view.setUint32(at + c.PK_CAPACITY, length, true);
    this.#locate(at);
    view.setUint32(at + c.PK_PARAMS, request, true);
    return true;
  }

  /** Finishes the packet that was written last, and shows the worker what there is now and then. */
  #commit(worker: number, index: number, bits: number, timeNs: number): void {
    const ring = this.#rings[worker] as RingWriter;
    ring.commit(RECORD_PACKET, index, bits, timeNs);
    this.packets++;
    const unpublished = (this.#unpublished[worker] as number) + 1;
    this.#unpublished[worker] = unpublished % PUBLISH_PACKETS;
    if (unpublished === PUBLISH_PACKETS) ring.publish();
  }

  /** Room in a ring, waited for; 0 when the run was stopped meanwhile. */
  #reserve(ring: RingWriter, payloadBytes: number): number {
    for (;;) {
      const at = ring.reserve(payloadBytes);
      if (at !== 0) return at;
      // Nobody waits for what lies here unseen while this thread sleeps.
      this.#publishAll();
      this.#state.markPrefilled();
      if (this.#state.stopped !== STOP_NONE) return 0;
      this.#fault?.at('asleep', this.packets);
      ring.waitForRoom(payloadBytes, FULL_WAIT_MS);
    }
  }

  #publishAll(): void {
    for (const ring of this.#rings) ring.publish();
    this.#unpublished.fill(0);
  }

  /** Address of a request, which is written when it is first made. */
  #placeOf(request: number): number {
    const { run } = this.#input;
    const { requests } = this.#rules;
    const c = run.engine.constants;
    const at = run.plan.regions.packets + request * requestStride(c);
    if (request >= this.#written) {
      if (request >= MAX_STREAMED_REQUESTS) {
        throw new Error(
          `${this.#input.traffic.name}: the rules come to more than ${MAX_STREAMED_REQUESTS} requests in different zones. ` +
            'Use fewer zones in --config, or a larger --store, so that the traffic is not streamed.',
        );
      }
      for (; this.#written <= request; this.#written++) {
        writeExecParams(
          this.#view,
          c,
          byteOffset(run.plan.regions.packets + this.#written * requestStride(c)),
          requests[this.#written] as (typeof requests)[number],
        );
      }
    }
    return at;
  }

  #written = 0;

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
