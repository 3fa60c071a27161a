import type { AnalysedPacket, AnalysisSection, ReportLine } from './analysis.js';
import { number } from './analysis-totals.js';
import type { Dissection } from '../wire/dissect.js';
import { FlowSet } from './flow-set.js';
import { ipProtocolName } from './protocol-names.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOLS_WITH_PORTS } from '../wire/protocols.js';
import { u16 } from '../wire/network-order.js';

/** Echo, timestamp and information messages carry an identifier; the rest (errors, neighbour discovery) none. */
const ICMP_QUERIES = new Set([0, 8, 13, 14, 15, 16]);
const ICMPV6_QUERIES = new Set([128, 129]);

/**
 * Distinct flows: addresses and protocol, with ports where the protocol has them and the identifier for ICMP
 * queries; both directions are one flow. Not flows of their own: ICMP errors, which belong to the flow they report
 * on, and packets that do not show their ports (later fragments, cut packets).
 */
export class FlowsSection implements AnalysisSection {
  readonly key = 'flows';
  readonly #flows = new FlowSet();
  readonly #byProtocol = new Map<number, number>();
  #unattributed = 0;

  add({ frame, headers }: AnalysedPacket): void {
    if (frame === null || headers === null || headers.ipVersion === null) return;
    const ports = portsOf(frame, headers);
    if (ports === null || headers.protocol === null) {
      this.#unattributed += 1;
      return;
    }
    const { addressesAt, addressBytes, protocol } = headers;
    if (this.#flows.add(frame, addressesAt, addressBytes, { protocol, sourcePort: ports.source, destinationPort: ports.destination })) {
      this.#byProtocol.set(protocol, (this.#byProtocol.get(protocol) ?? 0) + 1);
    }
  }

  toJson(): Record<string, unknown> {
    return {
      count: this.#flows.size,
      countIsLowerBound: this.#flows.full,
      byProtocol: Object.fromEntries(
        this.#largestFirst().map(([protocol, flows]) => [ipProtocolName(protocol), flows]),
      ),
      ipPacketsOfNoFlow: this.#unattributed,
    };
  }

  toLines(): ReportLine[] {
    const atLeast = this.#flows.full ? 'at least ' : '';
    const parts = this.#largestFirst().map(([protocol, flows]) => `${ipProtocolName(protocol)} ${number(flows)}`);
    const detail = parts.length === 0 ? '' : `: ${parts.join(', ')}`;
    return [['Flows', `${atLeast}${number(this.#flows.size)}${detail}`]];
  }

  #largestFirst(): [number, number][] {
    return [...this.#byProtocol].toSorted(([protocolA, a], [protocolB, b]) => b - a || protocolA - protocolB);
  }
}

/** Ports of a packet, or what stands for them; null for one that is of no flow of its own. */
export function portsOf(frame: Uint8Array, headers: Dissection): { source: number; destination: number } | null {
  const { protocol, l4 } = headers;
  if (protocol === null || l4 === null) return null;
  if (PROTOCOLS_WITH_PORTS.has(protocol)) {
    if (l4 + 4 > frame.length) return null;
    return { source: u16(frame, l4), destination: u16(frame, l4 + 2) };
  }
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
    if (l4 + 6 > frame.length) return null;
    const queries = protocol === PROTOCOL_ICMP ? ICMP_QUERIES : ICMPV6_QUERIES;
    if (!queries.has(frame[l4] as number)) return null;
    const identifier = u16(frame, l4 + 4);
    return { source: identifier, destination: identifier };
  }
  return { source: 0, destination: 0 };
}
