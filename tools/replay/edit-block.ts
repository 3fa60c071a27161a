/** Packets left out, cut, moved to other addresses, or closer together, before anybody sees them. */
import type { RecordBlock } from '../captures/record-block.js';
import { compileFilter } from '../rewrite/filter.js';
import { makeRewriter } from '../rewrite/rewriter.js';
import { cutFrame } from '../rewrite/snap-length.js';
import { fixChecksums } from '../wire/frame-checksums.js';
import { frameAt } from './frame-range.js';
import { changesNothing, type PacketEdits } from './packet-source.js';

/**
 * Edits the packets of a block in place, until `most` of them stay: those are what it holds then.
 * @returns how many packets were looked at for that
 */
export type BlockEditor = (block: RecordBlock, most: number) => number;

/**
 * An editor of blocks that come one after the other. Packets are filtered first, as they were captured, then moved closer together, their
 * checksums made right, then rewritten, and cut.
 * @throws FilterError
 */
export function makeEditor(edits: PacketEdits): BlockEditor {
  if (changesNothing(edits)) return cutShort;
  const filter = edits.filter === null ? null : compileFilter(edits.filter);
  const sourceMap = edits.sourceMap ?? undefined;
  const destinationMap = edits.destinationMap ?? undefined;
  const rewriter = makeRewriter({ sourceMap, destinationMap });
  const snapLength = edits.snapLength ?? Number.POSITIVE_INFINITY;
  const fixes = edits.checksums === 'fix';
  const timeOf = closingGaps(edits.maxGapNs ?? Number.POSITIVE_INFINITY);
  return (block, most) => {
    const { count, starts, lengths, wireBytes, timesNs } = block;
    let kept = 0;
    let index = 0;
    for (; index < count && kept < most; index++) {
      const frame = frameAt(block, index);
      const onWire = wireBytes[index] as number;
      if (filter !== null && !filter(frame, onWire)) continue;
      if (fixes) fixChecksums(frame, onWire);
      rewriter?.rewrite(frame, 0);
      starts[kept] = starts[index] as number;
      lengths[kept] = cutFrame(frame, snapLength).length;
      wireBytes[kept] = onWire;
      timesNs[kept] = timeOf(timesNs[index] as number);
      kept++;
    }
    block.count = kept;
    return index;
  };
}

function cutShort(block: RecordBlock, most: number): number {
  block.count = Math.min(block.count, most);
  return block.count;
}

/**
 * Times, given in order, counted from the first of them, with no more than `maxGapNs` between two. What was before the first packet that
 * stays counts for nothing, whatever was left out there.
 */
function closingGaps(maxGapNs: number): (timeNs: number) => number {
  let previousNs: number | null = null;
  let closedNs = 0;
  return (timeNs) => {
    closedNs += previousNs === null ? timeNs : Math.max(0, timeNs - previousNs - maxGapNs);
    previousNs = timeNs;
    return timeNs - closedNs;
  };
}
