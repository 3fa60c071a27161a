/** Where a worker's time goes, what the clock costs in it, and that the times recorded per packet add up to it. */
import { FEWEST_SAMPLES } from '../../../tools/replay/collect-holds.js';
import { describe, expect, it } from 'vitest';
import { byTurns, replayedDesigns } from '../../support/designs.js';
import type { EngineRun } from '../../../engine/host/run-memory.js';
import { decodeHistogram } from '../../../tools/measure/latency-summary.js';
import { runDesign, type FinishedRun } from '../../../tools/replay/run-control.js';
import { HOLD_INTERVAL } from '../../../tools/replay/run-layout.js';
import type { PacketSource } from '../../../tools/replay/packet-source.js';
import type { Contention, ResultCase } from '../../../tools/result/schema.js';
import {
  caseOf,
  design,
  failedChecks,
  type PlanChanges,
  quickPlan,
  replayCase,
  scenario,
} from '../../support/replay.js';

const balances = ({ audit }: ResultCase): ResultCase['audit'] =>
  audit.filter(({ name }) => name.startsWith('time-balance'));

function lockRow(result: ResultCase, lockClass: string, thread: string): Contention | undefined {
  return result.locks?.find((row) => row.class === lockClass && row.thread === thread);
}

/** Replays once, lets `meddle` change what the run left, and makes the case from that. */
async function meddledCase(
  traffic: PacketSource,
  name: string,
  meddle: (finished: FinishedRun) => void,
  changes: PlanChanges = {},
): Promise<ResultCase> {
  const finished = await runDesign(traffic, design(name), quickPlan(changes));
  meddle(finished);
  return caseOf(finished);
}

/** Makes the recorder of every worker have lost `share` of the time: its sums of service times are that much smaller. */
function loseServiceTime({ run }: FinishedRun, share: number): void {
  const c = run.engine.constants;
  const view = new DataView(run.memory.buffer);
  for (let thread = 0; thread < run.plan.threads - 2; thread++) {
    const first = run.plan.regions.histograms + thread * run.plan.histogramStride + c.H_SERVICE;
    for (let at = first; at < first + c.H_RESPONSE - c.H_SERVICE; at += c.FINE_BYTES) {
      const sum = Number(view.getBigUint64(at + 8, true));
      const least = view.getBigUint64(at, true) * view.getBigUint64(at + 16, true);
      const less = BigInt(Math.round(sum * (1 - share)));
      view.setBigUint64(at + 8, less > least || sum === 0 ? less : least, true);
    }
  }
}

/** Makes a thread have counted `factor` times as many acquisitions of every class. */
function multiplyAcquisitions(run: EngineRun, thread: number, factor: number): void {
  const c = run.engine.constants;
  const view = new DataView(run.memory.buffer);
  const stats = run.plan.regions.threads + thread * c.THREAD_SIZE + c.T_LOCK_STATS;
  for (let at = stats; at < stats + 4 * c.LOCK_STATS_SIZE; at += c.LOCK_STATS_SIZE) {
    view.setBigUint64(at, view.getBigUint64(at, true) * BigInt(factor), true);
  }
}

describe.each(replayedDesigns())('time of the workers of %s', (name) => {
  const modes: [string, PlanChanges][] = [
    ['two workers', { workers: 2 }],
    ['batches of one', { batch: 1 }],
    ['one batch in ten timed', { latency: { mode: 'sample', interval: 10 } }],
    ['a rate to keep', { pacing: { mode: 'pps', pps: 40_000 } }],
    ['a capture clock', { clock: 'capture' }],
    ['the bare build', { build: 'bare' }],
  ];
  it.each(byTurns(modes, name))('adds up with %s', async (_, changes) => {
    // A rate is kept for a quarter of a second.
    const packets = changes.pacing === undefined ? 40_000 : 10_000;
    const traffic = await scenario('established', { packets, 'active-flows': 500 });
    const result = await replayCase(traffic, name, changes);
    expect(balances(result)).toHaveLength(changes.workers ?? 1);
    expect(failedChecks(result).filter(({ name: check }) => check !== 'rate-achieved')).toEqual([]);
    for (const worker of result.perWorker ?? []) {
      const { engineNs, harnessNs, idleNs, sweepNs, elapsedNs } = worker;
      expect((engineNs ?? 0) + (harnessNs ?? 0) + (idleNs ?? 0) + (sweepNs ?? 0)).toBeCloseTo(elapsedNs, -1);
      for (const part of [engineNs, harnessNs]) expect(part).toBeGreaterThan(0);
      expect(idleNs ?? -1)[result.pacing.mode === 'pps' ? 'toBeGreaterThan' : 'toBe'](0);
    }
    expect(result.harnessShare).toBeGreaterThan(0);
    expect(result.harnessShare).toBeLessThan(1);
    expect(result.pacing.onEnginePps).toBeGreaterThan(result.pacing.achievedPps ?? Infinity);
  });

  it('does not add up when the recorder lost half of it, and the audit says so', async () => {
    const traffic = await scenario('established', { packets: 200_000, 'active-flows': 500 });
    const result = await meddledCase(traffic, name, (finished) => loseServiceTime(finished, 0.5));
    expect(
      failedChecks(result).map((check) => check.name),
      JSON.stringify(balances(result)),
    ).toContain('time-balance worker-0');
  });

  it('is measured without per-packet times as well, but not where that would cost a share of the throughput', async () => {
    const traffic = await scenario('established', { packets: 10_000, 'active-flows': 500 });
    const off = { latency: { mode: 'off' } } as const;
    const whole = await replayCase(traffic, name, off);
    expect(whole.harnessShare).toBeGreaterThan(0);
    expect(balances(whole)).toEqual([]);
    const single = await replayCase(traffic, name, { ...off, batch: 1 });
    expect(single.harnessShare).toBeNull();
    expect(single.pacing.onEnginePps).toBeNull();
  });

  it('has waiting for a stalled source of packets in the harness or in idle time, never in the engine', async () => {
    const traffic = await scenario('established', { packets: 10_000, 'active-flows': 500 });
    const stallMs = 80;
    const result = await replayCase(traffic, name, {
      fault: { worker: 0, afterPackets: 5000, kind: 'stall', stallMs },
    });
    const [worker] = result.perWorker ?? [];
    expect(worker?.harnessNs).toBeGreaterThan(0.95 * stallMs * 1e6);
    expect(failedChecks(result)).toEqual([]);
  });
});

describe.each(replayedDesigns())('lock holds of %s', (name) => {
  it('are without the clock, which costs no more than the shortest', async () => {
    const traffic = await scenario('tcp-crr', { packets: 30_000 });
    const result = await replayCase(traffic, name, { workers: 2 });
    const { costNs, stepNs } = result.timer ?? {};
    expect(costNs).toBeGreaterThan(0);
    expect(stepNs).toBeGreaterThan(0);
    for (const { hold, acquisitions, thread } of result.locks ?? []) {
      if (hold == null) continue;
      const recorded = decodeHistogram(hold.encoded ?? '');
      expect(recorded.getValueAtPercentile(0)).toBeGreaterThanOrEqual(Math.floor(costNs ?? Infinity));
      expect(hold.clockCostNs).toBe(costNs);
      expect(hold.minNs).toBeGreaterThanOrEqual(0);
      expect(hold.avgNs).toBeGreaterThanOrEqual(hold.minNs ?? Infinity);
      if (hold.totalNs == null) expect(hold.count).toBeLessThan(FEWEST_SAMPLES * (thread === 'all' ? 3 : 1));
      else expect(hold.totalNs).toBeCloseTo((hold.avgNs ?? 0) * (acquisitions ?? 0), -2);
      if (thread === 'all') continue;
      // Cutting and taking off only shorten: at least one read of the clock less than what was recorded.
      expect(hold.avgNs).toBeLessThanOrEqual(Math.max(recorded.mean * 1.01 + 1 - (costNs ?? 0), 0));
      expect(hold.winsorisedAt ?? null).toBe(hold.sampleInterval === 1 || hold.count === 1 ? null : 0.99);
    }
  });

  it('add up over threads, each by its own interval', async () => {
    const traffic = await scenario('udp-churn', { packets: 20_000, pps: 20_000 });
    const result = await replayCase(traffic, name, {
      workers: 2,
      timeScale: 200,
      pacing: { mode: 'pps', pps: 60_000 },
    });
    for (const all of (result.locks ?? []).filter((row) => row.thread === 'all' && row.hold != null)) {
      const parts = (result.locks ?? []).filter((row) => row.class === all.class && row.thread !== 'all');
      // A thread with too few samples for a total of its own is in that of all by its mean.
      const sum = parts.reduce((total, row) => total + (row.hold?.avgNs ?? 0) * (row.acquisitions ?? 0), 0);
      expect((all.hold?.avgNs ?? 0) * (all.acquisitions ?? 0)).toBeCloseTo(sum, -2);
      // Each timed hold stands for as many as its thread left out.
      const stands = parts.reduce(
        (total, row) => total + (row.hold?.count ?? 0) * (row.hold?.sampleInterval ?? 0),
        0,
      );
      expect(decodeHistogram(all.hold?.encoded ?? '').totalCount).toBe(stands);
    }
  });

  // Again where a busy machine interrupts another of the timed holds as well.
  it('do not count one long one as often as the interval', { retry: 2, timeout: 60_000 }, async () => {
    const traffic = await scenario('syn-flood', { packets: 20_000 });
    const stallMs = 40;
    // Holds are timed from the first acquisition on, and each packet of a flood is one: a period begins with this packet, or near it.
    // Which of them meets the fault is tried out, the likeliest first.
    const likeliest = 24 * HOLD_INTERVAL;
    for (let tried = 0; tried < HOLD_INTERVAL; tried++) {
      const afterPackets = likeliest + (tried % 2 === 0 ? 1 : -1) * Math.ceil(tried / 2);
      const result = await replayCase(traffic, name, {
        batch: 1,
        fault: { worker: 0, afterPackets, kind: 'hold', stallMs },
      });
      const hold = lockRow(result, 'ct_lock', 'worker-0')?.hold;
      if ((hold?.maxNs ?? 0) < stallMs * 0.9e6) continue;
      // It was timed: scaled up it would be 10 s.
      expect(hold?.totalNs).toBeLessThan(4 * stallMs * 1e6);
      expect(failedChecks(result)).toEqual([]);
      return;
    }
    expect.fail('no hold of the fault was timed');
  });

  it('cannot be longer than the thread ran: the audit says so', async () => {
    const traffic = await scenario('tcp-crr', { packets: 60_000 });
    const result = await meddledCase(traffic, name, ({ run }) => multiplyAcquisitions(run, 0, 100));
    expect(failedChecks(result).map((check) => check.name)).toContain('lock-hold-time conn_lock worker-0');
  });
});
