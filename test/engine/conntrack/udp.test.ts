import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFrame, udpFrame } from '../../support/packets.js';
import { A, B, COMMIT, perDesign } from '../../support/tracker-bed.js';

const there = [`${A}:1000`, `${B}:53`] as const;
const back = [`${B}:53`, `${A}:1000`] as const;

perDesign((bed) => {
  describe('UDP', () => {
    it('is established by a third packet, or by a reply (spec §4)', () => {
      const t = bed();
      expect([t.udp(...there), t.udp(...there), t.udp(...there)]).toEqual(['new|trk', 'new|trk', 'est|trk']);
      expect(t.udp(...back)).toBe('est|rpl|trk');
      expect(t.udp(...there)).toBe('est|trk');
    });

    it('waits for a reply under the later rule, when switched', () => {
      const t = bed({ switches: { establishedAfterReply: true } });
      for (let i = 0; i < 5; i++) expect(t.udp(...there)).toBe('new|trk');
      expect(t.udp(...back)).toBe('est|rpl|trk');
      expect(t.udp(...there)).toBe('est|trk');
    });

    it('has the timeouts of its states: 60 s first and single, 30 s with a reply', () => {
      const t = bed();
      t.udp(...there);
      expect(t.only.timeoutSeconds).toBe(60);
      t.wait(10_000).udp(...there);
      expect(t.only.timeoutSeconds).toBe(60);
      t.wait(10_000).udp(...back);
      expect(t.only.timeoutSeconds).toBe(30);
    });

    it('is gone exactly at its expiration, not a millisecond before', () => {
      const t = bed();
      t.udp(...there);
      t.udp(...back);
      expect(t.wait(29_999).udp(...there)).toBe('est|trk');
      expect(t.wait(30_000).udp(...there)).toBe('new|trk');
    });

    it('without commit leaves nothing behind', () => {
      const t = bed();
      expect(t.udp(...there, {})).toBe('new|trk');
      expect(t.udp(...back, {})).toBe('new|trk');
      expect(t.lines()).toEqual([]);
    });

    it('takes any payload length, and no length field that lies', () => {
      const t = bed();
      const send = (length: number): string =>
        t.send(udpFrame({ srcPort: 7, dstPort: 9, payload: 'abcd', length, checksum: 0 })).state;
      expect(send(12)).toBe('new|trk');
      expect([7, 13, 0, 65535].map(send)).toEqual(Array(4).fill('inv|trk'));
    });

    it.each([4, 6] as const)('IPv%d: checksums and port 0', (family) => {
      const t = bed();
      const ends = family === 4 ? { src: A, dst: B } : { src: 'fd00::1', dst: 'fd00::2' };
      const reasonOf = (options: object): string | null => t.send(udpFrame({ ...ends, ...options })).reason;
      expect(reasonOf({ badChecksums: ['udp'] })).toBe('udp-checksum');
      expect(reasonOf({ srcPort: 0 })).toBe('port-zero');
      expect(reasonOf({ dstPort: 0 })).toBe('port-zero');
      // Over IPv4 a checksum of 0 means none; over IPv6 there has to be one.
      expect(reasonOf({ checksum: 0 })).toBe(family === 4 ? null : 'udp-checksum');
    });

    it('keeps tuples apart by every part of them, and joins only a packet and its answer', () => {
      const t = bed();
      const end = fc.record({ host: fc.constantFrom(A, B), port: fc.integer({ min: 1, max: 3 }) });
      fc.assert(
        fc.property(fc.array(fc.tuple(end, end, fc.constantFrom(0, 1)), { maxLength: 40 }), (packets) => {
          t.tracker.reset();
          const model = new Map<string, number>();
          for (const [src, dst, zone] of packets) {
            const from = `${src.host}:${src.port}`;
            const to = `${dst.host}:${dst.port}`;
            const state = t.udp(from, to, { commit: true, zone });
            const reverse = `${zone} ${to} ${from}`;
            if (from !== to && model.has(reverse)) {
              expect(state).toBe('est|rpl|trk');
              model.set(reverse, 99);
            } else {
              const key = `${zone} ${from} ${to}`;
              const count = (model.get(key) ?? 0) + 1;
              model.set(key, count);
              // A tuple that is its own reverse never has a reply: the look-up finds the original direction first.
              expect(state).toBe(count <= 2 ? 'new|trk' : 'est|trk');
            }
          }
          expect(t.entries()).toHaveLength(model.size);
        }),
        { numRuns: 40 },
      );
    });
  });

  describe('protocols without ports', () => {
    it.each([47, 50, 132, 253])('protocol %d is tracked by its addresses', (protocol) => {
      const t = bed();
      const frame = (src: string, dst: string): Uint8Array =>
        buildFrame({ ipv4: { src, dst, protocol }, payload: new Uint8Array(12) });
      const states = [frame(A, B), frame(A, B), frame(A, B), frame(B, A), frame(A, B)].map(
        (f) => t.send(f).state,
      );
      expect(states).toEqual(['new|trk', 'new|trk', 'est|trk', 'est|rpl|trk', 'est|trk']);
      expect(t.only.original).toMatchObject({ protocol, srcPort: 0, dstPort: 0 });
    });

    it('an empty payload is no reason to refuse it', () => {
      expect(bed().send(buildFrame({ ipv4: { src: A, dst: B, protocol: 47 } }), COMMIT).state).toBe(
        'new|trk',
      );
    });
  });
});
