/** Worker and request of packets in order: decided in the same way for the packet store and for the feeder. */
import type { PacketRules } from '../config/rules.js';
import { emptyLayerOffsets, locateLayers, locatePlainIpv4 } from '../wire/layer-offsets.js';
import { frameAt, wireBytesAt, type FrameRange } from './frame-range.js';
import type { Steering } from './steer.js';

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
  readonly #isUniform: boolean;
  #isFirst = true;

  /** @param steering one that was asked about no packet yet */
  constructor(rules: PacketRules, steering: Steering) {
    this.#rules = rules;
    this.#steering = steering;
    this.#isUniform = rules.uniform === true;
  }

  /** Looks at the next packet. */
  look(range: FrameRange, index: number): void {
    if (!this.#isUniform) {
      this.#lookClosely(range, index);
      return;
    }
    if (this.#isFirst) this.request = this.#rules.choose({ frame: frameAt(range, index), worker: 0 });
    this.#isFirst = false;
    this.worker = this.#workerOf(range, index, this.#steering.needsZone ? this.#zoneOf(this.request) : 0);
  }

  #lookClosely(range: FrameRange, index: number): void {
    const rules = this.#rules;
    const frame = frameAt(range, index);
    const wireBytes = wireBytesAt(range, index);
    // The zone may decide the worker, and the worker the rule: the rule for worker 0 gives the zone.
    const zone = this.#steering.needsZone ? this.#zoneOf(rules.choose({ frame, worker: 0, wireBytes })) : 0;
    this.worker = this.#workerOf(range, index, zone);
    this.request = rules.choose({ frame, worker: this.worker, wireBytes });
  }

  #zoneOf(request: number): number {
    return this.#rules.requests[request]?.zone ?? 0;
  }

  #workerOf(range: FrameRange, index: number, zone: number): number {
    const steering = this.#steering;
    const layers = this.#layers;
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
