import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { A, B, perDesign } from '../../support/tracker-bed.js';

const to = `${B}:53`;
const from = (port: number): string => `${A}:${port}`;

perDesign((bed, design) => {
  const traits = traitsOf(design);
  describe('zone limits', () => {
    it('reject what is over, and say so (assertion 59)', () => {
      const t = bed();
      const zone = { commit: true, zone: 7 };
      expect(t.tracker.setZoneLimit(7, 1)).toBe(0);
      expect(t.udp(from(1), to, zone)).toBe('new|trk');
      expect(t.udp(from(2), to, zone)).toBe('new|trk');
      expect(t.tracker.zoneLimit(7)).toEqual({ zone: 7, limit: 1, count: 1 });
      expect(t.tracker.connCount).toBe(1);
      const reasons = [...t.tracker.counters().reasons].map(([code]) => t.tracker.reason(code)?.name);
      expect(reasons).toContain('zone-limit');
    });

    it.each([
      [false, 2],
      [true, 4],
    ])(
      'the default counts all its zones together, or each when switched: %s',
      (defaultLimitPerZone, stored) => {
        const t = bed({ switches: { defaultLimitPerZone } });
        t.tracker.setZoneLimit(-1, 2);
        for (const zone of [8, 9])
          for (let port = 1; port <= 3; port++) t.udp(from(port), to, { commit: true, zone });
        expect(t.tracker.connCount).toBe(stored);
      },
    );

    it('of 0 rejects everything; zones that cannot be are refused (assertion 60)', () => {
      const t = bed();
      expect([70_000, -2].map((zone) => t.tracker.setZoneLimit(zone, 1))).toEqual([22, 22]);
      t.tracker.setZoneLimit(0, 0);
      expect(t.udp(from(1), to)).toBe('new|trk');
      expect(t.lines()).toEqual([]);
      // There is nothing to delete the second time, which the original takes for success.
      expect([t.tracker.deleteZoneLimit(0), t.tracker.deleteZoneLimit(0)]).toEqual([0, 0]);
      expect(t.tracker.zoneLimit(0)).toEqual({ zone: -1, limit: 0, count: 0 });
      t.udp(from(1), to);
      expect(t.lines()).toHaveLength(1);
    });

    it('count only what came under them: one made anew starts at 0 and does not underflow (assertion 61)', () => {
      const t = bed();
      t.tracker.setZoneLimit(7, 5);
      for (let port = 1; port <= 3; port++) t.udp(from(port), to, { commit: true, zone: 7 });
      t.tracker.deleteZoneLimit(7);
      t.tracker.setZoneLimit(7, 5);
      t.udp(from(9), to, { commit: true, zone: 7 });
      t.tracker.flush(7);
      expect(t.tracker.zoneLimit(7).count).toBe(0);
    });

    it('the counts are those of the table, whatever happens', () => {
      const t = bed();
      const step = fc.record({
        zone: fc.nat(3),
        port: fc.integer({ min: 1, max: 6 }),
        waitMs: fc.constantFrom(0, 0, 0, 61_000),
        after: fc.constantFrom('', '', '', 'sweep', 'flush', 'force'),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
          t.tracker.reset();
          for (let zone = 0; zone < 3; zone++) t.tracker.setZoneLimit(zone, 3);
          for (const { zone, port, waitMs, after } of steps) {
            t.wait(waitMs);
            t.udp(from(port), to, { commit: true, zone });
            if (after === 'force') t.udp(to, from(port), { commit: true, zone, force: true });
            if (after === 'sweep') t.tracker.sweep(t.nowMs);
            if (after === 'flush') t.tracker.flush(zone);
          }
          t.tracker.removeExpired(t.nowMs);
          const entries = t.entries();
          for (let zone = 0; zone < 3; zone++) {
            const stored = entries.filter((entry) => entry.zone === zone).length;
            expect(t.tracker.zoneLimit(zone)).toEqual({ zone, limit: 3, count: stored });
            expect(stored).toBeLessThanOrEqual(3);
          }
          expect(t.tracker.connCount).toBe(entries.length);
          expect(t.tracker.zoneLimit(3).count).toBe(0);
        }),
        { numRuns: 50 },
      );
    });
  });

  describe('the connection limit', () => {
    it('rejects, keeps tracking what is there, and counts the dead until they are swept (assertion 58)', () => {
      const t = bed({ connLimit: 1 });
      expect(t.udp(from(1), to)).toBe('new|trk');
      expect(t.udp(from(2), to)).toBe('new|trk');
      expect(t.udp(to, from(1))).toBe('est|rpl|trk');
      expect(t.udp(to, from(2))).toBe('new|trk');
      t.wait(30_000);
      t.udp(from(3), to);
      expect(t.tracker.connCount).toBe(1);
      t.sweepAll();
      t.udp(from(3), to);
      expect(t.entries().map((entry) => entry.original)).toMatchObject([{ srcPort: 3 }]);
    });

    it('a full slab rejects too, and loses nothing', () => {
      const t = bed();
      for (let i = 0; i < 4200; i++) {
        expect(t.udp(`10.2.${i >> 8}.${i & 255}:5`, to)).toBe('new|trk');
      }
      expect(t.tracker.connCount).toBeGreaterThan(4000);
      expect(t.tracker.connCount).toBeLessThanOrEqual(4096);
      expect(t.udp(to, '10.2.0.0:5')).toBe('est|rpl|trk');
      t.tracker.flush();
      expect(t.tracker.tableCount).toBe(0);
    });
  });

  describe('timeout policies', () => {
    const short = { commit: true, timeoutPolicy: 5 };

    it('are replaced whole, looked up at each update, and default when deleted (assertion 107)', () => {
      const t = bed();
      t.tracker.setTimeoutPolicy(5, { udp_first: 10, udp_single: 20, udp_multiple: 5 });
      t.udp(from(1), to, short);
      expect(t.only.timeoutSeconds).toBe(10);
      t.tracker.setTimeoutPolicy(5, { udp_single: 40 });
      t.udp(from(1), to);
      expect(t.only.timeoutSeconds).toBe(40);
      t.udp(to, from(1), { commit: true, timeoutPolicy: 9 });
      expect(t.only.timeoutSeconds).toBe(30);
      expect([t.tracker.deleteTimeoutPolicy(5), t.tracker.deleteTimeoutPolicy(5)]).toEqual([0, 2]);
      expect(t.only.timeoutPolicy).toBe(5);
    });

    it('seconds wrap in milliseconds of 32 bits; 0 never matches (assertion 108)', () => {
      const t = bed();
      t.tracker.setTimeoutPolicy(5, { UDP_FIRST: 4_294_967 });
      t.udp(from(1), to, short);
      expect(t.only.timeoutSeconds).toBe(4_294_967);
      t.tracker.setTimeoutPolicy(5, { udp_first: 4_294_968 });
      t.udp(from(2), to, short);
      expect(t.entries().find((entry) => entry.timeoutSeconds === 0)?.expirationMs).toBe(t.nowMs + 704);
      t.tracker.setTimeoutPolicy(5, { udp_first: 0 });
      expect([t.udp(from(3), to, short), t.udp(from(3), to, short)]).toEqual(['new|trk', 'new|trk']);
    });

    it('names that do not exist are refused', () => {
      expect(() => bed().tracker.setTimeoutPolicy(5, { udp_last: 1 })).toThrow(/udp_last/);
    });

    it('a long one hides expired short ones in a design that hides: retention (assertion 97)', () => {
      const t = bed();
      t.tracker.setTimeoutPolicy(5, { udp_first: 1, udp_single: 1 });
      t.udp(from(1), to);
      t.udp(from(2), to, short);
      t.udp(from(3), to, short);
      t.wait(2000).sweepAll();
      expect(t.tracker.connCount).toBe(traits.hidesExpired ? 3 : 1);
      t.wait(58_000).sweepAll();
      expect(t.tracker.connCount).toBe(0);
    });

    it('short before long is no matter (assertion 98)', () => {
      const t = bed();
      t.tracker.setTimeoutPolicy(5, { udp_first: 1, udp_single: 1 });
      t.udp(from(2), to, short);
      t.udp(from(1), to);
      t.wait(2000).sweepAll();
      expect(t.tracker.connCount).toBe(1);
    });
  });

  describe('sweeps', () => {
    it('an idle pass asks for its next time (assertion 104)', () => {
      const t = bed({ preset: traits.recordedPreset });
      const { wakeMs, delayMs } = t.tracker.sweep(t.nowMs);
      expect(delayMs).toBe(traits.sweepIntervalMs);
      if (traits.recordedSweeps === 'old') expect(wakeMs).toBe(30);
      if (traits.recordedSweeps === 'new') expect(wakeMs).toBe(20_000);
    });

    it('the old design removes at most a tenth of the limit a pass, and comes back soon when late (assertions 100, 118)', () => {
      if (traits.recordedSweeps !== 'old') return;
      const t = bed({ connLimit: 20 });
      for (let port = 1; port <= 20; port++) t.udp(from(port), to);
      t.wait(60_000);
      expect(t.tracker.sweep(t.nowMs)).toMatchObject({ cleaned: 2, delayMs: 5000 });
      // A millisecond later what is left is late, so the thread waits 200 ms.
      expect(t.tracker.sweep(t.nowMs + 1)).toMatchObject({ cleaned: 2, wakeMs: -1, delayMs: 200 });
    });

    it('what is expired stays in the table until then, shown or not (assertions 105, 106)', () => {
      const t = bed();
      t.udp(from(1), to);
      t.wait(60_000);
      expect(t.entries().map((entry) => entry.timeoutSeconds)).toEqual(traits.dumpShowsExpired ? [0] : []);
      expect(t.udp(from(1), to)).toBe('new|trk');
      expect(t.tracker.connCount).toBe(2);
      t.sweepAll();
      expect(t.tracker.connCount).toBe(1);
      expect(t.udp(to, from(1))).toBe('est|rpl|trk');
    });
  });

  describe('flush', () => {
    const tuple = (src: string, srcPort: number, dst: string, dstPort: number) =>
      ({ family: 4, protocol: 17, src, srcPort, dst, dstPort }) as const;

    it('by tuple in either direction, in the zone (assertion 109)', () => {
      const t = bed();
      t.udp(from(1), to, { commit: true, zone: 3 });
      expect(t.tracker.flushTuple(tuple(A, 1, B, 53), 4, t.nowMs)).toBe(2);
      expect(t.tracker.flushTuple(tuple(B, 53, A, 1), 3, t.nowMs)).toBe(0);
      expect(t.tracker.flushTuple(tuple(B, 53, A, 1), 3, t.nowMs)).toBe(2);
      expect(t.lines()).toEqual([]);
    });

    it('of a zone leaves the others', () => {
      const t = bed();
      for (const zone of [1, 2, 3]) t.udp(from(1), to, { commit: true, zone });
      t.tracker.flush(2);
      expect(
        t
          .entries()
          .map((entry) => entry.zone)
          .toSorted(),
      ).toEqual([1, 3]);
      t.tracker.flush();
      expect(t.tracker.connCount).toBe(0);
    });
  });
});
