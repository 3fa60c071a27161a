import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { udpFrame } from '../../support/packets.js';
import { A, B, COMMIT, N, perDesign, type TrackerBed } from '../../support/tracker-bed.js';

const there = [`${A}:1000`, `${B}:53`] as const;
const back = [`${B}:53`, `${A}:1000`] as const;
const ALL = 0xffff_ffff;
const ALL_OF_LABEL = (1n << 128n) - 1n;

/** A packet object that is run again and again. */
function reused(t: TrackerBed) {
  const handle = t.tracker.packet(udpFrame({ src: A, dst: B, srcPort: 1000 }));
  return (request: ExecRequest = COMMIT, keepCache = false): string => {
    if (!keepCache) handle.view.clearCache();
    return t.tracker.execute(handle, request, t.nowMs).returned[0]?.state ?? 'held';
  };
}

perDesign((bed, design) => {
  it('marks are set under a mask, and kept by the connection (assertion 29)', () => {
    const t = bed();
    const mark = (value: number, mask: number) =>
      t.send(udpFrame({ src: A, dst: B, srcPort: 1000 }), { ...COMMIT, mark: { value, mask } }).mark;
    expect(mark(0xf0, 0xf0)).toBe(0xf0);
    expect(mark(1, 1)).toBe(0xf1);
    // The value is taken as it is, masked or not.
    expect(mark(0x10, 1)).toBe(0xf0);
    expect(t.only.mark).toBe(0xf0);
  });

  it('a mark needs a connection', () => {
    const t = bed();
    expect(t.send(udpFrame({ src: A, dst: B }), { mark: { value: 7, mask: ALL } }).mark).toBe(0);
  });

  it('labels have 128 bits', () => {
    const t = bed();
    const label = { value: (0xabcdn << 112n) | 5n, mask: (1n << 128n) - 1n };
    t.udp(...there, { ...COMMIT, label });
    expect(t.only.label).toBe(label.value);
    t.udp(...there, { ...COMMIT, label: { value: 1n << 64n, mask: 1n << 64n } });
    expect(t.only.label).toBe(label.value | (1n << 64n));
    expect(t.lines()[0]).toContain('labels=0xabcd0000000000010000000000000005');
  });

  it('a connection in a slot that was used before has nothing of the one before', () => {
    const t = bed();
    const label = { value: 5n, mask: ALL_OF_LABEL };
    for (let port = 1; port <= 40; port++) {
      t.udp(`${A}:${port}`, `${B}:53`, { ...COMMIT, label, mark: { value: 7, mask: ALL } });
    }
    t.tracker.flush();
    for (let port = 1; port <= 40; port++) t.udp(`${A}:${port}`, `${B}:54`, COMMIT);
    expect(t.entries().map((entry) => [entry.label, entry.mark])).toEqual(
      Array.from({ length: 40 }, () => [0n, 0]),
    );
    const seen = t.send(udpFrame({ src: A, dst: B, srcPort: 1, dstPort: 54 }), {
      ...COMMIT,
      label: { value: 1n, mask: 1n },
    });
    expect([seen.mark, t.entries().filter((entry) => entry.label === 1n).length]).toEqual([0, 1]);
  });

  describe('one packet object, run again', () => {
    it('is counted as another packet when the cache is cleared (assertion 24)', () => {
      const run = reused(bed());
      expect([run(), run(), run(), run()]).toEqual(['new|trk', 'new|trk', 'est|trk', 'est|trk']);
    });

    it('changes nothing with the cache kept, even past expiration (assertion 25)', () => {
      const t = bed();
      const run = reused(t);
      run();
      t.wait(10_000);
      expect(run(COMMIT, true)).toBe('new|trk');
      expect(t.only.timeoutSeconds).toBe(50);
      t.wait(70_000);
      expect(run(COMMIT, true)).toBe('new|trk');
      expect(t.tracker.connCount).toBe(1);
    });

    it('is stored by the call that commits (assertion 26)', () => {
      const t = bed();
      const run = reused(t);
      expect(run({})).toBe('new|trk');
      expect(t.lines()).toEqual([]);
      expect(run()).toBe('new|trk');
      expect(t.lines()).toHaveLength(1);
    });

    it('starts anew in another zone (assertions 27, 28)', () => {
      const t = bed();
      const run = reused(t);
      run();
      run();
      expect(run({ ...COMMIT, zone: 5 })).toBe('new|trk');
      const translated = reused(t);
      const snat = { ...COMMIT, zone: 1, nat: { type: 'src', minAddress: N } } as const;
      expect(translated(snat)).toBe('new|trk|snat');
      expect(translated({ ...COMMIT, zone: 2 })).toBe('new|trk');
      expect(t.entries().find((entry) => entry.zone === 2)?.original.src).toBe(N);
    });

    it('translated in its zone, it is found again without another entry (assertion 86)', () => {
      const t = bed();
      const run = reused(t);
      run({ ...COMMIT, nat: { type: 'src', minAddress: N } });
      expect(run()).toBe('new|trk|snat');
      expect(t.tracker.connCount).toBe(1);
    });
  });

  describe('force', () => {
    it('on a reply makes it the original direction (assertions 54, 55)', () => {
      const t = bed();
      t.udp(...there);
      expect(t.udp(...back, { commit: true, force: true })).toBe('new|trk');
      const live = t.entries().filter((entry) => entry.expirationMs > t.nowMs);
      expect(live.map((entry) => entry.original.src)).toEqual([B]);
      expect(t.tracker.connCount).toBe(traitsOf(design).expireRemoves ? 1 : 2);
      t.sweepAll();
      expect(t.tracker.connCount).toBe(1);
    });

    it('in the original direction changes nothing (assertion 56)', () => {
      const t = bed();
      t.udp(...there);
      t.udp(...there);
      expect(t.udp(...there, { commit: true, force: true })).toBe('est|trk');
      expect(t.tracker.connCount).toBe(1);
    });
  });

  it('VLAN tags up to two do not make another connection (assertions 9, 115)', () => {
    const t = bed();
    const tagged = (vlans: readonly number[]): string => t.send(udpFrame({ src: A, dst: B, vlans })).state;
    expect([tagged([]), tagged([5]), tagged([5, 6]), tagged([5, 6, 7])]).toEqual([
      'new|trk',
      'new|trk',
      'est|trk',
      'inv|trk',
    ]);
  });
});
