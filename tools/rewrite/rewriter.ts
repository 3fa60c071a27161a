/** Rewriting of frames while they are replayed. */
import { AddressEditor } from './address-edit.js';
import { ipMapRule, type IpMap } from './ip-map.js';
import { uniqueIpRule } from './unique-ip.js';

/** Changes frames in place, never their length. */
export interface FrameRewriter {
  /**
   * Rewrites an Ethernet frame as captured (not as an earlier loop left it).
   * @param loop 0 for the first pass over the traffic
   */
  rewrite(frame: Uint8Array, loop: number): void;
}

/** What to rewrite. */
export interface RewriteOptions {
  /** `--srcipmap`: networks that source addresses are moved between. */
  readonly sourceMap?: IpMap | undefined;
  /** `--dstipmap`: the same for destination addresses. */
  readonly destinationMap?: IpMap | undefined;
  /** `--unique-ip`: loops after which the addresses change, 1 for every loop; absent = never. */
  readonly uniqueIpLoops?: number | undefined;
}

/**
 * A rewriter that applies the maps, then the change per loop; null when there is nothing to rewrite.
 * @throws RangeError for a number of loops that is not a whole number above 0
 */
export function makeRewriter(options: RewriteOptions): FrameRewriter | null {
  const { sourceMap = [], destinationMap = [], uniqueIpLoops } = options;
  const editors: AddressEditor[] = [];
  if (sourceMap.length > 0 || destinationMap.length > 0) {
    editors.push(new AddressEditor(ipMapRule(sourceMap, destinationMap)));
  }
  if (uniqueIpLoops !== undefined) editors.push(new AddressEditor(uniqueIpRule(uniqueIpLoops)));
  if (editors.length === 0) return null;
  return {
    rewrite(frame, loop) {
      for (const editor of editors) editor.edit(frame, loop);
    },
  };
}
