import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

const COMMIT = { commit: true, zone: 0 };
const PACKETS = 1000;

/** Acquisitions of ct_lock by packets of an established connection. */
function locksOfEstablished(
  design: string,
  setUp: readonly Uint8Array[],
  frames: readonly Uint8Array[],
): number {
  const tracker = Tracker.create({ design, flavour: 'probed' });
  const now = 1_000_000;
  for (const frame of setUp) tracker.run(frame, COMMIT, now);
  const count = (): number => tracker.counters().locks['ct_lock']?.acquisitions ?? Number.NaN;
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

describe('ct_lock per established packet', () => {
  it.each(availableDesigns())('%s', (design) => {
    const each = traitsOf(design).ctLocksPerRefresh;
    expect(locksOfEstablished(design, [tcp.syn, tcp.synAck, tcp.ack], [tcp.ack, tcp.reply])).toBe(
      each * PACKETS,
    );
    expect(locksOfEstablished(design, [udp.there, udp.there, udp.back], [udp.there, udp.back])).toBe(
      each * PACKETS,
    );
  });
});
