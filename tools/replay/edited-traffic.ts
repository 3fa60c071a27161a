/** Traffic with packets left out, cut, or moved to other addresses, before it is staged. */
import type { FramePredicate } from '../rewrite/filter.js';
import type { FrameRewriter } from '../rewrite/rewriter.js';
import { fixChecksums } from '../wire/frame-checksums.js';
import { cutFrame } from '../rewrite/snap-length.js';
import type { Traffic } from './traffic.js';

/** What to change; null leaves it as it is. */
export interface TrafficEdits {
  /** Packets that pass stay; the times of the others are not closed up. */
  readonly filter: FramePredicate | null;
  readonly rewriter: FrameRewriter | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
  /** Wrong checksums are made right. */
  readonly fixChecksums: boolean;
}

/** Traffic as it is. */
export const NO_EDITS: TrafficEdits = {
  filter: null,
  rewriter: null,
  snapLength: null,
  fixChecksums: false,
};

/** The edited traffic: filtered first, as it was captured, then its checksums made right, then rewritten, then cut. */
export function editTraffic(traffic: Traffic, edits: TrafficEdits): Traffic {
  const { filter, rewriter, snapLength, fixChecksums: fixes } = edits;
  if (filter === null && rewriter === null && snapLength === null && !fixes) return traffic;
  return {
    name: traffic.name,
    forEach: (visit) =>
      traffic.forEach((frame, timestampNs) => {
        if (filter !== null && !filter(frame)) return true;
        let edited = frame;
        if (rewriter !== null || fixes) {
          // The reader's bytes are not to be changed.
          edited = new Uint8Array(frame);
          if (fixes) fixChecksums(edited);
          rewriter?.rewrite(edited, 0);
        }
        return visit(snapLength === null ? edited : cutFrame(edited, snapLength), timestampNs);
      }),
  };
}
