/**
 * The closed list of warnings about a run: conditions under which its figures are right but say less than they seem to.
 * Each has a stable code, a text with the figure, and advice. (Figures that are wrong are the audit's business.)
 *
 * A fact that is null or absent was not measured and raises nothing, except where not knowing is itself the warning.
 */

/** What to do about wrong checksums. */
export const CHECKSUM_REMEDY =
  'Replay with --checksums fix (made right while reading, before any clock runs), or with --checksums ignore (not looked at, as a ' +
  "switch does with packets that offload flags as good); 'ctreplay prep --fix-checksums' makes them right once for all commands.";

/** A warning. */
export interface Warning {
  readonly code: WarningCode;
  /** What is so, with the figure. */
  readonly text: string;
  /** What to do about it. */
  readonly advice: string;
}

/** A worker's times, for the question whether it was starved. */
export interface WorkerFacts {
  readonly worker: number;
  readonly elapsedNs: number;
  /** Time between the two reads that `waitNs` is the difference of, which lie around the run; absent or shorter = `elapsedNs`. */
  readonly schedulerSpanNs?: number | null | undefined;
  readonly waitNs?: number | null | undefined;
  readonly involuntarySwitches?: number | null | undefined;
  readonly lockWaitNs?: number | null | undefined;
}

/** What warnings are raised from. All optional: give what is known. */
export interface WarningFacts {
  readonly workers?: readonly WorkerFacts[];
  /** Threads that want a CPU at the same time: workers, the sweeper, and the feeder of streamed packets. */
  readonly threadCount?: number;
  readonly coresUsable?: number | null;
  readonly clock?: { readonly costNs: number; readonly stepNs: number; readonly backwardSteps: number };
  /** Median service time that the clock measured. */
  readonly serviceP50Ns?: number | null;
  readonly targetPps?: number | null;
  readonly achievedPps?: number | null;
  /** Time that the run should have taken, by the due time of its last packet; absent or null = by the rates alone. */
  readonly plannedNs?: number | null;
  /** How often a streamed packet was due before its source had it, and for how long, over all workers. */
  readonly sourceLag?: { readonly waits: number; readonly waitNs: number } | null;
  /** Packets that found no room in the connection table, and its limit. */
  readonly tableFull?: { readonly packets: number; readonly limit: number } | null;
  /** Packets that loops with addresses of their own took out of what names fixed addresses: FTP messages, and NAT's own. */
  readonly fixedAddresses?: { readonly ftpMessages: number; readonly natReplies: number } | null;
  /** How late packets left, at the 99th percentile, and the time between packets. */
  readonly departureErrorP99Ns?: number | null;
  readonly packetIntervalNs?: number | null;
  readonly stealShare?: number | null;
  /** Time that the control group was stopped, summed over its CPUs, and the time between the reads of it. */
  readonly throttledNs?: number | null;
  readonly throttledSpanNs?: number | null;
  /** Time that the run took. */
  readonly elapsedNs?: number | null;
  readonly governor?: string | null;
  readonly turbo?: boolean | null;
  readonly virtualized?: boolean | null;
  readonly clockSource?: string | null;
  readonly noiseLostShare?: number | null;
  readonly loadAverage1m?: number | null;
  /** Whether pinning was asked for, and the reasons of those that failed. */
  readonly pinFailures?: readonly string[];
  /** Packets whose checksums were looked at before the run, how many were wrong, and whether the tracker looks at them. */
  readonly checksums?: { readonly looked: number; readonly wrong: number; readonly ignored: boolean } | null;
  /** Two workers on hyper-threads of one core. */
  readonly sharedCores?: boolean;
  /** Values behind the highest percentile that is reported. */
  readonly latencyCount?: number | null;
  readonly histogramOverflows?: number | null;
  /** Longest interruption of a thread that only computes, before the run. */
  readonly longestInterruptionNs?: number | null;
  /** Time of the run at top speed whose rate is reported. */
  readonly throughputElapsedNs?: number | null;
  /** Loops in which it would be long enough. */
  readonly loopsToSteady?: number | null;
  /** Groups of a matrix, with the session, whose level still changed near the end. */
  readonly unsteadyGroups?: readonly string[];
  /** Of the cell with the fewest. */
  readonly trialCount?: number | null;
  /** Outliers among so many trials of all cells. */
  readonly outlierCount?: number | null;
  readonly outlierOf?: number | null;
  /** Time of a packet without probes and clocks, over that with them. */
  readonly probedShare?: number | null;
}

interface Rule {
  readonly advice: string;
  /** The text, or null when the condition does not hold. */
  readonly when: (facts: WarningFacts) => string | null;
}

/** Shares above which a condition is worth a warning. */
export const WARNING_LIMITS = {
  starvedShare: 0.02,
  stealShare: 0.01,
  noiseShare: 0.01,
  clockShare: 0.1,
  rateShort: 0.01,
  /** Arrears at the end that waking up explains, whatever the rate. */
  rateShortNs: 1e6,
  throttledShare: 0.001,
  /** Of the time of a packet in the run that times come from. */
  probeCost: 0.5,
  wrongChecksumShare: 0.1,
  load: 1,
  /** Interruptions of the usual length that a run must be longer than by this factor, for one more or less not to show. */
  interruptionsPerRun: 50,
} as const;

const RULES = {
  // What the figures are of comes before how well they were measured.
  'checksums-wrong': {
    advice: CHECKSUM_REMEDY,
    when: ({ checksums }) =>
      checksums != null &&
      !checksums.ignored &&
      checksums.wrong > checksums.looked * WARNING_LIMITS.wrongChecksumShare
        ? `${percent(checksums.wrong / checksums.looked)} of the packets looked at (${checksums.wrong} of ${checksums.looked}) have wrong ` +
          'checksums, as captures taken on the sender or on loopback do (offload): the tracker finds them invalid'
        : null,
  },
  'cpu-starved': {
    advice:
      'This is the scheduler, not lock contention: stop other programs, use fewer workers than cores, or pin them (--pin).',
    when: ({ workers }) => {
      const starved = (workers ?? [])
        .map((each) => ({ worker: each.worker, share: cpuWaitShare(each) }))
        .filter(({ share }) => share > WARNING_LIMITS.starvedShare);
      if (starved.length === 0) return null;
      const parts = starved.map(({ worker, share }) => `worker-${worker} ${percent(share)}`);
      return `workers were ready to run but waited for a CPU: ${parts.join(', ')} of their time`;
    },
  },
  'scheduler-unknown': {
    advice:
      'Waiting for a lock cannot be distinguished from waiting for a CPU on this system; use Linux with /proc and scheduler statistics.',
    when: ({ workers }) =>
      workers !== undefined && workers.length > 0 && workers.every(({ waitNs }) => waitNs == null)
        ? 'the system does not report how long threads waited for a CPU'
        : null,
  },
  'too-few-cores': {
    advice:
      'Do not read this as scaling: use at most as many workers as cores, one fewer when the sweeper runs, and one fewer again when packets are streamed.',
    when: ({ threadCount, coresUsable }) =>
      threadCount !== undefined && coresUsable != null && threadCount > coresUsable
        ? `${threadCount} threads want to run on ${coresUsable} usable cores`
        : null,
  },
  'shared-cores': {
    advice: 'Two hyper-threads of one core slow each other down: use fewer workers, or switch SMT off.',
    when: ({ sharedCores }) => (sharedCores === true ? 'two workers run on hyper-threads of one core' : null),
  },
  'timer-coarse': {
    advice:
      'Percentiles near the step are not meaningful: compare throughput, which no clock is in, or longer work.',
    when: ({ clock, serviceP50Ns }) =>
      clock !== undefined && serviceP50Ns != null && clock.stepNs > serviceP50Ns * WARNING_LIMITS.clockShare
        ? `the clock steps by ${ns(clock.stepNs)}, the median service time is ${ns(serviceP50Ns)}`
        : null,
  },
  'timer-costly': {
    advice:
      'It is in every service time, and in throughput where that was measured with --build probed: time fewer packets (--latency sample=N).',
    when: ({ clock, serviceP50Ns }) =>
      clock !== undefined && serviceP50Ns != null && clock.costNs > serviceP50Ns * WARNING_LIMITS.clockShare
        ? `one read of the clock costs ${ns(clock.costNs)}, the median service time is ${ns(serviceP50Ns)}`
        : null,
  },
  'timer-backwards': {
    advice: 'No time on this machine can be trusted: change the clock source, or the machine.',
    when: ({ clock }) =>
      clock !== undefined && clock.backwardSteps > 0
        ? `the clock went backwards ${clock.backwardSteps} times while it was calibrated`
        : null,
  },
  'clock-source-slow': {
    advice:
      'Switch to tsc where the machine allows it: current_clocksource in /sys/devices/system/clocksource.',
    when: ({ clockSource }) =>
      clockSource != null && /^(hpet|acpi_pm|jiffies|refined-jiffies)$/.test(clockSource)
        ? `the kernel’s clock source is ${clockSource}, which every read enters the kernel or a device for`
        : null,
  },
  'rate-not-reached': {
    advice:
      'Lower the rate, use more workers and cores, or leave out per-packet latency; response times include the lag.',
    when: ({ targetPps, achievedPps, plannedNs, elapsedNs }) => {
      const late = plannedNs != null && elapsedNs != null && isLate(plannedNs, elapsedNs);
      if (targetPps == null) {
        return late ? `the run took ${ns(elapsedNs)} for what the schedule gave ${ns(plannedNs)}` : null;
      }
      return achievedPps != null &&
        achievedPps < targetPps * (1 - WARNING_LIMITS.rateShort) &&
        (late || plannedNs == null || elapsedNs == null)
        ? `${rate(achievedPps)} of ${rate(targetPps)} packets a second asked for (${percent(achievedPps / targetPps)})`
        : null;
    },
  },
  'schedule-slipped': {
    advice:
      'Response times contain this lag, as they should; for smoother departures lower the rate or free a core.',
    when: ({ departureErrorP99Ns, packetIntervalNs }) =>
      departureErrorP99Ns != null &&
      packetIntervalNs != null &&
      departureErrorP99Ns > Math.max(10 * packetIntervalNs, 1e5)
        ? `1% of packets left more than ${ns(departureErrorP99Ns)} late, at one packet every ${ns(packetIntervalNs)}`
        : null,
  },
  'source-too-slow': {
    advice:
      'Response times contain these waits, and at top speed the rate is the source’s: use a larger --store or a lower rate, or ctreplay prep where the capture is compressed.',
    when: ({ sourceLag, targetPps }) =>
      sourceLag != null && sourceLag.waits > 0
        ? `the traffic source could not keep up with ${targetPps == null ? 'the tracker' : 'the rate'}: ` +
          `${sourceLag.waits} waits for packets that were due, ${ns(sourceLag.waitNs)} in all`
        : null,
  },
  'table-full': {
    advice:
      'From then on new connections were refused, which is other work: raise --max-conns, replay fewer loops or a shorter time, or age connections faster (--time-scale).',
    when: ({ tableFull }) =>
      tableFull != null && tableFull.packets > 0
        ? `${tableFull.packets} packets found the connection table full (limit ${tableFull.limit})`
        : null,
  },
  'loop-addresses': {
    advice:
      'Use --same-addresses, or one loop of more packets: only the addresses in headers change from loop to loop, not those in FTP messages, and not those that NAT gives out.',
    when: ({ fixedAddresses }) => {
      if (fixedAddresses == null) return null;
      const { ftpMessages, natReplies } = fixedAddresses;
      const parts = [
        ...(ftpMessages > 0
          ? [`${ftpMessages} FTP messages named an address that is not their connection’s`]
          : []),
        ...(natReplies > 0 ? [`up to ${natReplies} replies to translated addresses met no connection`] : []),
      ];
      return parts.length === 0 ? null : `loops have addresses of their own: ${parts.join(', and ')}`;
    },
  },
  steal: {
    advice: 'The hypervisor gave this machine’s CPUs to others: run again, or on a machine of its own.',
    when: ({ stealShare }) =>
      stealShare != null && stealShare > WARNING_LIMITS.stealShare
        ? `${percent(stealShare)} of CPU time was stolen by the hypervisor`
        : null,
  },
  throttled: {
    advice: 'The container used up its CPU quota: raise it, or use fewer workers.',
    when: ({ throttledNs, throttledSpanNs }) =>
      throttledNs != null &&
      throttledSpanNs != null &&
      throttledSpanNs > 0 &&
      throttledNs / throttledSpanNs > WARNING_LIMITS.throttledShare
        ? `the control group was stopped for ${ns(throttledNs)}, summed over its CPUs, within ${ns(throttledSpanNs)}`
        : null,
  },
  governor: {
    advice: 'Set it to performance: cpupower frequency-set -g performance.',
    when: ({ governor }) =>
      governor != null && governor !== 'performance'
        ? `the CPU frequency governor is ${governor}: frequency changes during a run`
        : null,
  },
  'frequency-boost': {
    advice:
      'Times depend on temperature and on how many cores are busy; for comparisons switch boost off, or interleave.',
    when: ({ turbo, virtualized }) =>
      turbo === true && virtualized !== true
        ? 'the processor may raise its frequency above the nominal one'
        : null,
  },
  noisy: {
    advice: 'Stop other programs, use isolated CPUs (isolcpus, --pin), or take more trials.',
    when: ({ noiseLostShare }) =>
      noiseLostShare != null && noiseLostShare > WARNING_LIMITS.noiseShare
        ? `a thread that only computes lost ${percent(noiseLostShare)} of its time to interruptions`
        : null,
  },
  'load-high': {
    advice: 'Something else is running: wait for it to end, or take more trials and interleave.',
    // One thread that runs all the time makes a load of 1; less is what has just ended, this program's own start included.
    when: ({ loadAverage1m, coresUsable, threadCount }) =>
      loadAverage1m != null &&
      coresUsable != null &&
      loadAverage1m >= WARNING_LIMITS.load &&
      loadAverage1m + Math.min(threadCount ?? 1, coresUsable) > coresUsable + 0.5
        ? `the load average was ${loadAverage1m.toFixed(2)} before the run, on ${coresUsable} usable cores`
        : null,
  },
  'not-pinned': {
    advice: 'Threads moved between cores freely; fix the reason, or leave --pin out.',
    when: ({ pinFailures }) =>
      pinFailures !== undefined && pinFailures.length > 0
        ? `pinning was asked for but failed: ${[...new Set(pinFailures)].join('; ')}`
        : null,
  },
  'few-samples': {
    advice: 'Replay more packets (--loop, --duration) before reading the last percentiles.',
    when: ({ latencyCount }) =>
      latencyCount != null && latencyCount > 0 && latencyCount < 100_000
        ? `${latencyCount} values: p99.99 rests on ${Math.max(0, Math.floor(latencyCount / 10_000))} of them`
        : null,
  },
  'too-short': {
    advice: 'Replay longer: --loop, or --duration 5s; or repeat it (--trials).',
    when: ({ longestInterruptionNs, throughputElapsedNs, loopsToSteady }) =>
      longestInterruptionNs != null &&
      throughputElapsedNs != null &&
      throughputElapsedNs > 0 &&
      throughputElapsedNs < longestInterruptionNs * WARNING_LIMITS.interruptionsPerRun
        ? `the run took ${ns(throughputElapsedNs)}, and this machine interrupts a thread for up to ${ns(longestInterruptionNs)}: one ` +
          `interruption more or less shows in the rate${loopsToSteady == null ? '' : `; --loop ${loopsToSteady} is long enough`}`
        : null,
  },
  'histogram-overflow': {
    advice:
      'Percentiles at the very top are too low; the maximum is exact. Look for a stall of more than an hour.',
    when: ({ histogramOverflows }) =>
      histogramOverflows != null && histogramOverflows > 0
        ? `${histogramOverflows} values lay above the histogram’s range`
        : null,
  },
  'not-steady': {
    advice: 'Take more trials, or find what else keeps the machine busy.',
    when: ({ unsteadyGroups }) =>
      unsteadyGroups !== undefined && unsteadyGroups.length > 0
        ? `the level of the trials still changed near the end, so all of them count: ${unsteadyGroups.join('; ')}`
        : null,
  },
  'few-trials': {
    advice:
      'Take several sessions (--sessions), or at least 6 trials in one (--trials), or ask for a precision (--until-precision).',
    when: ({ trialCount }) =>
      trialCount != null && trialCount < 6
        ? `${trialCount} trial${trialCount === 1 ? '' : 's'}: too few for a 95% interval of a median`
        : null,
  },
  outliers: {
    advice: 'They are kept and shown; look for what ran at that time, or take more trials.',
    when: ({ outlierCount, outlierOf }) =>
      outlierCount != null && outlierCount > 0
        ? `${outlierCount} of ${outlierOf ?? 'the'} trials lie far from the rest`
        : null,
  },
  'probe-cost': {
    advice:
      'Throughput is without them, but locks are met in another rhythm by a slower run: read shares of waiting with care, or time fewer packets (--latency sample=N).',
    when: ({ probedShare }) =>
      probedShare != null && probedShare < 1 - WARNING_LIMITS.probeCost
        ? `probes and clocks take ${percent(1 - probedShare)} of a packet’s time where times and locks are measured`
        : null,
  },
} as const satisfies Record<string, Rule>;

/** Stable identifier of a warning that facts raise. */
export type WarningCode = keyof typeof RULES;

/** Their codes, in the order in which warnings are listed. */
export const WARNING_CODES = Object.keys(RULES) as readonly WarningCode[];

/** Codes of warnings that are raised where they are found, with a text of their own: the rest of the closed list. */
export const FOUND_WARNING_CODES = [
  /** A group of a matrix: warm-up trials left out, or a precision that was not reached. */
  'matrix-repetitions',
  /** Cells of a matrix with more workers than CPUs. */
  'oversubscribed',
  /** A design compared with itself (A/A control) was found different. */
  'control-differs',
  /** Cases of several machines in one result. */
  'merged-machines',
] as const;
export type FoundWarningCode = (typeof FOUND_WARNING_CODES)[number];

/** The warnings that the facts raise, in the order of {@link WARNING_CODES}. */
export function collectWarnings(facts: WarningFacts): Warning[] {
  return WARNING_CODES.flatMap((code) => {
    const rule: Rule = RULES[code];
    const text = rule.when(facts);
    return text === null ? [] : [{ code, text, advice: rule.advice }];
  });
}

/** Whether a run took longer than its schedule. Few packets, or packets in bursts, can miss the mean rate and still be on time. */
function isLate(plannedNs: number, elapsedNs: number): boolean {
  return elapsedNs > plannedNs / (1 - WARNING_LIMITS.rateShort) + WARNING_LIMITS.rateShortNs;
}

/** Share of its time that a worker was ready to run and had no CPU; 0 where the system does not report it. */
function cpuWaitShare({ waitNs, schedulerSpanNs, elapsedNs }: WorkerFacts): number {
  const spanNs = Math.max(schedulerSpanNs ?? 0, elapsedNs);
  return waitNs == null || spanNs <= 0 ? 0 : waitNs / spanNs;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

function ns(value: number): string {
  for (const [size, unit] of [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return `${Number(value.toPrecision(3))} ns`;
}

function rate(value: number): string {
  return String(Number(value.toPrecision(4)));
}
