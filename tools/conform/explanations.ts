/** Differences that known revisions of Open vSwitch explain. */
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { Comparison, Difference } from './compare-runs.js';
import { onlyMistakenChecksumDiffers, onlyQuoteDiffers } from './quoted-packet.js';

/** A difference, and what explains it; null when nothing does. */
export interface ExplainedDifference extends Difference {
  readonly explanation: string | null;
}

/** A change of behaviour after the revision that the tracker follows by default, or a defect that it does not share. */
interface KnownRevision {
  readonly text: string;
  /** First release that has it. */
  readonly since: readonly [number, number, number];
  /** Our tracker can behave so too: a difference is explained when it is gone with these switches. */
  readonly switches?: BehaviourSwitches;
  /** What only looking at the difference can tell. */
  readonly applies?: (difference: Difference) => boolean;
}

const KNOWN_REVISIONS: readonly KnownRevision[] = [
  {
    text: 'revision 97211927f: UDP and other protocols are established only after a reply (switch establishedAfterReply)',
    since: [3, 1, 0],
    switches: { establishedAfterReply: true },
  },
  {
    text: 'revision ed44eefb8 (0a7587034 on the main branch): an ICMP error of the original direction has its quoted packet translated',
    since: [3, 1, 0],
    applies: onlyQuoteDiffers,
  },
  {
    text:
      "a defect of every revision: translating an ICMPv6 error about TCP or UDP corrupts two bytes where that protocol's " +
      'checksum would stand (the MTU of Packet Too Big)',
    since: [0, 0, 0],
    applies: onlyMistakenChecksumDiffers,
  },
  {
    text: 'revision b57c1da5c: the default zone limit counts each zone on its own (switch defaultLimitPerZone)',
    since: [3, 5, 0],
    switches: { defaultLimitPerZone: true },
  },
  {
    text: 'revision 6e83dafc4: FTP over IPv4 understands EPRT and the answer 229 (switch ftpIpv4Extended)',
    since: [3, 7, 0],
    switches: { ftpIpv4Extended: true },
  },
];

/**
 * Explains differences by the revisions that a release has. A revision that our tracker can follow is tried: the packets run
 * again with its switch on, and what agrees then is explained. Nothing is explained by its looks where it can be run.
 * @param version line of `ovs-vswitchd --version`; from one without a number nothing is explained
 * @param rerun compares again, with switches
 */
export function explainDifferences(
  differences: readonly Difference[],
  version: string,
  rerun: (switches: BehaviourSwitches) => Comparison,
): ExplainedDifference[] {
  const revisions = KNOWN_REVISIONS.filter(({ since }) => isSince(version, since));
  let left = [...differences];
  const texts = new Map<string, string>();
  const explain = (text: string, isExplained: (difference: Difference) => boolean): void => {
    for (const each of left.filter(isExplained)) texts.set(each.place, text);
    left = left.filter((each) => !texts.has(each.place));
  };
  for (const { text, switches, applies } of revisions) {
    if (left.length === 0) break;
    if (applies !== undefined) explain(text, applies);
    if (switches !== undefined) {
      const remaining = new Set(rerun(switches).differences.map(({ place }) => place));
      explain(text, ({ place }) => !remaining.has(place));
    }
  }
  return differences.map((each) => ({ ...each, explanation: texts.get(each.place) ?? null }));
}

/** Whether a version line names this release or a later one. */
export function isSince(version: string, [major, minor, patch]: readonly [number, number, number]): boolean {
  const found = /\b(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (found === null) return false;
  const order = [Number(found[1]) - major, Number(found[2]) - minor, Number(found[3]) - patch];
  return (order.find((part) => part !== 0) ?? 0) >= 0;
}
