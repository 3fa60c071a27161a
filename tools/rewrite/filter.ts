/** Filters of packets by their tuple: a pcap-filter expression compiled to a test of an Ethernet frame. */
import { dissect, emptyDissection, type Dissection } from '../captures/dissect.js';
import type { Direction, FilterNode } from './filter-node.js';
import { parseFilter } from './filter-parser.js';
import { subnetHolds } from './subnet.js';

export { FilterError } from './filter-error.js';

/** Whether an Ethernet frame passes. */
export type FramePredicate = (frame: Uint8Array) => boolean;

/** The same for a frame that has been dissected already. */
export type DissectedPredicate = (frame: Uint8Array, layers: Dissection) => boolean;

/**
 * Compiles a filter expression. VLAN tags (at most two) and IPv6 extension headers are looked behind, as the tracker
 * does; a later fragment has no ports. The test never reads outside the frame.
 * @throws FilterError naming the position of what cannot be understood
 */
export function compileFilter(expression: string): FramePredicate {
  const test = compileDissectedFilter(expression);
  const layers = emptyDissection();
  return (frame) => {
    dissect(frame, layers);
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
    case 'and': {
      const left = compile(node.left);
      const right = compile(node.right);
      return (frame, layers) => left(frame, layers) && right(frame, layers);
    }
    case 'or': {
      const left = compile(node.left);
      const right = compile(node.right);
      return (frame, layers) => left(frame, layers) || right(frame, layers);
    }
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
      return node.relation === 'less' ? (frame) => frame.length <= bytes : (frame) => frame.length >= bytes;
    }
  }
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
