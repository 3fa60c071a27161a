import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';
import { NOW_MS, SteppedThreads } from '../../support/stepped-threads.js';
import { A, B, DESIGNS, perDesign } from '../../support/tracker-bed.js';

/** As many as there can be, the default among them. */
const MOST = 1024;
const ENOSPC = 28;
const ENOENT = 2;

/** Seconds that a connection created under the policy lives. */
function secondsUnder(tracker: Tracker, timeoutPolicy: number): number {
  tracker.run(udpFrame(), { commit: true, timeoutPolicy }, NOW_MS);
  const [entry] = tracker.dump(NOW_MS);
  tracker.flush();
  return entry?.timeoutSeconds ?? Number.NaN;
}

perDesign((bed) => {
  it('policies are found by their ids, whatever these are and in whatever order they come and go', () => {
    const { tracker } = bed();
    const id = fc.oneof(fc.nat(6), fc.constantFrom(512, 1024, 0x8000_0000, 0xffff_ffff), fc.nat(0xffff_ffff));
    const step = fc.record({ id, seconds: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: null }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), (steps, hashBasis) => {
        tracker.reset({ hashBasis });
        const model = new Map([[0, 60]]);
        for (const { id: policy, seconds } of steps) {
          if (seconds === null) {
            expect(tracker.deleteTimeoutPolicy(policy)).toBe(model.delete(policy) ? 0 : ENOENT);
          } else {
            expect(tracker.setTimeoutPolicy(policy, { udp_first: seconds })).toBe(0);
            model.set(policy, seconds);
          }
        }
        for (const each of [0, 77, ...steps.map(({ id: policy }) => policy)]) {
          expect(secondsUnder(tracker, each)).toBe(model.get(each) ?? 60);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('there is room for as many as are promised, and not for more', () => {
    const { tracker } = bed();
    const ids = Array.from({ length: MOST - 1 }, (_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 0);
    for (const [index, id] of ids.entries()) {
      expect(tracker.setTimeoutPolicy(id, { udp_first: index + 100 })).toBe(0);
    }
    expect(tracker.setTimeoutPolicy(5, {})).toBe(ENOSPC);
    expect(secondsUnder(tracker, 5)).toBe(60);
    for (const [index, id] of ids.entries()) expect(secondsUnder(tracker, id)).toBe(index + 100);
    // One that was deleted keeps its place for itself.
    const [first] = ids as [number];
    expect(tracker.deleteTimeoutPolicy(first)).toBe(0);
    expect([tracker.setTimeoutPolicy(5, {}), tracker.setTimeoutPolicy(first, { udp_first: 9 })]).toEqual([
      ENOSPC,
      0,
    ]);
    expect(secondsUnder(tracker, first)).toBe(9);
  });

  it('each timeout class has the attribute of its own', () => {
    const { tracker } = bed();
    tracker.setTimeoutPolicy(3, { tcp_syn_sent: 11, tcp_syn_recv: 12, tcp_established: 13 });
    const seconds = ['S', 'SA', 'A'].map((flags) => {
      const reply = flags === 'SA';
      const ends = { src: reply ? B : A, dst: reply ? A : B, srcPort: reply ? 2 : 1, dstPort: reply ? 1 : 2 };
      const frame = tcpFrame({
        ...ends,
        flags,
        seq: reply ? 5000 : flags === 'S' ? 1000 : 1001,
        ack: reply ? 1001 : 5001,
      });
      tracker.run(frame, { commit: true, timeoutPolicy: 3 }, NOW_MS);
      return tracker.dump(NOW_MS)[0]?.timeoutSeconds;
    });
    expect(seconds).toEqual([11, 12, 13]);
  });
});

describe.each(DESIGNS)('where a policy is looked up: %s', (design) => {
  /** Sends a packet while every bucket of the policies is being changed by a thread that is gone; tells who holds what. */
  function heldAtLookup(steps: SteppedThreads, source: string): { ct: number; conn: number } {
    const { run, main } = steps;
    const { constants: c } = run.engine;
    const { policies, slab } = run.plan.regions;
    const worker = steps.thread(0);
    const packet = steps.packet(worker, udpFrame({ src: source }));
    for (let at: number = policies; at < policies + c.POLICY_SLOTS * c.POLICY_SIZE; at += c.BUCKET_SIZE) {
      main.view.setUint32(at, 1, true);
    }
    main.view.setUint32(c.CONTROL + c.C_ABORT, 2, true);
    expect(() => steps.send(worker, packet), 'the look-up goes through the map').toThrow(/unreachable/);
    return {
      ct: main.exports.lockOwner(c.CONTROL + c.C_CT_LOCK),
      conn: main.exports.lockOwner(slab + c.CO_LOCK),
    };
  }
  const stepped = (): SteppedThreads => new SteppedThreads(design, { slabSlots: 16, buckets: 16 });

  it('at creation: under ct_lock, where the original looks it up, but for one that creates narrowly', () => {
    const { ct } = heldAtLookup(stepped(), '10.0.0.1');
    expect(ct).toBe(traitsOf(design).createsNarrowly ? -1 : 0);
  });

  it('at a refresh: under both locks where a refresh takes ct_lock, else under that of the connection', () => {
    const steps = stepped();
    steps.send(steps.main, steps.packet(steps.main, udpFrame({ src: '10.0.0.1' })));
    const ct = traitsOf(design).ctLocksPerRefresh > 0 ? 0 : -1;
    expect(heldAtLookup(steps, '10.0.0.1')).toEqual({ ct, conn: 0 });
  });
});
