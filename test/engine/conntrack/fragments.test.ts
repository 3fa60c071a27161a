import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { dissect } from '../../support/dissect.js';
import { fragmentRanges, udpFrame, writeFragment } from '../../support/packets.js';
import { A, B, COMMIT, N, perDesign, type TrackerBed } from '../../support/tracker-bed.js';

const A6 = 'fd00::1';
const B6 = 'fd00::2';

/** The fragments of a frame, in order. */
function fragmentsOf(frame: Uint8Array, id: number, mtu = 1500): Uint8Array[] {
  const headerBytes = frame[12] === 0x86 ? 40 : 20;
  const total = frame.length - 14 - headerBytes;
  const ranges = fragmentRanges(total, headerBytes === 40 ? 48 : 20, mtu);
  return ranges.map((range, index) => {
    const into = new Uint8Array(2000);
    return into.slice(0, writeFragment(into, 0, frame, { range, id, more: index < ranges.length - 1 }));
  });
}

/** The frame with the right checksum in its IPv4 header of 20 bytes. */
function withHeaderChecksum(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer);
  view.setUint16(24, 0);
  let sum = 0;
  for (let at = 14; at < 34; at += 2) sum += view.getUint16(at);
  view.setUint16(24, 0xffff - (sum % 0xffff));
  return frame;
}

const large = (family: 4 | 6, bytes = 3000, fields: object = {}): Uint8Array =>
  udpFrame({ ...(family === 6 ? { src: A6, dst: B6 } : {}), payload: 'x'.repeat(bytes), ...fields });

/** States that came out for each fragment sent, `held` for none. */
function send(t: TrackerBed, fragments: readonly Uint8Array[], request: ExecRequest = COMMIT): string[] {
  return fragments.map((frame) => {
    const handle = t.tracker.packet(frame);
    const { returned } = t.tracker.execute(handle, request, t.nowMs);
    t.tracker.release(handle);
    return returned.length === 0 ? 'held' : returned.map((each) => each.state).join(' ');
  });
}

perDesign((bed, design) => {
  describe.each([4, 6] as const)('IPv%d', (family) => {
    it('a packet is tracked when its last fragment is there, whatever the order', () => {
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 2, 0],
      ]) {
        const t = bed();
        const fragments = fragmentsOf(large(family), 7);
        expect(fragments).toHaveLength(3);
        const states = send(
          t,
          order.map((index) => fragments[index] as Uint8Array),
        );
        expect(states).toEqual(['held', 'held', 'new|trk new|trk new|trk']);
        expect(t.entries()).toHaveLength(1);
      }
    });

    it('fragments of several packets do not mix: the id, the zone and the ends keep them apart', () => {
      const t = bed();
      const first = fragmentsOf(large(family, 2000), 1);
      const two = fragmentsOf(large(family, 2000, { srcPort: 9 }), 2);
      expect(send(t, [first[0], two[0]] as Uint8Array[])).toEqual(['held', 'held']);
      expect(send(t, [first[1]] as Uint8Array[], { ...COMMIT, zone: 3 })).toEqual(['held']);
      expect(send(t, [two[1], first[1]] as Uint8Array[])).toEqual(['new|trk new|trk', 'new|trk new|trk']);
    });

    it('fragments below the minimum, and ones that overlap, are invalid', () => {
      const t = bed();
      expect(send(t, fragmentsOf(large(family, 1000), 1, 600))).toEqual(expect.arrayContaining(['inv|trk']));
      const [first, second] = fragmentsOf(large(family, 2000), 2) as [Uint8Array, Uint8Array];
      expect(send(t, [first, first, second])).toEqual(['held', 'inv|trk', 'new|trk new|trk']);
    });

    it('switched off, a fragment is not tracked', () => {
      const t = bed({
        fragments: {
          enabled4: family !== 4,
          enabled6: family !== 6,
          minimum4: 1200,
          minimum6: 1280,
          maximum: 1000,
        },
      });
      expect(send(t, fragmentsOf(large(family, 2000), 2))).toEqual(['inv|trk', 'inv|trk']);
    });
  });

  it('the reason of a bad fragment is told', () => {
    const t = bed();
    const [first] = fragmentsOf(large(4, 1000), 1, 600) as [Uint8Array];
    expect(t.send(first)).toMatchObject({ state: 'inv|trk', reason: 'fragment-bad' });
  });

  it('fragments that never complete come out invalid after 15 s', () => {
    const t = bed();
    const [first] = fragmentsOf(large(4), 7) as [Uint8Array];
    expect(send(t, [first])).toEqual(['held']);
    t.wait(16_000);
    const states = send(t, [udpFrame({ srcPort: 77 })]);
    expect(states).toEqual(['new|trk inv']);
  });

  it('a checksum that is wrong shows only in the whole', () => {
    const t = bed();
    const states = send(t, fragmentsOf(large(4, 2000, { badChecksums: ['udp'] }), 3));
    expect(states).toEqual(['held', 'inv|trk inv|trk']);
  });

  it('fragments carry the translation of their packet', () => {
    const t = bed();
    const fragments = fragmentsOf(large(4, 2000), 3);
    const request: ExecRequest = { commit: true, nat: { type: 'src', minAddress: N } };
    const [first, second] = fragments.map((frame) => t.tracker.packet(frame));
    if (first === undefined || second === undefined) throw new Error('there are two fragments');
    t.tracker.execute(first, request, t.nowMs);
    const { returned } = t.tracker.execute(second, request, t.nowMs);
    expect(returned.map((each) => each.state)).toEqual(['new|trk|snat', 'new|trk|snat']);
    for (const { handle } of returned) {
      expect(dissect(handle.copyFrame())).toMatchObject({ src: N, dst: B, badChecksums: [] });
    }
  });

  it('no more are held than allowed', () => {
    const t = bed({
      fragments: { enabled4: true, enabled6: true, minimum4: 1200, minimum6: 1280, maximum: 3 },
    });
    const states = Array.from({ length: 5 }, (_, id) =>
      send(t, fragmentsOf(large(4), id).slice(0, 1)),
    ).flat();
    expect(states).toEqual(['held', 'held', 'held', 'inv|trk', 'inv|trk']);
  });

  it('as many are held as there are slots', () => {
    const held = (fragmentSlots: number): number => {
      const tracker = Tracker.create({
        design,
        slabSlots: 64,
        fragmentSlots,
        fragments: { enabled4: true, enabled6: true, minimum4: 400, minimum6: 400, maximum: 5000 },
      });
      const [first] = fragmentsOf(udpFrame({ payload: 'x'.repeat(600) }), 0, 500) as [Uint8Array];
      let count = 0;
      for (let id = 0; id <= fragmentSlots; id++) {
        const frame = first.slice();
        new DataView(frame.buffer).setUint16(18, id);
        // The sum of the header changes by as much as the id.
        const handle = tracker.packet(withHeaderChecksum(frame));
        if (tracker.execute(handle, COMMIT, 1000).held) count += 1;
      }
      return count;
    };
    expect([1, 2, 7].map(held)).toEqual([1, 2, 7]);
    expect(held(5000)).toBe(5000);
    expect(held(0)).toBe(0);
  });

  it('every fragment that goes in comes out once, and the packet is whole', () => {
    const t = bed();
    const plan = fc.record({
      bytes: fc.integer({ min: 1500, max: 6000 }),
      family: fc.constantFrom(4, 6),
      dst: fc.nat(2),
    });
    fc.assert(
      fc.property(
        fc.array(plan, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat(1000)),
        (plans, picks) => {
          t.tracker.reset();
          const waiting = plans.flatMap(({ bytes, family, dst }, index) =>
            fragmentsOf(large(family as 4 | 6, bytes, { srcPort: 100 + index, dstPort: 1 + dst }), index),
          );
          const total = waiting.length;
          let out = 0;
          while (waiting.length > 0) {
            const [frame] = waiting.splice((picks.next().value as number) % waiting.length, 1);
            const handle = t.tracker.packet(frame as Uint8Array);
            const { returned } = t.tracker.execute(handle, COMMIT, t.nowMs);
            for (const each of returned) expect(each.state).toBe('new|trk');
            out += returned.length;
            t.tracker.release(handle);
          }
          expect(out).toBe(total);
          expect(t.entries()).toHaveLength(plans.length);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('a small packet with the same ends is the same connection', () => {
    const t = bed();
    send(t, fragmentsOf(large(4, 2000), 3));
    expect(t.udp(`${B}:53`, `${A}:40000`)).toBe('est|rpl|trk');
  });

  it('a packet whose time is over while its fragments are put out takes in no late one', () => {
    const t = bed();
    const fragments = fragmentsOf(withHeaderChecksum(large(4, 62_000)), 7);
    const late = [20, 30].map((index) => fragments[index] as Uint8Array);
    const early = fragments.filter((fragment) => !late.includes(fragment));
    // More than a batch puts out.
    expect(early.length).toBeGreaterThan(32);
    expect(new Set(send(t, early))).toEqual(new Set(['held']));
    t.nowMs += 16_000;
    const outcomes = send(t, late).flatMap((text) => text.split(' '));
    for (let batch = 0; batch < 4; batch++)
      outcomes.push(...send(t, [large(4, 100)]).flatMap((text) => text.split(' ')));
    const expired = outcomes.filter((state) => state.startsWith('inv'));
    // Each comes out once, the last late one as what it is: a fragment of nothing.
    expect(expired).toHaveLength(fragments.length);
    // And the store is as it was: other packets are put together again.
    for (let id = 100; id < 140; id++) {
      const states = send(t, fragmentsOf(large(4, 2000, { srcPort: id }), id));
      expect([id, states]).toEqual([id, ['held', 'new|trk new|trk']]);
    }
  });

  it('wrong header checksums of fragments count as right where checksums are ignored', () => {
    const states = (checksumsIgnored: boolean): string[] => {
      const t = bed({ switches: { checksumsIgnored } });
      const fragments = fragmentsOf(large(4, 2000), 7);
      for (const fragment of fragments) new DataView(fragment.buffer).setUint16(24, 0);
      return send(t, fragments);
    };
    expect(states(false)).toEqual(['inv|trk', 'inv|trk']);
    expect(states(true)).toEqual(['held', 'new|trk new|trk']);
  });
});
