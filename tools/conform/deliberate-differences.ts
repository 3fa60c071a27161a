/**
 * Everything in which the tracker differs from some release of Open vSwitch on purpose: the one list of it. docs/differences.md
 * shows it to people (a test compares the two), `conform` explains by it what it finds, and names the entry in its report.
 */
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { Difference } from './compare-runs.js';
import { onlyMovedTextDiffers } from './ftp-moved-text.js';
import { onlyMistakenChecksumDiffers, onlyQuoteDiffers } from './quoted-packet.js';
import type { Release } from './release.js';

/** One difference. */
export interface DeliberateDifference {
  /** Stable name: a row of docs/differences.md, and `known` in the JSON report. */
  readonly id: string;
  /** What differs, beginning with the revision. */
  readonly text: string;
  /** First releases of Open vSwitch that behave so, one for each branch; absent = all do. */
  readonly since?: readonly Release[];
  /** First releases that do not any more, one for each branch; absent = none. */
  readonly until?: readonly Release[];
  /** Our tracker can behave so too: a difference is explained when it is gone with these switches. */
  readonly switches?: BehaviourSwitches;
  /** What only looking at the difference can tell. */
  readonly applies?: (difference: Difference) => boolean;
  /** Why `conform` cannot meet it; absent where it can. */
  readonly notMet?: string;
}

export const DELIBERATE_DIFFERENCES: readonly DeliberateDifference[] = [
  {
    id: 'established-after-reply',
    text: 'revision 97211927f: UDP and other protocols are established only after a reply (switch establishedAfterReply)',
    since: [
      [2, 13, 9],
      [2, 14, 7],
      [2, 15, 6],
      [2, 16, 5],
      [2, 17, 3],
      [3, 0, 0],
    ],
    switches: { establishedAfterReply: true },
  },
  {
    id: 'quoted-packet',
    text: 'revision ed44eefb8 (0a7587034 on the main branch): an ICMP error of the original direction has its quoted packet translated',
    since: [
      [2, 17, 6],
      [3, 0, 4],
      [3, 1, 0],
    ],
    applies: onlyQuoteDiffers,
  },
  {
    id: 'default-limit-per-zone',
    text: 'revision b57c1da5c: the default zone limit counts each zone on its own (switch defaultLimitPerZone)',
    since: [[3, 5, 0]],
    switches: { defaultLimitPerZone: true },
  },
  {
    id: 'ftp-ipv4-extended',
    text: 'revision 6e83dafc4: FTP over IPv4 understands EPRT and the answer 229 (switch ftpIpv4Extended)',
    since: [[3, 7, 0]],
    switches: { ftpIpv4Extended: true },
  },
  {
    id: 'icmpv6-error-checksum',
    text:
      "a defect of every revision: translating an ICMPv6 error about TCP or UDP corrupts two bytes where that protocol's " +
      'checksum would stand (the MTU of Packet Too Big)',
    applies: onlyMistakenChecksumDiffers,
  },
  {
    id: 'bare-nat-commit',
    text:
      'a defect of every revision: committing with nat of type none gives a new connection a reply tuple with a zero address ' +
      'and a zero port, which no reply meets (switch bareNatZeroTuple)',
    switches: { bareNatZeroTuple: true },
  },
  {
    id: 'ftp-long-payload',
    text:
      'a defect before revision 7c31be6d6 (CVE-2026-34956): replacing an address in an FTP message moves only as many bytes of what ' +
      'follows as fit 8 bits of length, and so garbles longer payloads',
    until: [
      [3, 3, 9],
      [3, 4, 6],
      [3, 5, 4],
      [3, 6, 3],
      [3, 7, 1],
    ],
    applies: onlyMovedTextDiffers,
  },
  {
    id: 'ftp-skew-zero',
    text: 'every revision: replaced FTP addresses whose lengths add up to no change leave the skew of before; here it becomes 0',
    notMet: 'one connection translates one address, so that lengths never cancel out',
  },
  {
    id: 'ftp-longest-packet',
    text: 'every revision: an FTP message may grow beyond the 65535 bytes that an IP length can say; here it is not rewritten then',
    notMet: 'no port of the switch takes such a packet with room to grow',
  },
  {
    id: 'ftp-not-tcp',
    text: 'every revision: what detection takes for FTP but is no TCP is rewritten as if it were; here it is left alone',
    notMet: 'the switch asks for a helper only in flows that match its protocol',
  },
  {
    id: 'same-tuple-translation',
    text:
      'every revision stops with a failed assertion when a packet meets an expired connection whose translation changes nothing; here ' +
      'the leftover companion counts as absent',
    notMet: 'the switch would stop, and conform says so',
  },
  {
    id: 'force-on-translated',
    text:
      'every revision stops with a failed assertion when force meets a packet that was translated in the same zone; here the ' +
      'untranslated tuple is looked up',
    notMet: 'it takes two ct() actions for one packet, and conform makes one',
  },
  {
    id: 'icmp-wrong-version',
    text: 'every revision reads behind an ICMP packet without payload in the wrong IP version; here it is invalid',
    notMet: 'what the switch reads there is not defined',
  },
  {
    id: 'ipv6-reassembly-headers',
    text:
      'every revision keeps extension headers before the fragment header in a reassembled IPv6 packet without counting them; here they ' +
      'are dropped from the packet that is tracked, which is never put out',
    notMet: 'the packet that is put out is the same',
  },
  {
    id: 'late-fragment',
    text:
      'every revision takes late fragments into a list whose time is over and of which some have been put out already; here it takes in ' +
      'nothing more',
    notMet: 'it takes a datagram of more than 32 fragments whose time is over',
  },
  {
    id: 'bounded-tables',
    text:
      'every revision holds any number of expectations, and fragments of any length; here expectations have a table of fixed size whose ' +
      'overflow is a counted reason, and frames of more than 9216 bytes are not held',
    notMet: 'the tables are larger than what conform compares in one run',
  },
  {
    id: 'lists-double-removal',
    text: 'revisions before 3d9c1b855 free a connection twice that is removed twice; here the second removal is ignored',
    until: [[3, 0, 0]],
    notMet: 'it takes two threads at the same moment',
  },
];
