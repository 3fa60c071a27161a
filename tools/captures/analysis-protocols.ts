import type { AnalysedPacket, AnalysisSection, ReportLine } from './analysis.js';
import { number } from './analysis-totals.js';
import { etherTypeName, ipProtocolName } from './protocol-names.js';

interface Share {
  packets: number;
  wireBytes: number;
}

/** Packets and bytes per protocol: of the transport for IP, of the network layer otherwise. */
export class ProtocolsSection implements AnalysisSection {
  readonly key = 'protocols';
  readonly #network = new Map<string, Share>();
  readonly #transport = new Map<string, Share>();

  add({ record, headers }: AnalysedPacket): void {
    if (headers === null) {
      count(this.#network, 'not replayable', record.originalLength);
      return;
    }
    const { etherType, ipVersion, protocol } = headers;
    count(this.#network, etherType === null ? 'too short' : etherTypeName(etherType), record.originalLength);
    if (ipVersion === null) return;
    count(
      this.#transport,
      protocol === null ? 'header cut off' : ipProtocolName(protocol),
      record.originalLength,
    );
  }

  toJson(): Record<string, unknown> {
    return { network: toObject(this.#network), transport: toObject(this.#transport) };
  }

  toLines(): ReportLine[] {
    return [
      ['Network layer', describe(this.#network)],
      ['Transport', this.#transport.size === 0 ? 'no IP packets' : describe(this.#transport)],
    ];
  }
}

/** IP fragments, by version and place in their packet. */
export class FragmentsSection implements AnalysisSection {
  readonly key = 'fragments';
  readonly #counts = { ipv4First: 0, ipv4Later: 0, ipv6First: 0, ipv6Later: 0 };

  add({ headers }: AnalysedPacket): void {
    if (headers === null || headers.fragment === 'none') return;
    const first = headers.fragment === 'first';
    if (headers.ipVersion === 4) this.#counts[first ? 'ipv4First' : 'ipv4Later'] += 1;
    else this.#counts[first ? 'ipv6First' : 'ipv6Later'] += 1;
  }

  toJson(): Record<string, number> {
    return { ...this.#counts };
  }

  toLines(): ReportLine[] {
    const { ipv4First, ipv4Later, ipv6First, ipv6Later } = this.#counts;
    const total = ipv4First + ipv4Later + ipv6First + ipv6Later;
    if (total === 0) return [['Fragments', '0']];
    return [
      [
        'Fragments',
        `${number(total)}: IPv4 ${number(ipv4First)} first and ${number(ipv4Later)} later, ` +
          `IPv6 ${number(ipv6First)} first and ${number(ipv6Later)} later`,
      ],
    ];
  }
}

/** VLAN ids listed in the report for people; the JSON report has all. */
const LISTED_VLANS = 8;

/** VLAN tags, by id of the outermost. */
export class VlansSection implements AnalysisSection {
  readonly key = 'vlans';
  readonly #byOuterId = new Map<number, number>();
  #tagged = 0;
  #doubleTagged = 0;

  add({ headers }: AnalysedPacket): void {
    const outer = headers?.vlanIds[0];
    if (headers === null || outer === undefined) return;
    this.#tagged += 1;
    if (headers.vlanIds.length > 1) this.#doubleTagged += 1;
    this.#byOuterId.set(outer, (this.#byOuterId.get(outer) ?? 0) + 1);
  }

  toJson(): Record<string, unknown> {
    return {
      taggedPackets: this.#tagged,
      doubleTaggedPackets: this.#doubleTagged,
      packetsByOuterId: Object.fromEntries(this.#largestFirst()),
    };
  }

  toLines(): ReportLine[] {
    if (this.#tagged === 0) return [['VLAN-tagged', '0']];
    const ids = this.#largestFirst();
    const listed = ids.slice(0, LISTED_VLANS).map(([id, packets]) => `${id} (${number(packets)})`);
    if (ids.length > LISTED_VLANS) listed.push(`and ${ids.length - LISTED_VLANS} more ids`);
    return [
      ['VLAN-tagged', `${number(this.#tagged)} packets, ${number(this.#doubleTagged)} with two tags`],
      ['VLAN ids', listed.join(', ')],
    ];
  }

  #largestFirst(): [number, number][] {
    return [...this.#byOuterId].toSorted(([idA, a], [idB, b]) => b - a || idA - idB);
  }
}

function count(shares: Map<string, Share>, name: string, wireBytes: number): void {
  const share = shares.get(name);
  if (share === undefined) {
    shares.set(name, { packets: 1, wireBytes });
  } else {
    share.packets += 1;
    share.wireBytes += wireBytes;
  }
}

function sorted(shares: Map<string, Share>): [string, Share][] {
  return [...shares].toSorted(
    ([nameA, a], [nameB, b]) => b.packets - a.packets || (nameA < nameB ? -1 : 1),
  );
}

function toObject(shares: Map<string, Share>): Record<string, Share> {
  return Object.fromEntries(sorted(shares));
}

function describe(shares: Map<string, Share>): string {
  return sorted(shares)
    .map(([name, share]) => `${name} ${number(share.packets)}`)
    .join(', ');
}
