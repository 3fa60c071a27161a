/** Numbers whose unit or meaning the compiler keeps apart. A brand exists only in types: at run time it is the number. */
declare const brand: unique symbol;

/** Byte offset in the engine's memory; 0 means "none". */
export type ByteOffset = number & { readonly [brand]: 'ByteOffset' };
/** Index of a connection's slot in the slab. */
export type ConnIndex = number & { readonly [brand]: 'ConnIndex' };
export type Nanoseconds = number & { readonly [brand]: 'Nanoseconds' };
export type Milliseconds = number & { readonly [brand]: 'Milliseconds' };

/** @throws RangeError when it is not an address of a 32-bit memory */
export function byteOffset(value: number): ByteOffset {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new RangeError(`${value} is not a byte offset of a 32-bit memory`);
  }
  return value as ByteOffset;
}

export function connIndex(value: number): ConnIndex {
  return value as ConnIndex;
}

/** @throws RangeError when it is not a finite number whose whole milliseconds a double holds exactly */
export function milliseconds(value: number): Milliseconds {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`${value} is not a time in milliseconds`);
  }
  return value as Milliseconds;
}
