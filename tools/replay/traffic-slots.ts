/**
 * How many connection slots the traffic of one loop can take, by its packets: a packet opens a connection when it is the first
 * of its tuple in its zone, a TCP SYN also when the tuple is known, since it replaces a connection that is closed. A
 * connection that may be translated takes a second slot, for its un-NAT companion.
 */
import { portsOf } from '../captures/analysis-flows.js';
import type { Dissection } from '../wire/dissect.js';
import { u16 } from '../wire/network-order.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.js';
import { FlowSet } from '../captures/flow-set.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { LocatedPacket } from './located-packet.js';

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

/** Counts the slots of packets that are committed, one after the other. */
export class SlotCount {
  #opening = 0;
  #reopening = 0;
  #committed = 0;
  readonly #flows = new FlowSet();

  get figures(): TrafficSlots {
    return { opening: this.#opening, reopening: this.#reopening, committed: this.#committed };
  }

  add(packet: LocatedPacket, request: ExecRequest): void {
    if (!packet.isPlain || !this.#addPlain(packet, request)) this.#addAny(packet, request);
  }

  /** Whole TCP and UDP packets over IPv4, which most are, without an object for each; false for others. */
  #addPlain({ bytes, start, end, layers }: LocatedPacket, request: ExecRequest): boolean {
    const ip = start + layers.l3;
    const transport = start + layers.l4;
    const protocol = bytes[ip + 9] as number;
    const isWhole = (bytes[ip] as number) >> 4 === 4 && (u16(bytes, ip + 6) & FRAGMENT_MASK) === 0;
    if (!isWhole || (protocol !== TCP && protocol !== UDP) || transport + 4 > end) return false;
    const isNew = this.#flows.add(bytes, ip + 12, 4, {
      protocol,
      sourcePort: u16(bytes, transport),
      destinationPort: u16(bytes, transport + 2),
      zone: request.zone,
    });
    const flagsAt = transport + TCP_FLAGS_AT;
    const flags = protocol === TCP && flagsAt < end ? (bytes[flagsAt] as number) : 0;
    this.#count(request, isNew, (flags & SYN_AND_ACK) === SYN);
    return true;
  }

  #addAny({ frame, headers }: LocatedPacket, request: ExecRequest): void {
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
    this.#committed += slots;
    if (isNew || replaces) this.#opening += slots;
    if (replaces) this.#reopening += slots;
  }
}

function isSyn(frame: Uint8Array, { protocol, l4 }: Dissection): boolean {
  if (protocol !== TCP || l4 === null) return false;
  return ((frame[l4 + TCP_FLAGS_AT] ?? 0) & SYN_AND_ACK) === SYN;
}
