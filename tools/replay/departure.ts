/** How late packets left, against their due times. */
import { LATENCY_CONFIG, clampedCountsIndex, countsLength } from '../measure/log-linear.js';
import { MAX_BATCH } from '../../engine/host/thread.js';

/** Lateness as log-linear counts of nanoseconds (3 digits), with exact figures beside them. */
export interface DepartureFigures {
  readonly counts: Float64Array;
  readonly count: number;
  readonly sumNs: number;
  readonly maxNs: number;
  readonly minNs: number;
}

/** Of all packets, and of those that were due when the run had settled. */
export interface Departures {
  readonly all: DepartureFigures;
  readonly settled: DepartureFigures;
  /**
   * Until when the schedule was followed, on the run's clock: the due time of the last packet that left, or the end of the wait in
   * which the run ended because the next packet was not due yet. Null when there was no packet.
   */
  readonly followedNs: number | null;
  /** Packets whose lateness is mostly the machine's: it brought the thread back too late from a wait. */
  readonly delayedCount: number;
}

/** A run has settled when code is compiled and caches are warm. */
export const SETTLED_AFTER_NS = 100e6;

class Lateness {
  readonly #counts = new Float64Array(countsLength(LATENCY_CONFIG));
  #count = 0;
  #sumNs = 0;
  #maxNs = 0;
  #minNs = Number.POSITIVE_INFINITY;

  add(lateNs: number): void {
    const index = clampedCountsIndex(LATENCY_CONFIG, lateNs);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    this.#sumNs += lateNs;
    if (lateNs > this.#maxNs) this.#maxNs = lateNs;
    if (lateNs < this.#minNs) this.#minNs = lateNs;
  }

  figures(): DepartureFigures {
    return {
      counts: this.#counts,
      count: this.#count,
      sumNs: this.#sumNs,
      maxNs: this.#maxNs,
      minNs: this.#count === 0 ? 0 : this.#minNs,
    };
  }
}

/** Less than this is the step of the clock and the way out of the wait. */
const LATE_RETURN_NS = 1000;

/**
 * Books one worker's departures, and beside them a schedule without the machine: each batch begins when its first packet is due or,
 * if that is later, when the batch before is done, and takes as long as it did. What a batch leaves later than that, the machine
 * added, and what follows has it until the worker has caught up. A packet is delayed by the machine when that is more than
 * {@link LATE_RETURN_NS} and more than half of its lateness; an overloaded tracker is not excused by it.
 */
export class DepartureRecorder {
  readonly #all = new Lateness();
  readonly #settled = new Lateness();
  readonly #due = new Float64Array(MAX_BATCH);
  #pending = 0;
  #departedNs = 0;
  #settledNs = 0;
  #followedNs: number | null = null;
  #delayedCount = 0;
  /** On the schedule without the machine: when the batch in progress began, and when the worker was done with the one before. */
  #undisturbedNs = Number.NEGATIVE_INFINITY;
  #beganNs = 0;
  #byMachineNs = 0;

  /**
   * The next batch begins.
   * @param doneNs when the worker was done with the batch before
   * @param beginsNs when it came back from waiting; `doneNs` where it did not wait
   * @param firstDueNs when the first packet of the batch is due
   */
  begin(doneNs: number, beginsNs: number, firstDueNs: number): void {
    const undisturbedDoneNs = this.#undisturbedNs + (doneNs - this.#beganNs);
    this.#undisturbedNs = Math.max(firstDueNs, undisturbedDoneNs);
    this.#beganNs = beginsNs;
    this.#byMachineNs = beginsNs - this.#undisturbedNs;
  }

  /**
   * Packets with these due times leave now, in one batch.
   * @param settledNs due times from here on count as settled, on the run's clock
   */
  note(due: Float64Array, count: number, departedNs: number, settledNs: number): void {
    this.#settledNs = settledNs;
    this.#due.set(due.subarray(0, count));
    this.#pending = count;
    this.#departedNs = departedNs;
    if (count > 0) this.#followedNs = due[count - 1] as number;
  }

  /** The run, or its schedule, ended at this time, before the next packet was due. */
  stoppedBeforeDue(nowNs: number): void {
    this.#followedNs = nowNs;
  }

  /** Books the noted packets, after the batch: booking is not part of anybody's latency. */
  settle(): void {
    for (let i = 0; i < this.#pending; i++) {
      const dueNs = this.#due[i] as number;
      const lateNs = Math.max(0, Math.round(this.#departedNs - dueNs));
      this.#all.add(lateNs);
      if (dueNs >= this.#settledNs) this.#settled.add(lateNs);
      const byMachineNs = Math.min(this.#byMachineNs, lateNs);
      if (byMachineNs > LATE_RETURN_NS && byMachineNs > lateNs / 2) this.#delayedCount++;
    }
    this.#pending = 0;
  }

  figures(): Departures {
    return {
      all: this.#all.figures(),
      settled: this.#settled.figures(),
      followedNs: this.#followedNs,
      delayedCount: this.#delayedCount,
    };
  }
}

/**
 * When the last packet that left was due, nanoseconds after t0, where no worker was stopped in a wait.
 * @param elapsedNs from t0 to the last worker's end
 * @returns null when there was no schedule, or no packet
 */
export function lastDueNs(
  elapsedNs: number,
  workers: readonly { readonly endNs: number; readonly departure: Departures | null }[],
): number | null {
  const followed = workers.flatMap(({ departure }) => departure?.followedNs ?? []);
  const t0Ns = Math.max(...workers.map(({ endNs }) => endNs)) - elapsedNs;
  return followed.length === 0 ? null : Math.max(...followed) - t0Ns;
}

/**
 * Time that a paced run should have taken: its length less the worst arrears that a worker ended with.
 * @returns null when there was no schedule
 */
export function plannedNs(
  elapsedNs: number,
  workers: readonly { readonly endNs: number; readonly departure: Departures | null }[],
): number | null {
  const arrearsNs = workers.flatMap(({ endNs, departure }) =>
    departure === null ? [] : [departure.followedNs === null ? 0 : endNs - departure.followedNs],
  );
  return arrearsNs.length === 0 ? null : elapsedNs - Math.max(...arrearsNs);
}
