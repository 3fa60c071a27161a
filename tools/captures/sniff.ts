import { PCAP_MAGIC_MICRO, PCAP_MAGIC_NANO } from './pcap-format.js';

/** Bytes that decide what a file is. */
export const SNIFF_BYTES = 16;

/** The first eight bytes of a prepared capture: not text-safe, so a mangled transfer shows (as in PNG). */
export const PREPARED_MAGIC = Uint8Array.of(0x89, 0x43, 0x54, 0x50, 0x0d, 0x0a, 0x1a, 0x0a);

/** Bytes that tell captures without a magic number: a few records of any length they may have. */
export const SNIFF_RECORD_BYTES = 256 * 1024;

export type ContentKind = 'pcap' | 'pcapng' | 'ctp' | 'gzip' | 'zstd';

export type Sniffed =
  | { readonly kind: ContentKind }
  | { readonly kind: 'foreign'; readonly what: string; readonly advice: string };

const EXPORT_ADVICE = 'Convert it to pcapng with: editcap FILE CONVERTED.pcapng.';
const NOT_CAPTURE_ADVICE = 'Give a pcap or pcapng file, plain or compressed with gzip or zstd.';

/** Of the bytes that are shown of an unknown file. */
const SHOWN_DIGITS = 16;

/** Formats that are recognised only to be named in the error. */
const FOREIGN: readonly (readonly [prefix: string, what: string, advice: string])[] = [
  ['a1b2cd34', 'a modified pcap file (Kuznetzov patch)', EXPORT_ADVICE],
  ['34cdb2a1', 'a modified pcap file (Kuznetzov patch)', EXPORT_ADVICE],
  ['736e6f6f70', 'a Solaris snoop capture', EXPORT_ADVICE],
  ['474d4255', 'a Microsoft Network Monitor capture', EXPORT_ADVICE],
  ['1c0001ab', 'an IXIA capture (software)', EXPORT_ADVICE],
  ['ab01001c', 'an IXIA capture (software)', EXPORT_ADVICE],
  ['1c0001ac', 'an IXIA capture (hardware)', EXPORT_ADVICE],
  ['ac01001c', 'an IXIA capture (hardware)', EXPORT_ADVICE],
  ['697074726163652031', 'an AIX iptrace 1.0 capture', EXPORT_ADVICE],
  ['697074726163652032', 'an AIX iptrace 2.0 capture', EXPORT_ADVICE],
  ['5452534e49464620', 'a Sniffer (DOS) capture', EXPORT_ADVICE],
  ['7f766572', 'an OmniPeek or AiroPeek capture', EXPORT_ADVICE],
  ['4f62736572766572', 'a Network Instruments Observer capture', EXPORT_ADVICE],
  ['aaaaaaaa', 'an Accellent 5View capture', EXPORT_ADVICE],
  ['4c4f4747', 'a Vector BLF log', EXPORT_ADVICE],
  ['6274736e6f6f7000', 'a Bluetooth (btsnoop) capture, which holds no IP packets', NOT_CAPTURE_ADVICE],
  ['5254535300', 'a Network Monitor 1.x capture', EXPORT_ADVICE],
  ['58435000', 'a Sniffer Pro (NetXRay) capture', EXPORT_ADVICE],
  ['fd377a585a00', 'xz-compressed', 'Decompress it first: xz -dc FILE | ctreplay COMMAND -.'],
  ['425a68', 'bzip2-compressed', 'Decompress it first: bzip2 -dc FILE | ctreplay COMMAND -.'],
  ['04224d18', 'lz4-compressed', 'Decompress it first: lz4 -dc FILE | ctreplay COMMAND -.'],
  ['504b0304', 'a zip archive', 'Unpack it first.'],
  ['7f454c46', 'an ELF program', NOT_CAPTURE_ADVICE],
  ['3c21444f43545950', 'an HTML page, as a failed download leaves', 'Download the capture again.'],
  ['3c68746d6c', 'an HTML page, as a failed download leaves', 'Download the capture again.'],
  ['76657273696f6e20', 'text, perhaps a Git LFS pointer in place of the file', 'Fetch the file itself: git lfs pull.'],
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
  const shown = hex.length === 0 ? 'nothing' : (hex.slice(0, SHOWN_DIGITS).match(/../g) ?? []).join(' ');
  return {
    kind: 'foreign',
    what: `in no capture format that is known (first bytes: ${shown})`,
    advice: NOT_CAPTURE_ADVICE,
  };
}

const ERF_HEADER_BYTES = 16;
/** Highest record type in use (Endace ERF types reference), beside the padding record. */
const ERF_TYPE_MAX = 27;
const ERF_TYPE_PAD = 48;
const ERF_RECORDS_LOOKED_AT = 8;

/** Whether a record header of an Endace DAG card (ERF) may begin here. The time is little-endian, everything else big-endian. */
export function beginsLikeErf(head: Buffer): boolean {
  if (head.length < ERF_HEADER_BYTES) return false;
  const type = head.readUInt8(8) & 0x7f;
  const known = (type >= 1 && type <= ERF_TYPE_MAX) || type === ERF_TYPE_PAD;
  return known && head.readUInt16BE(10) >= ERF_HEADER_BYTES && head.readUInt32LE(4) !== 0;
}

/**
 * Whether the bytes are records of an Endace DAG card, which have no magic number: header after header has to make sense, and times
 * must not go back by more than a second.
 * @param whole whether this is all there is
 */
export function looksLikeErf(head: Buffer, whole: boolean): boolean {
  let position = 0;
  let records = 0;
  let lastSeconds = 0;
  while (records < ERF_RECORDS_LOOKED_AT && head.length - position >= ERF_HEADER_BYTES) {
    if (!beginsLikeErf(head.subarray(position))) return false;
    const seconds = head.readUInt32LE(position + 4);
    if (seconds + 1 < lastSeconds) return false;
    lastSeconds = seconds;
    position += head.readUInt16BE(position + 10);
    records += 1;
  }
  return records > 1 || (records === 1 && whole && position === head.length);
}

/** What to say of one. */
export const ERF = {
  what: 'an Endace ERF capture',
  advice: 'Convert it to pcapng, when it was taken on Ethernet, with: editcap -T ether FILE CONVERTED.pcapng.',
};
