/** What a simulation of the locks is given. All times are nanoseconds. */

/** How times vary around their mean: not at all, exponentially, or log-normally with a coefficient of variation. */
export type Spread = 'fixed' | 'exponential' | { readonly cv: number };

/** A time that is drawn anew for each use. */
export interface RandomTime {
  readonly meanNs: number;
  readonly spread: Spread;
}

/**
 * How a lock is waited for. `fifo`: in a queue, handed over at no cost; the textbook's lock. `spin-then-sleep`: the engine's
 * mutexes (engine/assembly/shm/mutex.ts): look at the lock after growing pauses, take it whenever it is free at a look, sleep
 * after too much of that.
 */
export type LockDiscipline =
  | { readonly kind: 'fifo' }
  | {
      readonly kind: 'spin-then-sleep';
      /** Pause before the first look; doubled from look to look. */
      readonly firstPauseNs: number;
      readonly longestPauseNs: number;
      /** Bound on looks or pauses; the adaptive bound below it is 2 x average + 10. */
      readonly maxSpins: number;
      /**
       * Length of the pauses that the bound counts, as glibc's mutex does it: it waits a number of them, with a jitter up to as many
       * again, and sleeps at once when the bound is reached. Absent: the bound counts looks, and there is no jitter.
       */
      readonly pauseNs?: number;
      /** From the wake-up call to the sleeper's next try. */
      readonly wakeNs: number;
      /** What the wake-up call costs the thread that releases. */
      readonly notifyNs: number;
    };

/** The sweeper as far as locks are concerned: passes at intervals, each holding ct_lock a number of times. */
export interface SweeperLoad {
  readonly pauseNs: number;
  readonly holdsPerPass: number;
  readonly hold: RandomTime;
  /** Between two holds of a pass. */
  readonly gapNs: number;
}

/** Locks of connections: how often a packet takes one, and how connections share the packets. */
export interface ConnectionLocks {
  readonly perPacket: number;
  readonly hold: RandomTime;
  /** Shares of the most popular connections, largest first; the rest is spread too thin to meet. */
  readonly popularity: readonly number[];
}

/** One design on one kind of traffic. */
export interface ModelParameters {
  /** Time of a packet outside all locks that are modelled. */
  readonly work: RandomTime;
  /** Times that a packet takes ct_lock, on average. */
  readonly ctPerPacket: number;
  readonly ctHold: RandomTime;
  /** Locks that take turns for ct_lock, by chance: the shards of a design that has some; absent = 1. */
  readonly ctLocks?: number;
  /** Null where a connection's packets all go to one worker: then these locks are never waited for. */
  readonly connections: ConnectionLocks | null;
  readonly sweeper: SweeperLoad | null;
  readonly discipline: LockDiscipline;
}

/** What a simulation found. */
export interface ModelPoint {
  readonly workers: number;
  readonly pps: number;
  /** Time that a packet spends waiting for locks, on average. */
  readonly waitPerPacketNs: number;
  /** Share of the workers' time. */
  readonly waitShare: number;
  /** Share of time that ct_lock is held; of several, each on average. */
  readonly ctUtilisation: number;
  /** Share of ct_lock acquisitions that found it taken. */
  readonly contendedShare: number;
}
