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

/** The first packets of a range. */
export function firstOf(range: TimedRange, count: number): TimedRange {
  if (count >= range.count) return range;
  const { bytes, starts, lengths, wireBytes, timesNs } = range;
  return { bytes, count, starts, lengths, wireBytes, timesNs };
}

/** Receives one frame of traffic that is kept, its place, and its length on the wire. The bytes may be overwritten after the call. */
export type StagedVisitor = (frame: Uint8Array, packetIndex: number, wireBytes: number) => void;

/** Receives frames of traffic that is kept, and the place of the first one. The bytes may be overwritten after the call. */
export type StagedRangeVisitor = (range: FrameRange, firstIndex: number) => void;

/** A visitor of single frames as one of ranges. */
export function eachFrame(visit: StagedVisitor): StagedRangeVisitor {
  return (range, firstIndex) => {
    for (let index = 0; index < range.count; index++) {
      visit(frameAt(range, index), firstIndex + index, wireBytesAt(range, index));
    }
  };
}
