import * as zlib from 'node:zlib';

type Crc32 = (bytes: Uint8Array, value?: number) => number;

/**
 * CRC-32 as of gzip and PNG (ISO 3309), continued from `value`.
 * zlib's own is used where Node has it (from 20.15), at several bytes a nanosecond; older ones get a table.
 */
export const crc32: Crc32 = typeof zlib.crc32 === 'function' ? (zlib.crc32 as Crc32) : crc32ByTable;

const POLYNOMIAL = 0xedb8_8320;
let table: Uint32Array | null = null;

/** The same checksum in plain JavaScript; exported so that a test can hold the two against each other. */
function crc32ByTable(bytes: Uint8Array, value = 0): number {
  table ??= buildTable();
  let crc = ~value;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function buildTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc >>> 0;
  });
}
