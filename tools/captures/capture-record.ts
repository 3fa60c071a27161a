/** One packet of a capture, whatever the file's format. */
export interface CaptureRecord {
  /** Number of the record in its file, counting from 1 as capture tools do. */
  readonly recordIndex: number;
  /** Byte offset of the record (its header or block) in the decompressed capture. */
  readonly fileOffset: number;
  /** Capture time in nanoseconds since 1970-01-01 UTC. */
  readonly timestampNs: bigint;
  /**
   * True for the one kind of record that carries no time (pcapng simple packet block); `timestampNs` then repeats
   * the time of the record before it, so that order is kept and no gap is invented. Before the first record that has a time it is that
   * one's, and 0 where none has.
   */
  readonly timestampMissing?: true;
  /** The captured bytes, starting at the link-layer header. Never overwritten by the reader; do not modify. */
  readonly frame: Uint8Array;
  /**
   * Bytes that were on the wire; more than `frame.length` when the snap length cut the packet. Fewer only in captures that say so
   * wrongly (oddity `captured-beyond-wire`).
   */
  readonly originalLength: number;
  /** LINKTYPE_ number of the frame (tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** Position of the record's interface in `CaptureReader.interfaces`. */
  readonly interfaceIndex: number;
}

/** One capture interface: the only one of a pcap file, or one interface description block of pcapng. */
export interface CaptureInterface {
  readonly name: string | null;
  readonly linkType: number;
  /** Largest captured length in bytes; null where the file states no limit. */
  readonly snapLength: number | null;
  /** Size of one timestamp unit as written in the file: `10^-9 s`, `2^-20 s`. */
  readonly resolution: string;
}

/** Every format that is read, decompressed, and what people call it. docs/captures.md has a row for each. */
export const CAPTURE_FORMATS = {
  pcap: 'pcap, microseconds',
  'pcap-ns': 'pcap, nanoseconds',
  pcapng: 'pcapng',
  ctp: 'prepared capture (.ctp)',
} as const;

export type CaptureFormat = keyof typeof CAPTURE_FORMATS;

export type CaptureCompression = 'none' | 'gzip' | 'zstd';

/** Largest captured length accepted, in bytes: libpcap's MAXIMUM_SNAPLEN for the link types read here. */
export const MAX_CAPTURED_BYTES = 262_144;

/** Largest length on the wire believed, in bytes: beyond it the record header is taken for garbage (as Wireshark does). */
export const MAX_ORIGINAL_BYTES = 128 * 1024 * 1024;
