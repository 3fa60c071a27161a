/**
 * How many connection slots the traffic of one loop can take, by its packets: a packet opens a connection when it is the first
 * of its tuple in its zone, a TCP SYN also when the tuple is known, since it replaces a connection that is closed. A
 * connection that may be translated takes a second slot, for its un-NAT companion.
 */
import { portsOf } from '../captures/analysis-flows.js';
import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import { emptyLayerOffsets, locatePlainIpv4 } from '../wire/layer-offsets.js';
import { u16 } from '../wire/network-order.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.js';
import { FlowSet } from '../captures/flow-set.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { frameAt, type FrameRange, type RangeVisitor } from './frame-range.js';

/** Slots that one loop can take. */
export interface TrafficSlots {
  /** Where no packet finds a connection of a loop before. */
  readonly opening: number;
  /** Where each finds those of the loop before, and none of them has expired. */
  readonly reopening: number;
  /** Where every packet that may open a connection does. */
  readonly committed: number;
}

const TCP = PROTOCOL_TCP;
const UDP = PROTOCOL_UDP;
/** More fragments, and the offset. */
const FRAGMENT_MASK = 0x3fff;
const TCP_FLAGS_AT = 13;
const SYN_AND_ACK = 0x12;
const SYN = 0x02;

/** Counts the slots that ranges in order can take. */
export function countSlots(
  forEachRange: (visit: RangeVisitor) => void,
  requests: readonly ExecRequest[],
  requestOf: Uint32Array,
): TrafficSlots {
  const count = new SlotCount();
  forEachRange((range, firstIndex) => {
    for (let index = 0; index < range.count; index++) {
      const request = requests[requestOf[firstIndex + index] as number];
      if (request?.commit === true) count.add(range, index, request);
    }
  });
  const { opening, reopening, committed } = count;
  return { opening, reopening, committed };
}

/** Slots of packets that are committed, one after the other. */
class SlotCount {
  opening = 0;
  reopening = 0;
  committed = 0;
  readonly #flows = new FlowSet();
  readonly #headers = emptyDissection();
  readonly #layers = emptyLayerOffsets();

  add(range: FrameRange, index: number, request: ExecRequest): void {
    if (!this.#addPlain(range, index, request)) this.#addAny(frameAt(range, index), request);
  }

  /** Whole TCP and UDP packets over IPv4, which most are, without an object for each; false for others. */
  #addPlain({ bytes, starts, lengths }: FrameRange, index: number, request: ExecRequest): boolean {
    const at = starts[index] as number;
    const length = lengths[index] as number;
    if (!locatePlainIpv4(bytes, at, length, this.#layers)) return false;
    const ip = at + this.#layers.l3;
    const transport = at + this.#layers.l4;
    const protocol = bytes[ip + 9] as number;
    const isWhole = (bytes[ip] as number) >> 4 === 4 && (u16(bytes, ip + 6) & FRAGMENT_MASK) === 0;
    if (!isWhole || (protocol !== TCP && protocol !== UDP) || transport + 4 > at + length) return false;
    const isNew = this.#flows.add(bytes, ip + 12, 4, {
      protocol,
      sourcePort: u16(bytes, transport),
      destinationPort: u16(bytes, transport + 2),
      zone: request.zone,
    });
    const flagsAt = transport + TCP_FLAGS_AT;
    const flags = protocol === TCP && flagsAt < at + length ? (bytes[flagsAt] as number) : 0;
    this.#count(request, isNew, (flags & SYN_AND_ACK) === SYN);
    return true;
  }

  #addAny(frame: Uint8Array, request: ExecRequest): void {
    const headers = this.#headers;
    dissect(frame, headers);
    const ports = portsOf(frame, headers);
    if (ports === null || headers.protocol === null) return;
    const { addressesAt, addressBytes, protocol } = headers;
    const isNew = this.#flows.add(frame, addressesAt, addressBytes, {
      protocol,
      sourcePort: ports.source,
      destinationPort: ports.destination,
      zone: request.zone,
    });
    this.#count(request, isNew, isSyn(frame, headers));
  }

  #count(request: ExecRequest, isNew: boolean, isSynPacket: boolean): void {
    const slots = request.nat === undefined ? 1 : 2;
    // A forced commit replaces a connection that was opened the other way round.
    const replaces = request.force === true || isSynPacket;
    this.committed += slots;
    if (isNew || replaces) this.opening += slots;
    if (replaces) this.reopening += slots;
  }
}

function isSyn(frame: Uint8Array, { protocol, l4 }: Dissection): boolean {
  if (protocol !== TCP || l4 === null) return false;
  return ((frame[l4 + TCP_FLAGS_AT] ?? 0) & SYN_AND_ACK) === SYN;
}
