import { OPTION_END, paddedLength } from './pcapng-format.js';

export interface PcapngOption {
  readonly code: number;
  readonly value: Buffer;
}

/**
 * Splits a pcapng option list (draft-ietf-opsawg-pcapng, section 3.5).
 * @returns the options, or a sentence part saying what is wrong with the list
 */
export function parseOptions(bytes: Buffer, littleEndian: boolean): PcapngOption[] | string {
  const options: PcapngOption[] = [];
  let position = 0;
  // A list may end at the block's end without an end-of-options mark.
  while (position < bytes.length) {
    if (bytes.length - position < 4) return `${bytes.length - position} stray bytes after the last option`;
    const code = littleEndian ? bytes.readUInt16LE(position) : bytes.readUInt16BE(position);
    const length = littleEndian ? bytes.readUInt16LE(position + 2) : bytes.readUInt16BE(position + 2);
    if (code === OPTION_END) return options;
    const next = position + 4 + paddedLength(length);
    if (next > bytes.length) return `option ${code} has ${length} bytes, which do not fit in its block`;
    options.push({ code, value: bytes.subarray(position + 4, position + 4 + length) });
    position = next;
  }
  return options;
}
