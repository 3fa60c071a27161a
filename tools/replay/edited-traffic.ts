/** Traffic with packets left out, cut, moved to other addresses, or closer together, before it is staged. */
import type { FramePredicate } from '../rewrite/filter.js';
import type { FrameRewriter } from '../rewrite/rewriter.js';
import { fixChecksums } from '../wire/frame-checksums.js';
import { cutFrame } from '../rewrite/snap-length.js';
import type { FrameVisitor, Traffic } from './traffic.js';

/** What to change; null leaves it as it is. */
export interface TrafficEdits {
  /** Packets that pass stay; the times of the others are not closed up. */
  readonly filter: FramePredicate | null;
  readonly rewriter: FrameRewriter | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
  /** Wrong checksums are made right. Absent = no. */
  readonly fixChecksums?: boolean;
  /** Longest time between two packets that stay, nanoseconds: longer ones are shortened to it. */
  readonly maxGapNs?: number | null;
}

/** Traffic as it is. */
export const NO_EDITS: TrafficEdits = { filter: null, rewriter: null, snapLength: null };

/**
 * The edited traffic: filtered first, as it was captured, then moved closer together, its checksums made right, then rewritten,
 * and cut.
 */
export function editTraffic(traffic: Traffic, edits: TrafficEdits): Traffic {
  const { filter, rewriter, snapLength, fixChecksums: fixes = false, maxGapNs = null } = edits;
  const changes = filter !== null || rewriter !== null || snapLength !== null;
  if (!changes && !fixes && maxGapNs === null) return traffic;
  return {
    name: traffic.name,
    forEach: (visit) => {
      const timeOf = maxGapNs === null ? (timeNs: number) => timeNs : closingGaps(maxGapNs);
      const edit: FrameVisitor = (frame, timestampNs, wireBytes = frame.length) => {
        if (filter !== null && !filter(frame, wireBytes)) return true;
        let edited = frame;
        if (rewriter !== null || fixes) {
          // The reader's bytes are not to be changed.
          edited = new Uint8Array(frame);
          if (fixes) fixChecksums(edited, wireBytes);
          rewriter?.rewrite(edited, 0);
        }
        if (snapLength !== null) edited = cutFrame(edited, snapLength);
        return visit(edited, timeOf(timestampNs), wireBytes);
      };
      return traffic.forEach(edit);
    },
  };
}

/** Times, given in order, with no more than `maxGapNs` between two of them. What was before the first packet counts as no gap. */
function closingGaps(maxGapNs: number): (timeNs: number) => number {
  let previousNs: number | null = null;
  let closedNs = 0;
  return (timeNs) => {
    closedNs += Math.max(0, timeNs - (previousNs ?? timeNs) - maxGapNs);
    previousNs = timeNs;
    return timeNs - closedNs;
  };
}
