const NS_PER_SECOND = 1_000_000_000n;
/** Beyond these exponents a 64-bit count of units no longer spans a second's start. */
const MAX_DECIMAL_EXPONENT = 19;
const MAX_BINARY_EXPONENT = 63;

/** How to turn an interface's 64-bit timestamp units into nanoseconds since 1970. */
export interface TimestampResolution {
  /** Unit size for people: `10^-6 s`. */
  readonly text: string;
  /** Nanoseconds of a unit; null where that is no whole number. */
  readonly nsPerUnit: number | null;
  toNs(units: bigint): bigint;
}

/**
 * Reads pcapng `if_tsresol` and `if_tsoffset` (draft-ietf-opsawg-pcapng, section 4.2).
 * @param code the option's byte: the exponent, with the top bit set for base 2 instead of base 10
 * @param offsetSeconds seconds to add to every timestamp
 * @returns the resolution, or null when the exponent is beyond what a 64-bit timestamp can carry
 */
export function timestampResolution(code: number, offsetSeconds: bigint): TimestampResolution | null {
  const binary = (code & 0x80) !== 0;
  const exponent = code & 0x7f;
  if (exponent > (binary ? MAX_BINARY_EXPONENT : MAX_DECIMAL_EXPONENT)) return null;
  const text = exponent === 0 ? '1 s' : `${binary ? 2 : 10}^-${exponent} s`;
  const unitsPerSecond = binary ? 1n << BigInt(exponent) : 10n ** BigInt(exponent);
  const offsetNs = offsetSeconds * NS_PER_SECOND;
  if (NS_PER_SECOND % unitsPerSecond === 0n) {
    const nsPerUnit = NS_PER_SECOND / unitsPerSecond;
    return { text, nsPerUnit: Number(nsPerUnit), toNs: (units) => units * nsPerUnit + offsetNs };
  }
  return { text, nsPerUnit: null, toNs: (units) => (units * NS_PER_SECOND) / unitsPerSecond + offsetNs };
}
