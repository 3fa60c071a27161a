/**
 * The words through which the threads of a run agree: one SharedArrayBuffer beside the engine's memory.
 *
 * Who writes: READY and DONE are counted up by workers, the last of which sets STOP; PREFILLED is set by the feeder; GO and t0
 * are written by the main thread; STOP by it too, and by a thread that fails; FAILED by whoever sees the first failure; END_REQUEST
 * by a thread under test; NOW by the worker that drives a capture clock (any worker, the latest time wins); each thread its own
 * place in the traffic.
 * Why the ordering holds: everything is Atomics on 32-bit words, or a 64-bit float written before the GO word is
 * stored and read after it was seen. The places are plain: they are read once the thread has ended, which the main thread
 * is announced by a message.
 */

/** Index of each 32-bit word. */
const READY = 0;
const GO = 1;
const STOP = 2;
const DONE = 3;
const FAILED = 4;
const PREFILLED = 5;
const END_REQUEST = 6;
/** Float64 index of t0 and of the capture clock (nanoseconds and milliseconds of the run's and the capture's clock). */
const T0 = 4;
/** Where each thread is in the traffic: a pair of cache lines apiece, so that no thread waits for another's. */
const PLACES_AT = 128;
const PLACE_BYTES = 128;
const PLACE_FLOATS = PLACE_BYTES / 8;
/** Workers, the sweeper, the main thread, the feeder: --workers goes up to 64. */
const MOST_THREADS = 67;
const BYTES = PLACES_AT + MOST_THREADS * PLACE_BYTES;

/** Why the run is to stop: 0 not at all, then what the main thread asked for. */
export const STOP_NONE = 0;
export const STOP_FINISHED = 1;
export const STOP_FAILED = 3;

/** Shared words of one run. Construct on the main thread, rebuild from `buffer` on the others. */
export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #now: BigInt64Array;
  /** Packet in progress of each thread, counting from 1; 0 = none. */
  readonly #places: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, 8);
    this.#floats = new Float64Array(buffer);
    this.#now = new BigInt64Array(buffer, 64, 1);
    this.#places = new Float64Array(buffer, PLACES_AT, MOST_THREADS * PLACE_FLOATS);
  }

  /** Says that a thread is at the barrier. */
  arrive(): void {
    Atomics.add(this.#words, READY, 1);
    Atomics.notify(this.#words, READY);
  }

  /** A thread is at the barrier: blocks until the main thread opens it. Returns false when the run was stopped instead. */
  arriveAndWait(): boolean {
    this.arrive();
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
    for (const word of [STOP, GO, PREFILLED]) Atomics.notify(this.#words, word);
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

  /** Asks the main thread to end a thread from outside, by its id in this process: for tests (fault-injection.ts). */
  requestEnd(threadId: number): void {
    Atomics.store(this.#words, END_REQUEST, threadId);
  }

  /** Thread that asked to be ended, or null. */
  get endRequest(): number | null {
    const word = Atomics.load(this.#words, END_REQUEST);
    return word === 0 ? null : word;
  }

  /** Notes the packet that a thread begins a batch with, by its place in the traffic; null = it is in none now. */
  notePacket(thread: number, packetIndex: number | null): void {
    this.#places[thread * PLACE_FLOATS] = packetIndex === null ? 0 : packetIndex + 1;
  }

  /** What a thread that has ended noted last. */
  packetOf(thread: number): number | null {
    const place = this.#places[thread * PLACE_FLOATS] as number;
    return place === 0 ? null : place - 1;
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
