/** Running clean-up passes when they are due, and keeping a record of each. */
import type { RunThread } from './worker-setup.js';
import type { SweepRecord } from './worker-input.js';
import { TRACKER_EPOCH_MS } from './run-clock.js';

/** Sweeps of one thread. Times of the schedule are tracker time. */
export class SweepRunner {
  readonly #thread: RunThread;
  readonly #maxRecords: number;
  readonly #holdMaxAt: number;
  readonly records: SweepRecord[] = [];
  /** Passes run, recorded or not. */
  count = 0;
  /** Length of the last pass. */
  lastDurationNs = 0;
  /** Of all passes, recorded or not. */
  totalNs = 0;
  /** Tracker time of the next pass, milliseconds. */
  dueMs = TRACKER_EPOCH_MS;

  constructor(thread: RunThread, maxRecords = 10_000) {
    this.#thread = thread;
    this.#maxRecords = maxRecords;
    const { run, index } = thread.engine;
    const c = run.engine.constants;
    // Class 0 is ct_lock.
    this.#holdMaxAt = run.plan.regions.threads + index * c.THREAD_SIZE + c.T_LOCK_STATS + c.LS_HOLD_MAX;
  }

  /** Runs a pass if one is due at tracker time `nowMs`. The thread must be online and holds no reference. */
  sweepIfDue(nowMs: number): boolean {
    if (nowMs < this.dueMs) return false;
    this.sweep(nowMs, this.count === 0 ? null : (nowMs - this.dueMs) * 1e6);
    return true;
  }

  /** Runs a pass now. */
  sweep(nowMs: number, wakeUpLagNs: number | null): void {
    const { engine, clock, state } = this.#thread;
    const { exports, view } = engine;
    const before = view.getBigUint64(this.#holdMaxAt, true);
    view.setBigUint64(this.#holdMaxAt, 0n, true);
    const start = clock.now();
    exports.sweep(nowMs);
    const end = clock.now();
    const longest = view.getBigUint64(this.#holdMaxAt, true);
    if (longest < before) view.setBigUint64(this.#holdMaxAt, before, true);
    this.count++;
    this.lastDurationNs = end - start;
    this.totalNs += end - start;
    this.dueMs = nowMs + exports.sweepDelayMs();
    if (this.records.length < this.#maxRecords) {
      this.records.push({
        startMs: Math.max(0, (start - state.t0Ns) / 1e6),
        durationNs: end - start,
        checked: exports.sweepChecked(),
        cleaned: exports.sweepCleaned(),
        longestHoldNs: longest === 0n ? null : Number(longest),
        wakeUpLagNs,
      });
    }
  }
}
