import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns, designLabel, type DesignChoice } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { everyChoice } from '../../../tools/endurance/torture/round-plan.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

const COMMIT = { commit: true, zone: 0 };
const PACKETS = 1000;

/** Acquisitions of a lock by packets of an established connection. */
function locksOfEstablished(
  { design, preset }: DesignChoice,
  lock: 'ct_lock' | 'conn_lock',
  [setUp, frames]: readonly [setUp: readonly Uint8Array[], frames: readonly Uint8Array[]],
): number {
  const tracker = Tracker.create({ design, preset, flavour: 'probed' });
  const now = 1_000_000;
  for (const frame of setUp) tracker.run(frame, COMMIT, now);
  const count = (): number => tracker.counters().locks[lock]?.acquisitions ?? Number.NaN;
  const before = count();
  for (let i = 0; i < PACKETS; i++) {
    const state = tracker.run(frames[i % frames.length] as Uint8Array, COMMIT, now + i);
    expect(state).toMatch(/^est\|/);
  }
  return count() - before;
}

const tcp = {
  syn: tcpFrame({ flags: 'S', seq: 1000 }),
  synAck: tcpFrame({
    src: '10.1.1.2',
    dst: '10.1.1.1',
    srcPort: 80,
    dstPort: 40000,
    flags: 'SA',
    seq: 5000,
    ack: 1001,
  }),
  ack: tcpFrame({ flags: 'A', seq: 1001, ack: 5001 }),
  reply: tcpFrame({
    src: '10.1.1.2',
    dst: '10.1.1.1',
    srcPort: 80,
    dstPort: 40000,
    flags: 'A',
    seq: 5001,
    ack: 1001,
  }),
};
const udp = {
  there: udpFrame(),
  back: udpFrame({ src: '10.1.1.2', dst: '10.1.1.1', srcPort: 53, dstPort: 40000 }),
};

const TCP = [
  [tcp.syn, tcp.synAck, tcp.ack],
  [tcp.ack, tcp.reply],
] as const;
const UDP = [
  [udp.there, udp.there, udp.back],
  [udp.there, udp.back],
] as const;

describe('ct_lock per established packet', () => {
  it.each(availableDesigns())('%s', (design) => {
    const each = traitsOf(design).ctLocksPerRefresh;
    for (const traffic of [TCP, UDP])
      expect(locksOfEstablished({ design, preset: null }, 'ct_lock', traffic)).toBe(each * PACKETS);
  });
});

/** Spec §6.2: expiry check, update, metadata. What takes ct_lock in between lets go of the connection's lock for it (§6.1). */
function connLocksOf({ design, preset }: DesignChoice): number {
  const traits = traitsOf(design);
  if (preset !== null && preset === traits.atomicExpiryPreset) return 2;
  if (preset !== null && preset === traits.oneHoldPreset) return 1;
  return 3 + 2 * traits.ctLocksPerRefresh;
}

describe("a connection's lock per established packet", () => {
  it.each(everyChoice().map((choice) => [designLabel(choice), choice] as const))('%s', (_label, choice) => {
    for (const traffic of [TCP, UDP])
      expect(locksOfEstablished(choice, 'conn_lock', traffic)).toBe(connLocksOf(choice) * PACKETS);
  });
});
