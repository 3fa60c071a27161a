/**
 * What timing costs on the thread that is timed: a read of the clock as the engine makes it, and a call of the engine without
 * any packet. Measured by each worker after its warm-up, with the compiled code and the core that the run will have.
 */
import { calibrateClock, type ClockFigures } from '../measure/clock.js';
import { quantileSorted, sorted } from '../stats/sample.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { type RunClock, TRACKER_EPOCH_MS } from './run-clock.js';

/** The thread that is timed: its clock and its engine. */
export interface TimedThread {
  readonly clock: RunClock;
  readonly engine: EngineThread;
}

/** Costs of one thread, nanoseconds. */
export interface ThreadTiming {
  readonly clock: ClockFigures;
  /** One read of the clock by the engine: a timed call without packets makes one more than one that is not timed. */
  readonly engineReadNs: number;
  /** From the read before a call to the read after it, for a call without packets: what a batch costs beside its packets. */
  readonly callNs: number;
  /** The same where packets are timed. */
  readonly timedCallNs: number;
}

/** Enough for the cost; the step does not change. */
const STEPS_AGAIN = 50;
const BATCHES_AGAIN = 100;

/**
 * What a read of the clock costs after the run, as a share of what it cost before. On a machine that others use as well it may have
 * changed by half: the core is shared, or clocked down. Takes a millisecond or two and does not touch the engine.
 * @param before from `calibrateThread`
 */
export function clockDrift({ clock }: Pick<TimedThread, 'clock'>, before: ThreadTiming): number {
  const after = calibrateClock(
    { name: 'performance.now', nowNs: clock.now },
    { steps: STEPS_AGAIN, batches: BATCHES_AGAIN },
  );
  return after.costNs / before.clock.costNs;
}

const WARM_UP_GROUPS = 30;
const GROUPS = 60;
const CALLS_PER_GROUP = 50;
/** The quantile of groups that stands for an undisturbed call. */
const UNDISTURBED = 0.1;

/** Calibrates the calling thread; takes a few milliseconds. The thread must be online and hold no reference. */
export function calibrateThread({ engine, clock }: TimedThread): ThreadTiming {
  const figures = calibrateClock(
    { name: 'performance.now', nowNs: clock.now },
    { steps: 1000, batches: 150 },
  );
  const { exports, packetsAt, paramsAt } = engine;
  const plain = callTimes(clock.now, () => exports.execute(packetsAt, 0, paramsAt, TRACKER_EPOCH_MS));
  const timed = callTimes(clock.now, () => exports.executeTimed(packetsAt, 0, paramsAt, TRACKER_EPOCH_MS, 0));
  const readNs = quantileSorted(timed, UNDISTURBED) - quantileSorted(plain, UNDISTURBED);
  return {
    clock: figures,
    engineReadNs: readNs > 0 ? readNs : figures.costNs,
    callNs: quantileSorted(plain, 0.5),
    timedCallNs: quantileSorted(timed, 0.5),
  };
}

/** Mean time from read to read around a call, in each of several groups of calls, ascending. */
function callTimes(now: () => number, call: () => void): Float64Array {
  const times: number[] = [];
  for (let group = -WARM_UP_GROUPS; group < GROUPS; group++) {
    let sum = 0;
    for (let i = 0; i < CALLS_PER_GROUP; i++) {
      const before = now();
      call();
      sum += now() - before;
    }
    if (group >= 0) times.push(sum / CALLS_PER_GROUP);
  }
  return sorted(times);
}
