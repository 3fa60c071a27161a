import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import type { EngineThread } from '../../../engine/host/thread.js';
import { fragmentRanges, udpFrame, writeFragment } from '../../support/packets.js';
import { SteppedThreads } from '../../support/stepped-threads.js';
import { DESIGNS } from '../../support/tracker-bed.js';

const SLOTS = 24;
const stepped = (design: string): SteppedThreads =>
  new SteppedThreads(design, { slabSlots: SLOTS, buckets: 16 });

/** What is there in the end when everybody uses the tracker and leaves. */
function expectUsable(steps: SteppedThreads, threads: readonly EngineThread[]): void {
  const { exports } = steps.main;
  for (const thread of threads) {
    thread.exports.goOnline();
    steps.create(thread, SLOTS);
  }
  const connections = steps.connections();
  expect(new Set(connections).size, 'no slot twice').toBe(connections.length);
  expect(steps.control('C_N_CONN')).toBe(connections.length);
  // A thread that creates narrowly keeps a slot ready.
  expect(connections.length).toBeGreaterThanOrEqual(SLOTS - threads.length);
  exports.goOnline();
  exports.flush(-1);
  for (const thread of threads) thread.exports.detach();
  exports.detach();
  expect(steps.control('C_GRACE_PENDING')).toBe(0);
  expect(steps.control('C_SLAB_IN_USE')).toBe(0);
}

describe.each(DESIGNS)('initTracker: %s', (design) => {
  it('leaves nothing of slots that were retired or kept ready, whoever had them', () => {
    const steps = stepped(design);
    const [a, b] = [steps.thread(0), steps.thread(1)] as const;
    // `b` leaves slots to whoever comes; `a` is online, so nobody may return them yet.
    steps.create(b, 4, { commit: true, nat: { type: 'src', minAddress: '192.0.2.1', ports: [1024, 2000] } });
    b.exports.flush(-1);
    b.exports.goOffline();
    // `a` has some retired of its own, some in the table, and spares.
    steps.create(a, 3);
    a.exports.flush(-1);
    steps.create(a, 2);
    expect(steps.control('C_GRACE_PENDING')).toBe(11);

    // It ends without a word.
    const { constants, regions } = { ...steps.run.engine, ...steps.run.plan };
    const seenAt = regions.threads + a.index * constants.THREAD_SIZE + constants.T_EPOCH_SEEN;
    steps.main.view.setUint32(seenAt, 0, true);
    steps.main.exports.initTracker();
    expect(steps.control('C_GRACE_PENDING')).toBe(0);
    expect(steps.control('C_SLAB_IN_USE')).toBe(0);
    expectUsable(steps, [a, b]);
  });

  it('takes the connections of packets away: a slot that is used again is not theirs', () => {
    const steps = stepped(design);
    const a = steps.thread(0);
    const packet = steps.packet(a, udpFrame({ src: '10.9.0.1' }));
    const mark = (value: number): ExecRequest => ({ commit: true, mark: { value, mask: 0xff } });
    steps.send(a, packet, mark(1));
    steps.main.exports.initTracker();
    // The first slot again, for another flow.
    steps.send(a, steps.packet(a, udpFrame({ src: '10.9.0.2' })), mark(2));
    steps.send(a, packet, {});
    const { constants } = steps.run.engine;
    expect(a.view.getUint32(packet + constants.PK_CT_MARK, true)).toBe(0);
  });
});

describe.each(DESIGNS)('detach: %s', (design) => {
  it('gives back the slots of fragments that the thread put out last', () => {
    const steps = stepped(design);
    // Room for one packet's fragments at a time: primitiveRun's store has four slots.
    const frame = udpFrame({ payload: 'x'.repeat(5000) });
    const fragments = (id: number): Uint8Array[] => {
      const ranges = fragmentRanges(frame.length - 34, 20, 1500);
      return ranges.map((range, index) => {
        const into = new Uint8Array(2000);
        return into.slice(0, writeFragment(into, 0, frame, { range, id, more: index < ranges.length - 1 }));
      });
    };
    expect(fragments(1)).toHaveLength(4);
    for (const index of [0, 1, 0]) {
      const thread = steps.thread(index);
      for (const fragment of fragments(7)) steps.send(thread, steps.packet(thread, fragment));
      expect(thread.exports.outputCount()).toBe(4);
      thread.exports.detach();
    }
  });
});
