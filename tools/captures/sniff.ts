import { PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO } from './pcap-format.js';

/** Bytes that decide what a file is. */
export const SNIFF_BYTES = 8;

/** The first eight bytes of a prepared capture: not text-safe, so a mangled transfer shows (as in PNG). */
export const PREPARED_MAGIC = Uint8Array.of(0x89, 0x43, 0x54, 0x50, 0x0d, 0x0a, 0x1a, 0x0a);

export type ContentKind = 'pcap' | 'pcapng' | 'ctp' | 'gzip' | 'zstd';

export type Sniffed =
  | { readonly kind: ContentKind }
  | { readonly kind: 'foreign'; readonly what: string; readonly advice: string };

const EXPORT_ADVICE = 'Convert it to pcapng with: editcap FILE CONVERTED.pcapng.';
const NOT_CAPTURE_ADVICE = 'Give a pcap or pcapng file, plain or compressed with gzip or zstd.';

/** Formats that are recognised only to be named in the error. */
const FOREIGN: readonly (readonly [prefix: string, what: string, advice: string])[] = [
  ['a1b2cd34', 'a modified pcap file (Kuznetzov patch)', EXPORT_ADVICE],
  ['34cdb2a1', 'a modified pcap file (Kuznetzov patch)', EXPORT_ADVICE],
  ['736e6f6f70', 'a Solaris snoop capture', EXPORT_ADVICE],
  ['474d4255', 'a Microsoft Network Monitor capture', EXPORT_ADVICE],
  ['5254535300', 'a Network Monitor 1.x capture', EXPORT_ADVICE],
  ['58435000', 'a Sniffer Pro (NetXRay) capture', EXPORT_ADVICE],
  ['fd377a585a00', 'xz-compressed', 'Decompress it first: xz -dc FILE | ctreplay COMMAND -.'],
  ['425a68', 'bzip2-compressed', 'Decompress it first: bzip2 -dc FILE | ctreplay COMMAND -.'],
  ['04224d18', 'lz4-compressed', 'Decompress it first: lz4 -dc FILE | ctreplay COMMAND -.'],
  ['504b0304', 'a zip archive', 'Unpack it first.'],
  ['7f454c46', 'an ELF program', NOT_CAPTURE_ADVICE],
];

/** Tells what a stream holds from its first bytes (all of them where fewer than `SNIFF_BYTES` exist). */
export function sniff(head: Buffer): Sniffed {
  if (head.length >= 4) {
    const big = head.readUInt32BE(0);
    const little = head.readUInt32LE(0);
    for (const magic of [PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO]) {
      if (big === magic || little === magic) return { kind: 'pcap' };
    }
    if (big === 0x0a0d_0d0a) return { kind: 'pcapng' };
    // 0x184D2A50..5F opens a skippable zstd frame, which may come first.
    if (little === 0xfd2f_b528 || (little & 0xffff_fff0) >>> 0 === 0x184d_2a50) return { kind: 'zstd' };
  }
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return { kind: 'gzip' };
  if (head.length >= PREPARED_MAGIC.length && head.subarray(0, PREPARED_MAGIC.length).equals(PREPARED_MAGIC)) {
    return { kind: 'ctp' };
  }
  const hex = head.toString('hex');
  for (const [prefix, what, advice] of FOREIGN) {
    if (hex.startsWith(prefix)) return { kind: 'foreign', what, advice };
  }
  const shown = hex.length === 0 ? 'nothing' : (hex.match(/../g) ?? []).join(' ');
  return {
    kind: 'foreign',
    what: `in no capture format that is known (first bytes: ${shown})`,
    advice: NOT_CAPTURE_ADVICE,
  };
}
