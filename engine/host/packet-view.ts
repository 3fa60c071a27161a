import { formatAddress, type IpFamily } from './addresses.js';
import type { EngineConstants } from './constants.js';
import type { ByteOffset } from './quantities.js';
import { stateText } from './state-text.js';

/** The original tuple that the tracker recorded with a packet (spec §2 step j). For ICMP the ports are type and code. */
export interface RecordedTuple {
  readonly family: IpFamily;
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly protocol: number;
}

/**
 * A packet descriptor and its frame in the engine's memory (engine/assembly/records/packet.ts). Nothing is copied but what
 * the accessors return; belongs to whoever runs the packet.
 */
export class PacketView {
  readonly #view: DataView;
  readonly #constants: EngineConstants;
  readonly #bytes: Uint8Array;
  readonly address: ByteOffset;

  constructor(view: DataView, constants: EngineConstants, address: ByteOffset) {
    this.#view = view;
    this.#constants = constants;
    this.#bytes = new Uint8Array(view.buffer);
    this.address = address;
  }

  /** Binds the descriptor to a frame at `frame`, whose bytes are already there. Everything else becomes zero. */
  initialise(frame: ByteOffset, length: number, capacity: number): void {
    const c = this.#constants;
    this.#bytes.fill(0, this.address, this.address + c.PACKET_SIZE);
    this.#view.setUint32(this.address + c.PK_FRAME, frame, true);
    this.#view.setUint32(this.address + c.PK_LENGTH, length, true);
    this.#view.setUint32(this.address + c.PK_CAPACITY, capacity, true);
  }

  /** Replaces descriptor and frame by those of another descriptor; the frame stays where it is. */
  takeOver(from: ByteOffset, frame: ByteOffset, capacity: number): void {
    const c = this.#constants;
    const source = this.#view.getUint32(from + c.PK_FRAME, true);
    const length = this.#view.getUint32(from + c.PK_LENGTH, true);
    this.#bytes.copyWithin(frame, source, source + length);
    this.#bytes.copyWithin(this.address, from, from + c.PACKET_SIZE);
    this.#view.setUint32(this.address + c.PK_FRAME, frame, true);
    this.#view.setUint32(this.address + c.PK_CAPACITY, capacity, true);
  }

  /** Where the engine found the headers (`locatePacket`): offsets in the frame, 0xffff for none; and the EtherType. */
  get layers(): { l3: number; l4: number; l2Pad: number; dlType: number } {
    const c = this.#constants;
    const field = (offset: number): number => this.#view.getUint16(this.address + offset, true);
    return {
      l3: field(c.PK_L3),
      l4: field(c.PK_L4),
      l2Pad: field(c.PK_L2_PAD),
      dlType: field(c.PK_DL_TYPE),
    };
  }

  /** A word of the caller's that travels with the descriptor, copies included. */
  get user(): number {
    return this.#u32(this.#constants.PK_USER);
  }
  set user(value: number) {
    this.#view.setUint32(this.address + this.#constants.PK_USER, value, true);
  }

  /** The frame as it is now, copied. */
  copyFrame(): Uint8Array {
    const at = this.#view.getUint32(this.address + this.#constants.PK_FRAME, true);
    return this.#bytes.slice(at, at + this.length);
  }

  /** Whether the frame differs from these bytes. */
  frameDiffers(from: Uint8Array): boolean {
    const at = this.#view.getUint32(this.address + this.#constants.PK_FRAME, true);
    if (from.length !== this.length) return true;
    for (let i = 0; i < from.length; i++) if (this.#bytes[at + i] !== from[i]) return true;
    return false;
  }

  get length(): number {
    return this.#u32(this.#constants.PK_LENGTH);
  }

  /** ct_state bits. */
  get state(): number {
    return this.#u32(this.#constants.PK_CT_STATE);
  }

  /** ct_state in text form. */
  get stateText(): string {
    return stateText(this.state);
  }

  get mark(): number {
    return this.#u32(this.#constants.PK_CT_MARK);
  }

  /** ct_label as one number of 128 bits. */
  get label(): bigint {
    const c = this.#constants;
    return (
      (this.#view.getBigUint64(this.address + c.PK_LABEL_HIGH, true) << 64n) |
      this.#view.getBigUint64(this.address + c.PK_LABEL_LOW, true)
    );
  }

  get zone(): number {
    return this.#u16(this.#constants.PK_CT_ZONE);
  }

  /** Reason code; 0 = nothing special. */
  get reason(): number {
    return this.#view.getUint8(this.address + this.#constants.PK_REASON);
  }

  /** Whether the fragment context holds the packet. */
  get held(): boolean {
    return this.#u32(this.#constants.PK_CONSUMED) !== 0;
  }

  /** Notes that the fragment context has dropped the packet. */
  noteDropped(): void {
    this.#view.setUint32(this.address + this.#constants.PK_CONSUMED, 0, true);
  }

  /** Ethernet type behind the VLAN tags, as the engine located it. */
  get etherType(): number {
    return this.#u16(this.#constants.PK_DL_TYPE);
  }

  /** Drops the cached connection, as a pass of the original benchmark does. */
  clearCache(): void {
    this.#view.setUint32(this.address + this.#constants.PK_CONN, 0, true);
  }

  /** The recorded original tuple, or null when there is none. */
  get originalTuple(): RecordedTuple | null {
    const c = this.#constants;
    const family = this.#view.getUint8(this.address + c.PK_ORIG_FAMILY);
    if (family !== 4 && family !== 6) return null;
    const at = this.address;
    return {
      family,
      src: formatAddress(family, this.#bytes.subarray(at + c.PK_ORIG_SRC, at + c.PK_ORIG_SRC + 16)),
      dst: formatAddress(family, this.#bytes.subarray(at + c.PK_ORIG_DST, at + c.PK_ORIG_DST + 16)),
      srcPort: this.#u16(c.PK_ORIG_SRC_PORT),
      dstPort: this.#u16(c.PK_ORIG_DST_PORT),
      protocol: this.#view.getUint8(at + c.PK_ORIG_PROTO),
    };
  }

  #u16(offset: number): number {
    return this.#view.getUint16(this.address + offset, true);
  }

  #u32(offset: number): number {
    return this.#view.getUint32(this.address + offset, true);
  }
}

/** `[src]:port>[dst]:port proto=n`, the form of the conformance vectors. */
export function recordedTupleText(tuple: RecordedTuple): string {
  return `[${tuple.src}]:${tuple.srcPort}>[${tuple.dst}]:${tuple.dstPort} proto=${tuple.protocol}`;
}
