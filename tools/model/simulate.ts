/**
 * A discrete-event simulation of workers that run packets and of the locks they need: each packet is work, cut into pieces by
 * holding ct_lock and, where connections are shared between workers, locks of connections. A worker has a core of its own.
 * Equal parameters and seeds give equal results.
 */
import { Random } from '../random/random.js';
import { EventHeap } from './event-heap.js';
import type { LockDiscipline, ModelParameters, ModelPoint, RandomTime } from './parameters.js';

/** How long a simulation runs. */
export interface SimulationOptions {
  readonly seed: number;
  /** Packets that count, over all workers; default 40,000. */
  readonly packets?: number;
}

const DEFAULT_PACKETS = 40_000;
/** Share of the packets that run first and do not count: until then the workers' starts are still correlated. */
const WARM_UP_SHARE = 0.2;

/** What a thread's next event means. */
const STEP = 0;
const RELEASE = 1;
const LOOK = 2;
const WAKE = 3;
const KINDS = 4;

/** A lock in the simulation. */
class SimulatedLock {
  held = false;
  readonly queue: SimulatedThread[] = [];
  readonly sleepers: SimulatedThread[] = [];
  /** The mutex's running average of looks or pauses. */
  average = 0;
  /** It is ct_lock, or one of those that take turns for it. */
  readonly isCt: boolean;

  constructor(isCt: boolean) {
    this.isCt = isCt;
  }
}

/** A worker or the sweeper. */
class SimulatedThread {
  /** Pieces left of the packet in progress: the lock to take next, in order. */
  readonly plan: SimulatedLock[] = [];
  pieceNs = 0;
  holding: SimulatedLock | null = null;
  /** Since when it has waited for `holding`; null when it does not. */
  waitingSince: number | null = null;
  looks = 0;
  /** Of the bound: looks or pauses so far. */
  spins = 0;
  sleeping = false;
  readonly index: number;
  readonly isSweeper: boolean;

  constructor(index: number, isSweeper: boolean) {
    this.index = index;
    this.isSweeper = isSweeper;
  }
}

/**
 * Simulates `workers` workers.
 * @throws RangeError for a time or number that is negative or not finite, or no work at all
 */
export function simulate(
  parameters: ModelParameters,
  workers: number,
  options: SimulationOptions,
): ModelPoint {
  assertParameters(parameters, workers);
  return new Simulation(parameters, workers, options).run();
}

class Simulation {
  readonly #p: ModelParameters;
  readonly #workers: number;
  readonly #random: Random;
  readonly #target: number;
  readonly #events = new EventHeap();
  readonly #threads: SimulatedThread[];
  readonly #ctLocks: readonly SimulatedLock[];
  readonly #connectionLocks = new Map<number, SimulatedLock>();
  readonly #popular: Float64Array;
  #now = 0;
  #done = 0;
  #startNs = 0;
  #waitNs = 0;
  #ctHeldNs = 0;
  #ctTaken = 0;
  #ctContended = 0;
  #sweepHoldsLeft = 0;

  constructor(parameters: ModelParameters, workers: number, options: SimulationOptions) {
    this.#p = parameters;
    this.#workers = workers;
    this.#random = new Random(options.seed).derive(`model ${workers}`);
    this.#target = options.packets ?? DEFAULT_PACKETS;
    this.#ctLocks = Array.from({ length: parameters.ctLocks ?? 1 }, () => new SimulatedLock(true));
    this.#threads = Array.from({ length: workers }, (_, index) => new SimulatedThread(index, false));
    if (parameters.sweeper !== null) this.#threads.push(new SimulatedThread(workers, true));
    let sum = 0;
    this.#popular = Float64Array.from(parameters.connections?.popularity ?? [], (share) => (sum += share));
  }

  run(): ModelPoint {
    const warmUp = Math.ceil(this.#target * WARM_UP_SHARE);
    for (const thread of this.#threads) {
      if (thread.isSweeper) {
        this.#schedule((this.#p.sweeper?.pauseNs ?? 0) * this.#random.real(), STEP, thread);
      } else {
        this.#beginPacket(thread);
        // Workers do not start in step.
        this.#schedule(thread.pieceNs * this.#random.real(), STEP, thread);
      }
    }
    let counting = false;
    while (this.#done < this.#target) {
      this.#now = this.#events.nextTime;
      const code = this.#events.pop();
      const thread = this.#threads[Math.floor(code / KINDS)] as SimulatedThread;
      const kind = code % KINDS;
      if (kind === STEP) this.#step(thread);
      else if (kind === RELEASE) this.#release(thread);
      else this.#look(thread);
      if (!counting && this.#done >= warmUp) {
        counting = true;
        this.#done = 0;
        this.#startNs = this.#now;
        this.#waitNs = 0;
        this.#ctHeldNs = 0;
        this.#ctTaken = 0;
        this.#ctContended = 0;
      }
    }
    for (const thread of this.#threads) this.#endWait(thread);
    const elapsedNs = this.#now - this.#startNs;
    return {
      workers: this.#workers,
      pps: (this.#done / elapsedNs) * 1e9,
      waitPerPacketNs: this.#waitNs / this.#done,
      waitShare: Math.min(1, this.#waitNs / (elapsedNs * this.#workers)),
      ctUtilisation: Math.min(1, this.#ctHeldNs / elapsedNs),
      contendedShare: this.#ctTaken === 0 ? 0 : this.#ctContended / this.#ctTaken,
    };
  }

  /** Lays out a packet: which locks it takes, with equal pieces of work around them. */
  #beginPacket(thread: SimulatedThread): void {
    const { ctPerPacket, connections, work } = this.#p;
    for (let i = this.#wholeNumber(ctPerPacket); i > 0; i--) thread.plan.push(this.#drawCtLock());
    if (connections !== null) {
      const connection = this.#drawConnection();
      const times = this.#wholeNumber(connections.perPacket);
      if (connection !== null) for (let i = times; i > 0; i--) thread.plan.unshift(connection);
    }
    thread.pieceNs = this.#draw(work) / (thread.plan.length + 1);
  }

  /** Takes no draw where there is one. */
  #drawCtLock(): SimulatedLock {
    const count = this.#ctLocks.length;
    return this.#ctLocks[count === 1 ? 0 : Math.floor(count * this.#random.real())] as SimulatedLock;
  }

  /** A whole number with this mean. */
  #wholeNumber(mean: number): number {
    const whole = Math.floor(mean);
    return whole + (this.#random.real() < mean - whole ? 1 : 0);
  }

  /** Lock of the packet's connection; null when it is one of the many that never meet. */
  #drawConnection(): SimulatedLock | null {
    const place = this.#random.real();
    const rank = this.#popular.findIndex((sum) => place < sum);
    if (rank === -1) return null;
    let lock = this.#connectionLocks.get(rank);
    if (lock === undefined) {
      lock = new SimulatedLock(false);
      this.#connectionLocks.set(rank, lock);
    }
    return lock;
  }

  /** A piece of work has ended. */
  #step(thread: SimulatedThread): void {
    if (thread.isSweeper) {
      this.#sweeperStep(thread);
      return;
    }
    const lock = thread.plan.shift();
    if (lock === undefined) {
      this.#done++;
      this.#beginPacket(thread);
      this.#schedule(this.#now + thread.pieceNs, STEP, thread);
      return;
    }
    this.#request(thread, lock);
  }

  #sweeperStep(thread: SimulatedThread): void {
    const sweeper = this.#p.sweeper;
    if (sweeper === null) return;
    if (this.#sweepHoldsLeft === 0)
      this.#sweepHoldsLeft = Math.max(1, this.#wholeNumber(sweeper.holdsPerPass));
    this.#sweepHoldsLeft--;
    this.#request(thread, this.#drawCtLock());
  }

  #request(thread: SimulatedThread, lock: SimulatedLock): void {
    if (lock.isCt && !thread.isSweeper) this.#ctTaken++;
    thread.holding = lock;
    thread.waitingSince = this.#now;
    if (!lock.held) {
      this.#take(thread, lock);
      return;
    }
    if (lock.isCt && !thread.isSweeper) this.#ctContended++;
    const { discipline } = this.#p;
    if (discipline.kind === 'fifo') {
      lock.queue.push(thread);
      return;
    }
    thread.looks = 0;
    thread.spins = 0;
    this.#spin(thread, lock, discipline);
  }

  #take(thread: SimulatedThread, lock: SimulatedLock): void {
    lock.held = true;
    this.#endWait(thread);
    const hold = this.#draw(this.#holdTime(thread, lock));
    if (lock.isCt) this.#ctHeldNs += hold / this.#ctLocks.length;
    this.#schedule(this.#now + hold, RELEASE, thread);
  }

  #endWait(thread: SimulatedThread): void {
    if (thread.waitingSince !== null && !thread.isSweeper) {
      this.#waitNs += this.#now - Math.max(thread.waitingSince, this.#startNs);
    }
    thread.waitingSince = null;
  }

  #holdTime(thread: SimulatedThread, lock: SimulatedLock): RandomTime {
    if (thread.isSweeper && this.#p.sweeper !== null) return this.#p.sweeper.hold;
    if (!lock.isCt && this.#p.connections !== null) return this.#p.connections.hold;
    return this.#p.ctHold;
  }

  #release(thread: SimulatedThread): void {
    const lock = thread.holding as SimulatedLock;
    const { discipline, sweeper } = this.#p;
    thread.holding = null;
    lock.held = false;
    let after = this.#now;
    const next = lock.queue.shift();
    if (next !== undefined) this.#take(next, lock);
    if (discipline.kind === 'spin-then-sleep') {
      const sleeper = lock.sleepers.shift();
      if (sleeper !== undefined) {
        this.#schedule(this.#now + discipline.wakeNs, WAKE, sleeper);
        after += discipline.notifyNs;
      }
    }
    if (!thread.isSweeper) this.#schedule(after + thread.pieceNs, STEP, thread);
    else if (sweeper !== null)
      this.#schedule(after + (this.#sweepHoldsLeft > 0 ? sweeper.gapNs : sweeper.pauseNs), STEP, thread);
  }

  /** A waiter looks at the lock: after a pause, or woken from sleep. */
  #look(thread: SimulatedThread): void {
    const { discipline } = this.#p;
    const lock = thread.holding;
    if (discipline.kind !== 'spin-then-sleep' || lock === null) return;
    if (!thread.sleeping) thread.looks++;
    if (!lock.held) {
      this.#noteSpins(thread, lock);
      this.#take(thread, lock);
    } else if (thread.sleeping) {
      lock.sleepers.push(thread);
    } else {
      this.#spin(thread, lock, discipline);
    }
  }

  /** Pauses until the next look, or goes to sleep when it has paused or looked for long enough. */
  #spin(thread: SimulatedThread, lock: SimulatedLock, discipline: SpinThenSleep): void {
    const bound = Math.min(discipline.maxSpins, 2 * Math.floor(lock.average) + 10);
    const pause = pauseNs(discipline, thread.looks);
    const { pauseNs: unitNs } = discipline;
    let nextNs = pause;
    if (unitNs === undefined) {
      thread.spins = thread.looks;
    } else {
      const pauses = Math.round(pause / unitNs);
      const taken = pauses + Math.floor(pauses * this.#random.real());
      thread.spins += taken;
      nextNs = taken * unitNs;
    }
    if (thread.spins >= bound) {
      thread.sleeping = true;
      lock.sleepers.push(thread);
    } else {
      this.#schedule(this.#now + nextNs, LOOK, thread);
    }
  }

  /** As the mutex does: the average moves by an eighth of the error. */
  #noteSpins(thread: SimulatedThread, lock: SimulatedLock): void {
    const { discipline } = this.#p;
    const countsPauses = discipline.kind === 'spin-then-sleep' && discipline.pauseNs !== undefined;
    const spins = countsPauses ? thread.spins : thread.looks;
    lock.average += Math.trunc((spins - lock.average) / 8);
    thread.sleeping = false;
  }

  #schedule(time: number, kind: number, thread: SimulatedThread): void {
    this.#events.push(time, thread.index * KINDS + kind);
  }

  #draw({ meanNs, spread }: RandomTime): number {
    if (spread === 'fixed' || meanNs === 0) return meanNs;
    if (spread === 'exponential') return -meanNs * Math.log(1 - this.#random.real());
    const variance = Math.log(1 + spread.cv ** 2);
    const normal =
      Math.sqrt(-2 * Math.log(1 - this.#random.real())) * Math.cos(2 * Math.PI * this.#random.real());
    return meanNs * Math.exp(Math.sqrt(variance) * normal - variance / 2);
  }
}

type SpinThenSleep = Extract<LockDiscipline, { kind: 'spin-then-sleep' }>;

/** Pause after `looks` looks in vain, without jitter. */
function pauseNs(discipline: SpinThenSleep, looks: number): number {
  return Math.min(discipline.firstPauseNs * 2 ** Math.min(looks, 30), discipline.longestPauseNs);
}

function assertParameters(p: ModelParameters, workers: number): void {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`model: ${workers} workers; give a whole number of at least 1`);
  }
  const { ctLocks = 1 } = p;
  if (!Number.isInteger(ctLocks) || ctLocks < 1) {
    throw new RangeError(`model: ${ctLocks} locks instead of ct_lock; give a whole number of at least 1`);
  }
  const numbers: [string, number][] = [
    ['work', p.work.meanNs],
    ['ct_lock acquisitions per packet', p.ctPerPacket],
    ['ct_lock hold', p.ctHold.meanNs],
    ['connection lock acquisitions per packet', p.connections?.perPacket ?? 0],
    ['connection lock hold', p.connections?.hold.meanNs ?? 0],
    ['sweeper hold', p.sweeper?.hold.meanNs ?? 0],
    ['sweeper pause', p.sweeper?.pauseNs ?? 0],
  ];
  for (const [name, value] of numbers) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new RangeError(`model: ${name} is ${value}; give a number of at least 0`);
    }
  }
  if (p.work.meanNs + p.ctPerPacket * p.ctHold.meanNs <= 0) {
    throw new RangeError('model: a packet takes no time at all, so nothing bounds the throughput');
  }
  if (p.sweeper !== null && p.sweeper.pauseNs <= 0) {
    throw new RangeError('model: the sweeper never pauses; give the time between two passes');
  }
  if ((p.connections?.popularity ?? []).reduce((sum, share) => sum + share, 0) > 1 + 1e-9) {
    throw new RangeError('model: the shares of the connections are more than 1 in sum');
  }
}
