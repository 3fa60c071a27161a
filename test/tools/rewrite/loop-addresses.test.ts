import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../engine/host/addresses.js';
import { LoopAddresses } from '../../../tools/rewrite/loop-addresses.js';
import { makeRewriter, type FrameRewriter } from '../../../tools/rewrite/rewriter.js';
import { dissect } from '../../support/dissect.js';
import { buildFrame, quoteOf, tcpFrame, udpFrame } from '../../support/packets.js';

/** Frames in one memory, with a gap before each. */
function laidOut(frames: readonly Uint8Array[]) {
  const places: { at: number; length: number }[] = [];
  let at = 3;
  for (const { length } of frames) {
    places.push({ at, length });
    at += length + 5;
  }
  const bytes = new Uint8Array(new SharedArrayBuffer(at));
  bytes.fill(0xa5);
  frames.forEach((frame, index) => bytes.set(frame, places[index]!.at));
  return {
    bytes,
    frame: (index: number) => bytes.slice(places[index]!.at, places[index]!.at + places[index]!.length),
    loops: (loopsPerChange = 1) =>
      new LoopAddresses(bytes.buffer, frames.length, (index) => places[index]!, loopsPerChange),
  };
}

const text4 = (n: number): string => [24, 16, 8, 0].map((s) => (n >>> s) & 255).join('.');
/** Near the ends of the range an address passes 0 or 2^32 after a few loops. */
const word = fc.oneof(
  fc.nat(20),
  fc.nat(0xffff_ffff),
  fc.nat(20).map((n) => 0xffff_ffff - n),
);
const address4 = word.map(text4);
const address6 = fc.tuple(fc.uint8Array({ minLength: 12, maxLength: 12 }), word).map(([head, low]) => {
  const bytes = new Uint8Array(16);
  bytes.set(head);
  new DataView(bytes.buffer).setUint32(12, low);
  return formatAddress(6, bytes);
});
const ends = fc.oneof(
  fc.tuple(address4, address4),
  fc.tuple(address6, address6),
  address4.map((text) => [text, text] as const),
  address6.map((text) => [text, text] as const),
);

function frameBetween([src, dst]: readonly [string, string], kind: string): Uint8Array {
  const ip = src.includes(':') ? { ipv6: { src, dst } } : { ipv4: { src, dst } };
  switch (kind) {
    case 'tcp':
      return buildFrame({ ...ip, tcp: { srcPort: 1, dstPort: 2, flags: 'S' }, payload: 'abc' });
    case 'tagged':
      return buildFrame({ ...ip, vlans: [{ id: 5 }], udp: { srcPort: 1, dstPort: 2 } });
    case 'error': {
      const inner = buildFrame({ ...ip, udp: { srcPort: 7, dstPort: 8 }, payload: 'quoted' });
      return src.includes(':')
        ? buildFrame({
            ipv6: { src: dst, dst: src },
            icmpv6: { type: 1, code: 4, quote: quoteOf(inner, 80) },
          })
        : buildFrame({ ipv4: { src: dst, dst: src }, icmp: { type: 3, code: 3, quote: quoteOf(inner, 80) } });
    }
    default:
      return buildFrame({ ...ip, udp: { srcPort: 53, dstPort: 5353 }, payload: 'odd' });
  }
}

describe('addresses of a loop, in place', () => {
  it('are those that the rewriter gives the packets as captured, loop after loop, checksums included', () => {
    const packet = fc.tuple(ends, fc.constantFrom('tcp', 'udp', 'tagged', 'error'));
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(1, 1, 2, 3),
        fc.integer({ min: 1, max: 30 }),
        (packets, loopsPerChange, loops) => {
          const captured = packets.map(([pair, kind]) => frameBetween(pair, kind));
          const rewriter = makeRewriter({ uniqueIpLoops: loopsPerChange }) as FrameRewriter;
          const { frame, loops: open, bytes } = laidOut(captured);
          const inPlace = open(loopsPerChange);
          for (let loop = 0; loop < loops; loop++) {
            inPlace.apply(0, 1, loop);
            inPlace.apply(1, packets.length - 1, loop);
            captured.forEach((original, index) => {
              const expected = original.slice();
              rewriter.rewrite(expected, loop);
              expect(frame(index)).toEqual(expected);
            });
          }
          expect(bytes[2]).toBe(0xa5);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('leave alone what has none, and bytes that are only half a header', () => {
    const arp = new Uint8Array(60);
    arp.set([0x08, 0x06], 12);
    const cut = tcpFrame().slice(0, 30);
    const { frame, loops } = laidOut([arp, cut, new Uint8Array(3)]);
    loops().apply(0, 3, 5);
    expect([frame(0), frame(1), frame(2)]).toEqual([arp, cut, new Uint8Array(3)]);
  });

  it('never write outside a frame, whatever is in it', () => {
    const base = frameBetween(['10.9.9.9', '10.1.1.1'], 'error');
    const change = fc.tuple(fc.nat(90), fc.nat(255));
    fc.assert(
      fc.property(
        fc.constantFrom(base, tcpFrame(), udpFrame({ src: 'fd00::1', dst: 'fd00::2' })),
        fc.nat(120),
        fc.array(change, { maxLength: 6 }),
        (frame, keep, changes) => {
          const kept = frame.slice(0, keep);
          for (const [at, value] of changes) if (at < kept.length) kept[at] = value;
          const placed = laidOut([kept, kept]);
          const inPlace = placed.loops();
          for (const loop of [0, 1, 2, 3]) inPlace.apply(0, 2, loop);
          expect(placed.frame(0)).toEqual(placed.frame(1));
          const gap = placed.bytes.subarray(3 + kept.length, 3 + kept.length + 5);
          expect([...gap]).toEqual([0xa5, 0xa5, 0xa5, 0xa5, 0xa5]);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are shared by as many loops as asked for', () => {
    const { frame, loops } = laidOut([udpFrame({ src: '10.0.0.1', dst: '10.0.5.5' })]);
    const inPlace = loops(3);
    const seen = [0, 1, 2, 3, 4, 5, 6].map((loop) => {
      inPlace.apply(0, 1, loop);
      return dissect(frame(0)).dst;
    });
    const [first, second, third] = ['10.0.5.5', '10.0.5.6', '10.0.5.7'];
    expect(seen).toEqual([first, first, first, second, second, second, third]);
    expect(() => loops(0)).toThrow('not a whole number above 0');
  });
});
