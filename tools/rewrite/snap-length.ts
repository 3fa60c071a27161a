/** `--snaplen`: frames cut as if they had been captured with a shorter snap length. */
import { MAX_CAPTURED_BYTES } from '../captures/capture-record.js';

/**
 * Parses a snap length in bytes, 1 to 262,144.
 * @throws RangeError that says what would be right
 */
export function parseSnapLength(text: string): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_CAPTURED_BYTES) return value;
  throw new RangeError(`'${text}' is no snap length: give whole bytes from 1 to ${MAX_CAPTURED_BYTES}`);
}

/** The first bytes of a frame, at most `snapLength`: a view, not a copy. */
export function cutFrame(frame: Uint8Array, snapLength: number): Uint8Array {
  return frame.length <= snapLength ? frame : frame.subarray(0, snapLength);
}
