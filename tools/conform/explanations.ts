/** Differences from a newer Open vSwitch that a known revision explains. */

/** A difference, as far as an explanation looks at it: states as text, frames as hexadecimal text. */
export interface ObservedDifference {
  readonly what: 'state' | 'frame' | 'outputs' | 'table';
  readonly ours: string;
  readonly ovs: string;
}

interface Explanation {
  readonly text: string;
  readonly applies: (difference: ObservedDifference) => boolean;
}

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const ICMP_ERRORS4 = new Set([3, 4, 5, 11, 12]);
const ICMP_ERRORS6 = new Set([1, 2, 3, 4]);

const EXPLANATIONS: readonly Explanation[] = [
  {
    text: 'Open vSwitch 97211927f: UDP and other protocols are established only after a reply (switch establishedAfterReply)',
    applies: ({ what, ours, ovs }) =>
      what === 'state' &&
      ours.startsWith('est') &&
      !ours.includes('rpl') &&
      ours.replace('est', 'new') === ovs,
  },
  {
    text: 'Open vSwitch 0a7587034 and its backports: an ICMP error of the original direction has its quoted packet translated',
    applies: ({ what, ours, ovs }) => what === 'frame' && onlyQuoteTranslated(ours, ovs),
  },
];

/** The revision that explains a difference, or null. */
export function explain(difference: ObservedDifference): string | null {
  return EXPLANATIONS.find((each) => each.applies(difference))?.text ?? null;
}

/** Both frames are the same ICMP error, and in the switch's the quoted destination is the outer source. */
function onlyQuoteTranslated(ours: string, ovs: string): boolean {
  const [mine, theirs] = [Buffer.from(ours, 'hex'), Buffer.from(ovs, 'hex')];
  const version6 = mine.length > ETHERNET_BYTES && (mine[ETHERNET_BYTES] as number) >> 4 === 6;
  const headerBytes = version6 ? IPV6_BYTES : IPV4_BYTES;
  const icmpAt = ETHERNET_BYTES + headerBytes;
  const quoteAt = icmpAt + 8;
  if (mine.length !== theirs.length || mine.length < quoteAt + headerBytes) return false;
  const protocol = mine[ETHERNET_BYTES + (version6 ? 6 : 9)];
  const type = mine[icmpAt] as number;
  const isError = version6
    ? protocol === 58 && ICMP_ERRORS6.has(type)
    : protocol === 1 && ICMP_ERRORS4.has(type);
  // The outer headers up to the ICMP checksum are the same.
  if (!isError || !mine.subarray(0, icmpAt + 2).equals(theirs.subarray(0, icmpAt + 2))) return false;
  const addressBytes = version6 ? 16 : 4;
  const sourceAt = version6 ? 8 : 12;
  const outerSource = theirs.subarray(ETHERNET_BYTES + sourceAt, ETHERNET_BYTES + sourceAt + addressBytes);
  const quotedAt = quoteAt + sourceAt + addressBytes;
  return theirs.subarray(quotedAt, quotedAt + addressBytes).equals(outerSource);
}
