/**
 * The checks that every run makes on itself: a closed list of cross-checks between figures that were counted in
 * different places. A failed check means that some figure is wrong, and the result says so and cannot pass.
 *
 * A check whose figures were not measured (null) is left out of the list; it is not counted as passed.
 */

/** One check with what it compared. */
export interface AuditCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: number | string;
  readonly actual: number | string;
  /** What a failure means and what to do; null when ok. */
  readonly advice: string | null;
}

/** A recorded distribution, as far as it is checked. */
export interface AuditedHistogram {
  /** For example `service`, `service worker-1`, `ct_lock wait`. */
  readonly name: string;
  readonly count: number;
  /** How many values should be in it; null where that is not known (sampled by time). */
  readonly expectedCount: number | null;
  readonly minNs: number | null;
  readonly meanNs: number | null;
  readonly maxNs: number | null;
  /** Percentiles in ascending order of percentage. */
  readonly percentilesNs: readonly (number | null)[];
}

/** A worker's time by the times recorded per packet, as far as packets were timed. */
export interface TimeBalance {
  /** Recorded service times together. */
  readonly serviceNs: number;
  /** Everything else: harness, waiting, sweeps, batches whose packets were not timed. */
  readonly otherNs: number;
  /** Share of the time inside the engine that was in batches whose packets were timed. */
  readonly timedShare: number;
}

/** One worker's figures, as far as they are checked. */
export interface AuditedWorker {
  readonly worker: number;
  readonly packets: number;
  /** From its first packet's start to its last one's end, idle time included. */
  readonly elapsedNs: number;
  readonly runNs: number | null;
  readonly waitNs: number | null;
  /** Time between the reads of the two figures above, which lie around the run; absent or null = `elapsedNs`. */
  readonly schedulerSpanNs?: number | null;
  /** Time in packets: count x mean of the service time; null where not measured for all. */
  readonly serviceTotalNs: number | null;
  /** Null or absent where nothing was timed. */
  readonly balance?: TimeBalance | null;
}

/** How long one thread held the locks of a class in all. */
export interface AuditedHold {
  /** For example `conn_lock worker-1`. */
  readonly name: string;
  /** Scaled up to all acquisitions. */
  readonly totalNs: number;
  /** What `totalNs` may be off by, since the cost of the clock in each timed hold is known to so many nanoseconds only; absent = 0. */
  readonly uncertaintyNs?: number;
  /** The thread's time. */
  readonly elapsedNs: number;
}

/** One lock class's figures, as far as they are checked. */
export interface AuditedLock {
  readonly class: string;
  readonly acquisitions: number;
  readonly contended: number;
}

/** A run, as far as it is checked. */
export interface RunRecord {
  readonly injected: number;
  /** Packets by final ct_state. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** From the start barrier to the last worker's end. */
  readonly elapsedNs: number;
  readonly workers: readonly AuditedWorker[];
  readonly histograms: readonly AuditedHistogram[];
  readonly locks: readonly AuditedLock[];
  /** Absent where holds were not timed. */
  readonly holds?: readonly AuditedHold[];
  /** Rate asked for; null for as fast as possible, or where the traffic has no rate (a single packet at capture timing). */
  readonly targetPps: number | null;
  readonly achievedPps: number | null;
  /**
   * Time that the run should have taken by its schedule: from the start to the due time of its last packet. Absent or null = that
   * of packets at even distances, in bursts of `burst`.
   */
  readonly plannedNs?: number | null;
  /**
   * Place on the schedule of the last packet (or of its burst), counting from 0: by the request, and what rate or profile had let go
   * when the workers had it due. Absent or null = the run was cut short, or goes by bits or capture times.
   */
  readonly lastPlace?: { readonly requested: number; readonly followed: number } | null;
  /** Packets that leave together; absent = each on its own. */
  readonly burst?: number;
  /** From the table's point of view; null where not counted. */
  readonly connections: {
    readonly initial: number;
    readonly created: number;
    readonly removed: number;
    readonly remaining: number;
  } | null;
}

/** How far figures from different clocks and counters may lie apart. */
export interface AuditTolerances {
  /** Of planned / elapsed time below 1; default 0.02. */
  readonly rateShort: number;
  /** Of planned / elapsed time above 1; default 0.01. */
  readonly rateOver: number;
  /** Of times that were taken with different clocks; default 0.02. */
  readonly time: number;
  /** Of a worker's time by the sum of its parts; default 0.03. */
  readonly balance: number;
  /** Added to time bounds, for start-up and the kernel's clock tick; default 5 ms. */
  readonly timeFloorNs: number;
}

/** The tolerances used when the caller gives none. */
const DEFAULT_TOLERANCES: AuditTolerances = {
  rateShort: 0.02,
  rateOver: 0.01,
  time: 0.02,
  balance: 0.03,
  timeFloorNs: 5_000_000,
};

/** The names of all checks, in the order in which they are made. Those about several things add which one. */
export const AUDIT_CHECKS = [
  'packets-injected',
  'verdict-sum',
  'worker-packet-sum',
  'histogram-total',
  'histogram-order',
  'rate-arithmetic',
  'rate-achieved',
  'worker-time-sum',
  'worker-cpu-time',
  'service-time-sum',
  'time-balance',
  'lock-counts',
  'lock-hold-time',
  'connection-balance',
] as const;

/** Name of a check. */
export type AuditCheckName = (typeof AUDIT_CHECKS)[number];

/** Makes all checks whose figures are there, in the order of {@link AUDIT_CHECKS}. */
export function auditRun(run: RunRecord, tolerances: Partial<AuditTolerances> = {}): AuditCheck[] {
  const allowed = { ...DEFAULT_TOLERANCES, ...tolerances };
  return [
    ...packetChecks(run),
    ...run.histograms.flatMap(histogramChecks),
    ...rateChecks(run, allowed),
    ...timeChecks(run, allowed),
    ...run.workers.flatMap((worker) => balanceCheck(worker, allowed)),
    ...run.locks.map(lockCheck),
    ...(run.holds ?? []).map((hold) => holdCheck(hold, allowed)),
    ...connectionChecks(run),
  ].toSorted((a, b) => order(a) - order(b));
}

interface Finding {
  readonly ok: boolean;
  readonly expected: number | string;
  readonly actual: number | string;
  readonly advice: string;
}

function check(
  name: AuditCheckName,
  of: string | null,
  { ok, expected, actual, advice }: Finding,
): AuditCheck {
  return { name: of === null ? name : `${name} ${of}`, ok, expected, actual, advice: ok ? null : advice };
}

function equal(
  name: AuditCheckName,
  of: string | null,
  expected: number,
  actual: number,
  advice: string,
): AuditCheck {
  return check(name, of, { ok: expected === actual, expected, actual, advice });
}

function packetChecks(run: RunRecord): AuditCheck[] {
  const verdicts = Object.values(run.verdicts).reduce((sum, count) => sum + count, 0);
  const byWorker = run.workers.reduce((sum, worker) => sum + worker.packets, 0);
  return [
    check('packets-injected', null, {
      ok: run.injected > 0,
      expected: 'at least 1',
      actual: run.injected,
      advice:
        'nothing was replayed; check the input, the filters and the limits (--limit, --duration, warm-up)',
    }),
    equal(
      'verdict-sum',
      null,
      run.injected,
      verdicts,
      'packets were lost or counted twice between injection and ct_state; do not use this result, and report it',
    ),
    ...(run.workers.length === 0
      ? []
      : [
          equal(
            'worker-packet-sum',
            null,
            run.injected,
            byWorker,
            'the workers’ packets do not add up to those injected; do not use this result, and report it',
          ),
        ]),
  ];
}

function histogramChecks(histogram: AuditedHistogram): AuditCheck[] {
  const { name, count, expectedCount, minNs, meanNs, maxNs, percentilesNs } = histogram;
  const checks: AuditCheck[] = [];
  if (expectedCount !== null) {
    checks.push(
      equal(
        'histogram-total',
        name,
        expectedCount,
        count,
        'the recorder missed or doubled values, or was read while it ran; do not use these latencies',
      ),
    );
  }
  const ladder = [minNs, ...percentilesNs, maxNs].filter((value) => value !== null);
  if (count > 0 && ladder.length > 0) {
    const ordered = ladder.every((value, index) => index === 0 || value >= (ladder[index - 1] as number));
    const inside =
      meanNs === null || ((minNs ?? 0) <= meanNs + ROUNDING && meanNs <= (maxNs ?? Infinity) + ROUNDING);
    checks.push(
      check('histogram-order', name, {
        ok: ordered && inside,
        expected: 'min <= percentiles <= max, min <= mean <= max',
        actual: `min ${text(minNs)}, percentiles ${percentilesNs.map(text).join(' ')}, mean ${text(meanNs)}, max ${text(maxNs)}`,
        advice:
          'figures of one distribution contradict each other; do not use these latencies, and report it',
      }),
    );
  }
  return checks;
}

/** Rounding error of a mean of equal values, ns. */
const ROUNDING = 1e-3;

function text(value: number | null): string {
  return value === null ? '-' : String(Number(value.toPrecision(6)));
}

function rateChecks(run: RunRecord, allowed: AuditTolerances): AuditCheck[] {
  if (run.achievedPps === null) return [];
  const checks: AuditCheck[] = [];
  if (run.elapsedNs > 0) {
    const computed = run.injected / (run.elapsedNs / 1e9);
    checks.push(
      check('rate-arithmetic', null, {
        ok: Math.abs(run.achievedPps - computed) <= computed * 1e-6 + 1e-9,
        expected: computed,
        actual: run.achievedPps,
        advice: 'the reported rate is not packets / time; report it',
      }),
    );
  }
  const plannedNs = plannedTimeNs(run);
  if (plannedNs !== null && run.injected > 0)
    checks.push(rateCheck(run, plannedNs, run.achievedPps, allowed));
  return checks;
}

/**
 * From the first due time to the last one: n packets span n - 1 gaps, and k bursts k - 1. (So n packets that leave on time have a
 * rate of n / (n - 1) times the one asked for, when it is counted as packets / time.)
 */
function plannedTimeNs({ plannedNs, targetPps, injected, burst = 1 }: RunRecord): number | null {
  if (plannedNs !== undefined && plannedNs !== null) return plannedNs;
  if (targetPps === null) return null;
  return ((Math.floor(Math.max(0, injected - 1) / burst) * burst) / targetPps) * 1e9;
}

function rateCheck(
  { targetPps, elapsedNs, injected, lastPlace }: RunRecord,
  plannedNs: number,
  achievedPps: number,
  { rateShort, rateOver, timeFloorNs }: AuditTolerances,
): AuditCheck {
  // The planned time comes from the workers' own schedule, which would agree with itself.
  if (lastPlace != null && Math.abs(lastPlace.followed - lastPlace.requested) > placeError(lastPlace)) {
    return check('rate-achieved', null, {
      ok: false,
      expected: `packet ${text(lastPlace.requested)} of the schedule asked for, counting from 0, leaves last`,
      actual: `the workers had it due when ${text(lastPlace.followed)} packets should have gone`,
      advice:
        'the workers followed another schedule than the one asked for; do not use this result, and report it',
    });
  }
  const leastNs = plannedNs / (1 + rateOver);
  const mostNs = plannedNs / (1 - rateShort) + timeFloorNs;
  return check('rate-achieved', null, {
    ok: elapsedNs >= leastNs && elapsedNs <= mostNs,
    expected:
      `${targetPps === null ? '' : `${text(targetPps)} pps, `}${injected} packets due within ${text(plannedNs)} ns: ` +
      `in ${text(leastNs)} to ${text(mostNs)} ns`,
    actual: `in ${text(elapsedNs)} ns (${text(achievedPps)} pps)`,
    advice:
      elapsedNs > mostNs
        ? 'the engine or the machine could not keep up: lower the rate, use more workers and cores, or drop per-packet latency (--latency off)'
        : 'packets left faster than asked for; report it',
  });
}

/** A hundredth of a packet, and the rounding of due times in long runs. */
function placeError({ requested }: { readonly requested: number }): number {
  return 0.01 + requested * 1e-9;
}

function timeChecks(run: RunRecord, allowed: AuditTolerances): AuditCheck[] {
  const bound = (ns: number): number => ns * (1 + allowed.time) + allowed.timeFloorNs;
  const checks: AuditCheck[] = [];
  if (run.workers.length > 0) {
    const sum = run.workers.reduce((total, worker) => total + worker.elapsedNs, 0);
    const most = bound(run.elapsedNs) * run.workers.length;
    checks.push(
      check('worker-time-sum', null, {
        ok: sum <= most && run.workers.every((worker) => worker.elapsedNs <= bound(run.elapsedNs)),
        expected: `at most ${text(most)} ns (elapsed x ${run.workers.length} workers)`,
        actual: `${text(sum)} ns`,
        advice:
          'workers ran longer than the run: the clocks of threads disagree, or the end was taken too early',
      }),
    );
  }
  for (const worker of run.workers) {
    if (worker.runNs !== null && worker.waitNs !== null) {
      const scheduled = worker.runNs + worker.waitNs;
      const spanNs = worker.schedulerSpanNs ?? worker.elapsedNs;
      checks.push(
        check('worker-cpu-time', `worker-${worker.worker}`, {
          ok: scheduled <= bound(spanNs),
          expected: `at most ${text(bound(spanNs))} ns (between the reads)`,
          actual: `${text(scheduled)} ns (run + wait)`,
          advice:
            'the scheduler counted more time than passed: the reads were not taken at the start and end of the run',
        }),
      );
    }
    if (worker.serviceTotalNs !== null) {
      checks.push(
        check('service-time-sum', `worker-${worker.worker}`, {
          ok: worker.serviceTotalNs <= bound(worker.elapsedNs),
          expected: `at most ${text(bound(worker.elapsedNs))} ns (elapsed)`,
          actual: `${text(worker.serviceTotalNs)} ns`,
          advice:
            'packets took longer in sum than the worker ran: service times overlap or are in another unit; report it',
        }),
      );
    }
  }
  return checks;
}

function order(found: AuditCheck): number {
  return AUDIT_CHECKS.findIndex((name) => found.name === name || found.name.startsWith(`${name} `));
}

function lockCheck(lock: AuditedLock): AuditCheck {
  return check('lock-counts', lock.class, {
    ok: lock.contended <= lock.acquisitions,
    expected: `contended at most ${lock.acquisitions} (acquisitions)`,
    actual: lock.contended,
    advice: 'more acquisitions waited than there were: the probe counts twice; report it',
  });
}

const COLD_NS = 100_000;

/**
 * Throughput x mean service time + harness = elapsed. The two sides come from different readings of the clock: per packet inside
 * the engine, and around each of its calls. Short
 * runs begin with cold caches, which `COLD_NS` allows for.
 */
function balanceCheck(worker: AuditedWorker, allowed: AuditTolerances): AuditCheck[] {
  const { balance, elapsedNs } = worker;
  if (balance == null) return [];
  const sumNs = balance.serviceNs + balance.otherNs;
  const toleranceNs = allowed.balance * elapsedNs * balance.timedShare + COLD_NS;
  return [
    check('time-balance', `worker-${worker.worker}`, {
      ok: Math.abs(sumNs - elapsedNs) <= toleranceNs,
      expected: `${text(elapsedNs)} ns (elapsed), within ${text(toleranceNs)} ns`,
      actual: `${text(sumNs)} ns (service times ${text(balance.serviceNs)} ns, the rest ${text(balance.otherNs)} ns)`,
      advice:
        'the times recorded per packet do not add up to the time that the packets took: do not use these latencies, and report it',
    }),
  ];
}

/** A thread holds at most one lock of a class at a time, so it cannot have held them for longer than it ran. */
function holdCheck(
  { name, totalNs, uncertaintyNs = 0, elapsedNs }: AuditedHold,
  allowed: AuditTolerances,
): AuditCheck {
  // However uncertain: twice the time that there was is no measurement any more.
  const most = elapsedNs * (1 + allowed.time) + allowed.timeFloorNs + Math.min(uncertaintyNs, elapsedNs);
  return check('lock-hold-time', name, {
    ok: totalNs <= most,
    expected: `at most ${text(most)} ns (elapsed${uncertaintyNs === 0 ? '' : ", and what the sample and the clock's cost may be wrong by"})`,
    actual: `${text(totalNs)} ns`,
    advice:
      'locks were held for longer than their thread ran: the sample of timed holds is not like the rest; do not use the hold times, and report it',
  });
}

function connectionChecks({ connections }: RunRecord): AuditCheck[] {
  if (connections === null) return [];
  return [
    equal(
      'connection-balance',
      null,
      connections.initial + connections.created - connections.removed,
      connections.remaining,
      'connections were lost or counted twice; do not use this result, and report it',
    ),
  ];
}
