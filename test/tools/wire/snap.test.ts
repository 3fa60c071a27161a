/** 802.3 frames with LLC/SNAP are treated like Ethernet frames by everything that looks at a packet. */
import { describe, expect, it } from 'vitest';
import { emptyDissection, dissect } from '../../../tools/wire/dissect.js';
import { emptyLayerOffsets, locateLayers } from '../../../tools/wire/layer-offsets.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { createRules } from '../../../tools/config/rules.js';
import { asOvsExecutes } from '../../../tools/conform/ovs-request.js';
import { frameTuple } from '../../../tools/oracle/frame-tuple.js';
import { makeSteering } from '../../../tools/replay/steer.js';
import { compileFilter } from '../../../tools/rewrite/filter.js';
import { parseIpMap } from '../../../tools/rewrite/ip-map.js';
import { makeRewriter } from '../../../tools/rewrite/rewriter.js';
import { buildFrame, quoteOf, type FrameSpec } from '../../support/packets.js';
import { DESIGNS, TrackerBed } from '../../support/tracker-bed.js';

const UDP = { srcPort: 1000, dstPort: 53 };
const SNAP_BYTES = 8;

const error = buildFrame({ ipv4: { src: '10.0.0.1', dst: '192.0.2.1' }, udp: UDP });
const PACKETS: Record<string, FrameSpec> = {
  'UDP over IPv4': { ipv4: { src: '10.0.0.1', dst: '192.0.2.1' }, udp: UDP, payload: 'q' },
  'TCP over IPv6': {
    ipv6: { src: 'fd00::1', dst: 'fd00::2', extensions: [{ type: 0 }] },
    tcp: { srcPort: 1000, dstPort: 21 },
  },
  'an ICMP error': {
    ipv4: { src: '192.0.2.1', dst: '10.0.0.1' },
    icmp: { type: 3, code: 3, quote: quoteOf(error, 28) },
  },
  'tagged UDP': { vlans: [5], ipv4: { src: '10.0.0.1', dst: '192.0.2.1' }, udp: UDP },
};

const CONFIG = parseConfig(
  `zone: { from: subnet, subnets: { 10.0.0.0/8: 5, 'fd00::/16': 6 }, default: 9 }
rules:
  - { match: { src: 10.0.0.0/8, dport: 53 }, commit: true, nat: { type: src, addr: 203.0.113.200 } }
  - { match: tcp and dst port 21, commit: true, helper: ftp }
  - { commit: true }
`,
  'test.yaml',
);

/** What lies behind the link layer: equal for both when a tool did the same to both. */
function networkPart(frame: Uint8Array): string {
  const layers = emptyLayerOffsets();
  locateLayers(frame, layers);
  return Buffer.from(frame.subarray(layers.l3)).toString('hex');
}

const choice = (frame: Uint8Array): unknown => {
  const rules = createRules(CONFIG);
  return asOvsExecutes(rules.requests[rules.choose({ frame, worker: 0 })]!, frame);
};

const steered = (frame: Uint8Array): number[] => {
  const layers = emptyLayerOffsets();
  locateLayers(frame, layers);
  return (['rss', 'flow', 'rss-asymmetric'] as const).map((mode) =>
    makeSteering(mode, 97).workerOf(frame, 0, layers, 0),
  );
};

describe.each(Object.entries(PACKETS))('LLC/SNAP around %s', (_name, spec) => {
  const plain = buildFrame(spec);
  const snap = buildFrame({ ...spec, snap: true });

  it('is eight bytes longer and holds the same packet', () => {
    expect(snap.length).toBe(plain.length + SNAP_BYTES);
    expect(networkPart(snap)).toBe(networkPart(plain));
  });

  it('gets the zone, the rule and the helper ports of the packet', () => {
    expect(choice(snap)).toEqual(choice(plain));
  });

  it('meets the same filters', () => {
    for (const filter of ['udp', 'tcp', 'icmp', 'ip', 'ip6', 'src net 10.0.0.0/8', 'port 53', 'vlan 5']) {
      expect([filter, compileFilter(filter)(snap)]).toEqual([filter, compileFilter(filter)(plain)]);
    }
  });

  it('is steered to the same worker', () => {
    expect(steered(snap)).toEqual(steered(plain));
  });

  it('is rewritten in the same way', () => {
    const rewriter = makeRewriter({
      sourceMap: parseIpMap('10.0.0.0/8:172.16.0.0/16,[fd00::/16]:[fd01::/16]'),
      uniqueIpLoops: 1,
    })!;
    const [a, b] = [plain.slice(), snap.slice()];
    rewriter.rewrite(a, 2);
    rewriter.rewrite(b, 2);
    expect(networkPart(b)).toBe(networkPart(a));
    expect(networkPart(b)).not.toBe(networkPart(plain));
  });

  it('is shown with the same tuple and the same headers', () => {
    expect(frameTuple(snap)).toBe(frameTuple(plain));
    const [a, b] = [emptyDissection(), emptyDissection()];
    dissect(plain, a);
    dissect(snap, b);
    expect(b).toMatchObject({
      vlanIds: a.vlanIds,
      etherType: a.etherType,
      ipVersion: a.ipVersion,
      protocol: a.protocol,
      l4: (a.l4 as number) + SNAP_BYTES,
    });
  });

  it.each(DESIGNS)('and %s does the same to it', (design) => {
    const [direct, other] = [plain, snap].map((frame) => {
      const rules = createRules(CONFIG);
      const bed = new TrackerBed(design);
      const seen = bed.send(frame, rules.requests[rules.choose({ frame, worker: 0 })]);
      return { ...seen, frame: networkPart(seen.frame) };
    });
    expect(other).toEqual(direct);
  });
});
