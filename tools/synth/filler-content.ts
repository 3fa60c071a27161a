/** Filler as the payload of every datagram. */
import { putPattern } from './payload-pattern.js';
import type { DatagramContent } from './udp-flows.js';

/** Datagrams of `bytes` bytes of filler in both directions. */
export function fillerContent(bytes: number): DatagramContent {
  const write = (scratch: Uint8Array): number => {
    putPattern(scratch, 0, bytes);
    return bytes;
  };
  return { maxBytes: bytes, writeRequest: write, writeResponse: write };
}
