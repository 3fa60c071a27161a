/**
 * Worker and request of packets in order: decided in the same way for the packet store and for the feeder. Rules, steering and the count
 * of slots look at a packet in one pass, for which its layers are located once.
 */
import type { PacketRules } from '../config/rules.js';
import { emptyLayerOffsets } from '../wire/layer-offsets.js';
import { LocatedPacket } from './located-packet.js';
import { framesOf, type PacketSource } from './packet-source.js';
import { makeSteering, type SteerMode, type Steering } from './steer.js';
import { SlotCount, type TrafficSlots } from './traffic-slots.js';

const NO_FRAME = new Uint8Array(0);
const NO_LAYERS = emptyLayerOffsets();

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
  #isFirst = true;

  constructor(rules: PacketRules, steer: SteerMode, workers: number) {
    this.#rules = rules;
    this.#steering = makeSteering(steer, workers);
  }

  /** Looks at the next packet. */
  look(packet: LocatedPacket): void {
    const rules = this.#rules;
    const isUniform = rules.uniform === true;
    // The zone may decide the worker, and the worker the rule: the rule for worker 0 gives the zone.
    if (isUniform ? this.#isFirst : this.#steering.needsZone) this.request = choose(rules, packet, 0);
    this.#isFirst = false;
    this.worker = this.#workerOf(packet);
    if (!isUniform) this.request = choose(rules, packet, this.worker);
  }

  #workerOf(packet: LocatedPacket): number {
    const steering = this.#steering;
    const zone = steering.needsZone ? (this.#rules.requests[this.request]?.zone ?? 0) : 0;
    if (steering.needsLayers === false) return steering.workerOf(NO_FRAME, 0, NO_LAYERS, zone);
    const { layers } = packet;
    return packet.isPlain
      ? steering.workerOf(packet.bytes, packet.start, layers, zone, packet.end)
      : steering.workerOf(packet.frame, 0, layers, zone);
  }
}

function choose(rules: PacketRules, packet: LocatedPacket, worker: number): number {
  return rules.choose({ frame: packet.frame, worker, headers: packet.headers });
}

/** Which worker and which request each packet gets, by its place in the traffic, and what decided it. */
export interface Assignment {
  readonly rules: PacketRules;
  readonly steer: SteerMode;
  readonly workers: number;
  readonly workerOf: Uint16Array;
  readonly requestOf: Uint32Array;
  /** What of the connection table one loop can take. */
  readonly slots: TrafficSlots;
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
  const requestOf = new Uint32Array(traffic.packets);
  const choice = new PacketChoice(rules, steer, workers);
  const packet = new LocatedPacket();
  const slots = new SlotCount();
  framesOf(traffic).forEachRange((range, firstIndex) => {
    for (let at = 0; at < range.count; at++) {
      packet.open(range, at);
      choice.look(packet);
      workerOf[firstIndex + at] = choice.worker;
      requestOf[firstIndex + at] = choice.request;
      const request = rules.requests[choice.request];
      if (request?.commit === true) slots.add(packet, request);
    }
  });
  const assignment = { rules, steer, workers, workerOf, requestOf, slots: slots.figures };
  known.set(traffic, assignment);
  return assignment;
}
