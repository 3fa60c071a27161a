/**
 * What the threads of a torture round and the main thread tell each other, in words of a shared buffer of its own.
 *
 * Who writes: the main thread before a lap (everything) and to stop; a thread its own words; in serial mode whoever has the turn the
 * words of the schedule. Why the ordering holds: all of it is Atomics; a thread goes on only after it has seen its gate open,
 * which the thread before it opened last.
 */

/** Time of the tracker, milliseconds. */
const NOW = 0;
/** Number of the lap that may be run; laps count from 1. */
const LAP = 1;
const STOP = 2;
/** Steps made by all threads in this round, serial mode only. */
const STEPS = 3;
/** State of the schedule's random numbers, serial mode only. */
const RANDOM = 4;
/** Flushes of everything that have begun, and that have ended. */
const FLUSHES_BEGUN = 5;
const FLUSHES_ENDED = 6;
/** Threads that have done a lap's work, or will never. */
const ARRIVED = 7;
const PER_THREAD = 8;
/** Serial mode: whether the thread takes part, may go on now, and before which step it does not want to. */
const STATE = 0;
const GATE = 1;
const ASLEEP_UNTIL = 2;
/** The step that the thread came to last. */
const AT = 3;
/** A word to sleep on. */
const PILLOW = 4;
const WORDS = 8;

const OUT = 0;
const IN = 1;

/** Looks at the gate before a thread sleeps on it. */
const SPINS = 2000;
const START_MS = 1_000_000;
/** At a rare step one thread in so many is left standing. */
const RARE_EVERY = 8;

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #threads: number;

  constructor(threads: number, buffer = new SharedArrayBuffer((PER_THREAD + threads * WORDS) * 4)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#threads = threads;
  }

  #word(thread: number, word: number): number {
    return PER_THREAD + thread * WORDS + word;
  }

  // ---- Main thread ---------------------------------------------------------------------------------------------------
  /** A round as at its start. */
  reset(randomSeed: number): void {
    this.#words.fill(0);
    this.#words[NOW] = START_MS;
    this.#words[RANDOM] = randomSeed | 0 || 1;
  }

  /** Lets the threads into a lap; in serial mode one of them, drawn, begins. */
  startLap(lap: number, serial: boolean): void {
    Atomics.store(this.#words, ARRIVED, 0);
    if (serial) {
      for (let thread = 0; thread < this.#threads; thread++) {
        Atomics.store(this.#words, this.#word(thread, STATE), IN);
        Atomics.store(this.#words, this.#word(thread, ASLEEP_UNTIL), 0);
      }
      this.#open(this.#draw(this.#threads));
    }
    Atomics.store(this.#words, LAP, lap);
    Atomics.notify(this.#words, LAP);
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1);
    Atomics.notify(this.#words, LAP);
    for (let thread = 0; thread < this.#threads; thread++)
      Atomics.notify(this.#words, this.#word(thread, GATE));
  }

  /** Id of the step that a thread came to last; 0 = none. */
  lastStep(thread: number): number {
    return Atomics.load(this.#words, this.#word(thread, AT));
  }

  /** Where all threads are: other words whenever one of them has got further. */
  progress(): string {
    const steps = Array.from({ length: this.#threads }, (_, thread) => this.lastStep(thread));
    return [Atomics.load(this.#words, STEPS), Atomics.load(this.#words, ARRIVED), ...steps].join(' ');
  }

  // ---- Threads -------------------------------------------------------------------------------------------------------
  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  /**
   * Waits for a lap. Returns false when there is none any more. One that has begun is taken part in even where a death has stopped it
   * before the thread was here: the main thread waits for its end.
   */
  awaitLap(lap: number): boolean {
    for (
      let now = Atomics.load(this.#words, LAP);
      now < lap && !this.stopped;
      now = Atomics.load(this.#words, LAP)
    )
      Atomics.wait(this.#words, LAP, now, 1000);
    return Atomics.load(this.#words, LAP) >= lap;
  }

  get nowMs(): number {
    return Atomics.load(this.#words, NOW);
  }

  moveClock(ms: number): void {
    Atomics.add(this.#words, NOW, ms);
  }

  /** Steps of the round so far, serial mode. */
  get steps(): number {
    return Atomics.load(this.#words, STEPS);
  }

  noteStep(thread: number, id: number): void {
    this.#words[this.#word(thread, AT)] = id;
  }

  sleep(thread: number, ms: number): void {
    Atomics.wait(this.#words, this.#word(thread, PILLOW), 0, ms);
  }

  /** Waits until the other threads of the lap are here too, so that they leave at nearly the same moment. */
  meet(thread: number, serial: boolean): void {
    this.arrive();
    for (
      let here = Atomics.load(this.#words, ARRIVED);
      here < this.#threads && !this.stopped;
      here = Atomics.load(this.#words, ARRIVED)
    ) {
      if (serial) this.serialStep(thread, 0, true);
      else Atomics.wait(this.#words, ARRIVED, here, 1);
    }
  }

  /** Nobody has to wait for this thread in this lap any more. */
  arrive(): void {
    Atomics.add(this.#words, ARRIVED, 1);
    Atomics.notify(this.#words, ARRIVED);
  }

  beginFlush(): void {
    Atomics.add(this.#words, FLUSHES_BEGUN, 1);
  }
  endFlush(): void {
    Atomics.add(this.#words, FLUSHES_ENDED, 1);
  }
  /** Number of the flushes so far when none is in progress; null while one is. */
  get flushes(): number | null {
    const ended = Atomics.load(this.#words, FLUSHES_ENDED);
    return Atomics.load(this.#words, FLUSHES_BEGUN) === ended ? ended : null;
  }
  get flushesBegun(): number {
    return Atomics.load(this.#words, FLUSHES_BEGUN);
  }

  // ---- Serial mode: whoever has the turn ----------------------------------------------------------------------------
  /** Waits for the thread's turn. */
  awaitTurn(thread: number): void {
    const gate = this.#word(thread, GATE);
    for (let spins = 0; Atomics.compareExchange(this.#words, gate, 1, 0) === 0; spins++) {
      if (spins >= SPINS) Atomics.wait(this.#words, gate, 0, 1000);
    }
  }

  /**
   * Counts a step, and hands over at one in 2^shift, or surely where the thread can do nothing but wait. Where a thread stands seldom, it
   * is left standing for long now and then.
   */
  serialStep(thread: number, shift: number, mustWait: boolean, isRare = false): void {
    const steps = Atomics.load(this.#words, STEPS) + 1;
    Atomics.store(this.#words, STEPS, steps);
    const stands = isRare && this.#draw(RARE_EVERY) === 0;
    if (this.#draw(1 << shift) !== 0 && !mustWait && !stands) return;
    // A long delay now and then: the others do a lot meanwhile.
    if (!mustWait && (stands || this.#draw(8) === 0))
      Atomics.store(this.#words, this.#word(thread, ASLEEP_UNTIL), steps + (1 << (4 + this.#draw(9))));
    const next = this.#next(thread, steps, mustWait);
    if (next === thread || next < 0) return;
    this.#open(next);
    this.awaitTurn(thread);
  }

  /** The thread is done with the lap; another one goes on. */
  leaveTurns(thread: number): void {
    Atomics.store(this.#words, this.#word(thread, STATE), OUT);
    const next = this.#next(thread, Atomics.load(this.#words, STEPS), true);
    if (next >= 0) this.#open(next);
  }

  #open(thread: number): void {
    const gate = this.#word(thread, GATE);
    Atomics.store(this.#words, gate, 1);
    Atomics.notify(this.#words, gate);
  }

  /** One of those that take part and want to go on; where none does, the one that will first. -1 = there is none. */
  #next(thread: number, steps: number, another: boolean): number {
    const inLap: number[] = [];
    for (let each = 0; each < this.#threads; each++) {
      const isIn = Atomics.load(this.#words, this.#word(each, STATE)) === IN;
      if (isIn && !(another && each === thread)) inLap.push(each);
    }
    const wakeOf = (each: number): number => Atomics.load(this.#words, this.#word(each, ASLEEP_UNTIL));
    const awake = inLap.filter((each) => wakeOf(each) <= steps);
    if (awake.length > 0) return awake[this.#draw(awake.length)] as number;
    return inLap.toSorted((a, b) => wakeOf(a) - wakeOf(b))[0] ?? -1;
  }

  /** Whole number from 0 to `bound - 1`. */
  #draw(bound: number): number {
    let state = Atomics.load(this.#words, RANDOM);
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    Atomics.store(this.#words, RANDOM, state);
    return ((state >>> 1) >>> 0) % bound;
  }
}
