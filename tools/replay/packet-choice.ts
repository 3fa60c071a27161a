/**
 * Worker and request of packets in order: decided in the same way for the packet store and for the feeder. Rules and steering look at a
 * packet in one pass, for which its layers are located once.
 */
import type { PacketRules } from '../config/rules.js';
import { dissect, emptyDissection } from '../wire/dissect.js';
import { emptyLayerOffsets, locateLayers, locatePlainIpv4 } from '../wire/layer-offsets.js';
import { frameAt, wireBytesAt, type FrameRange } from './frame-range.js';
import { framesOf, type PacketSource } from './packet-source.js';
import { makeSteering, type SteerMode, type Steering } from './steer.js';

const NO_FRAME = new Uint8Array(0);

/**
 * Decides about packets, one after the other. A frame gets an object of its own only where rules, or steering of what is no plain
 * IPv4 packet, look at it.
 */
export class PacketChoice {
  /** Of the packet that was looked at last. */
  worker = 0;
  /** The same one's request, by its index in the rules. */
  request = 0;
  readonly #rules: PacketRules;
  readonly #steering: Steering;
  readonly #layers = emptyLayerOffsets();
  readonly #headers = emptyDissection();
  #isFirst = true;

  constructor(rules: PacketRules, steer: SteerMode, workers: number) {
    this.#rules = rules;
    this.#steering = makeSteering(steer, workers);
  }

  /** Looks at the next packet. */
  look(range: FrameRange, index: number): void {
    if (this.#rules.uniform !== true) {
      this.#lookClosely(range, index);
      return;
    }
    if (this.#isFirst) this.request = this.#rules.choose({ frame: frameAt(range, index), worker: 0 });
    this.#isFirst = false;
    this.worker = this.#workerOf(range, index);
  }

  #lookClosely(range: FrameRange, index: number): void {
    const rules = this.#rules;
    const steering = this.#steering;
    const headers = this.#headers;
    const layers = this.#layers;
    const frame = frameAt(range, index);
    if (steering.needsLayers !== false) locateLayers(frame, layers);
    dissect(frame, headers, wireBytesAt(range, index), steering.needsLayers === false ? undefined : layers);
    // The zone may decide the worker, and the worker the rule: the rule for worker 0 gives the zone.
    const zone = steering.needsZone ? this.#zoneOf(rules.choose({ frame, worker: 0, headers })) : 0;
    this.worker = steering.workerOf(frame, 0, layers, zone);
    this.request = rules.choose({ frame, worker: this.worker, headers });
  }

  #zoneOf(request: number): number {
    return this.#rules.requests[request]?.zone ?? 0;
  }

  /** The worker where all packets make the same request. */
  #workerOf(range: FrameRange, index: number): number {
    const steering = this.#steering;
    const layers = this.#layers;
    const zone = this.#zoneOf(this.request);
    if (steering.needsLayers === false) return steering.workerOf(NO_FRAME, 0, layers, zone);
    const { bytes } = range;
    const start = range.starts[index] as number;
    const length = range.lengths[index] as number;
    if (locatePlainIpv4(bytes, start, length, layers)) {
      return steering.workerOf(bytes, start, layers, zone, start + length);
    }
    const frame = frameAt(range, index);
    locateLayers(frame, layers);
    return steering.workerOf(frame, 0, layers, zone);
  }
}

/** Which worker and which request each packet gets, by its place in the traffic, and what decided it. */
export interface Assignment {
  readonly rules: PacketRules;
  readonly steer: SteerMode;
  readonly workers: number;
  readonly workerOf: Uint16Array;
  readonly requestOf: Uint32Array;
}

/** Of traffic that is replayed through several designs, or again and again. */
const known = new WeakMap<PacketSource, Assignment>();

/**
 * Decides worker and request of every packet, before memory is laid out: the rules may find new zones on the way. The next run of the
 * same traffic under the same rules does not look at the packets again.
 */
export function assignPackets(
  traffic: PacketSource,
  rules: PacketRules,
  steer: SteerMode,
  workers: number,
): Assignment {
  const before = known.get(traffic);
  if (before?.rules === rules && before.steer === steer && before.workers === workers) return before;
  const workerOf = new Uint16Array(traffic.packets);
  const requestOf = new Uint32Array(new SharedArrayBuffer(traffic.packets * 4));
  const choice = new PacketChoice(rules, steer, workers);
  framesOf(traffic).forEachRange((range, firstIndex) => {
    for (let at = 0; at < range.count; at++) {
      choice.look(range, at);
      workerOf[firstIndex + at] = choice.worker;
      requestOf[firstIndex + at] = choice.request;
    }
  });
  const assignment = { rules, steer, workers, workerOf, requestOf };
  known.set(traffic, assignment);
  return assignment;
}
