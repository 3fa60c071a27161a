import { afterAll, describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { checksumState, fixChecksums } from '../../../tools/wire/frame-checksums.js';
import { buildFrame, quoteOf, Random, udpFrame, type FrameSpec } from '../../support/packets.js';
import { dissect } from '../../support/dissect.js';

const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: 'fd00::1', dst: 'fd00::2' };
const PORTS = { srcPort: 1000, dstPort: 80 };

const FRAMES: Record<string, FrameSpec> = {
  'TCP over IPv4': { ipv4: V4, tcp: PORTS, payload: 'abc' },
  'UDP over IPv4, options': {
    ipv4: { ...V4, options: Uint8Array.of(1, 1, 1, 1) },
    udp: PORTS,
    payload: 'abcd',
  },
  'ICMP, padded': { ipv4: V4, icmp: { type: 8 }, trailer: new Uint8Array(18).fill(7) },
  'TCP over IPv6': { ipv6: V6, tcp: PORTS },
  'UDP over IPv6 behind headers': { ipv6: { ...V6, extensions: [{ type: 0 }, { type: 60 }] }, udp: PORTS },
  ICMPv6: { ipv6: V6, icmpv6: { type: 128, id: 5 } },
  'an ICMP error': { ipv4: V4, icmp: { type: 3, quote: quoteOf(udpFrame(), 28) } },
  'tagged UDP in SNAP': { vlans: [5], snap: true, ipv4: V4, udp: PORTS, payload: 'x' },
};

const ALL = ['ipv4', 'tcp', 'udp', 'icmp'] as const;

describe.each(Object.entries(FRAMES))('checksums of %s', (_name, spec) => {
  const right = buildFrame(spec);

  it('are right, and stay as they are', () => {
    expect(checksumState(right)).toBe('right');
    const copy = right.slice();
    expect(fixChecksums(copy)).toBe(false);
    expect(copy).toEqual(right);
  });

  it('are found wrong, and made right', () => {
    const wrong = buildFrame({ ...spec, badChecksums: ALL });
    expect(checksumState(wrong)).toBe('wrong');
    expect(fixChecksums(wrong)).toBe(true);
    expect(wrong).toEqual(right);
  });
});

describe('what offload leaves', () => {
  it('a partial TCP checksum, an IPv4 header checksum of 0, a length of 0', () => {
    const right = buildFrame({ ipv4: V4, tcp: PORTS, payload: 'x'.repeat(4000) });
    const sent = buildFrame({
      ipv4: { ...V4, totalLength: 0 },
      tcp: { ...PORTS, checksum: 0x1234 },
      payload: 'x'.repeat(4000),
    });
    sent[24] = sent[25] = 0;
    expect(checksumState(sent)).toBe('wrong');
    expect(fixChecksums(sent)).toBe(true);
    expect(sent).toEqual(right);
    const sent6 = buildFrame({ ipv6: { ...V6, payloadLength: 0 }, tcp: PORTS, payload: 'abc' });
    expect(fixChecksums(sent6)).toBe(true);
    expect(sent6).toEqual(buildFrame({ ipv6: V6, tcp: PORTS, payload: 'abc' }));
  });

  it('a UDP checksum of 0 is none over IPv4 and wrong over IPv6; one that comes to 0 is sent as ones', () => {
    const none = buildFrame({ ipv4: V4, udp: { ...PORTS, checksum: 0 } });
    expect(checksumState(none)).toBe('right');
    expect(fixChecksums(none)).toBe(false);
    const none6 = buildFrame({ ipv6: V6, udp: { ...PORTS, checksum: 0 } });
    expect(checksumState(none6)).toBe('wrong');
    for (let word = 0; word < 0x10000; word++) {
      const frame = buildFrame({
        ipv4: V4,
        udp: { ...PORTS, checksum: 1 },
        payload: Uint8Array.of(word >> 8, word & 255),
      });
      fixChecksums(frame);
      const field = (frame[40]! << 8) | frame[41]!;
      if (field !== 0xffff) continue;
      expect(checksumState(frame)).toBe('right');
      return;
    }
    throw new Error('no payload brings the sum to zero');
  });

  it('an IP length of 0 of a frame that was cut, which nobody knows', () => {
    const sent = buildFrame({ ipv4: { ...V4, totalLength: 0 }, tcp: PORTS, payload: 'x'.repeat(4000) });
    const cut = sent.slice(0, 200);
    expect(checksumState(cut, sent.length)).toBe('right');
    expect(fixChecksums(cut, sent.length)).toBe(false);
    expect(cut).toEqual(sent.slice(0, 200));
  });

  it('what cannot be computed is left alone: fragments, cut frames, other packets', () => {
    const specs: FrameSpec[] = [
      { ipv4: { ...V4, moreFragments: true }, udp: PORTS, badChecksums: ['udp'] },
      { ipv4: { ...V4, fragmentOffsetBytes: 64, protocol: 6 }, payload: 'middle' },
      {
        ipv6: { ...V6, extensions: [{ type: 43, body: Uint8Array.of(0, 1) }] },
        tcp: PORTS,
        badChecksums: ['tcp'],
      },
      { etherType: 0x0806, payload: new Uint8Array(28) },
    ];
    for (const spec of specs) {
      const frame = buildFrame(spec);
      const copy = frame.slice();
      expect(fixChecksums(copy)).toBe(false);
      expect(copy).toEqual(frame);
    }
    const cut = buildFrame({ ipv4: V4, tcp: PORTS, payload: 'abc', badChecksums: ['tcp'] }).slice(0, -2);
    expect(fixChecksums(cut.slice())).toBe(false);
    expect(checksumState(buildFrame(specs[3]!))).toBe('none');
  });
});

const trackers = availableDesigns().map((design) =>
  Tracker.create({ design, slabSlots: 64, packetStoreBytes: 1 << 20 }),
);
afterAll(() => trackers.splice(0));

describe('the tracker and the look at checksums', () => {
  const reasonOf = (tracker: Tracker, frame: Uint8Array): string | null => {
    tracker.reset();
    const handle = tracker.packet(frame);
    const [out] = tracker.execute(handle, { commit: true }, 1000).returned;
    const name = out?.reason?.name ?? null;
    tracker.release(handle);
    return name;
  };

  it('agree on mutated packets, and after a fix the tracker finds no wrong checksum', () => {
    const random = new Random(19);
    const specs = Object.values(FRAMES);
    let wrong = 0;
    const packets = process.env['CTREPLAY_LONG'] === undefined ? 1000 : 10_000;
    for (let index = 0; index < packets; index++) {
      const frame = buildFrame(specs[index % specs.length]!);
      for (let change = random.below(3); change > 0; change--) {
        frame[14 + random.below(frame.length - 14)] = random.below(256);
      }
      const tracker = trackers[index % trackers.length]!;
      const reason = reasonOf(tracker, frame);
      const state = checksumState(frame);
      // Another version in the header than the EtherType says: the tracker of IPv6 does not look at it.
      if (state === 'none') continue;
      if (reason?.endsWith('-checksum')) {
        wrong++;
        expect([Buffer.from(frame).toString('hex'), state]).toEqual([expect.anything(), 'wrong']);
      }
      if (reason === 'created') expect(state).toBe('right');
      fixChecksums(frame);
      expect(reasonOf(tracker, frame) ?? '').not.toMatch(/-checksum$/);
    }
    expect(wrong).toBeGreaterThan(packets / 10);
  });

  it('a fixed frame is sound to a second dissector', () => {
    for (const spec of Object.values(FRAMES).filter(({ snap }) => snap !== true)) {
      const frame = buildFrame({ ...spec, badChecksums: ALL });
      fixChecksums(frame);
      expect(dissect(frame).badChecksums).toEqual([]);
    }
  });

  it('checksumsIgnored: wrong ones count as right, whatever the packet', () => {
    for (const tracker of trackers) {
      for (const spec of Object.values(FRAMES)) {
        const frame = buildFrame({ ...spec, badChecksums: ALL });
        const state = (ignored: boolean): string => {
          tracker.reset({ switches: { checksumsIgnored: ignored } });
          return tracker.run(frame, { commit: true }, 1000);
        };
        expect(state(false)).toBe('inv|trk');
        expect(state(true)).toBe(tracker.run(buildFrame(spec), { commit: true }, 1000).replace('est', 'new'));
      }
    }
  });
});
