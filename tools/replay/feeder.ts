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
import { emptyLayerOffsets, locateLayers } from '../wire/layer-offsets.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { RECORD_LOOP_END, RECORD_PACKET, RingWriter, type RingPlace } from './feed-ring.js';
import { frameBits } from './pace.js';
import { FRAME_SHIFT } from './packet-store.js';
import { SharedState, STOP_FAILED, STOP_NONE } from './shared-state.js';
import { makeSteering, type SteerMode } from './steer.js';
import { MAX_STREAMED_REQUESTS, requestStride } from './stream-plan.js';
import { openTraffic, type StreamedTraffic } from './traffic-source.js';

export interface FeederInput {
  readonly run: EngineRun;
  readonly state: SharedArrayBuffer;
  readonly traffic: StreamedTraffic;
  readonly config: TrackerConfig;
  readonly steer: SteerMode;
  /** One per worker. */
  readonly rings: readonly RingPlace[];
  /** Infinity = until the run is stopped. */
  readonly loops: number;
}

export interface FeederReport {
  /** Packets written, over all loops. */
  readonly packets: number;
  /** Why it ended early; null when it did not. */
  readonly failure: string | null;
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
  const prefill = setTimeout(() => state.markPrefilled(), PREFILL_MS);
  let feeder: Feeder | null = null;
  try {
    feeder = new Feeder(input, state);
    for (let loop = 0; loop < input.loops && state.stopped === STOP_NONE; loop++) await feeder.feedLoop();
    state.markPrefilled();
    return { packets: feeder.packets, failure: null };
  } catch (error) {
    state.stop(STOP_FAILED);
    return {
      packets: feeder?.packets ?? 0,
      failure: error instanceof Error ? error.message : String(error),
    };
  } finally {
    clearTimeout(prefill);
  }
}

class Feeder {
  readonly #input: FeederInput;
  readonly #state: SharedState;
  readonly #rings: readonly RingWriter[];
  readonly #unpublished: Uint32Array;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #locate: (packet: number) => void;
  readonly #requestOf: (frame: Uint8Array, worker: number) => number;
  readonly #zoneOf: (frame: Uint8Array) => number;
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
    const instance = new WebAssembly.Instance(engine.module, { env: { memory, clock: () => 0 } });
    this.#locate = instance.exports['locatePacket'] as (packet: number) => void;
    const rules = createRules(input.config);
    const { entries } = input.config;
    // One rule for everything: no need to look at each packet.
    const same = entries.rules === undefined && entries.zone === undefined;
    let only: number | null = null;
    this.#requestOf = (frame, worker) => {
      if (same && only !== null) return only;
      return (only = this.#placeOf(rules.choose({ frame, worker }), rules.requests));
    };
    this.#zoneOf = (frame) => rules.requests[rules.choose({ frame, worker: 0 })]?.zone ?? 0;
  }

  /** Reads the traffic once, and marks the end of the loop. */
  async feedLoop(): Promise<void> {
    const { traffic, steer } = this.#input;
    const { limit } = traffic.source;
    const steering = makeSteering(steer, this.#rings.length);
    const layers = emptyLayerOffsets();
    let index = 0;
    let bits = 0;
    await openTraffic(traffic.source).forEach((frame, timeNs) => {
      if (limit !== null && index >= limit) return false;
      if (index === traffic.packets) throw this.#changed('more');
      if (frame.length > traffic.longestFrame) throw this.#changed('longer');
      if (this.#rings.length > 1) locateLayers(frame, layers);
      // The zone may decide the worker, and the worker the rule: the rule for worker 0 gives the zone.
      const zone = steering.needsZone ? this.#zoneOf(frame) : 0;
      const worker = steering.workerOf(frame, 0, layers, zone);
      if (!this.#write(worker, frame, index, bits, timeNs)) return false;
      index++;
      bits += frameBits(frame.length);
      return limit === null || index < limit;
    });
    if (this.#state.stopped !== STOP_NONE) return;
    if (index < traffic.packets) throw this.#changed(`only ${index}`);
    for (const ring of this.#rings) {
      if (this.#reserve(ring, 0) === 0) return;
      ring.commit(RECORD_LOOP_END, index, bits, 0);
    }
    this.#publishAll();
  }

  /** Writes one packet; false when the run was stopped while its ring was full. */
  #write(worker: number, frame: Uint8Array, index: number, bits: number, timeNs: number): boolean {
    const c = this.#input.run.engine.constants;
    const ring = this.#rings[worker] as RingWriter;
    const request = this.#requestOf(frame, worker);
    const at = this.#reserve(ring, c.PACKET_SIZE + FRAME_SHIFT + frame.length);
    if (at === 0) return false;
    const frameAt = at + c.PACKET_SIZE + FRAME_SHIFT;
    const view = this.#view;
    this.#bytes.fill(0, at, at + c.PACKET_SIZE);
    this.#bytes.set(frame, frameAt);
    view.setUint32(at + c.PK_FRAME, frameAt, true);
    view.setUint32(at + c.PK_LENGTH, frame.length, true);
    view.setUint32(at + c.PK_CAPACITY, frame.length, true);
    this.#locate(at);
    view.setUint32(at + c.PK_PARAMS, request, true);
    ring.commit(RECORD_PACKET, index, bits, timeNs);
    this.packets++;
    const unpublished = (this.#unpublished[worker] as number) + 1;
    this.#unpublished[worker] = unpublished % PUBLISH_PACKETS;
    if (unpublished === PUBLISH_PACKETS) ring.publish();
    return true;
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
      ring.waitForRoom(payloadBytes, FULL_WAIT_MS);
    }
  }

  #publishAll(): void {
    for (const ring of this.#rings) ring.publish();
    this.#unpublished.fill(0);
  }

  /** Address of a request, which is written when it is first made. */
  #placeOf(request: number, requests: ReturnType<typeof createRules>['requests']): number {
    const { run } = this.#input;
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
