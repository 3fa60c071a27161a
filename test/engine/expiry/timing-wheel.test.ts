/** When the wheel looks at a connection, and what it leaves alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';
import { A, B, TrackerBed } from '../../support/tracker-bed.js';

const TICK_MS = 512;

/** Passes a tick apart until then; returns the time of the first after which the table holds `count` connections. */
function passesUntil(t: TrackerBed, count: number, mostMs: number): number {
  for (const endMs = t.nowMs + mostMs; t.nowMs <= endMs; t.nowMs += TICK_MS) {
    t.tracker.sweep(t.nowMs);
    if (t.tracker.connCount === count) return t.nowMs;
  }
  throw new Error(`${t.tracker.connCount} connections are left after ${mostMs} ms`);
}

function flows(t: TrackerBed, count: number): void {
  for (let i = 0; i < count; i++)
    t.tracker.run(udpFrame({ src: `10.1.${i >> 8}.${i & 255}` }), { commit: true }, t.nowMs);
}

describe.each(['timing-wheel', 'sharded-wheel'])('%s', (design) => {
  const bed = (): TrackerBed => new TrackerBed(design);

  it('removes at the millisecond of a pass that is due, and not before', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer({ min: 1, max: 70 }), (offsetMs, seconds) => {
        const t = bed();
        t.nowMs += offsetMs;
        t.tracker.setTimeoutPolicy(5, { udp_first: seconds });
        t.tracker.run(udpFrame(), { commit: true, timeoutPolicy: 5 }, t.nowMs);
        const expirationMs = t.nowMs + seconds * 1000;
        t.tracker.sweep(expirationMs - 1);
        expect(t.tracker.connCount).toBe(1);
        t.tracker.sweep(expirationMs);
        expect(t.tracker.connCount).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('goes on where time leaps by decades', () => {
    for (const years of [9, 20, 40, 69, 200]) {
      const t = bed();
      flows(t, 3);
      t.tracker.sweep(t.nowMs);
      t.nowMs += years * 365 * 86_400_000;
      t.tracker.sweep(t.nowMs);
      flows(t, 5);
      const beganMs = t.nowMs;
      expect([years, t.tracker.connCount >= 5]).toEqual([years, true]);
      expect([years, passesUntil(t, 0, 120_000) - beganMs <= 60_000 + 2 * TICK_MS]).toEqual([years, true]);
    }
  });

  it('looks at a connection once in a while, however often it is refreshed and however many passes there are', () => {
    const t = bed();
    flows(t, 50);
    let looks = 0;
    // Ten minutes in which each flow has a packet a second.
    for (let pass = 0; pass < 600; pass++) {
      t.nowMs += 1000;
      flows(t, 50);
      looks += t.tracker.sweep(t.nowMs).checked;
    }
    expect(t.tracker.connCount).toBe(50);
    // 60 s of timeout: once after 30 s, and then at each of the ends that packets have put off, two looks where one comes a bit early.
    expect(looks).toBeGreaterThanOrEqual(50 * 5);
    expect(looks).toBeLessThanOrEqual(50 * 25);
  });

  it('a packet that shortens what is left asks for an earlier look', () => {
    const t = bed();
    t.establish();
    // In a slot hours away, at the wheel's end.
    for (let second = 0; second < 60; second++) t.tracker.sweep((t.nowMs += 1000));
    t.send(tcpFrame({ src: A, dst: B, srcPort: 40000, dstPort: 80, flags: 'R', seq: 1001 }));
    const expirationMs = t.only.expirationMs;
    expect(expirationMs - t.nowMs).toBe(30_000);
    expect(passesUntil(t, 0, 40_000) - expirationMs).toBeLessThan(TICK_MS);
  });

  it('so do a policy with less time and a forced end', () => {
    const t = bed();
    const flow = (host: number, request: ExecRequest): void =>
      void t.tracker.run(udpFrame({ src: `10.9.0.${host}` }), request, t.nowMs);
    t.tracker.setTimeoutPolicy(5, { udp_first: 3000, udp_single: 3000 });
    const request = { commit: true, timeoutPolicy: 5 };
    flow(1, request);
    flow(2, request);
    for (let second = 0; second < 60; second++) t.tracker.sweep((t.nowMs += 1000));
    t.tracker.setTimeoutPolicy(5, { udp_first: 40, udp_single: 40 });
    flow(1, request);
    const expirationMs = t.nowMs + 40_000;
    expect(passesUntil(t, 1, 60_000) - expirationMs).toBeLessThan(TICK_MS);

    flow(3, { commit: true });
    const reply = udpFrame({ src: '10.1.1.2', dst: '10.9.0.3', srcPort: 53, dstPort: 40000 });
    t.tracker.run(reply, { commit: true, force: true }, t.nowMs);
    // The one that was forced out is still there, and gone at the next pass.
    expect(t.tracker.connCount).toBe(3);
    t.tracker.sweep(t.nowMs);
    expect(t.tracker.connCount).toBe(2);
  });

  it('a clock that jumps over many turns of the wheel leaves nothing behind and takes nothing that lives', () => {
    const t = bed();
    t.tracker.setTimeoutPolicy(5, { udp_first: 4_000_000 });
    flows(t, 200);
    t.tracker.run(udpFrame({ src: A }), { commit: true, timeoutPolicy: 5 }, t.nowMs);
    t.nowMs += 2_000_000_000;
    t.tracker.sweep(t.nowMs);
    expect(t.tracker.connCount).toBe(1);
    t.nowMs += 2_000_000_000;
    t.tracker.sweep(t.nowMs);
    expect(t.tracker.connCount).toBe(0);
  });

  it('a pass stops at a 64th of the connection limit, comes back at once, and gets to the end', () => {
    const t = new TrackerBed(design, { connLimit: 4000 });
    flows(t, 2500);
    t.wait(61_000);
    expect(t.tracker.sweep(t.nowMs)).toMatchObject({ cleaned: 1024, immediate: true, delayMs: 1 });
    expect(t.tracker.sweep(t.nowMs)).toMatchObject({ cleaned: 1024, immediate: true });
    expect(t.tracker.sweep(t.nowMs)).toMatchObject({ cleaned: 452, immediate: false, delayMs: TICK_MS });
  });
});
