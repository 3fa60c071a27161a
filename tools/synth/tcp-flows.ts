/**
 * TCP conversations as a state machine over flat arrays: handshake, exchanges of a request and a response cut into
 * segments and acknowledged every second one, and a close by FIN or RST. Sequence and acknowledgement numbers are
 * right throughout, and no side sends beyond the other's window, so that a tracker with window checks follows every packet.
 */
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from './headers.js';
import { MAX_SEGMENT_BYTES, PacketWriter, segmentBytes } from './packet-writer.js';
import type { Ends, IpFamily } from './packet-writer.js';
import { mixPair32 } from '../random/random.js';
import type { Random } from '../random/random.js';
import type { TupleSpace } from './tuple-space.js';

/** What one conversation does; a planner fills it in when the conversation begins. */
export interface TcpFlowPlan {
  family: IpFamily;
  /** 802.1Q VLAN id, 0 for none. */
  vlanId: number;
  requestBytes: number;
  responseBytes: number;
  /** Exchanges before the client closes; 0 goes on until the pool retires the conversation. */
  exchanges: number;
  /** RST instead of FIN at the end. */
  reset: boolean;
}

/** Decides what conversation `flowIndex` does by changing `plan`, which holds the previous one's decisions. */
export type TcpPlanner = (flowIndex: number, plan: TcpFlowPlan) => void;

const STAGE = {
  closed: 0,
  syn: 1,
  synAck: 2,
  handshakeAck: 3,
  boundary: 4,
  request: 5,
  response: 6,
  responseAck: 7,
  clientFin: 8,
  serverFin: 9,
  lastAck: 10,
  reset: 11,
  requestAck: 12,
} as const;

export interface TcpFlowTableOptions {
  capacity: number;
  /** Packets of the shortest conversation that the planner plans, in the mean over those that end in RST and FIN, for checking rates. */
  minPacketsPerFlow: number;
}

/** Packets of a conversation with one exchange: three to open, the exchange, and three to close or, for a share of them, one. */
export function packetsPerConversation(requestBytes: number, responseBytes: number, resetShare = 0): number {
  return 3 + packetsPerExchange(requestBytes, responseBytes) + 3 - 2 * resetShare;
}

function packetsPerExchange(requestBytes: number, responseBytes: number): number {
  const asked = Math.ceil(requestBytes / MAX_SEGMENT_BYTES);
  const answered = Math.ceil(responseBytes / MAX_SEGMENT_BYTES);
  // A response acknowledges the last of the request.
  const askedAcks = answered === 0 ? Math.ceil(asked / 2) : Math.floor((asked - 1) / 2);
  return asked + askedAcks + answered + Math.ceil(answered / 2);
}

/** One side of the conversations: the next sequence numbers, its own and the other's. */
interface Side {
  readonly own: Uint32Array;
  readonly peer: Uint32Array;
  readonly ends: Ends;
}

interface Sending {
  readonly from: Side;
  readonly flags: number;
  readonly count: number;
}

export class TcpFlowTable implements FlowTable {
  readonly capacity: number;
  readonly minPacketsPerFlow: number;
  readonly maxFrameLength = PacketWriter.MAX_HEADERS + MAX_SEGMENT_BYTES;
  readonly #isnKey: number;
  readonly #plan: TcpFlowPlan = {
    family: 4,
    vlanId: 0,
    requestBytes: 64,
    responseBytes: 128,
    exchanges: 1,
    reset: false,
  };
  readonly #flow: Uint32Array;
  readonly #stage: Uint8Array;
  readonly #closing: Uint8Array;
  readonly #reset: Uint8Array;
  readonly #family: Uint8Array;
  readonly #vlan: Uint16Array;
  readonly #clientSide: Side;
  readonly #serverSide: Side;
  readonly #requestBytes: Uint32Array;
  readonly #responseBytes: Uint32Array;
  readonly #exchangesLeft: Uint32Array;
  /** Bytes of the current message still to send. */
  readonly #left: Uint32Array;
  /** Segments of the current message sent since the last acknowledgement. */
  readonly #unacknowledged: Uint8Array;

  readonly #tuples: TupleSpace;
  readonly #writer: PacketWriter;
  readonly #planner: TcpPlanner;

  constructor(
    options: TcpFlowTableOptions,
    tuples: TupleSpace,
    writer: PacketWriter,
    planner: TcpPlanner,
    random: Random,
  ) {
    this.#tuples = tuples;
    this.#writer = writer;
    this.#planner = planner;
    const { capacity } = options;
    this.capacity = capacity;
    this.minPacketsPerFlow = options.minPacketsPerFlow;
    this.#isnKey = random.derive('initial sequence numbers').u32();
    this.#flow = new Uint32Array(capacity);
    this.#stage = new Uint8Array(capacity);
    this.#closing = new Uint8Array(capacity);
    this.#reset = new Uint8Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#vlan = new Uint16Array(capacity);
    const clientSeq = new Uint32Array(capacity);
    const serverSeq = new Uint32Array(capacity);
    this.#clientSide = { own: clientSeq, peer: serverSeq, ends: tuples.there };
    this.#serverSide = { own: serverSeq, peer: clientSeq, ends: tuples.back };
    this.#requestBytes = new Uint32Array(capacity);
    this.#responseBytes = new Uint32Array(capacity);
    this.#exchangesLeft = new Uint32Array(capacity);
    this.#left = new Uint32Array(capacity);
    this.#unacknowledged = new Uint8Array(capacity);
  }

  begin(slot: number, flowIndex: number): void {
    this.#planner(flowIndex, this.#plan);
    const plan = this.#plan;
    this.#flow[slot] = flowIndex;
    this.#stage[slot] = STAGE.syn;
    this.#closing[slot] = 0;
    this.#reset[slot] = plan.reset ? 1 : 0;
    this.#family[slot] = plan.family;
    this.#vlan[slot] = plan.vlanId;
    this.#clientSide.own[slot] = mixPair32(this.#isnKey, flowIndex);
    this.#serverSide.own[slot] = mixPair32(flowIndex, this.#isnKey);
    this.#requestBytes[slot] = plan.requestBytes;
    this.#responseBytes[slot] = plan.responseBytes;
    this.#exchangesLeft[slot] = plan.exchanges;
  }

  askToClose(slot: number): void {
    this.#closing[slot] = 1;
  }

  flowIndex(slot: number): number {
    return this.#flow[slot]!;
  }

  phase(slot: number): number {
    const stage = this.#stage[slot]!;
    if (stage === STAGE.closed) return PHASE.closed;
    if (this.#closing[slot] === 1) return PHASE.closing;
    return stage < STAGE.boundary ? PHASE.opening : PHASE.open;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    if (this.#stage[slot] === STAGE.boundary) this.#turn(slot);
    switch (this.#stage[slot]) {
      case STAGE.syn:
        this.#stage[slot] = STAGE.synAck;
        return this.#fromClient(slot, into, at, TCP_SYN, 0);
      case STAGE.synAck:
        this.#stage[slot] = STAGE.handshakeAck;
        return this.#fromServer(slot, into, at, TCP_SYN | TCP_ACK, 0);
      case STAGE.handshakeAck:
        this.#stage[slot] = STAGE.boundary;
        return this.#fromClient(slot, into, at, TCP_ACK, 0);
      case STAGE.request:
        return this.#request(slot, into, at);
      case STAGE.requestAck:
        this.#unacknowledged[slot] = 0;
        if (this.#left[slot]! > 0) this.#stage[slot] = STAGE.request;
        else this.#endExchange(slot);
        return this.#fromServer(slot, into, at, TCP_ACK, 0);
      case STAGE.response:
        return this.#response(slot, into, at);
      case STAGE.responseAck:
        this.#unacknowledged[slot] = 0;
        if (this.#left[slot]! > 0) this.#stage[slot] = STAGE.response;
        else this.#endExchange(slot);
        return this.#fromClient(slot, into, at, TCP_ACK, 0);
      case STAGE.clientFin:
        this.#stage[slot] = STAGE.serverFin;
        return this.#fromClient(slot, into, at, TCP_FIN | TCP_ACK, 0);
      case STAGE.serverFin:
        this.#stage[slot] = STAGE.lastAck;
        return this.#fromServer(slot, into, at, TCP_FIN | TCP_ACK, 0);
      case STAGE.lastAck:
        this.#stage[slot] = STAGE.closed;
        return this.#fromClient(slot, into, at, TCP_ACK, 0);
      case STAGE.reset:
        this.#stage[slot] = STAGE.closed;
        return this.#fromClient(slot, into, at, TCP_RST | TCP_ACK, 0);
      default:
        throw new Error(`TCP conversation ${this.#flow[slot]} was asked to speak after its end`);
    }
  }

  /** At the boundary between exchanges: begin the next one, or the close. */
  #turn(slot: number): void {
    if (this.#closing[slot] === 1) {
      this.#stage[slot] = this.#reset[slot] === 1 ? STAGE.reset : STAGE.clientFin;
    } else {
      this.#stage[slot] = STAGE.request;
      this.#left[slot] = this.#requestBytes[slot]!;
      this.#unacknowledged[slot] = 0;
    }
  }

  #request(slot: number, into: Uint8Array, at: number): number {
    const count = Math.min(segmentBytes(this.#family[slot] as IpFamily), this.#left[slot]!);
    this.#left[slot] = this.#left[slot]! - count;
    this.#unacknowledged[slot] = this.#unacknowledged[slot]! + 1;
    const last = this.#left[slot] === 0;
    if (last && this.#responseBytes[slot]! > 0) {
      this.#left[slot] = this.#responseBytes[slot]!;
      this.#unacknowledged[slot] = 0;
      this.#stage[slot] = STAGE.response;
    } else if (last || this.#unacknowledged[slot] === 2) this.#stage[slot] = STAGE.requestAck;
    return this.#fromClient(slot, into, at, last ? TCP_PSH | TCP_ACK : TCP_ACK, count);
  }

  #response(slot: number, into: Uint8Array, at: number): number {
    const count = Math.min(segmentBytes(this.#family[slot] as IpFamily), this.#left[slot]!);
    this.#left[slot] = this.#left[slot]! - count;
    this.#unacknowledged[slot] = this.#unacknowledged[slot]! + 1;
    const last = this.#left[slot] === 0;
    if (last || this.#unacknowledged[slot] === 2) this.#stage[slot] = STAGE.responseAck;
    return this.#fromServer(slot, into, at, last ? TCP_PSH | TCP_ACK : TCP_ACK, count);
  }

  #endExchange(slot: number): void {
    this.#stage[slot] = STAGE.boundary;
    const left = this.#exchangesLeft[slot]!;
    if (left === 0) return;
    this.#exchangesLeft[slot] = left - 1;
    if (left === 1) this.#closing[slot] = 1;
  }

  #fromClient(slot: number, into: Uint8Array, at: number, flags: number, count: number): number {
    return this.#send(slot, into, at, { from: this.#clientSide, flags, count });
  }

  #fromServer(slot: number, into: Uint8Array, at: number, flags: number, count: number): number {
    return this.#send(slot, into, at, { from: this.#serverSide, flags, count });
  }

  #send(slot: number, into: Uint8Array, at: number, { from, flags, count }: Sending): number {
    const { own, peer, ends } = from;
    const seq = own[slot]!;
    const ack = (flags & TCP_ACK) === 0 ? 0 : peer[slot]!;
    own[slot] = seq + count + ((flags & (TCP_SYN | TCP_FIN)) !== 0 ? 1 : 0);
    this.#tuples.pick(this.#flow[slot]!);
    this.#writer.family = this.#family[slot] as IpFamily;
    this.#writer.vlanId = this.#vlan[slot]!;
    return this.#writer.tcp(into, at, { ends, seq, ack, flags, count });
  }
}
