/**
 * The words through which the threads of a run agree: one SharedArrayBuffer beside the engine's memory.
 *
 * Who writes: READY and DONE are counted up by workers, the last of which sets STOP; PREFILLED is set by the feeder; GO, STOP and t0 are written by
 * the main thread (STOP also by a thread that fails); NOW by the worker that drives a capture clock (any worker, the latest time wins).
 * Why the ordering holds: everything is Atomics on 32-bit words, or a 64-bit float written before the GO word is
 * stored and read after it was seen.
 */

/** Index of each 32-bit word. */
const READY = 0;
const GO = 1;
const STOP = 2;
const DONE = 3;
const FAILED = 4;
const PREFILLED = 5;
/** Float64 index of t0 and of the capture clock (nanoseconds and milliseconds of the run's and the capture's clock). */
const T0 = 4;
const BYTES = 128;

/** Why the run is to stop: 0 not at all, then what the main thread asked for. */
export const STOP_NONE = 0;
export const STOP_FINISHED = 1;
export const STOP_INTERRUPTED = 2;
export const STOP_FAILED = 3;

/** Shared words of one run. Construct on the main thread, rebuild from `buffer` on the others. */
export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #now: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 8);
    this.#floats = new Float64Array(buffer);
    this.#now = new BigInt64Array(buffer, 64, 1);
  }

  /** A worker is at the barrier: blocks until the main thread opens it. Returns false when the run was stopped instead. */
  arriveAndWait(): boolean {
    Atomics.add(this.#words, READY, 1);
    Atomics.notify(this.#words, READY);
    for (;;) {
      if (this.stopped !== STOP_NONE) return false;
      if (Atomics.load(this.#words, GO) !== 0) return true;
      Atomics.wait(this.#words, GO, 0, 100);
    }
  }

  /** The rings are as full as they can be before the start; said once, by the feeder. */
  markPrefilled(): void {
    if (Atomics.compareExchange(this.#words, PREFILLED, 0, 1) !== 0) return;
    Atomics.notify(this.#words, PREFILLED);
  }

  /** Blocks until the rings are filled, or the run is stopped. */
  waitForPrefill(): void {
    while (this.stopped === STOP_NONE && Atomics.load(this.#words, PREFILLED) === 0) {
      Atomics.wait(this.#words, PREFILLED, 0, 100);
    }
  }

  /** Number of threads at the barrier. */
  get ready(): number {
    return Atomics.load(this.#words, READY);
  }

  /** Opens the barrier; `t0Ns` is when the schedule starts on the run's clock. */
  open(t0Ns: number): void {
    this.#floats[T0] = t0Ns;
    Atomics.store(this.#words, GO, 1);
    Atomics.notify(this.#words, GO);
  }

  /** Schedule start; valid after the barrier. */
  get t0Ns(): number {
    return this.#floats[T0] ?? 0;
  }

  stop(reason: number): void {
    Atomics.compareExchange(this.#words, STOP, STOP_NONE, reason);
    Atomics.notify(this.#words, STOP);
    Atomics.notify(this.#words, GO);
  }

  get stopped(): number {
    return Atomics.load(this.#words, STOP);
  }

  /** Sleeps up to `ms`, less when the run is stopped. */
  sleep(ms: number): void {
    if (ms > 0) Atomics.wait(this.#words, STOP, STOP_NONE, ms);
  }

  /**
   * A worker is done with its packets. The last of `workers` stops the run, so that nobody sweeps while they look at the machine
   * once more; the others wait for that.
   */
  finishTogether(workers: number): void {
    if (Atomics.add(this.#words, DONE, 1) + 1 >= workers) this.stop(STOP_FINISHED);
    while (this.stopped === STOP_NONE) Atomics.wait(this.#words, STOP, STOP_NONE, 100);
  }

  /** Records which thread failed first; index + 1. */
  markFailed(thread: number): void {
    Atomics.compareExchange(this.#words, FAILED, 0, thread + 1);
  }

  /** Thread that failed first, or null. */
  get failedThread(): number | null {
    const word = Atomics.load(this.#words, FAILED);
    return word === 0 ? null : word - 1;
  }

  /** Moves the capture clock on to `ms`, never back. */
  advanceTo(ms: number): void {
    const next = BigInt(Math.trunc(ms));
    let seen = Atomics.load(this.#now, 0);
    while (next > seen) {
      const found = Atomics.compareExchange(this.#now, 0, seen, next);
      if (found === seen) return;
      seen = found;
    }
  }

  /** Latest time of the capture clock in milliseconds. */
  get captureNowMs(): number {
    return Number(Atomics.load(this.#now, 0));
  }
}
