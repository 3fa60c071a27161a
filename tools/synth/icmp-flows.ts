/** Conversations of ICMP: pings, and datagrams that earn an error quoting them. */
import { ExchangeFlowTable, type ExchangeOptions, type ExchangePlan } from './exchange-flows.js';
import { ETHERNET_LENGTH } from './headers.js';
import { MAX_SEGMENT_BYTES, PacketWriter, segmentBytes } from './packet-writer.js';

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

/** Its exchanges are echo requests, or datagrams. */
export interface IcmpFlowPlan extends ExchangePlan {
  kind: number;
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

const DATAGRAM_BYTES = 64;
/** Fills an IPv6 packet of 1500 bytes. */
const LARGE_DATAGRAM_BYTES = 1452;

/** What a table of ICMP flows is made of. */
export interface IcmpFlowOptions extends ExchangeOptions<IcmpFlowPlan> {
  /** Host that the errors of routers come from. */
  readonly router: number;
  /** Payload of an echo. */
  readonly echoBytes: number;
  /** Packets of the shortest flow, in the mean over the kinds that the planner plans, for checking rates. */
  readonly minPacketsPerFlow: number;
}

export class IcmpFlowTable extends ExchangeFlowTable<IcmpFlowPlan> {
  readonly minPacketsPerFlow: number;
  readonly maxFrameLength: number;
  readonly #quoted: Uint8Array;
  readonly #kind: Uint8Array;
  readonly #router: number;
  readonly #echoBytes: number;

  constructor(options: IcmpFlowOptions) {
    super(options, { family: 4, vlanId: 0, kind: 0, answered: true, exchanges: 1 });
    this.minPacketsPerFlow = options.minPacketsPerFlow;
    this.#router = options.router;
    this.#echoBytes = options.echoBytes;
    this.maxFrameLength = PacketWriter.MAX_HEADERS + Math.max(MAX_SEGMENT_BYTES, options.echoBytes);
    this.#quoted = new Uint8Array(this.maxFrameLength);
    this.#kind = new Uint8Array(options.capacity);
  }

  protected override keep(slot: number, { kind }: IcmpFlowPlan): void {
    this.#kind[slot] = kind;
  }

  protected override onlyAnswers(slot: number): boolean {
    return this.#kind[slot] === ICMP_KIND.unsolicited;
  }

  protected writeRequest(slot: number, into: Uint8Array, at: number, exchange: number): number {
    const kind = this.#kind[slot]!;
    return kind === ICMP_KIND.ping ? this.#echo(into, at, exchange, false) : this.#datagram(into, at, kind);
  }

  protected writeAnswer(slot: number, into: Uint8Array, at: number, exchange: number): number {
    const kind = this.#kind[slot]!;
    return kind === ICMP_KIND.ping ? this.#echo(into, at, exchange, true) : this.#error(into, at, kind);
  }

  #echo(into: Uint8Array, at: number, sequence: number, reply: boolean): number {
    const types = TYPES[this.writer.family];
    const { there, back } = this.tuples;
    return this.writer.icmp(into, at, {
      ends: reply ? back : there,
      type: reply ? types.reply : types.request,
      code: 0,
      // The "port" of the tuple is the identifier.
      rest: ((there.srcPort << 16) | ((sequence + 1) & 0xffff)) >>> 0,
      count: this.#echoBytes,
    });
  }

  /** What the error will be about. Sequence number 0 keeps a repeated SYN the same packet. */
  #datagram(into: Uint8Array, at: number, kind: number): number {
    const writer = this.writer;
    const ends = this.tuples.there;
    if (kind !== ICMP_KIND.tooBig) return writer.udp(into, at, { ends, count: DATAGRAM_BYTES });
    // Over IPv6 the error quotes 1232 bytes, and Wireshark verifies the checksum of a quoted TCP segment as if it were
    // whole; of a quoted datagram it does not.
    if (writer.family === 6) return writer.udp(into, at, { ends, count: LARGE_DATAGRAM_BYTES });
    const count = segmentBytes(writer.family);
    return writer.tcp(into, at, { ends, seq: 0, ack: 0, flags: 0x02, window: 65535, count });
  }

  #error(into: Uint8Array, at: number, kind: number): number {
    const types = TYPES[this.writer.family];
    const length = this.#datagram(this.#quoted, 0, kind) - ETHERNET_LENGTH;
    const count = Math.min(length, types.quoteBytes);
    this.#quoted.copyWithin(0, ETHERNET_LENGTH, ETHERNET_LENGTH + count);
    const unreachable = kind === ICMP_KIND.portUnreachable || kind === ICMP_KIND.unsolicited;
    const { type, code, rest } = types.errors[unreachable ? 0 : kind - 1]!;
    const { back } = this.tuples;
    const ends = unreachable ? back : { src: this.#router, dst: back.dst, backwards: true };
    return this.writer.icmp(into, at, { ends, type, code, rest, content: this.#quoted, count });
  }
}
