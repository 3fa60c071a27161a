import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { byTurns, replayedDesigns } from '../../support/designs.js';
import { runSession } from '../../../tools/replay/session.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { validateResult } from '../../../tools/result/result-file.js';
import { failedChecks, replayCase, quickPlan, scenario } from '../../support/replay.js';

function locksPerPacket(each: ResultCase, lockClass: string): number {
  const all = each.locks?.find((lock) => lock.class === lockClass && lock.thread === 'all');
  return (all?.acquisitions ?? Number.NaN) / each.packets.injected;
}

describe.each(replayedDesigns())('replay through %s', (name) => {
  it.each(byTurns([1, 2, 3], name))('accounts for every packet with %d workers', async (workers) => {
    const traffic = await scenario('tcp-crr', { packets: 20_000 });
    const result = await replayCase(traffic, name, { workers, loops: 2 });
    expect(result.packets.injected).toBe(40_000);
    expect(Object.values(result.packets.verdicts).reduce((a, b) => a + b, 0)).toBe(40_000);
    expect(failedChecks(result)).toEqual([]);
    expect(result.audit.length).toBeGreaterThan(5);
    expect(result.latency?.service?.overall.count).toBe(40_000);
    expect(result.perWorker).toHaveLength(workers);
    if (workers > 1) for (const worker of result.perWorker ?? []) expect(worker.packets).toBeGreaterThan(0);
  });

  it('creates one connection per flood packet', async () => {
    const traffic = await scenario('syn-flood', { packets: 5000 });
    const result = await replayCase(traffic, name, { workers: 2 });
    expect(result.connections?.created).toBe(5000);
    expect(result.connections?.remaining).toBe(5000);
    expect(result.packets.verdicts).toEqual({ 'new|trk': 5000 });
  });

  it('stops at the connection limit and says why', async () => {
    const traffic = await scenario('syn-flood', { packets: 3000 });
    const result = await replayCase(traffic, name, { maxConns: 1000 });
    expect(result.connections?.created).toBe(1000);
    expect(result.packets.rejectedByReason).toEqual({ 'conn-limit': 2000 });
    expect(failedChecks(result)).toEqual([]);
  });

  it('is exactly repeatable on the capture clock with one worker', async () => {
    const traffic = await scenario('udp-churn', { packets: 20_000, pps: 200 });
    const run = (): Promise<ResultCase> => replayCase(traffic, name, { clock: 'capture', batch: 7 });
    const [first, second] = [await run(), await run()];
    // 100 s of traffic: connections expire and are swept.
    expect(first.connections?.expired).toBeGreaterThan(0);
    expect(second.packets).toEqual(first.packets);
    // The peak is sampled on the wall clock.
    expect({ ...second.connections, peak: null }).toEqual({ ...first.connections, peak: null });
    expect(
      second.sweeps?.map(({ startMs: _s, durationNs: _d, longestHoldNs: _l, ...exact }) => exact),
    ).toEqual(first.sweeps?.map(({ startMs: _s, durationNs: _d, longestHoldNs: _l, ...exact }) => exact));
    for (const lockClass of ['ct_lock', 'conn_lock']) {
      expect(locksPerPacket(second, lockClass)).toBe(locksPerPacket(first, lockClass));
    }
  });

  it('keeps to the rate and charges response from the due time', async () => {
    const traffic = await scenario('established', { packets: 2000, 'active-flows': 50 });
    const result = await replayCase(traffic, name, { pacing: { mode: 'pps', pps: 4000 } });
    expect(result.pacing.targetPps).toBeCloseTo(4000, 6);
    // 2000 packets at 4000/s end half a second after t0 at the earliest.
    expect(result.elapsedNs).toBeGreaterThanOrEqual((1999 / 4000) * 1e9);
    expect(result.latency?.response?.overall.count).toBe(2000);
    expect(result.latency?.response?.overall.minNs ?? 0).toBeGreaterThan(0);
    expect(result.pacing.departureError?.count).toBe(2000);
  });

  it('charges an injected stall to every packet it delayed, and to one service time at most', async () => {
    const traffic = await scenario('established', { packets: 4000, 'active-flows': 50 });
    const stallMs = 60;
    const result = await replayCase(traffic, name, {
      pacing: { mode: 'pps', pps: 10_000 },
      fault: { worker: 0, afterPackets: 1000, kind: 'stall', stallMs },
    });
    // Due within the stall: 60 ms at 10,000/s are 600 packets, delayed by 60 ms falling to 0. A quarter of them, 150 of 4000,
    // waited at least 45 ms.
    const p96 = result.latency?.response?.overall.p90Ns ?? 0;
    expect(result.latency?.response?.overall.maxNs).toBeGreaterThan(0.9 * stallMs * 1e6);
    expect(p96).toBeGreaterThan(0.2 * stallMs * 1e6);
    expect(result.latency?.service?.overall.p999Ns ?? Infinity).toBeLessThan(0.5 * stallMs * 1e6);
  });

  it('runs open-ended loops for a duration', async () => {
    const traffic = await scenario('established', { packets: 1000, 'active-flows': 50 });
    const result = await replayCase(traffic, name, { loops: null, durationMs: 150 });
    expect(result.packets.injected).toBeGreaterThan(1000);
    expect(result.elapsedNs).toBeGreaterThan(140e6);
    expect(failedChecks(result)).toEqual([]);
  });

  it.each(byTurns(['off', 'sample'] as const, name))('runs without per-packet times: %s', async (mode) => {
    const traffic = await scenario('established', { packets: 6400, 'active-flows': 50 });
    const latency = mode === 'off' ? ({ mode } as const) : ({ mode, interval: 10 } as const);
    const result = await replayCase(traffic, name, { latency });
    expect(result.latency?.service?.overall.count ?? 0).toBe(mode === 'off' ? 0 : 640);
    expect(failedChecks(result)).toEqual([]);
  });

  it('runs the bare build, without lock figures', async () => {
    const traffic = await scenario('established', { packets: 2000, 'active-flows': 50 });
    const result = await replayCase(traffic, name, { build: 'bare', workers: 2 });
    expect(result.build).toBe('bare');
    expect(result.locks ?? null).toBeNull();
    expect(failedChecks(result)).toEqual([]);
  });
});

describe('a session', () => {
  it('gives a valid result of all designs on the same traffic', async () => {
    const traffic = await scenario('tcp-crr', { packets: 4000 });
    const result = await runSession({
      traffic,
      input: { type: 'scenario', name: 'tcp-crr' },
      plan: quickPlan({ designs: ['timeout-lists', 'rculist-sweep@v7'], workers: 2 }),
      commandLine: ['replay'],
    });
    expect(validateResult(result, 'result.json')).toBe(result);
    expect(result.valid).toBe(true);
    expect(result.cases.map((each) => each.design)).toEqual(['timeout-lists', 'rculist-sweep@v7']);
    expect(result.cases[0]?.packets.verdicts).toEqual(result.cases[1]?.packets.verdicts);
    expect(result.environment.clock.costNs).toBeGreaterThan(0);
    expect(result.environment.clock.stepNs).toBeGreaterThan(0);
  });

  it('keeps what was measured when interrupted', async () => {
    const traffic = await scenario('established', { packets: 1000, 'active-flows': 50 });
    const result = await runSession(
      {
        traffic,
        input: { type: 'scenario', name: 'established' },
        plan: quickPlan({ designs: ['timeout-lists', 'rculist-sweep'], loops: 1e9 }),
        commandLine: ['replay'],
      },
      { onStart: (interrupt) => setTimeout(interrupt, 100) },
    );
    expect(result.partial).toBe(true);
    expect(result.cases).toHaveLength(1);
    expect(result.cases[0]?.partial).toBe(true);
    expect(result.cases[0]?.packets.injected).toBeGreaterThan(0);
    expect(result.valid).toBe(true);
  });
});

describe('short runs', () => {
  it('are timed from the start that all threads share', async () => {
    const traffic = await scenario('established', { packets: 64, 'active-flows': 4 });
    for (const name of availableDesigns()) {
      const result = await replayCase(traffic, name);
      const service = result.latency?.service?.overall;
      expect(result.elapsedNs).toBeGreaterThanOrEqual((service?.count ?? 0) * (service?.meanNs ?? 0) * 0.99);
      expect(result.pacing.achievedPps).toBeGreaterThan(0);
    }
  });
});
