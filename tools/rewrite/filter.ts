/**
 * Filters of packets by their tuple: a pcap-filter(7) expression compiled to a test of an Ethernet frame.
 *
 * Conditions, in which DIR is `src`, `dst`, `src or dst` (the default) or `src and dst`:
 *
 *     tcp, udp, sctp, esp, icmp, igmp, icmp6       the transport protocol (icmp and igmp: IPv4; icmp6: IPv6)
 *     ip, ip6, arp                                 the EtherType behind the tags, or in a SNAP header
 *     [ip|ip6] [DIR] host ADDRESS                  `src ADDRESS` and `dst ADDRESS` are short for it
 *     [ip|ip6] [DIR] net ADDRESS/BITS              also `net 10.1` and `net 10.1.0.0 mask 255.255.0.0`
 *     [tcp|udp|sctp] [DIR] port PORT               a number, or one of a few service names
 *     [tcp|udp|sctp] [DIR] portrange FIRST-LAST    both included
 *     [ip|ip6] proto PROTOCOL                      a number, or a name with or without backslash
 *     vlan [ID]                                    the outermost tag; without ID, any
 *     less BYTES, greater BYTES                    the length on the wire, limit included
 *
 * They are joined with `and` (`&&`), `or` (`||`), `not` (`!`) and parentheses. As in pcap-filter, `and` and `or` bind
 * equally and from the left, and values can share their qualifiers: `tcp port 80 or 443`, `port (80 or 443)`.
 *
 * What differs from pcap-filter, because filters here look at what the tracker sees:
 * - VLAN-tagged frames match by what is behind their tags (at most two): `tcp` finds tagged TCP, for which pcap-filter
 *   wants `vlan and tcp`. `vlan` shifts nothing, so that `tcp and vlan 5` and `vlan 5 and tcp` are the same, and
 *   `vlan 5 and vlan 6`, which there means two tags, never holds.
 * - Protocols and ports are found behind IPv6 extension headers, which pcap-filter does not walk.
 * - `host` and `net` look at IP, not at ARP.
 * - A condition on bytes that are cut off does not hold, hence its negation does; pcap-filter drops the packet either way.
 * - An IP header has to be usable (version, length) for its protocol and addresses to count.
 * - Case does not matter.
 */
import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import type { Direction, FilterNode } from './filter-node.js';
import { parseFilter } from './filter-parser.js';
import { subnetHolds } from './subnet.js';

export { FilterError } from './filter-error.js';

/** Whether an Ethernet frame passes. `wireBytes` is its length on the wire where it was cut; absent = the frame's. */
export type FramePredicate = (frame: Uint8Array, wireBytes?: number) => boolean;

/** The same for a frame that has been dissected already. */
export type DissectedPredicate = (frame: Uint8Array, layers: Dissection) => boolean;

/**
 * Compiles a filter expression, such as `tcp and port 21`. VLAN-tagged frames match by the tuple behind their tags (at
 * most two); IPv6 extension headers are looked behind, as the tracker does; a later fragment has no ports. The test never
 * reads outside the frame.
 * @throws FilterError naming the position of what cannot be understood
 */
export function compileFilter(expression: string): FramePredicate {
  const test = compileDissectedFilter(expression);
  const layers = emptyDissection();
  return (frame, wireBytes) => {
    dissect(frame, layers, wireBytes);
    return test(frame, layers);
  };
}

/**
 * As compileFilter, for callers that dissect once and test several filters.
 * @throws FilterError
 */
export function compileDissectedFilter(expression: string): DissectedPredicate {
  return compile(parseFilter(expression));
}

function compile(node: FilterNode): DissectedPredicate {
  switch (node.type) {
    case 'and':
    case 'or':
      return compileChain(node);
    case 'not': {
      const operand = compile(node.operand);
      return (frame, layers) => !operand(frame, layers);
    }
    case 'address': {
      const { subnet, direction } = node;
      const test = eitherEnd(direction, (frame, layers, end) =>
        subnetHolds(subnet, frame, layers.addressesAt + end * layers.addressBytes),
      );
      return (frame, layers) => layers.ipVersion === subnet.family && test(frame, layers);
    }
    case 'port':
      return compilePort(node);
    case 'protocol': {
      const { families, number } = node;
      return (_frame, layers) =>
        layers.protocol === number && layers.ipVersion !== null && families.includes(layers.ipVersion);
    }
    case 'etherType':
      return (_frame, layers) => layers.etherType === node.etherType;
    case 'vlan':
      return node.id === null
        ? (_frame, layers) => layers.vlanIds.length > 0
        : (_frame, layers) => layers.vlanIds[0] === node.id;
    case 'length': {
      const { bytes } = node;
      return node.relation === 'less'
        ? (_frame, layers) => layers.wireBytes <= bytes
        : (_frame, layers) => layers.wireBytes >= bytes;
    }
  }
}

/**
 * Conditions joined from the left. Generated filters join thousands, so that the chain is walked in a loop: only
 * parentheses and negations, whose depth the parser limits, take stack.
 */
function compileChain(chain: FilterNode): DissectedPredicate {
  const joins: { readonly after: boolean; readonly test: DissectedPredicate }[] = [];
  let first = chain;
  while (first.type === 'and' || first.type === 'or') {
    joins.push({ after: first.type === 'and', test: compile(first.right) });
    first = first.left;
  }
  joins.reverse();
  const start = compile(first);
  return (frame, layers) => {
    let passes = start(frame, layers);
    // `and` asks on after true, `or` after false.
    for (const { after, test } of joins) if (passes === after) passes = test(frame, layers);
    return passes;
  };
}

function compilePort(node: FilterNode & { type: 'port' }): DissectedPredicate {
  const { protocols, first, last } = node;
  const test = eitherEnd(node.direction, (frame, layers, end) => {
    const at = (layers.l4 as number) + end * 2;
    if (at + 2 > frame.length) return false;
    const port = ((frame[at] as number) << 8) | (frame[at + 1] as number);
    return port >= first && port <= last;
  });
  return (frame, layers) =>
    layers.l4 !== null &&
    layers.protocol !== null &&
    protocols.includes(layers.protocol) &&
    test(frame, layers);
}

/** A test of one end (0 = source, 1 = destination) applied to the ends that the direction names. */
function eitherEnd(
  direction: Direction,
  test: (frame: Uint8Array, layers: Dissection, end: 0 | 1) => boolean,
): DissectedPredicate {
  switch (direction) {
    case 'src':
      return (frame, layers) => test(frame, layers, 0);
    case 'dst':
      return (frame, layers) => test(frame, layers, 1);
    case 'both':
      return (frame, layers) => test(frame, layers, 0) && test(frame, layers, 1);
    case 'either':
      return (frame, layers) => test(frame, layers, 0) || test(frame, layers, 1);
  }
}
