/**
 * Every check of the self-audit through the real path: traffic is replayed, and one of the figures that a check compares is spoiled
 * where it is kept (the engine's memory, or what a thread reported) before the result is made of it.
 */
import { describe, expect, it } from 'vitest';
import { LOCK_CLASSES } from '../../../engine/host/counters.js';
import { AUDIT_CHECKS, type AuditCheckName } from '../../../tools/measure/audit.js';
import { runDesign, type FinishedRun } from '../../../tools/replay/run-control.js';
import { isValid } from '../../../tools/replay/session.js';
import { CROSS_CHECKS, joinRuns, type CrossCheckName } from '../../../tools/replay/throughput.js';
import type { PacingRequest } from '../../../tools/replay/replay-plan.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { caseOf, design, failedChecks, type PlanChanges, quickPlan, scenario } from '../../support/replay.js';
import { byTurns } from '../../support/designs.js';
import { DESIGNS } from '../../support/tracker-bed.js';

const HISTOGRAM_MIN = 16;
const HISTOGRAM_SUM = 8;
const HISTOGRAM_CELLS = 64;
/** Enough for a sample of holds that says something of the rest, of every design. */
const MANY_PACKETS = 20_000;

/** The engine's memory of a finished run. */
class Memory {
  readonly #run: FinishedRun['run'];
  readonly #view: DataView;

  constructor({ run }: FinishedRun) {
    this.#run = run;
    this.#view = new DataView(run.memory.buffer);
  }

  get constants(): FinishedRun['run']['engine']['constants'] {
    return this.#run.engine.constants;
  }

  /** Adds to a number of worker 0's block. */
  addToThread(offset: number, amount: bigint): void {
    this.#add(this.#run.plan.regions.threads + offset, amount);
  }

  /** Takes a packet out of worker 0's count of some ct_state. */
  takeVerdict(): void {
    const at = this.#run.plan.regions.threads + this.constants.T_VERDICTS;
    let state = 0;
    while (this.#view.getBigUint64(at + state * 8, true) === 0n) state++;
    this.#add(at + state * 8, -1n);
  }

  /** Multiplies how often worker 0 took the locks of each class. */
  multiplyAcquisitions(factor: bigint): void {
    const { T_LOCK_STATS, LOCK_STATS_SIZE, LS_ACQUISITIONS } = this.constants;
    const first = this.#run.plan.regions.threads + T_LOCK_STATS + LS_ACQUISITIONS;
    LOCK_CLASSES.forEach((_name, index) => {
      const at = first + index * LOCK_STATS_SIZE;
      this.#view.setBigUint64(at, this.#view.getBigUint64(at, true) * factor, true);
    });
  }

  /** Adds to a word of those of worker 0's service-time histograms that hold anything. */
  addToService(offset: number, amount: bigint): void {
    const { FINE_BYTES, N_CLASSES, H_SERVICE } = this.constants;
    for (let index = 0; index < 2 * N_CLASSES; index++) {
      const at = this.#run.plan.regions.histograms + H_SERVICE + index * FINE_BYTES;
      if (this.#view.getBigUint64(at, true) > 0n) this.#add(at + offset, amount);
    }
  }

  /** A value that was recorded once is there twice, in the header and in its cell. */
  doubleServiceValue(): void {
    const { FINE_BYTES, H_SERVICE } = this.constants;
    let at = this.#run.plan.regions.histograms + H_SERVICE;
    while (this.#view.getBigUint64(at, true) === 0n) at += FINE_BYTES;
    let cell = at + HISTOGRAM_CELLS;
    while (this.#view.getBigUint64(cell, true) === 0n) cell += 8;
    this.#add(at, 1n);
    this.#add(cell, 1n);
  }

  #add(at: number, amount: bigint): void {
    this.#view.setBigUint64(at, this.#view.getBigUint64(at, true) + amount, true);
  }
}

type Spoil = (finished: FinishedRun, memory: Memory) => FinishedRun | void;

const firstWorker = (
  finished: FinishedRun,
  change: (worker: FinishedRun['workers'][number]) => Partial<FinishedRun['workers'][number]>,
): FinishedRun => ({
  ...finished,
  workers: finished.workers.map((worker, index) => (index === 0 ? { ...worker, ...change(worker) } : worker)),
});

const SECOND_NS = 1e9;

type Way = readonly [spoil: Spoil, options?: PlanChanges, packets?: number];

/** What each check notices. */
const WAYS: Readonly<Record<AuditCheckName, Way>> = {
  'packets-injected': [
    (finished) => ({ ...firstWorker(finished, () => ({ packets: 0 })), interrupted: true }),
  ],
  'verdict-sum': [(_finished, memory) => memory.addToThread(memory.constants.T_VERDICTS + 8, 1n)],
  'worker-packet-sum': [(finished) => firstWorker(finished, ({ packets }) => ({ packets: packets - 1 }))],
  'histogram-total': [(_finished, memory) => memory.doubleServiceValue()],
  'histogram-order': [(_finished, memory) => memory.addToService(HISTOGRAM_MIN, 1n << 40n)],
  // Packets that the workers gave out and the engine did not count.
  'rate-arithmetic': [(_finished, memory) => memory.addToThread(memory.constants.T_VERDICTS + 8, 1n)],
  // Nothing is spoiled: no machine keeps this rate.
  'rate-achieved': [() => {}, { pacing: { mode: 'pps', pps: 500e6 } }, 100_000],
  'worker-time-sum': [
    (finished) => firstWorker(finished, ({ startNs }) => ({ startNs: startNs - SECOND_NS })),
  ],
  'worker-cpu-time': [
    (finished) =>
      firstWorker(finished, ({ scheduler }) => ({
        scheduler: {
          timeslices: 1,
          voluntarySwitches: 0,
          involuntarySwitches: 0,
          waitNs: 0,
          ...scheduler,
          runNs: 100 * SECOND_NS,
        },
      })),
  ],
  'service-time-sum': [(_finished, memory) => memory.addToService(HISTOGRAM_SUM, BigInt(SECOND_NS))],
  // Packets whose times were recorded as longer than they were.
  'time-balance': [(_finished, memory) => memory.addToService(HISTOGRAM_SUM, BigInt(SECOND_NS))],
  'lock-counts': [
    (_finished, memory) =>
      memory.addToThread(memory.constants.T_LOCK_STATS + memory.constants.LS_CONTENDED, 1n << 40n),
  ],
  'lock-hold-time': [(_finished, memory) => memory.multiplyAcquisitions(1_000_000n), {}, MANY_PACKETS],
  'connection-balance': [(finished) => ({ ...finished, connCount: finished.connCount + 1 })],
};

/** A finished run, and its memory as it left it. */
interface Replayed {
  readonly finished: FinishedRun;
  readonly bytes: Uint8Array;
}

let known: { readonly key: string; readonly replayed: Replayed }[] = [];

/** Runs of one design are made once, and spoiled again and again. */
async function replayedOnce(name: string, options: PlanChanges, packets: number): Promise<Replayed> {
  const key = JSON.stringify([name, options, packets]);
  const before = known.find((run) => run.key === key);
  if (before !== undefined) {
    const { finished, bytes } = before.replayed;
    new Uint8Array(finished.run.memory.buffer).set(bytes);
    return before.replayed;
  }
  const traffic = await scenario('established', { packets, 'active-flows': 50 });
  const finished = await runDesign(traffic, design(name), quickPlan(options));
  const replayed = { finished, bytes: new Uint8Array(finished.run.memory.buffer).slice() };
  known = [...known.filter((run) => run.key.startsWith(`["${name}"`)), { key, replayed }];
  return replayed;
}

/** A case of a run, one figure of which was spoiled. */
async function spoiledCase(
  name: string,
  options: PlanChanges,
  spoil: Spoil,
  packets = 2000,
): Promise<ResultCase> {
  const { finished } = await replayedOnce(name, options, packets);
  return caseOf(spoil(finished, new Memory(finished)) ?? finished);
}

/** Names of the checks that fail, without what they are of. */
function failing(entry: ResultCase): string[] {
  return failedChecks(entry).map((check) => check.name.split(' ')[0] as string);
}

/** What each check between the two runs of a design notices, in the run for throughput. */
const CROSS_WAYS: Readonly<Record<CrossCheckName, Spoil>> = {
  'same-packets': (finished) => firstWorker(finished, ({ packets }) => ({ packets: packets - 1 })),
  'same-verdicts': (_finished, memory) => memory.addToThread(memory.constants.T_VERDICTS + 8, 1n),
};

describe.each(DESIGNS)('the self-audit of a run of %s', (name) => {
  it.each(byTurns(AUDIT_CHECKS, name, DESIGNS).map((check) => [check] as const))('%s', async (check) => {
    const [spoil, options = {}, packets] = WAYS[check];
    expect(failing(await spoiledCase(name, options, spoil, packets))).toContain(check);
  });

  it.each(byTurns([...CROSS_CHECKS, null], name, DESIGNS))('%s between two runs', async (check) => {
    const options = { clock: 'capture' } as const;
    const spoil = check === null ? () => {} : CROSS_WAYS[check];
    const joined = joinRuns({
      bare: await spoiledCase(name, { ...options, build: 'bare', latency: { mode: 'off' } }, spoil),
      figures: await spoiledCase(name, options, () => {}),
      batch: 32,
      latency: { mode: 'all' },
      clockCostNs: null,
      samePackets: true,
      sameVerdicts: true,
    });
    if (check === null) expect(failing(joined)).toEqual([]);
    else expect(failing(joined)).toContain(check);
    // The two runs' own figures are what it says.
    const { packets } = joined;
    if (check === 'same-packets')
      expect(failedChecks(joined)).toContainEqual(
        expect.objectContaining({ name: check, expected: packets.injected, actual: packets.injected - 1 }),
      );
    expect(isValid(joined)).toBe(check === null);
  });

  it('rate-achieved: workers that followed another schedule than the one asked for', async () => {
    const pacings: PacingRequest[] = [
      { mode: 'pps', pps: 50_000 },
      {
        mode: 'profile',
        profile: {
          points: [
            { atMs: 0, pps: 20_000 },
            { atMs: 20, pps: 60_000 },
          ],
          shape: 'linear',
        },
      },
    ];
    for (const pacing of byTurns(pacings, name, DESIGNS)) {
      for (const delayNs of [0, 100_000]) {
        const entry = await spoiledCase(name, { pacing }, (finished) =>
          firstWorker(finished, ({ departure }) => ({
            departure: { ...departure!, followedNs: departure!.followedNs! + delayNs },
          })),
        );
        const advice = entry.audit.map((check) => check.advice ?? '').join();
        expect(/another schedule than the one asked for/.test(advice)).toBe(delayNs > 0);
      }
    }
  });

  it('verdict-sum: a packet of a profile that neither worker nor engine has', async () => {
    const profile = { points: [{ atMs: 0, pps: 100_000 }], shape: 'step' } as const;
    const options = { pacing: { mode: 'profile', profile } as const };
    const entry = await spoiledCase(name, options, (finished, memory) => {
      memory.takeVerdict();
      return firstWorker(finished, ({ packets }) => ({ packets: packets - 1 }));
    });
    expect(failing(entry)).toEqual(expect.arrayContaining(['verdict-sum', 'worker-packet-sum']));
  });

  it('passes when nothing is spoiled', async () => {
    expect(failing(await spoiledCase(name, {}, () => {}, MANY_PACKETS))).toEqual([]);
  });
});
