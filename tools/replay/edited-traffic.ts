/** Traffic with packets left out, cut, or moved to other addresses, before it is staged. */
import type { FramePredicate } from '../rewrite/filter.js';
import type { FrameRewriter } from '../rewrite/rewriter.js';
import { cutFrame } from '../rewrite/snap-length.js';
import type { Traffic } from './traffic.js';

/** What to change; null leaves it as it is. */
export interface TrafficEdits {
  /** Packets that pass stay; the times of the others are not closed up. */
  readonly filter: FramePredicate | null;
  readonly rewriter: FrameRewriter | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
}

/** Traffic as it is. */
export const NO_EDITS: TrafficEdits = { filter: null, rewriter: null, snapLength: null };

/** The edited traffic: filtered first, as it was captured, then rewritten, then cut. */
export function editTraffic(traffic: Traffic, edits: TrafficEdits): Traffic {
  const { filter, rewriter, snapLength } = edits;
  if (filter === null && rewriter === null && snapLength === null) return traffic;
  return {
    name: traffic.name,
    forEach: (visit) =>
      traffic.forEach((frame, timestampNs) => {
        if (filter !== null && !filter(frame)) return true;
        let edited = frame;
        if (rewriter !== null) {
          // The reader's bytes are not to be changed.
          edited = new Uint8Array(frame);
          rewriter.rewrite(edited, 0);
        }
        return visit(snapLength === null ? edited : cutFrame(edited, snapLength), timestampNs);
      }),
  };
}
