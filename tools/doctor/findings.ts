/** What limits measurements on a machine, from facts about it: a list of findings, each with what to do about it. */
import { addressSpaceAdvice } from '../../engine/host/engine-memory.js';
import type { ClockFigures } from '../measure/clock.js';
import type { EnvironmentFigures } from '../measure/environment.js';
import type { NoiseFigures } from '../measure/noise.js';
import type { MachineShares } from '../measure/schedstat.js';
import { formatBytes, formatNs, formatShare } from '../text/quantities.js';

/** `ok`; `limits`: results are usable, with a limit that is named; `blocks`: something will not run or not be usable. */
export type FindingState = 'ok' | 'limits' | 'blocks';

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly state: FindingState;
  /** What was found. */
  readonly text: string;
  /** What it means for a run, and what to do; null when nothing needs doing. */
  readonly advice: string | null;
}

/** Facts that the findings rest on. */
export interface MachineFacts {
  readonly environment: EnvironmentFigures;
  readonly clock: ClockFigures;
  readonly noise: NoiseFigures;
  /** Over the time that the doctor watched. */
  readonly shares: MachineShares;
  /** Designs that are compiled. */
  readonly designs: readonly string[];
  /** Whether threads can be pinned: taskset is there. */
  readonly canPin: boolean;
  /** Whether the system tells how long threads waited for a CPU. */
  readonly hasSchedstat: boolean;
  /** Version text of Open vSwitch; null when it is not installed. */
  readonly openVswitch: string | null;
  /** Path of Chromium; null when there is none. */
  readonly chromium: string | null;
  readonly nodeMajor: number;
  /** Limit of the address space (ulimit -v) in bytes; null or absent without one. */
  readonly addressSpaceLimitBytes?: number | null;
  /** Why an engine got no memory; null or absent when it got it. */
  readonly engineMemoryFailure?: string | null;
}

/** Least Node.js version. */
const NODE_MAJOR = 20;
/** Memory of a run with the default limit of 3 million connections, in bytes. */
const DEFAULT_RUN_BYTES = 1.2e9;
/** Shares of time above which a machine is not quiet. */
const NOISY_SHARE = 0.01;
const STEAL_SHARE = 0.01;

/** Looks at everything. */
export function findings(facts: MachineFacts): Finding[] {
  return [
    nodeFinding(facts),
    enginesFinding(facts),
    coresFinding(facts),
    pinningFinding(facts),
    governorFinding(facts),
    stealFinding(facts),
    noiseFinding(facts),
    loadFinding(facts),
    timerFinding(facts),
    schedulerFinding(facts),
    memoryFinding(facts),
    addressSpaceFinding(facts),
    openVswitchFinding(facts),
    chromiumFinding(facts),
  ];
}

function ok(name: string, text: string): Finding {
  return { name, state: 'ok', text, advice: null };
}

function limits(name: string, text: string, advice: string): Finding {
  return { name, state: 'limits', text, advice };
}

function blocks(name: string, text: string, advice: string): Finding {
  return { name, state: 'blocks', text, advice };
}

function nodeFinding({ environment, nodeMajor }: MachineFacts): Finding {
  return nodeMajor >= NODE_MAJOR
    ? ok('Node.js', environment.node)
    : blocks('Node.js', environment.node, `ctreplay needs version ${NODE_MAJOR} or later: install one.`);
}

function enginesFinding({ designs }: MachineFacts): Finding {
  return designs.length > 0
    ? ok('designs', designs.join(', '))
    : blocks(
        'designs',
        'none is compiled',
        "Run 'npm run build' in the checkout, or install ctreplay again.",
      );
}

function coresFinding({ environment }: MachineFacts): Finding {
  const { coresOnline, coresUsable, physicalCores, cpuModel, cpuQuota } = environment;
  const parts = [
    `${coresUsable} usable`,
    ...(coresUsable === coresOnline ? [] : [`of ${coresOnline} online`]),
    ...(physicalCores !== null && physicalCores < coresUsable ? [`on ${physicalCores} physical cores`] : []),
    ...(cpuQuota === null ? [] : [`quota ${cpuQuota}`]),
  ];
  const text = `${parts.join(' ')} (${cpuModel ?? 'unknown CPU'})`;
  if (coresUsable < 2) {
    return limits(
      'cores',
      text,
      'The sweeper and the worker share one core: nothing can be said about contention. Use a machine with two or more.',
    );
  }
  const workers = coresUsable - 1;
  return coresUsable < 4 || (physicalCores !== null && physicalCores < coresUsable)
    ? limits(
        'cores',
        text,
        `Above ${workers} ${workers === 1 ? 'worker' : 'workers'} the threads share cores with each other and the sweeper; read such cells as the scheduler's. 'ctreplay model' predicts beyond.`,
      )
    : ok('cores', text);
}

function pinningFinding({ canPin }: MachineFacts): Finding {
  return canPin
    ? ok('pinning', 'taskset is there')
    : limits('pinning', 'taskset is not there', '--pin has no effect: install util-linux.');
}

function governorFinding({ environment }: MachineFacts): Finding {
  const { governor, turbo, virtualized } = environment;
  if (governor === null) {
    return virtualized === true
      ? limits(
          'frequency',
          'not reported by this virtual machine',
          'The clock rate may change without notice: compare designs only within one run, with interleaved trials.',
        )
      : ok('frequency', 'not reported by this system');
  }
  const text = `governor ${governor}${turbo === null ? '' : turbo ? ', boost on' : ', boost off'}`;
  return governor === 'performance'
    ? ok('frequency', text)
    : limits('frequency', text, 'Set it: cpupower frequency-set -g performance.');
}

function stealFinding({ shares }: MachineFacts): Finding {
  const { stealShare } = shares;
  if (stealShare === null) return ok('steal', 'not reported by this system');
  const text = `${formatShare(stealShare)} of CPU time taken by the hypervisor`;
  return stealShare > STEAL_SHARE
    ? limits(
        'steal',
        text,
        'Tails are those of other guests: run at another time, or on a machine of its own.',
      )
    : ok('steal', text);
}

function noiseFinding({ noise }: MachineFacts): Finding {
  const longest = noise.maxNs === null ? '' : `, the longest ${formatNs(noise.maxNs)}`;
  const text = `a computing thread loses ${formatShare(noise.lostShare)} of its time to interruptions${longest}`;
  return noise.lostShare > NOISY_SHARE
    ? limits(
        'noise',
        text,
        'Percentiles beyond p99 show the machine: stop other programs, isolate CPUs (isolcpus, --pin), take more trials.',
      )
    : ok('noise', text);
}

function loadFinding({ environment }: MachineFacts): Finding {
  const { loadAverage1m, coresUsable } = environment;
  if (loadAverage1m === null) return ok('load', 'not reported by this system');
  const text = `load average ${loadAverage1m.toFixed(2)} on ${coresUsable} cores`;
  return loadAverage1m > coresUsable / 2
    ? limits('load', text, 'Something else is running; wait for it to end before measuring.')
    : ok('load', text);
}

function timerFinding({ clock, environment }: MachineFacts): Finding {
  const source = environment.clockSource === null ? '' : ` (${environment.clockSource})`;
  const text = `${clock.source}${source}: a read costs ${formatNs(clock.costNs)}, the smallest step is ${formatNs(clock.stepNs)}`;
  if (clock.backwardSteps > 0) {
    return blocks(
      'timer',
      `${text}; it went backwards`,
      'No time can be trusted: change the clock source or the machine.',
    );
  }
  return clock.costNs > 200 || clock.stepNs > 1000
    ? limits(
        'timer',
        text,
        'Per-packet times are coarse: take throughput from bench --bare, and read medians with this step in mind.',
      )
    : ok('timer', text);
}

function schedulerFinding({ hasSchedstat }: MachineFacts): Finding {
  return hasSchedstat
    ? ok('scheduler', 'tells how long each thread waited for a CPU')
    : limits(
        'scheduler',
        'does not report how long threads waited for a CPU',
        'Waiting for a lock cannot be distinguished from waiting for a CPU: use Linux with /proc/PID/task/TID/schedstat.',
      );
}

function memoryFinding({ environment }: MachineFacts): Finding {
  const { memoryBytes, memoryAvailableBytes, memoryLimitBytes } = environment;
  const free = Math.min(memoryAvailableBytes ?? memoryBytes, memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  const text = `${formatBytes(free)} available of ${formatBytes(memoryBytes)}${memoryLimitBytes === null ? '' : `, limited to ${formatBytes(memoryLimitBytes)} by the control group`}`;
  return free < DEFAULT_RUN_BYTES
    ? limits(
        'memory',
        text,
        `A run with the default connection limit takes up to ${formatBytes(DEFAULT_RUN_BYTES)}: lower --max-conns.`,
      )
    : ok('memory', text);
}

function addressSpaceFinding({ addressSpaceLimitBytes, engineMemoryFailure }: MachineFacts): Finding {
  const limit = addressSpaceLimitBytes ?? null;
  const text = limit === null ? 'not limited' : `limited to ${formatBytes(limit)} (ulimit -v)`;
  if (engineMemoryFailure != null) {
    return blocks('address space', `${text}: an engine gets no memory`, engineMemoryFailure);
  }
  return limit === null ? ok('address space', text) : limits('address space', text, addressSpaceAdvice());
}

function openVswitchFinding({ openVswitch }: MachineFacts): Finding {
  return openVswitch !== null
    ? ok('Open vSwitch', openVswitch)
    : limits(
        'Open vSwitch',
        'not installed',
        "Only 'ctreplay conform', which compares with the original, needs it: install openvswitch-switch.",
      );
}

function chromiumFinding({ chromium }: MachineFacts): Finding {
  return chromium !== null
    ? ok('Chromium', chromium)
    : ok('Chromium', "not installed; only ctreplay's own tests of the report page use it");
}
