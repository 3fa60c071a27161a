/** The end of a run with a length: what was due within it leaves, and no more. */
import { describe, expect, it } from 'vitest';
import { runEndNs } from '../../../tools/replay/plan-loops.js';
import { failedChecksButRate, replayCase, scenario } from '../../support/replay.js';

const PPS = 2000;
const PACING = { mode: 'pps', pps: PPS } as const;
const DURATION_MS = 400;
/** Packets that are due within the length, the one at 0 included. */
const DUE = (PPS * DURATION_MS) / 1000;
const STALL_MS = 60;
/** What 2,000 packets through rings of this size do not fit into at once. */
const SMALL_STORE_BYTES = 512 * 1024;

describe.each([
  ['from memory', undefined],
  ['streamed', SMALL_STORE_BYTES],
])('packets due within --duration, %s', (_, storeBytes) => {
  const traffic = () => scenario('established', { packets: 20_000, 'active-flows': 50 }, 1, storeBytes);

  it('leave although the worker stood still when its time was over, and count with their whole delay', async () => {
    const run = async () =>
      replayCase(await traffic(), 'rculist-sweep', {
        pacing: PACING,
        loops: null,
        durationMs: DURATION_MS,
        latency: { mode: 'all' },
        // Half of the stall lies within the length.
        fault: {
          kind: 'stall',
          place: 'work',
          afterPackets: DUE - (PPS * STALL_MS) / 2000,
          stallMs: STALL_MS,
        },
      });
    let result = await run();
    // A machine that was away for longer than the run goes on behind its time is not what is tried here.
    for (
      let tried = 1;
      tried < 5 && result.elapsedNs >= runEndNs({ durationMs: DURATION_MS, pacing: PACING });
      tried++
    )
      result = await run();
    expect((result.input.streamed ?? null) === null).toBe(storeBytes === undefined);
    expect(result.packets.injected).toBe(DUE);
    expect(result.latency?.response?.overall.count).toBe(DUE);
    expect(result.elapsedNs).toBeGreaterThan(DURATION_MS * 1e6);
    // The one due last waited for half of the stall.
    expect(result.pacing.departureError?.maxNs).toBeGreaterThan((STALL_MS / 3) * 1e6);
    expect(failedChecksButRate(result)).toEqual([]);
  });

  it('are all that leave, and the run does not end before its time', async () => {
    const result = await replayCase(await traffic(), 'timeout-lists', {
      pacing: { mode: 'pps', pps: 12.5 },
      loops: null,
      durationMs: DURATION_MS,
    });
    // Due at 0, 80, ..., 320 ms; the next is due when time is over.
    expect(result.packets.injected).toBe(5);
    expect(result.elapsedNs).toBeGreaterThanOrEqual(DURATION_MS * 1e6);
    expect(result.pacing.achievedPps).toBeLessThanOrEqual(12.5);
  });
});

it('a tracker that cannot follow is not waited for until it has', async () => {
  const traffic = await scenario('established', { packets: 20_000, 'active-flows': 50 });
  const result = await replayCase(traffic, 'timeout-lists', {
    pacing: { mode: 'pps', pps: 1e9 },
    loops: null,
    durationMs: 100,
  });
  expect(result.packets.injected).toBeLessThan(1e8);
  expect(result.elapsedNs).toBeGreaterThan(100e6);
  expect(result.pacing.achievedPps).toBeLessThan(1e9 / 2);
});
