import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../engine/host/addresses.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { parseIpMap } from '../../../tools/rewrite/ip-map.js';
import { makeRewriter, type FrameRewriter } from '../../../tools/rewrite/rewriter.js';
import { dissect } from '../../support/dissect.js';
import { buildFrame, quoteOf, tcpFrame, udpFrame, type FrameSpec } from '../../support/packets.js';

const unique = makeRewriter({ uniqueIpLoops: 1 }) as FrameRewriter;

function rewritten(frame: Uint8Array, loop: number, rewriter = unique): Uint8Array {
  const copy = frame.slice();
  rewriter.rewrite(copy, loop);
  return copy;
}

/** A frame between two addresses; the same spec with other addresses is what rewriting has to come to. */
function between(
  src: string,
  dst: string,
  rest: FrameSpec,
  extensions: { type: number; body?: Uint8Array }[] = [],
) {
  return buildFrame(
    src.includes(':') ? { ipv6: { src, dst, extensions }, ...rest } : { ipv4: { src, dst }, ...rest },
  );
}

const RESTS: Record<string, FrameSpec> = {
  tcp: { tcp: { srcPort: 1234, dstPort: 80, flags: 'SA', seq: 7, ack: 9 }, payload: 'abc' },
  udp: { udp: { srcPort: 53, dstPort: 5353 }, payload: 'odd' },
  tagged: { vlans: [{ id: 5 }, { id: 6 }], udp: { srcPort: 1, dstPort: 2 } },
};

const address4 = fc.nat(0xffffffff).map((n) => [24, 16, 8, 0].map((s) => (n >>> s) & 255).join('.'));
const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatAddress(6, bytes));
const pair = fc.oneof(fc.tuple(address4, address4), fc.tuple(address6, address6));

function low(text: string): number {
  const { family, bytes } = parseAddress(text);
  return new DataView(bytes.buffer).getUint32(family === 4 ? 0 : 12);
}

function plus(text: string, amount: number): string {
  const { family, bytes } = parseAddress(text);
  new DataView(bytes.buffer).setUint32(family === 4 ? 0 : 12, (low(text) + amount) >>> 0);
  return formatAddress(family, bytes);
}

describe('--unique-ip', () => {
  it('moves the lower address down and the higher one up, as tcpreplay does', () => {
    const there = rewritten(udpFrame({ src: '10.0.0.1', dst: '10.0.5.5' }), 3);
    const back = rewritten(udpFrame({ src: '10.0.5.5', dst: '10.0.0.1', srcPort: 53, dstPort: 40000 }), 3);
    expect(dissect(there)).toMatchObject({ src: '9.255.255.254', dst: '10.0.5.8', badChecksums: [] });
    expect(dissect(back)).toMatchObject({ src: '10.0.5.8', dst: '9.255.255.254', badChecksums: [] });
  });

  it('leaves loop 0 alone, and shares addresses over --unique-ip-loops', () => {
    const frame = udpFrame();
    expect(rewritten(frame, 0)).toEqual(frame);
    const slow = makeRewriter({ uniqueIpLoops: 4 }) as FrameRewriter;
    expect(rewritten(frame, 3, slow)).toEqual(frame);
    expect(rewritten(frame, 4, slow)).toEqual(rewritten(frame, 1));
    expect(() => makeRewriter({ uniqueIpLoops: 0 })).toThrow('not a whole number above 0');
  });

  it('comes to the frame that the new addresses would have given, checksums included', () => {
    fc.assert(
      fc.property(pair, fc.nat(0xffffffff), fc.constantFrom(...Object.keys(RESTS)), ([a, b], loop, name) => {
        const rest = RESTS[name] as FrameSpec;
        const [newA, newB] =
          low(a) <= low(b) ? [plus(a, -loop), plus(b, loop)] : [plus(a, loop), plus(b, -loop)];
        fc.pre(low(a) !== low(b));
        expect(rewritten(between(a, b, rest), loop)).toEqual(between(newA, newB, rest));
      }),
      { numRuns: 500 },
    );
  });

  it('changes both directions alike, whatever the addresses', () => {
    fc.assert(
      fc.property(pair, fc.boolean(), fc.nat(1e6), ([a, other], same, loop) => {
        // Equal low bits are the hard case for IPv6.
        const b = same
          ? a.includes(':')
            ? formatAddress(6, withLow(parseAddress(other).bytes, low(a)))
            : a
          : other;
        const there = dissect(rewritten(between(a, b, RESTS['udp'] as FrameSpec), loop));
        const back = dissect(rewritten(between(b, a, RESTS['udp'] as FrameSpec), loop));
        expect([back.dst, back.src]).toEqual([there.src, there.dst]);
        expect(there.badChecksums).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('never repeats or exchanges the ends of a connection, however close they are', () => {
    const host = fc.integer({ min: 0x1000_0000, max: 0xdfff_ffff });
    const text = (n: number): string => [24, 16, 8, 0].map((s) => (n >>> s) & 255).join('.');
    const loops = fc.tuple(fc.nat(1e6), fc.nat(1e6)).filter(([i, j]) => i !== j);
    fc.assert(
      fc.property(host, fc.oneof(fc.nat(50), fc.nat(0x0fff_ffff)), loops, (from, distance, [i, j]) => {
        const frame = udpFrame({ src: text(from), dst: text(from + distance), srcPort: 123, dstPort: 123 });
        const endsIn = (loop: number): string => {
          const { src, dst } = dissect(rewritten(frame, loop));
          if (distance > 0) expect(src).not.toBe(dst);
          return [src, dst].toSorted().join();
        };
        expect(endsIn(i)).not.toBe(endsIn(j));
      }),
      { numRuns: 500 },
    );
  });

  it('gives neighbours that talk between equal ports a new connection in every loop', () => {
    const tracker = Tracker.create({ design: 'rculist-sweep', slabSlots: 4096 });
    const ntp = udpFrame({ src: '10.0.0.1', dst: '10.0.0.3', srcPort: 123, dstPort: 123 });
    for (let loop = 0; loop < 50; loop++) {
      expect(tracker.run(rewritten(ntp, loop), { commit: true }, 1000), `loop ${loop}`).toBe('new|trk');
    }
    expect(tracker.connCount).toBe(50);
  });

  it('gives every loop connections of its own', () => {
    const tracker = Tracker.create({ design: 'rculist-sweep', slabSlots: 4096 });
    const syn = tcpFrame({ src: '10.1.0.1', dst: '10.2.0.2', flags: 'S', seq: 100 });
    const synAck = tcpFrame({
      src: '10.2.0.2',
      dst: '10.1.0.1',
      srcPort: 80,
      dstPort: 40000,
      flags: 'SA',
      seq: 500,
      ack: 101,
    });
    for (let loop = 0; loop < 50; loop++) {
      expect(tracker.run(rewritten(syn, loop), { commit: true }, 1000)).toBe('new|trk');
      expect(tracker.run(rewritten(synAck, loop), { commit: true }, 1000)).toBe('est|rpl|trk');
      const quote = quoteOf(syn, 28);
      const error = buildFrame({
        ipv4: { src: '10.9.9.9', dst: '10.1.0.1' },
        icmp: { type: 3, code: 1, quote },
      });
      expect(tracker.run(rewritten(error, loop), { commit: true }, 1000)).toBe('rel|rpl|trk');
    }
    expect(tracker.connCount).toBe(50);
  });
});

function withLow(bytes: Uint8Array, value: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(12, value);
  return bytes;
}

/** The packet that an error quotes, as a frame. */
function quotedFrame(frame: Uint8Array): Uint8Array {
  const at = frame[12] === 0x08 ? 14 + 20 + 8 : 14 + 40 + 8;
  return Uint8Array.from([...frame.subarray(0, 14), ...frame.subarray(at)]);
}

describe('ICMP errors', () => {
  const inner4 = between('10.0.0.1', '10.0.0.200', RESTS['tcp'] as FrameSpec);
  const inner6 = between('fd00::1', '2001:db8::2', RESTS['udp'] as FrameSpec);
  const error4 = (src: string, dst: string, type: number): Uint8Array =>
    buildFrame({ ipv4: { src, dst }, icmp: { type, code: 0, quote: quoteOf(inner4, 200) } });
  const error6 = (src: string, dst: string, type: number): Uint8Array =>
    buildFrame({ ipv6: { src, dst }, icmpv6: { type, code: 0, rest: 1280, quote: quoteOf(inner6, 200) } });

  it.each([3, 4, 5, 11, 12])('ICMP type %i follows the packet it quotes', (type) => {
    const result = rewritten(error4('10.9.9.9', '10.0.0.1', type), 7);
    expect(dissect(result)).toMatchObject({ src: '10.9.9.9', dst: '9.255.255.250', badChecksums: [] });
    expect(quotedFrame(result)).toEqual(rewritten(inner4, 7));
  });

  it.each([1, 2, 3, 4])('ICMPv6 type %i follows the packet it quotes', (type) => {
    const result = rewritten(error6('2001:db8::2', 'fd00::1', type), 7);
    expect(dissect(result).badChecksums).toEqual([]);
    expect(dissect(quotedFrame(result))).toMatchObject({
      src: 'fd0000000000000000000000fffffffa',
      dst: '20010db8000000000000000000000009',
      badChecksums: [],
    });
    // The host that the packet was for sent the error: it has moved too.
    expect(dissect(result).src).toBe(dissect(quotedFrame(result)).dst);
    expect(dissect(result).dst).toBe(dissect(quotedFrame(result)).src);
  });

  it('an echo that looks like a quote is left alone behind its header', () => {
    const echo = buildFrame({
      ipv4: { src: '10.0.0.1', dst: '10.0.0.200' },
      icmp: { type: 8, id: 1, seq: 1 },
      payload: quoteOf(inner4, 60),
    });
    expect(rewritten(echo, 5).subarray(42)).toEqual(echo.subarray(42));
  });

  it('a quote cut to 28 bytes keeps the error right', () => {
    const cut = buildFrame({
      ipv4: { src: '10.9.9.9', dst: '10.0.0.1' },
      icmp: { type: 3, code: 4, rest: 1400, quote: quoteOf(inner4, 28) },
    });
    const result = rewritten(cut, 9);
    expect(dissect(result)).toMatchObject({ dst: '9.255.255.248', badChecksums: [] });
    expect(quotedFrame(result)).toEqual(rewritten(inner4, 9).subarray(0, 14 + 28));
  });
});

describe('--srcipmap and --dstipmap', () => {
  const both = makeRewriter({
    sourceMap: parseIpMap('10.0.0.0/8:172.16.0.0/12,[2001:db8::/32]:[fd00:1::/48]'),
    destinationMap: parseIpMap('10.0.0.0/8:172.16.0.0/12,192.168.1.5:9.9.9.9'),
  }) as FrameRewriter;

  it('keep the bits behind the prefix of the new network', () => {
    const ends = (src: string, dst: string): string[] => {
      const {
        src: newSrc,
        dst: newDst,
        badChecksums,
      } = dissect(rewritten(between(src, dst, RESTS['udp'] as FrameSpec), 0, both));
      expect(badChecksums).toEqual([]);
      return [newSrc, newDst];
    };
    expect(ends('10.1.2.3', '10.255.0.9')).toEqual(['172.17.2.3', '172.31.0.9']);
    expect(ends('11.1.2.3', '192.168.1.5')).toEqual(['11.1.2.3', '9.9.9.9']);
    expect(ends('192.168.1.5', '1.1.1.1')).toEqual(['192.168.1.5', '1.1.1.1']);
    expect(ends('2001:db8:7:8::9', 'fd00::1')).toEqual([
      'fd000001000000080000000000000009',
      'fd000000000000000000000000000001',
    ]);
  });

  it('the first network that holds an address counts', () => {
    const rewriter = makeRewriter({
      sourceMap: parseIpMap('10.1.0.0/16:1.0.0.0/8,10.0.0.0/8:2.0.0.0/8'),
    }) as FrameRewriter;
    const sourceOf = (src: string): string => dissect(rewritten(udpFrame({ src }), 0, rewriter)).src;
    expect([sourceOf('10.1.0.5'), sourceOf('10.2.0.5'), sourceOf('3.3.3.3')]).toEqual([
      '1.1.0.5',
      '2.2.0.5',
      '3.3.3.3',
    ]);
  });

  it('change quoted packets with the direction they had', () => {
    const inner = tcpFrame({ src: '10.1.1.1', dst: '10.2.2.2' });
    const error = buildFrame({
      ipv4: { src: '10.2.2.2', dst: '10.1.1.1' },
      icmp: { type: 3, code: 3, quote: quoteOf(inner, 200) },
    });
    const result = rewritten(error, 0, both);
    expect(dissect(result)).toMatchObject({ src: '172.18.2.2', dst: '172.17.1.1', badChecksums: [] });
    expect(dissect(quotedFrame(result))).toMatchObject({
      src: '172.17.1.1',
      dst: '172.18.2.2',
      badChecksums: [],
    });
  });

  it('come before --unique-ip', () => {
    const rewriter = makeRewriter({
      sourceMap: parseIpMap('10.0.0.0/8:20.0.0.0/8'),
      uniqueIpLoops: 1,
    }) as FrameRewriter;
    expect(dissect(rewritten(udpFrame({ src: '10.0.0.1', dst: '30.0.0.0' }), 2, rewriter))).toMatchObject({
      src: '19.255.255.255',
      dst: '30.0.0.2',
      badChecksums: [],
    });
    expect(makeRewriter({})).toBeNull();
  });

  it.each([
    ['10.0.0.0/8', 'no pair of networks'],
    ['', 'no pair of networks'],
    ['10.0.0.0/8:20.0.0.0/8,', "entry 2 ('') is no pair"],
    ['2001:db8::/32:fd00::/32', 'IPv6 networks need brackets'],
    ['10.0.0.0/8:[fd00::/8]', 'maps IPv4 to IPv6'],
    ['10.0.0.1/8:20.0.0.0/8', 'the network is 10.0.0.0/8'],
    ['10.0.0.0/40:20.0.0.0/8', 'prefix length from 0 to 32'],
    ['ten:20.0.0.0/8', "'ten' is no network"],
  ])('refuse %s', (text, reason) => {
    expect(() => parseIpMap(text)).toThrow(reason);
  });
});

describe('checksums', () => {
  it('stay absent where UDP has none, and wrong where they were wrong', () => {
    const none = udpFrame({ checksum: 0 } as never);
    expect(rewritten(none, 3).subarray(40, 42)).toEqual(Uint8Array.of(0, 0));
    const wrong = tcpFrame({ badChecksums: ['tcp', 'ipv4'] });
    expect(dissect(rewritten(wrong, 3)).badChecksums).toEqual(dissect(wrong).badChecksums);
  });

  it('are kept over extension headers; behind an unfinished routing header without the destination', () => {
    const hop = between('fd00::1', 'fd00::9', RESTS['udp'] as FrameSpec, [{ type: 0 }, { type: 60 }]);
    expect(dissect(rewritten(hop, 2)).badChecksums).toEqual([]);
    const final = between('fd00::1', 'fd00::77', RESTS['udp'] as FrameSpec);
    const routed = between('fd00::1', 'fd00::9', RESTS['udp'] as FrameSpec, [
      { type: 43, body: Uint8Array.of(0, 1, 0, 0, 0, 0, ...parseAddress('fd00::77').bytes) },
    ]);
    // The sender computes the checksum with the last address.
    routed.set(final.subarray(14 + 40 + 6, 14 + 40 + 8), 14 + 40 + 24 + 6);
    const source = makeRewriter({ sourceMap: parseIpMap('[fd00::1]:[fd00::5]') }) as FrameRewriter;
    const expected = between('fd00::5', 'fd00::77', RESTS['udp'] as FrameSpec);
    expect(rewritten(routed, 0, source).subarray(14 + 40 + 24 + 6, 14 + 40 + 24 + 8)).toEqual(
      expected.subarray(14 + 40 + 6, 14 + 40 + 8),
    );
    const destination = makeRewriter({ destinationMap: parseIpMap('[fd00::9]:[fd00::a]') }) as FrameRewriter;
    expect(rewritten(routed, 0, destination).subarray(14 + 40)).toEqual(routed.subarray(14 + 40));
  });
});

describe('any bytes', () => {
  it('are rewritten without reading or writing outside, and never longer or shorter', () => {
    const base = buildFrame({
      ipv4: { src: '10.9.9.9', dst: '10.1.1.1' },
      icmp: { type: 3, code: 1, quote: quoteOf(tcpFrame(), 60) },
    });
    const rewriter = makeRewriter({
      sourceMap: parseIpMap('0.0.0.0/0:1.0.0.0/8,[::/0]:[fd00::/8]'),
      uniqueIpLoops: 1,
    }) as FrameRewriter;
    fc.assert(
      fc.property(
        fc.constantFrom(base, tcpFrame(), udpFrame({ src: 'fd00::1', dst: 'fd00::2', vlans: [3] as never })),
        fc.nat(120),
        fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
        fc.nat(1000),
        (frame, keep, changes, loop) => {
          // The frame lies between marks that have to survive.
          const room = new Uint8Array(300).fill(0xa5);
          const kept = Math.min(keep, frame.length);
          room.set(frame.subarray(0, kept), 100);
          for (const [at, value] of changes) if (at < kept) room[100 + at] = value;
          rewriter.rewrite(room.subarray(100, 100 + kept), loop);
          expect(room.subarray(0, 100).every((byte) => byte === 0xa5)).toBe(true);
          expect(room.subarray(100 + kept).every((byte) => byte === 0xa5)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
