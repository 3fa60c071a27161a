/** Frames that lie in one piece of memory: the way traffic is handed on without an object per packet. */

/** Frames in order. What it shows holds until the next one is asked for. */
export interface FrameRange {
  /** Holds the frames, and perhaps other bytes between them. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Where each frame starts in `bytes`. */
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  /** Length of each frame on the wire; null = the frames'. */
  readonly wireBytes: Uint32Array | null;
}

/** Frames with their times. */
export interface TimedRange extends FrameRange {
  /** Nanoseconds since the first packet of the traffic; never going back. */
  readonly timesNs: Float64Array;
  /** Makes the bytes hold for ever; absent or null where they will be overwritten. */
  readonly keep?: (() => void) | null;
}

/** The frame at this place of a range, not copied. */
export function frameAt({ bytes, starts, lengths }: FrameRange, index: number): Uint8Array {
  const start = starts[index] as number;
  return bytes.subarray(start, start + (lengths[index] as number));
}

/** Length on the wire of the frame at this place. */
export function wireBytesAt({ wireBytes, lengths }: FrameRange, index: number): number {
  return (wireBytes ?? lengths)[index] as number;
}

/** Receives frames of traffic that is kept, and the place of the first one. The bytes may be overwritten after the call. */
export type RangeVisitor = (range: FrameRange, firstIndex: number) => void;
