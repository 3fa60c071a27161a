/** Conversations of ICMP: pings, and datagrams that earn an error quoting them. */
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import { ETHERNET_LENGTH } from './headers.js';
import { MAX_SEGMENT_BYTES, PacketWriter, segmentBytes } from './packet-writer.js';
import type { IpFamily } from './packet-writer.js';
import type { TupleSpace } from './tuple-space.js';

/** What a conversation is. */
export const ICMP_KIND = {
  /** Echo requests and replies. */
  ping: 0,
  /** A UDP datagram, then an error from its destination (port unreachable). */
  portUnreachable: 1,
  /** A UDP datagram, then time exceeded from a router on the way. */
  timeExceeded: 2,
  /** A large TCP SYN (data in it), then "fragmentation needed" from a router; over IPv6 a datagram, then "packet too big". */
  tooBig: 3,
  /** An error about a datagram that no one sent. */
  unsolicited: 4,
} as const;

export interface IcmpFlowPlan {
  family: IpFamily;
  kind: number;
  answered: boolean;
  /** Echo requests, or datagrams; 0 goes on until the pool retires the conversation. */
  exchanges: number;
}

const TYPES = {
  4: {
    request: 8,
    reply: 0,
    errors: [
      { type: 3, code: 3, rest: 0 },
      { type: 11, code: 0, rest: 0 },
      { type: 3, code: 4, rest: 1280 },
    ],
    // RFC 792: the header and 8 bytes.
    quoteBytes: 28,
  },
  6: {
    request: 128,
    reply: 129,
    errors: [
      { type: 1, code: 4, rest: 0 },
      { type: 3, code: 0, rest: 0 },
      { type: 2, code: 0, rest: 1280 },
    ],
    // RFC 4443, 2.4 (c): as much as fits the minimum MTU of 1280.
    quoteBytes: 1232,
  },
} as const;

const STAGE = { closed: 0, request: 1, answer: 2 } as const;
const DATAGRAM_BYTES = 64;
/** Fills an IPv6 packet of 1500 bytes. */
const LARGE_DATAGRAM_BYTES = 1452;

/** What a table of ICMP flows is made of. */
export interface IcmpFlowOptions {
  /** Flows at once. */
  readonly capacity: number;
  readonly tuples: TupleSpace;
  readonly writer: PacketWriter;
  /** Host that the errors of routers come from. */
  readonly router: number;
  /** Payload of an echo. */
  readonly echoBytes: number;
  readonly planner: (flowIndex: number, plan: IcmpFlowPlan) => void;
}

export class IcmpFlowTable implements FlowTable {
  readonly minPacketsPerFlow = 2;
  readonly maxFrameLength: number;
  readonly #plan: IcmpFlowPlan = { family: 4, kind: 0, answered: true, exchanges: 1 };
  readonly #quoted: Uint8Array;
  readonly #flow: Uint32Array;
  readonly #stage: Uint8Array;
  readonly #closing: Uint8Array;
  readonly #answered: Uint8Array;
  readonly #family: Uint8Array;
  readonly #kind: Uint8Array;
  readonly #exchangesDone: Uint32Array;
  readonly #exchanges: Uint32Array;

  readonly capacity: number;
  readonly #tuples: TupleSpace;
  readonly #writer: PacketWriter;
  readonly #router: number;
  readonly #echoBytes: number;
  readonly #planner: (flowIndex: number, plan: IcmpFlowPlan) => void;

  constructor({ capacity, tuples, writer, router, echoBytes, planner }: IcmpFlowOptions) {
    this.capacity = capacity;
    this.#tuples = tuples;
    this.#writer = writer;
    this.#router = router;
    this.#echoBytes = echoBytes;
    this.#planner = planner;
    this.maxFrameLength = PacketWriter.MAX_HEADERS + Math.max(MAX_SEGMENT_BYTES, echoBytes);
    this.#quoted = new Uint8Array(this.maxFrameLength);
    this.#flow = new Uint32Array(capacity);
    this.#stage = new Uint8Array(capacity);
    this.#closing = new Uint8Array(capacity);
    this.#answered = new Uint8Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#kind = new Uint8Array(capacity);
    this.#exchangesDone = new Uint32Array(capacity);
    this.#exchanges = new Uint32Array(capacity);
  }

  begin(slot: number, flowIndex: number): void {
    this.#planner(flowIndex, this.#plan);
    const plan = this.#plan;
    this.#flow[slot] = flowIndex;
    this.#stage[slot] = plan.kind === ICMP_KIND.unsolicited ? STAGE.answer : STAGE.request;
    this.#closing[slot] = 0;
    this.#answered[slot] = plan.answered ? 1 : 0;
    this.#family[slot] = plan.family;
    this.#kind[slot] = plan.kind;
    this.#exchanges[slot] = plan.exchanges;
    this.#exchangesDone[slot] = 0;
  }

  askToClose(slot: number): void {
    this.#closing[slot] = 1;
    if (this.#stage[slot] === STAGE.request) this.#stage[slot] = STAGE.closed;
  }

  flowIndex(slot: number): number {
    return this.#flow[slot]!;
  }

  phase(slot: number): number {
    if (this.#stage[slot] === STAGE.closed) return PHASE.closed;
    return this.#closing[slot] === 1 ? PHASE.closing : PHASE.open;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    this.#tuples.pick(this.#flow[slot]!);
    this.#writer.family = this.#family[slot] as IpFamily;
    const kind = this.#kind[slot]!;
    if (this.#stage[slot] === STAGE.answer) {
      const sequence = this.#exchangesDone[slot]!;
      this.#endExchange(slot);
      return kind === ICMP_KIND.ping ? this.#echo(into, at, sequence, true) : this.#error(into, at, kind);
    }
    const sequence = this.#exchangesDone[slot]!;
    if (this.#answered[slot] === 1) this.#stage[slot] = STAGE.answer;
    else this.#endExchange(slot);
    return kind === ICMP_KIND.ping ? this.#echo(into, at, sequence, false) : this.#datagram(into, at, kind);
  }

  #endExchange(slot: number): void {
    const done = this.#exchangesDone[slot]! + 1;
    this.#exchangesDone[slot] = done;
    const over = done === this.#exchanges[slot] || this.#closing[slot] === 1;
    const first = this.#kind[slot] === ICMP_KIND.unsolicited ? STAGE.answer : STAGE.request;
    this.#stage[slot] = over ? STAGE.closed : first;
  }

  #echo(into: Uint8Array, at: number, sequence: number, reply: boolean): number {
    const { client, clientPort, server } = this.#tuples;
    const types = TYPES[this.#writer.family];
    const type = reply ? types.reply : types.request;
    // The "port" of the tuple is the identifier.
    const rest = ((clientPort << 16) | ((sequence + 1) & 0xffff)) >>> 0;
    const src = reply ? server : client;
    const dst = reply ? client : server;
    return this.#writer.icmp(into, at, {
      src,
      dst,
      type,
      code: 0,
      rest,
      count: this.#echoBytes,
      backwards: reply,
    });
  }

  /** What the error will be about. Sequence number 0 keeps a repeated SYN the same packet. */
  #datagram(into: Uint8Array, at: number, kind: number): number {
    const { client, clientPort, server, serverPort } = this.#tuples;
    const writer = this.#writer;
    if (kind === ICMP_KIND.tooBig) {
      // Over IPv6 the error quotes 1232 bytes, and Wireshark verifies the checksum of a quoted TCP segment as if it were
      // whole; of a quoted datagram it does not.
      if (writer.family === 6) {
        return writer.udp(into, at, {
          src: client,
          dst: server,
          srcPort: clientPort,
          dstPort: serverPort,
          count: LARGE_DATAGRAM_BYTES,
        });
      }
      return writer.tcp(into, at, {
        src: client,
        dst: server,
        srcPort: clientPort,
        dstPort: serverPort,
        seq: 0,
        ack: 0,
        flags: 0x02,
        window: 65535,
        count: segmentBytes(writer.family),
      });
    }
    return writer.udp(into, at, {
      src: client,
      dst: server,
      srcPort: clientPort,
      dstPort: serverPort,
      count: DATAGRAM_BYTES,
    });
  }

  #error(into: Uint8Array, at: number, kind: number): number {
    const types = TYPES[this.#writer.family];
    const length = this.#datagram(this.#quoted, 0, kind) - ETHERNET_LENGTH;
    const count = Math.min(length, types.quoteBytes);
    this.#quoted.copyWithin(0, ETHERNET_LENGTH, ETHERNET_LENGTH + count);
    const unreachable = kind === ICMP_KIND.portUnreachable || kind === ICMP_KIND.unsolicited;
    const { type, code, rest } = types.errors[unreachable ? 0 : kind - 1]!;
    const src = unreachable ? this.#tuples.server : this.#router;
    return this.#writer.icmp(into, at, {
      src,
      dst: this.#tuples.client,
      type,
      code,
      rest,
      content: this.#quoted,
      count,
      backwards: true,
    });
  }
}
