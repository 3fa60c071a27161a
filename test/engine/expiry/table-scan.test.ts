/** The pace of the walk over the table. */
import { describe, expect, it } from 'vitest';
import { Tracker } from '../../../engine/host/tracker.js';
import { udpFrame } from '../../support/packets.js';

const NOW_MS = 1_000_000;

function trackerWith(options: Partial<Parameters<typeof Tracker.create>[0]> = {}): Tracker {
  return Tracker.create({ design: 'table-scan', flavour: 'debug', slabSlots: 8192, ...options });
}

function fill(tracker: Tracker, count: number, timeoutPolicy = 0): void {
  for (let i = 0; i < count; i++)
    tracker.run(udpFrame({ src: `10.3.${i >> 8}.${i & 255}` }), { commit: true, timeoutPolicy }, NOW_MS);
}

describe('table-scan', () => {
  it('comes back after the mean of what those it met have left, within a second and a minute', () => {
    const tracker = trackerWith();
    expect(tracker.sweep(NOW_MS).delayMs).toBe(60_000);
    tracker.setTimeoutPolicy(5, { udp_first: 10 });
    fill(tracker, 100, 5);
    expect(tracker.sweep(NOW_MS).delayMs).toBe(10_000);
    expect(tracker.sweep(NOW_MS + 9800).delayMs).toBe(1000);
    expect(tracker.sweep(NOW_MS + 10_000)).toMatchObject({ checked: 100, cleaned: 100, delayMs: 1000 });
    tracker.setTimeoutPolicy(6, { udp_first: 86_400 });
    fill(tracker, 50, 6);
    expect(tracker.sweep(NOW_MS).delayMs).toBe(60_000);
  });

  it('goes over a large table in slices, and is slow only between rounds', () => {
    const tracker = trackerWith();
    // Few enough for the least that a pass looks at.
    tracker.connLimit = 8000;
    fill(tracker, 6000);
    const first = tracker.sweep(NOW_MS);
    const second = tracker.sweep(NOW_MS + 1);
    expect([first.immediate, second.immediate]).toEqual([true, false]);
    expect(first.checked + second.checked).toBe(6000);
    expect(first.checked).toBeGreaterThanOrEqual(4096);
    expect(first.delayMs).toBe(1);
    // 60 s from the beginning of the round.
    expect(second.delayMs).toBeGreaterThan(59_990);
    expect(second.delayMs).toBeLessThan(60_000);
  });
});
