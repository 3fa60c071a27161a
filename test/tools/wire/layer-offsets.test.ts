import { afterAll, describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { SUPPORTED_LINK_TYPES, toEthernetFrame } from '../../../tools/captures/link-type.js';
import { dissect, emptyDissection } from '../../../tools/wire/dissect.js';
import { DL_TYPE_NONE, ETHERTYPE_IPV4, NO_OFFSET } from '../../../tools/wire/ethernet.js';
import { emptyLayerOffsets, locateLayers } from '../../../tools/wire/layer-offsets.js';
import { buildFrame, Random, type FrameSpec } from '../../support/packets.js';

const FRAMES = process.env['CTREPLAY_LONG'] ? 300_000 : 20_000;

const UDP = { srcPort: 1, dstPort: 2 };
const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: 'fd00::1', dst: 'fd00::2' };
const body = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

/** Packets above the link layer. */
const PACKETS: readonly FrameSpec[] = [
  { ipv4: V4, udp: UDP, payload: 'x' },
  { ipv4: { ...V4, options: body(1, 1, 1, 1) }, tcp: { srcPort: 1, dstPort: 2 } },
  { ipv4: V4, icmp: { type: 8 }, trailer: new Uint8Array(18) },
  { ipv4: { ...V4, fragmentOffsetBytes: 64, protocol: 17 }, payload: 'later' },
  { ipv4: { ...V4, moreFragments: true }, udp: UDP, payload: 'first fragment' },
  { ipv6: V6, udp: UDP, payload: 'x', trailer: new Uint8Array(3) },
  { ipv6: { ...V6, extensions: [{ type: 0 }, { type: 60 }, { type: 43, body: body(0, 1) }] }, udp: UDP },
  { ipv6: { ...V6, extensions: [{ type: 51 }, { type: 44, body: body(0, 1, 0, 0, 0, 9) }] }, udp: UDP },
  {
    ipv6: { ...V6, extensions: [{ type: 44, body: body(0, 64, 0, 0, 0, 9) }, { type: 60 }] },
    payload: 'later',
  },
  { ipv6: { ...V6, extensions: [{ type: 44 }, { type: 44 }], nextHeader: 59 } },
  { etherType: 0x0806, payload: new Uint8Array(28) },
];

/** Link layers around them. */
const LINKS: readonly Partial<FrameSpec>[] = [
  {},
  { vlans: [5] },
  { vlans: [5, 6] },
  { vlans: [5, 6, 7] },
  { snap: true },
  { vlans: [5], snap: true },
  { vlans: [5, 6], snap: true },
];

/** A packet as a record of another link type than Ethernet, by the header that this has; null for Ethernet itself. */
function linkHeader(linkType: number, etherType: number): Uint8Array {
  const [high, low] = [etherType >> 8, etherType & 0xff];
  const family = etherType === ETHERTYPE_IPV4 ? 2 : 10;
  switch (linkType) {
    case 0:
      return body(family, 0, 0, 0);
    case 108:
      return body(0, 0, 0, family);
    case 113:
      return body(0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, high, low);
    case 276:
      return body(high, low, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0);
    default:
      return body();
  }
}

function seedFrames(): Uint8Array[] {
  const frames = PACKETS.flatMap((packet) => LINKS.map((link) => buildFrame({ ...packet, ...link })));
  for (const packet of PACKETS) {
    const ethernet = buildFrame(packet);
    const etherType = (ethernet[12]! << 8) | ethernet[13]!;
    const snap = buildFrame({ ...packet, snap: true });
    for (const linkType of SUPPORTED_LINK_TYPES.filter((each) => each !== 1)) {
      const payload = ethernet.subarray(14);
      const header = linkHeader(linkType, etherType);
      frames.push(convert(linkType, Uint8Array.of(...header, ...payload)));
      // Cooked captures hold 802.2 frames behind protocol 4.
      if (linkType === 113 || linkType === 276) {
        frames.push(convert(linkType, Uint8Array.of(...linkHeader(linkType, 4), ...snap.subarray(14))));
      }
    }
  }
  return frames;
}

function convert(linkType: number, frame: Uint8Array): Uint8Array {
  const record = {
    linkType,
    frame,
    originalLength: frame.length,
    timestampNs: 0n,
    interfaceIndex: 0,
    recordIndex: 1,
    fileOffset: 0,
  };
  return toEthernetFrame(record as Parameters<typeof toEthernetFrame>[0], 'test');
}

/** Bytes that decide how headers are read, put in more often than chance would. */
const TELLING = [
  0, 1, 3, 4, 5, 6, 8, 0x45, 0x60, 0x81, 0x86, 0x88, 0xa8, 0xaa, 0xdd, 43, 44, 51, 59, 60, 0xff,
];
const HEADERS = 64;

function mutate(seed: Uint8Array, random: Random): Uint8Array {
  let frame = seed.slice();
  for (let change = random.below(4); change > 0; change--) {
    const kind = random.below(8);
    if (kind === 0) frame = frame.slice(0, random.below(frame.length + 1));
    else if (kind === 1) frame = Uint8Array.of(...frame, ...new Uint8Array(random.below(24)));
    else if (frame.length > 0) {
      const at = random.below(Math.min(frame.length, HEADERS));
      frame[at] = kind < 5 ? TELLING[random.below(TELLING.length)]! : random.below(256);
    }
  }
  return frame;
}

const trackers = availableDesigns().map((design) =>
  Tracker.create({ design, slabSlots: 64, packetStoreBytes: 1 << 20 }),
);
afterAll(() => trackers.splice(0));

function engineLayers(tracker: Tracker, frame: Uint8Array): Record<string, number> {
  const handle = tracker.packet(frame);
  const { layers } = handle.view;
  tracker.release(handle);
  return layers;
}

function toolLayers(frame: Uint8Array): Record<string, number> {
  const offsets = emptyLayerOffsets();
  locateLayers(frame, offsets);
  const { l3, l4, l2Pad, dlType } = offsets;
  return { l3, l4, l2Pad, dlType };
}

describe('the locator of the tools and that of the engine', () => {
  it(`agree on ${FRAMES} mutated frames of every link type`, () => {
    const seeds = seedFrames();
    const random = new Random(16);
    const reached = { transport: 0, networkOnly: 0, nothing: 0 };
    for (let index = 0; index < FRAMES; index++) {
      const seed = seeds[index % seeds.length]!;
      const frame = index < seeds.length ? seed : mutate(seed, random);
      const tool = toolLayers(frame);
      const tracker = trackers[index % trackers.length]!;
      const engine = engineLayers(tracker, frame);
      if (JSON.stringify(engine) !== JSON.stringify(tool)) {
        expect({ frame: Buffer.from(frame).toString('hex'), ...tool }).toEqual(engine);
      }
      if (tool['l3'] === NO_OFFSET) reached.nothing += 1;
      else if (tool['l4'] === NO_OFFSET) reached.networkOnly += 1;
      else reached.transport += 1;
    }
    // The mutator reaches every outcome, else it would test little.
    expect(Math.min(reached.transport, reached.networkOnly)).toBeGreaterThan(FRAMES / 10);
    expect(reached.nothing).toBeGreaterThan(FRAMES / 100);
  });

  it('the lenient reading finds the same transport header wherever the engine finds one', () => {
    const seeds = seedFrames();
    const random = new Random(17);
    const headers = emptyDissection();
    const offsets = emptyLayerOffsets();
    for (let index = 0; index < FRAMES; index++) {
      const frame = mutate(seeds[index % seeds.length]!, random);
      dissect(frame, headers);
      locateLayers(frame, offsets);
      expect(headers.etherType).toBe(offsets.l3 === NO_OFFSET ? null : offsets.dlType);
      expect(headers.vlanIds.length).toBe(offsets.vlanTags);
      const isIp = headers.ipVersion !== null && offsets.l4 !== NO_OFFSET;
      if (!isIp || headers.fragment === 'later') continue;
      // Extension headers that the packet's length cuts off may go on behind it.
      expect(headers.l4).toBe(offsets.l4);
    }
  });

  it('know 802.3 without SNAP, other organisations, and a frame that ends within the header', () => {
    const frame = buildFrame({ ipv4: V4, udp: UDP, snap: true });
    expect(toolLayers(frame)).toMatchObject({ l3: 22, l4: 42, dlType: ETHERTYPE_IPV4 });
    const organisation = frame.slice();
    organisation[17] = 1;
    expect(toolLayers(organisation)).toMatchObject({ l3: 14, l4: NO_OFFSET, dlType: DL_TYPE_NONE });
    expect(toolLayers(frame.slice(0, 21))).toMatchObject({ l3: 14, l4: NO_OFFSET, dlType: DL_TYPE_NONE });
    expect(toolLayers(frame.slice(0, 13))).toMatchObject({ l3: NO_OFFSET, dlType: DL_TYPE_NONE });
  });
});
