import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { udpFrame } from '../../support/packets.js';
import { SteppedThreads } from '../../support/stepped-threads.js';
import { A, B, C, DESIGNS, N, perDesign } from '../../support/tracker-bed.js';

const ATTEMPTS = 3000;
const toOneTuple: ExecRequest = {
  commit: true,
  nat: { type: 'src', minAddress: '192.0.2.1', ports: [5000, 5000] },
};

/** Reasons that a thread has counted, of one code. */
function reasons(steps: SteppedThreads, code: number): number {
  const { constants: c } = steps.run.engine;
  return Number(steps.main.view.getBigUint64(steps.run.plan.regions.threads + c.T_REASONS + code * 8, true));
}

/** What is free is all there is: unrelated connections fill every slot. */
function expectSlotsUsable(steps: SteppedThreads, free: number): void {
  const { constants: c } = steps.run.engine;
  const before = steps.control('C_N_CONN');
  const worker = steps.thread(0);
  steps.create(worker, free + 10, { commit: true }, 99);
  expect(steps.control('C_N_CONN') - before).toBe(free);
  expect(reasons(steps, c.R_SLAB_FULL)).toBeGreaterThanOrEqual(10);
}

describe.each(DESIGNS)('a creation that fails while another thread is online: %s', (design) => {
  it('for want of a NAT tuple takes no slot', () => {
    const steps = new SteppedThreads(design, { slabSlots: 64, buckets: 64 });
    steps.thread(1);
    const worker = steps.thread(0);
    steps.create(worker, 1 + ATTEMPTS, toOneTuple);
    expect(reasons(steps, steps.run.engine.constants.R_NAT_EXHAUSTED)).toBe(ATTEMPTS);
    expect([steps.control('C_N_CONN'), steps.control('C_GRACE_PENDING')]).toEqual([1, 0]);
    // All but the connection and its companion.
    expectSlotsUsable(steps, 62);
  });

  it('for want of a slot for its companion takes none', () => {
    const steps = new SteppedThreads(design, { slabSlots: 9, buckets: 64 });
    steps.thread(1);
    const worker = steps.thread(0);
    steps.create(worker, 4 + ATTEMPTS, {
      commit: true,
      nat: { type: 'src', minAddress: '192.0.2.1', ports: [5000, 6000] },
    });
    expect(reasons(steps, steps.run.engine.constants.R_SLAB_FULL)).toBe(ATTEMPTS);
    expect([steps.control('C_N_CONN'), steps.control('C_GRACE_PENDING')]).toEqual([4, 0]);
    expectSlotsUsable(steps, 1);
  });

  it('for want of room in the map takes no slot', () => {
    // Two buckets, each of which may be both of an entry's own: 14 places at most.
    const steps = new SteppedThreads(design, { slabSlots: 64, buckets: 2 });
    steps.thread(1);
    const worker = steps.thread(0);
    steps.create(worker, ATTEMPTS);
    const { R_MAP_FULL, R_SLAB_FULL } = steps.run.engine.constants;
    expect(reasons(steps, R_MAP_FULL)).toBeGreaterThanOrEqual(ATTEMPTS - 14);
    expect(reasons(steps, R_SLAB_FULL)).toBe(0);
    expect(steps.control('C_GRACE_PENDING')).toBe(0);
    // One that creates narrowly keeps one ready for the next.
    expect(steps.control('C_SLAB_IN_USE') - steps.control('C_N_CONN')).toBeLessThanOrEqual(1);
  });

  it('for want of room beside its companion parks both: others may have seen that one, and it leads to the connection', () => {
    const steps = new SteppedThreads(design, { slabSlots: 64, buckets: 2 });
    steps.thread(1);
    const worker = steps.thread(0);
    // Connections until one place is left, for a companion.
    for (let net = 1; steps.control('C_N_CONN') < 13; net++) steps.create(worker, 1, { commit: true }, net);
    steps.create(worker, 20, { commit: true, nat: { type: 'src', minAddress: '192.0.2.1' } }, 200);
    const parked = steps.control('C_GRACE_PENDING');
    expect(parked).toBeGreaterThan(0);
    expect(parked).toBeLessThanOrEqual(40);
    expect(parked % 2).toBe(0);
    expect(steps.control('C_N_CONN')).toBe(13);
    expect(steps.control('C_SLAB_IN_USE') - 13 - parked).toBeLessThanOrEqual(2);
    expect(steps.main.exports.tableCount()).toBe(13);
  });
});

describe.each(DESIGNS)('a creation: %s', (design) => {
  it('looks up twice: for the packet, and under ct_lock', () => {
    const tracker = Tracker.create({ design, flavour: 'probed', slabSlots: 256 });
    for (let i = 0; i < 100; i++) tracker.run(udpFrame({ src: `10.0.0.${i + 1}` }), { commit: true }, 1000);
    expect(tracker.counters().work).toMatchObject({ lookups: 200, created: 100 });
  });

  it('without commit is none: one that creates narrowly then has no need to look up again', () => {
    const tracker = Tracker.create({ design, flavour: 'probed', slabSlots: 256 });
    for (let i = 0; i < 100; i++) tracker.run(udpFrame({ src: `10.0.0.${i + 1}` }), {}, 1000);
    expect(tracker.counters().work['lookups']).toBe(traitsOf(design).createsNarrowly ? 100 : 200);
  });
});

perDesign((bed) => {
  it.each([true, false])(
    'is not due when the key has an entry that the packet, looked up by its reverse, did not find; commit: %s',
    (commit) => {
      const t = bed();
      const translated = (address: string): ExecRequest => ({
        commit: true,
        nat: { type: 'src', minAddress: address, ports: [7000, 7000] },
      });
      const packet = t.tracker.packet(udpFrame({ src: A, dst: B, srcPort: 1, dstPort: 2 }));
      expect(t.tracker.execute(packet, translated(N), t.nowMs).returned[0]?.state).toBe('new|trk|snat');
      t.tracker.flush();
      // Now another connection has the tuple that the packet was translated to, and is translated itself.
      expect(t.udp(`${N}:7000`, `${B}:2`, translated(C))).toBe('new|trk|snat');
      const table = t.lines();
      const [again] = t.tracker.execute(packet, { commit }, t.nowMs).returned;
      expect([again?.state, again?.reason?.name]).toEqual(['new|trk|snat', 'lost-race']);
      expect(t.lines()).toEqual(table);
    },
  );
});
