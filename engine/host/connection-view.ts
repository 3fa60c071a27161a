import { formatAddress, parseAddress, type IpFamily } from './addresses.js';
import type { EngineConstants } from './constants.js';
import type { Regions } from './memory-plan.js';
import { connIndex, type ByteOffset, type ConnIndex } from './quantities.js';

const PROTOCOL_ICMP = 1;
const PROTOCOL_TCP = 6;
const PROTOCOL_ICMPV6 = 58;

/** A tuple with ports (0 for protocols without), or of an ICMP query. */
export interface PortTuple {
  readonly family: IpFamily;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly srcPort: number;
  readonly dstPort: number;
}
export interface IcmpTuple {
  readonly family: IpFamily;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly icmpId: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}
export type ConnTuple = PortTuple | IcmpTuple;

/** TCP state names by number (spec §3). */
export const TCP_STATES = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
] as const;
export type TcpState = (typeof TCP_STATES)[number];

/** What a dump tells of one end of a TCP connection. */
export interface TcpPeer {
  readonly state: TcpState;
  /** Shift of the window scale. */
  readonly windowScale: number;
  readonly windowScaleKnown: boolean;
  /** The connection was picked up in the middle: windows are not checked against a scale. */
  readonly liberal: boolean;
}

/** One connection of a dump (spec §9). */
export interface ConnEntry {
  readonly index: ConnIndex;
  readonly original: ConnTuple;
  readonly reply: ConnTuple;
  readonly zone: number;
  readonly mark: number;
  readonly label: bigint;
  readonly helper: 'ftp' | 'tftp' | null;
  /** Whole seconds left, at least 0. */
  readonly timeoutSeconds: number;
  /** Original and reply end; null for other protocols. */
  readonly tcp: readonly [TcpPeer, TcpPeer] | null;
  /** Control connection's original tuple, for a connection that an application message announced. */
  readonly parent: ConnTuple | null;
  /** Timeout policy that governs it. */
  readonly timeoutPolicy: number;
  /** Absolute time in milliseconds of the tracker's clock at which it expires; 0 = forced. */
  readonly expirationMs: number;
}

/** Reads connection records out of the engine's memory (engine/assembly/records/connection.ts). */
export class ConnectionReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #c: EngineConstants;
  readonly #regions: Pick<Regions, 'slab' | 'side'>;

  constructor(
    memory: WebAssembly.Memory,
    constants: EngineConstants,
    regions: Pick<Regions, 'slab' | 'side'>,
  ) {
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#c = constants;
    this.#regions = regions;
  }

  /** The record at an address as a dump shows it at time `nowMs`. */
  entry(at: number, nowMs: number): ConnEntry {
    const c = this.#c;
    const original = this.key(at + c.CO_KEY);
    const expirationMs = Number(this.#view.getBigInt64(at + c.CO_EXPIRATION, true));
    const flags = this.#view.getUint8(at + c.CO_FLAGS);
    const peer = this.#view.getUint32(at + c.CO_PEER, true);
    const index = (at - this.#regions.slab) / c.CONN_SIZE;
    const alg = this.#view.getUint8(at + c.CO_ALG);
    return {
      index: connIndex(index),
      original,
      reply:
        (flags & c.CONN_TRANSLATED) === 0
          ? this.#tuple(at + c.CO_KEY, at + c.CO_KEY, true)
          : this.key(peer + c.CO_KEY),
      zone: this.#view.getUint16(at + c.CO_KEY + c.K_ZONE, true),
      mark: this.#view.getUint32(at + c.CO_MARK, true),
      label: (this.#view.getUint8(at + c.CO_KEPT) & c.KEPT_LABEL) === 0 ? 0n : this.#label(index),
      helper: alg === c.HELPER_FTP ? 'ftp' : alg === c.HELPER_TFTP ? 'tftp' : null,
      timeoutSeconds: Math.max(0, Math.floor((expirationMs - nowMs) / 1000)),
      tcp: original.protocol === PROTOCOL_TCP ? [this.#peer(at, 0), this.#peer(at, 1)] : null,
      parent:
        (flags & c.CONN_ALG_RELATED) === 0 ? null : this.#tuple(peer + c.CO_PARENT_TUPLE, at + c.CO_KEY),
      timeoutPolicy: this.#view.getUint32(at + c.CO_TP_ID, true),
      expirationMs,
    };
  }

  /** The tuple of a key at an address. */
  key(at: number): ConnTuple {
    return this.#tuple(at, at);
  }

  /**
   * Addresses and ports as in a key at an address, type and protocol from the key at another.
   * @param turned that of the opposite direction: the ends change places
   */
  #tuple(at: number, key: number, turned = false): ConnTuple {
    const c = this.#c;
    const view = this.#view;
    const family = view.getUint16(key + c.K_DL_TYPE, true) === 0x0800 ? 4 : 6;
    const protocol = view.getUint8(key + c.K_PROTO);
    const address = (field: number): string =>
      formatAddress(family, this.#bytes.subarray(at + field, at + field + 16));
    const [src, dst] = turned ? [address(c.K_DST), address(c.K_SRC)] : [address(c.K_SRC), address(c.K_DST)];
    const [near, far] = turned ? [c.K_DPORT, c.K_SPORT] : [c.K_SPORT, c.K_DPORT];
    const first = view.getUint16(at + near);
    if (isIcmp(protocol)) {
      const icmpType = view.getUint8(at + (turned ? c.K_DTYPE : c.K_STYPE));
      const icmpCode = view.getUint8(at + (turned ? c.K_DCODE : c.K_SCODE));
      return { family, src, dst, protocol, icmpId: first, icmpType, icmpCode };
    }
    return { family, src, dst, protocol, srcPort: first, dstPort: view.getUint16(at + far) };
  }

  #label(index: number): bigint {
    const at = this.#regions.side + index * this.#c.SIDE_SIZE + this.#c.SD_LABEL;
    return (this.#view.getBigUint64(at + 8, true) << 64n) | this.#view.getBigUint64(at, true);
  }

  #peer(conn: number, end: 0 | 1): TcpPeer {
    const c = this.#c;
    const at = conn + c.CO_PROTO_STATE + end * c.PEER_SIZE;
    const scale = this.#view.getUint8(at + c.PEER_WSCALE);
    const state = TCP_STATES[this.#view.getUint8(at + c.PEER_STATE)];
    return {
      state: state ?? 'CLOSED',
      windowScale: scale & c.WSCALE_MASK,
      windowScaleKnown: (scale & c.WSCALE_KNOWN) !== 0,
      liberal: (scale & c.WSCALE_UNKNOWN) !== 0,
    };
  }
}

function isIcmp(protocol: number): boolean {
  return protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
}

/** Types that answer each other: request to reply and back (spec §1.3). Any other type stands for itself. */
const PAIRED_TYPES: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [128, 129],
  [129, 128],
]);

/**
 * Writes a tuple as the engine's key, KEY_SIZE bytes at `at`.
 * @throws RangeError for an address that is none, or two of different families
 */
export function writeKey(
  view: DataView,
  c: EngineConstants,
  at: ByteOffset,
  tuple: ConnTuple,
  zone: number,
): void {
  const bytes = new Uint8Array(view.buffer);
  bytes.fill(0, at, at + c.KEY_SIZE);
  const src = parseAddress(tuple.src);
  const dst = parseAddress(tuple.dst);
  if (src.family !== dst.family)
    throw new RangeError(`${tuple.src} and ${tuple.dst} are of different IP versions`);
  bytes.set(src.bytes, at + c.K_SRC);
  bytes.set(dst.bytes, at + c.K_DST);
  if ('icmpId' in tuple) {
    view.setUint16(at + c.K_SPORT, tuple.icmpId);
    view.setUint8(at + c.K_STYPE, tuple.icmpType);
    view.setUint8(at + c.K_SCODE, tuple.icmpCode);
    view.setUint16(at + c.K_DPORT, tuple.icmpId);
    view.setUint8(at + c.K_DTYPE, PAIRED_TYPES.get(tuple.icmpType) ?? tuple.icmpType);
    view.setUint8(at + c.K_DCODE, tuple.icmpCode);
  } else {
    view.setUint16(at + c.K_SPORT, tuple.srcPort);
    view.setUint16(at + c.K_DPORT, tuple.dstPort);
  }
  view.setUint16(at + c.K_DL_TYPE, src.family === 4 ? 0x0800 : 0x86dd, true);
  view.setUint16(at + c.K_ZONE, zone, true);
  view.setUint8(at + c.K_PROTO, tuple.protocol);
}
