import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AUDIT_CHECKS, auditRun, type AuditCheckName, type RunRecord } from '../../../tools/measure/audit.js';
import {
  collectWarnings,
  WARNING_CODES,
  type WarningCode,
  type WarningFacts,
} from '../../../tools/measure/warnings.js';

const worker = (index: number) => ({
  worker: index,
  packets: 1000,
  elapsedNs: 1e9,
  runNs: 8e8,
  waitNs: 1e8,
  serviceTotalNs: 5e8,
  balance: { serviceNs: 5e8, otherNs: 5.1e8, timedShare: 1 },
});

/** A sound run of two workers: 2000 packets in one second. */
function soundRun(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    injected: 2000,
    verdicts: { 'new|trk': 100, 'est|trk': 1890, 'inv|trk': 10 },
    elapsedNs: 1e9,
    workers: [worker(0), worker(1)],
    histograms: [
      {
        name: 'service',
        count: 2000,
        expectedCount: 2000,
        minNs: 100,
        meanNs: 500,
        maxNs: 9000,
        percentilesNs: [400, 600, 800, 2000, 8000, 9000],
      },
    ],
    locks: [{ class: 'ct_lock', acquisitions: 4000, contended: 40 }],
    holds: [{ name: 'ct_lock worker-0', totalNs: 4e8, elapsedNs: 1e9 }],
    targetPps: 2000,
    achievedPps: 2000,
    connections: { initial: 0, created: 100, removed: 60, remaining: 40 },
    ...changes,
  };
}

const histogram = (changes: object): Partial<RunRecord> => ({
  histograms: [{ ...soundRun().histograms[0]!, ...changes }],
});
const firstWorker = (changes: object): Partial<RunRecord> => ({
  workers: [{ ...soundRun().workers[0]!, ...changes }, soundRun().workers[1]!],
});

/** For each check, a run in which it alone is wrong. */
const BROKEN: Record<AuditCheckName, Partial<RunRecord>> = {
  'packets-injected': {
    injected: 0,
    verdicts: {},
    workers: [],
    histograms: [],
    targetPps: null,
    achievedPps: null,
  },
  'verdict-sum': { verdicts: { 'new|trk': 100, 'est|trk': 1889, 'inv|trk': 10 } },
  'worker-packet-sum': firstWorker({ packets: 1001 }),
  'histogram-total': histogram({ count: 1999 }),
  'histogram-order': histogram({ meanNs: 99 }),
  'rate-arithmetic': { achievedPps: 2001 },
  'rate-achieved': { targetPps: 2500 },
  'worker-time-sum': firstWorker({ elapsedNs: 1.2e9, balance: null }),
  'worker-cpu-time': firstWorker({ waitNs: 4e8 }),
  'service-time-sum': firstWorker({ serviceTotalNs: 1.5e9 }),
  'time-balance': firstWorker({
    balance: { serviceNs: 4.5e8, otherNs: 5.1e8, timedShare: 1 },
  }),
  'lock-hold-time': { holds: [{ name: 'ct_lock worker-0', totalNs: 2.16e9, elapsedNs: 1e9 }] },
  'lock-counts': { locks: [{ class: 'ct_lock', acquisitions: 10, contended: 11 }] },
  'connection-balance': { connections: { initial: 0, created: 100, removed: 60, remaining: 41 } },
};

const failures = (run: RunRecord): string[] =>
  auditRun(run).flatMap((check) => (check.ok ? [] : [check.name]));

const rateAdvice = (targetPps: number): string | null | undefined =>
  auditRun(soundRun({ targetPps })).find((check) => !check.ok)?.advice;

describe('self-audit', () => {
  it('passes a sound run, with every check made', () => {
    const checks = auditRun(soundRun());
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    for (const name of AUDIT_CHECKS) {
      expect(
        checks.some((check) => check.name === name || check.name.startsWith(`${name} `)),
        name,
      ).toBe(true);
    }
    for (const check of checks) expect(check.advice).toBeNull();
  });

  for (const name of AUDIT_CHECKS) {
    it(`finds what is wrong: ${name}`, () => {
      const run = soundRun(BROKEN[name]);
      const failed = failures(run);
      expect(failed).toHaveLength(1);
      expect(failed[0]!.startsWith(name)).toBe(true);
      const check = auditRun(run).find(({ ok }) => !ok)!;
      expect(check.advice).toMatch(/\w{3}/);
      expect(check.expected).not.toEqual(check.actual);
    });
  }

  it('finds any packet lost or doubled', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1890, max: 1e6 }), (error) => {
        fc.pre(error !== 0);
        const run = soundRun({ verdicts: { 'new|trk': 100, 'est|trk': 1890 + error, 'inv|trk': 10 } });
        expect(failures(run)).toEqual(['verdict-sum']);
      }),
    );
  });

  it('accepts every distribution that can exist', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 50 }), (valuesNs) => {
        const ascending = valuesNs.toSorted((a, b) => a - b);
        const meanNs = valuesNs.reduce((a, b) => a + b, 0) / valuesNs.length;
        const percentilesNs = [50, 99].map((p) => ascending[Math.ceil((p / 100) * ascending.length) - 1]!);
        const run = soundRun(
          histogram({ count: 2000, minNs: ascending[0], maxNs: ascending.at(-1), meanNs, percentilesNs }),
        );
        expect(failures(run)).toEqual([]);
      }),
    );
  });

  it('leaves out what was not measured, and does not count it as passed', () => {
    const run = soundRun({
      workers: [],
      histograms: [
        histogram({ expectedCount: null, count: 0, minNs: null, meanNs: null, maxNs: null }).histograms![0]!,
      ],
      locks: [],
      holds: [],
      targetPps: null,
      achievedPps: null,
      connections: null,
    });
    const names = auditRun({ ...run, histograms: [] }).map((check) => check.name);
    expect(names).toEqual(['packets-injected', 'verdict-sum']);
  });

  it.each([1, 2, 3, 100])('expects %d packets, or bursts, to span one gap less', (count) => {
    for (const burst of [1, 7]) {
      const injected = count * burst;
      const targetPps = 100 * burst;
      const planned = (count - 1) * 1e7;
      const failed = (elapsedNs: number): string[] =>
        failures({
          ...soundRun({ workers: [], histograms: [], verdicts: { 'new|trk': injected } }),
          injected,
          targetPps,
          burst,
          elapsedNs,
          achievedPps: (injected / elapsedNs) * 1e9,
        });
      expect(failed(planned + 1e5)).toEqual([]);
      expect(failed(planned / 0.981 + 4e6)).toEqual([]);
      expect(failed(planned / 0.979 + 6e6)).toEqual(['rate-achieved']);
      if (count > 1) expect(failed(planned / 1.02)).toEqual(['rate-achieved']);
    }
  });

  it('says what to do about a rate that was not reached, or exceeded', () => {
    expect(rateAdvice(4000)).toMatch(/lower the rate/);
    expect(rateAdvice(1000)).toMatch(/faster than asked/);
    expect(rateAdvice(2030)).toBeUndefined();
    const lax = auditRun(soundRun({ targetPps: 4000 }), { rateShort: 0.6 });
    expect(lax.filter(({ ok }) => !ok)).toEqual([]);
  });
});

/** For each warning, facts that raise it alone. */
const RAISES: Record<WarningCode, WarningFacts> = {
  'checksums-wrong': { checksums: { looked: 100, wrong: 40, ignored: false } },
  'cpu-starved': { workers: [{ worker: 1, elapsedNs: 1e9, waitNs: 3e8 }] },
  'scheduler-unknown': { workers: [{ worker: 0, elapsedNs: 1e9, waitNs: null }] },
  'too-few-cores': { threadCount: 4, coresUsable: 2 },
  'shared-cores': { sharedCores: true },
  'timer-coarse': { clock: { costNs: 1, stepNs: 1000, backwardSteps: 0 }, serviceP50Ns: 500 },
  'timer-costly': { clock: { costNs: 100, stepNs: 1, backwardSteps: 0 }, serviceP50Ns: 500 },
  'timer-backwards': { clock: { costNs: 1, stepNs: 1, backwardSteps: 2 } },
  'clock-source-slow': { clockSource: 'hpet' },
  'rate-not-reached': { targetPps: 1000, achievedPps: 900 },
  'schedule-slipped': { departureErrorP99Ns: 5e6, packetIntervalNs: 1000 },
  'source-too-slow': { sourceLag: { waits: 3, waitNs: 2e6 }, targetPps: 1000 },
  'table-full': { tableFull: { packets: 7, limit: 100 } },
  'loop-addresses': { fixedAddresses: { ftpMessages: 12, natReplies: 0 } },
  steal: { stealShare: 0.05 },
  throttled: { throttledNs: 1e8, throttledSpanNs: 1e9 },
  governor: { governor: 'powersave' },
  'frequency-boost': { turbo: true },
  noisy: { noiseLostShare: 0.03 },
  'load-high': { loadAverage1m: 2.5, coresUsable: 2 },
  'not-pinned': { pinFailures: ['taskset is not installed'] },
  'few-samples': { latencyCount: 500 },
  'too-short': { longestInterruptionNs: 4e6, throughputElapsedNs: 2e6, loopsToSteady: 100 },
  'histogram-overflow': { histogramOverflows: 3 },
  'not-steady': { unsteadyGroups: ['syn-flood, 1 worker, topspeed, session 2'] },
  'few-trials': { trialCount: 3 },
  outliers: { outlierCount: 2, outlierOf: 20 },
  'probe-cost': { probedShare: 0.4 },
};

describe('warnings', () => {
  for (const code of WARNING_CODES) {
    it(`${code} is raised by its own facts and by no others`, () => {
      const warnings = collectWarnings(RAISES[code]);
      expect(warnings.map((warning) => warning.code)).toEqual([code]);
      expect(warnings[0]!.text).toMatch(/^[a-z0-9]/);
      expect(warnings[0]!.advice).toMatch(/\.$/);
    });
  }

  it('a quiet run raises none', () => {
    expect(
      collectWarnings({
        workers: [{ worker: 0, elapsedNs: 1e9, waitNs: 1e6 }],
        threadCount: 2,
        coresUsable: 4,
        clock: { costNs: 30, stepNs: 20, backwardSteps: 0 },
        serviceP50Ns: 900,
        targetPps: 1000,
        achievedPps: 999.9,
        departureErrorP99Ns: 900,
        packetIntervalNs: 1e6,
        tableFull: { packets: 0, limit: 100 },
        fixedAddresses: { ftpMessages: 0, natReplies: 0 },
        stealShare: 0,
        throttledNs: 0,
        throttledSpanNs: 1e9,
        elapsedNs: 1e9,
        governor: 'performance',
        turbo: false,
        clockSource: 'tsc',
        noiseLostShare: 0.001,
        // What was just compiled has left a trace in it.
        loadAverage1m: 0.8,
        pinFailures: [],
        sharedCores: false,
        latencyCount: 1e6,
        histogramOverflows: 0,
        unsteadyGroups: [],
        trialCount: 10,
        outlierCount: 0,
        probedShare: 0.6,
      }),
    ).toEqual([]);
    expect(collectWarnings({})).toEqual([]);
  });

  it('tells figures with their unit', () => {
    expect(collectWarnings(RAISES['timer-coarse'])[0]!.text).toBe(
      'the clock steps by 1 µs, the median service time is 500 ns',
    );
    expect(collectWarnings(RAISES['cpu-starved'])[0]!.text).toContain('worker-1 30.0%');
    expect(collectWarnings(RAISES['rate-not-reached'])[0]!.text).toBe(
      '900 of 1000 packets a second asked for (90.0%)',
    );
  });
});
