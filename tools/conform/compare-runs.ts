import { frameTuple } from '../oracle/frame-tuple.js';
import type { ConformRun, OutputPacket } from './conform-run.js';
import { entryKey, tupleText, type DumpEntry } from './dump-parse.js';

/**
 * What can differ: which packets came out, the ct_state, the bytes, whether the packet is IP at all, or a connection in the table
 * at the end.
 */
export type DifferenceKind = 'outputs' | 'state' | 'frame' | 'layers' | 'table';

/** One thing in which our tracker and Open vSwitch do not agree. */
export interface Difference {
  readonly what: DifferenceKind;
  /** Number of the packet, from 1, that went in when it showed; null for the table. */
  readonly packetNumber: number | null;
  /** Number of the packet that came out, from 1; null where none is meant. */
  readonly outputNumber: number | null;
  /** Where it is, as text: two comparisons of the same packets have a difference in common when the places are equal. */
  readonly place: string;
  /** Text of what each has; null for a connection that one lacks. */
  readonly tracker: string | null;
  readonly ovs: string | null;
  /** The packet as each put it out, for 'state' and 'frame'. */
  readonly outputs: readonly [OutputPacket, OutputPacket] | null;
}

/** How many packets were compared, and what differed. */
export interface Comparison {
  readonly compared: number;
  /** Packets that were not compared, by reason. */
  readonly notCompared: Readonly<Record<string, number>>;
  /** Of those compared, how many agree in every respect. */
  readonly agreeing: number;
  readonly differences: readonly Difference[];
}

/** Compares two runs of the same packets, packet by packet, and the tables at the end with the seconds left. */
export function compareRuns(tracker: ConformRun, ovs: ConformRun): Comparison {
  const differences: Difference[] = [];
  const notCompared: Record<string, number> = {};
  let compared = 0;
  let agreeing = 0;
  ovs.packets.forEach((theirs, index) => {
    const ours = tracker.packets[index];
    const reason = theirs.notCompared ?? ours?.notCompared ?? null;
    if (reason !== null) {
      notCompared[reason] = (notCompared[reason] ?? 0) + 1;
      return;
    }
    compared += 1;
    const found = compareOutputs(index + 1, ours?.outputs ?? [], theirs.outputs);
    if (found.length === 0) agreeing += 1;
    differences.push(...found);
  });
  differences.push(...compareTables(tracker.table, ovs.table));
  return { compared, notCompared, agreeing, differences };
}

function compareOutputs(
  packetNumber: number,
  ours: readonly OutputPacket[],
  theirs: readonly OutputPacket[],
): Difference[] {
  const order = (outputs: readonly OutputPacket[]): string =>
    outputs.length === 0
      ? 'nothing'
      : outputs.map(({ packetIndex, state }) => `#${packetIndex + 1} ${state}`).join(', ');
  const sameOrder =
    ours.length === theirs.length &&
    ours.every((each, index) => each.packetIndex === theirs[index]!.packetIndex);
  if (!sameOrder) {
    return [
      {
        what: 'outputs',
        place: `outputs at ${packetNumber}`,
        packetNumber,
        outputNumber: null,
        tracker: order(ours),
        ovs: order(theirs),
        outputs: null,
      },
    ];
  }
  return ours.flatMap((mine, index): Difference[] => {
    const their = theirs[index]!;
    const at = { packetNumber, outputNumber: mine.packetIndex + 1, outputs: [mine, their] as const };
    const place = (what: DifferenceKind): string => `${what} of ${mine.packetIndex + 1} at ${packetNumber}`;
    const found: Difference[] = [];
    if (mine.state !== their.state) {
      found.push({ ...at, place: place('state'), what: 'state', tracker: mine.state, ovs: their.state });
    }
    if (!sameBytes(mine.frame, their.frame)) {
      found.push({
        ...at,
        place: place('frame'),
        what: 'frame',
        tracker: frameText(mine, their.frame),
        ovs: frameText(their, mine.frame),
      });
    }
    return found;
  });
}

function compareTables(ours: readonly DumpEntry[], theirs: readonly DumpEntry[]): Difference[] {
  const byTuple = (entries: readonly DumpEntry[]): Map<string, string> =>
    new Map(
      entries
        .map((entry) => [`${entry.proto} ${entry.zone} ${tupleText(entry.orig)}`, entryKey(entry)] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  const [mine, their] = [byTuple(ours), byTuple(theirs)];
  const tuples = new Set([...mine.keys(), ...their.keys()]);
  return [...tuples].flatMap((tuple): Difference[] => {
    const [tracker = null, ovs = null] = [mine.get(tuple), their.get(tuple)];
    if (tracker === ovs) return [];
    return [
      {
        what: 'table',
        place: `table ${tuple}`,
        packetNumber: null,
        outputNumber: null,
        tracker,
        ovs,
        outputs: null,
      },
    ];
  });
}

/** A frame's tuple, and its bytes where it differs from the other: offset and hexadecimal text of each run. */
function frameText({ frame }: OutputPacket, other: Uint8Array): string {
  const runs: string[] = [];
  for (let at = 0; at < frame.length;) {
    let end = at;
    while (end < frame.length && frame[end] !== other[end]) end++;
    if (end > at) runs.push(`${at}: ${Buffer.from(frame.subarray(at, end)).toString('hex')}`);
    at = end + 1;
  }
  if (frame.length !== other.length) runs.unshift(`${frame.length} bytes`);
  return `${frameTuple(frame) ?? 'not IP'}, ${runs.length === 0 ? 'ends there' : runs.join(', ')}`;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
