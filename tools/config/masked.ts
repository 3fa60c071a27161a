/** Values under a mask: marks of 32 bits and labels of 128. */
import { z } from 'zod';
import type { Masked } from '../../engine/host/exec-params.js';
import { strictObject } from './strict-object.js';

/** A number, or text for one: decimal, or hexadecimal behind 0x. Large numbers in YAML arrive as text. */
const wholeNumber = z.union([z.int().min(0), z.string().regex(/^(0x[0-9a-fA-F]+|\d+)$/, 'is no number')]);

/** A value, `value/mask`, or both by name. */
export const maskedSchema = z.union([
  wholeNumber,
  z
    .string()
    .regex(
      /^(0x[0-9a-fA-F]+|\d+)\/(0x[0-9a-fA-F]+|\d+)$/,
      'is no number or VALUE/MASK, decimal or behind 0x hexadecimal',
    ),
  strictObject({ value: wholeNumber, mask: wholeNumber.optional() }),
]);

export type MaskedEntry = z.infer<typeof maskedSchema>;

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
