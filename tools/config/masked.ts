/** Values under a mask: marks of 32 bits and labels of 128. */
import type { Masked } from '../../engine/host/exec-params.js';
import type { MaskedEntry } from './schema.js';

/**
 * Value and mask as numbers; without a mask all bits count.
 * @throws RangeError when one of them has more bits
 */
export function toMasked(entry: MaskedEntry, bits: 32 | 128): Masked<bigint> {
  const [value, mask] = typeof entry === 'object' ? [entry.value, entry.mask] : String(entry).split('/', 2);
  return {
    value: within(value ?? 0, bits),
    mask: mask === undefined ? (1n << BigInt(bits)) - 1n : within(mask, bits),
  };
}

function within(number: string | number, bits: number): bigint {
  const value = BigInt(number);
  if (value >> BigInt(bits) === 0n) return value;
  throw new RangeError(`${number} has more than ${bits} bits`);
}
