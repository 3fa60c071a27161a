/**
 * Model of reclamation (engine/assembly/shm/epoch.ts): threads come online, take a reference to a record, retire one, pass a
 * quiescent point and leave; chains of retired slots are handed over by their own thread and through the orphans.
 *
 * Record r is bit r wherever slots are collected.
 */
import { Program, type Model, type Next } from './program.js';

export type EpochFault =
  /** Who finds the orphans taken goes away without a word. */
  | 'orphans-uncalled'
  /** No grace period. */
  | 'slot-early'
  /** A quiescent point is noted while the thread still has its reference. */
  | 'early-quiesce';

/** What a thread does, in order. */
export type EpochAct =
  | 'online'
  | 'offline'
  | 'quiesce'
  /** Finds a record, if it is linked still. */
  | { readonly read: number }
  /** Reads from the record found and has no use for it any more; comes before every quiescent point. */
  | 'use'
  /** Unlinks a record and retires it. */
  | { readonly retire: number };

export interface EpochOptions {
  readonly threads: readonly (readonly EpochAct[])[];
  /** Seen words looked at, those of threads that never come included; default one a thread. */
  readonly blocks?: number;
  readonly fault?: EpochFault;
}

const EPOCH = 0;
const LINKED = 1;
const FREED = 2;
const LOCK = 3;
const COUNT = 4;
const ORPHANS = 5;
const PER_THREAD = 8;
const SEEN = 0;
/** The chains: as an orphan's, so that turning over is one program. */
const OWN = 1;
const REFERENCE = 4;
const NOW = 5;
const SEEN_LOCK = 6;
const STACK = 7;
const BLOCK = 8;
const REGISTERS = 9;
/** A pair of chains. */
const WAITING = 0;
const TARGET = 1;
const RETIRED = 2;

const CALLED = 1;
const EPOCH_STEP = 2;

/** Word of a thread. */
const wordOf = (thread: number, register: number): number => PER_THREAD + thread * REGISTERS + register;

export function epochModel(options: EpochOptions): Model {
  const { threads } = options;
  const retired = threads
    .flat()
    .reduce((all, act) => (typeof act === 'object' && 'retire' in act ? all | (1 << act.retire) : all), 0);
  const blocks = options.blocks ?? threads.length;
  const initial = Array.from({ length: PER_THREAD + blocks * REGISTERS }, () => 0);
  initial[EPOCH] = 1;
  initial[LINKED] = 0xff;
  return {
    name: `epoch: ${threads.length} threads`,
    initial,
    threads: threads.map((acts, thread) => new EpochThread(options.fault, blocks, thread).program(acts)),
    invariant(s) {
      const referenced = threads.reduce(
        (all, _, thread) => all | (s[wordOf(thread, REFERENCE)] as number),
        0,
      );
      return referenced & (s[FREED] as number) ? 'a slot is free that a thread still refers to' : null;
    },
    final: (s) => (s[FREED] === retired ? null : 'nobody is left, and a retired slot was not returned'),
  };
}

class EpochThread {
  readonly #fault: EpochFault | undefined;
  readonly #blocks: number;
  readonly #owner: number;
  readonly #at: (register: number) => number;
  readonly #program = new Program();
  #labels = 0;

  constructor(fault: EpochFault | undefined, blocks: number, thread: number) {
    this.#fault = fault;
    this.#blocks = blocks;
    this.#owner = (thread + 1) << 1;
    this.#at = (register) => wordOf(thread, register);
  }

  program(acts: readonly EpochAct[]): Program {
    for (const act of acts) this.#act(act);
    return this.#program;
  }

  /** A label that no other part has. */
  #label(name: string): string {
    return `${name} ${this.#labels++}`;
  }

  #act(act: EpochAct): void {
    const program = this.#program;
    const reference = this.#at(REFERENCE);
    if (act === 'online') this.#online();
    else if (act === 'offline') this.#offline();
    else if (act === 'quiesce') this.#quiesce();
    else if (act === 'use') {
      program.add('S_CHAIN_NEXT', (s) => {
        if (this.#fault !== 'early-quiesce') s[reference] = 0;
      });
    } else if ('read' in act) {
      program.add('S_CHAIN_NEXT', (s) => {
        s[reference] = (s[LINKED] as number) & (1 << act.read);
      });
    } else {
      program.add('S_CHAIN_HEAD', (s) => {
        s[LINKED] = (s[LINKED] as number) & ~(1 << act.retire);
      });
      program.add('S_GENERATION_END', (s) => {
        const chain = this.#at(OWN) + RETIRED;
        s[chain] = (s[chain] as number) | (1 << act.retire);
      });
      program.add('S_RETIRE_COUNT');
    }
  }

  #online(): void {
    const [seen, now] = [this.#at(SEEN), this.#at(NOW)];
    this.#program
      .add('S_ONLINE_EPOCH', (s) => void (s[now] = s[EPOCH] as number))
      .add('S_ONLINE_SEEN', (s) => void (s[seen] = s[now] as number));
  }

  #offline(): void {
    const own = this.#at(OWN);
    const [lock, count, over, done] = ['lock', 'count', 'over', 'done'].map((name) => this.#label(name)) as [
      string,
      string,
      string,
      string,
    ];
    this.#program.add('S_OFFLINE', (s) => void (s[this.#at(SEEN)] = 0));
    this.#turnOver(own);
    this.#program
      .local((s) => (((s[own + RETIRED] as number) | (s[own + WAITING] as number)) === 0 ? count : lock))
      .label(lock)
      .add('S_ORPHANS_LOCK', (s): Next => {
        if (s[LOCK] !== 0) return lock;
        s[LOCK] = this.#owner;
        const chain = ORPHANS + RETIRED;
        s[chain] = (s[chain] as number) | (s[own + RETIRED] as number) | (s[own + WAITING] as number);
        s[own + RETIRED] = 0;
        s[own + WAITING] = 0;
      });
    this.#unlockOrphans(() => count);
    this.#program
      .label(count)
      .add('S_ORPHANS_COUNT', (s) => (s[COUNT] === 0 ? done : over))
      .label(over);
    this.#turnOrphansOver();
    this.#program.label(done).local(() => {});
  }

  #quiesce(): void {
    const [seen, now, own] = [this.#at(SEEN), this.#at(NOW), this.#at(OWN)];
    const [check, over, done] = ['check', 'over', 'done'].map((name) => this.#label(name)) as [
      string,
      string,
      string,
    ];
    this.#program
      .add('S_QUIESCE_EPOCH', (s): Next => {
        s[now] = s[EPOCH] as number;
        if (s[seen] === s[now] || s[seen] === 0) return check;
      })
      .add('S_QUIESCE_SEEN', (s) => void (s[seen] = s[now] as number))
      .label(check)
      .add('S_ORPHANS_COUNT', (s): Next => {
        if (s[own + RETIRED] === 0 && s[own + WAITING] === 0 && s[COUNT] === 0) return done;
      });
    this.#turnOver(own);
    this.#program.add('S_ORPHANS_COUNT', (s) => (s[COUNT] === 0 ? done : over)).label(over);
    this.#turnOrphansOver();
    // Only a faulty thread comes here with a reference: it drops it too late.
    this.#program.label(done).local((s) => void (s[this.#at(REFERENCE)] = 0));
  }

  /** Returns what has waited long enough; starts the wait of what has been collected since. */
  #turnOver(chains: number): void {
    const program = this.#program;
    const [waiting, target, retired] = [chains + WAITING, chains + TARGET, chains + RETIRED];
    const [stack, block, seen, now] = [STACK, BLOCK, SEEN, NOW].map((register) => this.#at(register)) as [
      number,
      number,
      number,
      number,
    ];
    const done = this.#label('turned');
    for (let round = 0; round < 2; round++) {
      const [collect, look, free, push] = ['collect', 'look', 'free', 'push'].map((name) =>
        this.#label(name),
      ) as [string, string, string, string];
      program
        .local((s): Next => {
          if (s[waiting] === 0) return collect;
          s[block] = 0;
          return this.#fault === 'slot-early' ? free : look;
        })
        .label(look)
        .add('S_GRACE_LOOK', (s): Next => {
          const word = s[wordOf(s[block] as number, SEEN)] as number;
          if (word !== 0 && word - (s[target] as number) <= 0) return done;
          s[block] = (s[block] as number) + 1;
          return (s[block] as number) < this.#blocks ? look : free;
        })
        .label(free)
        .add('S_RETURN_COUNT')
        .add('S_RETURN_LOOK', (s) => void (s[stack] = s[FREED] as number))
        .label(push)
        .add('S_RETURN_PUSH', (s): Next => {
          const found = s[FREED] as number;
          if (found !== s[stack]) {
            s[stack] = found;
            return push;
          }
          s[FREED] = found | (s[waiting] as number);
          s[waiting] = 0;
        })
        .add('S_GRACE_COUNT')
        .label(collect)
        .local((s): Next => {
          if (s[retired] === 0) return done;
          s[waiting] = (s[waiting] as number) | (s[retired] as number);
          s[retired] = 0;
        })
        .add('S_ADVANCE', (s) => {
          s[target] = s[EPOCH] as number;
          s[EPOCH] = (s[EPOCH] as number) + EPOCH_STEP;
        })
        .add('S_ADVANCE_EPOCH', (s): Next => {
          s[now] = s[EPOCH] as number;
          if (s[seen] === 0) return round === 0 ? `${done} again` : done;
        })
        .add('S_ADVANCE_SEEN', (s) => void (s[seen] = s[now] as number));
      if (round === 0) program.label(`${done} again`).local(() => {});
    }
    program.label(done).local(() => {});
  }

  #turnOrphansOver(): void {
    const program = this.#program;
    const seenLock = this.#at(SEEN_LOCK);
    const [claim, turn, done] = ['claim', 'turn', 'done'].map((name) => this.#label(name)) as [
      string,
      string,
      string,
    ];
    program
      .label(claim)
      .add('S_ORPHANS_CLAIM', (s): Next => {
        const seen = s[LOCK] as number;
        s[seenLock] = seen;
        if (seen === 0) {
          s[LOCK] = this.#owner;
          return turn;
        }
        if (this.#fault === 'orphans-uncalled' || (seen & CALLED) !== 0) return done;
      })
      .add('S_ORPHANS_CALL', (s) => {
        if (s[LOCK] !== s[seenLock]) return claim;
        s[LOCK] = (s[LOCK] as number) | CALLED;
        return done;
      })
      .label(turn);
    this.#turnOver(ORPHANS);
    this.#unlockOrphans((called) => (called && this.#fault !== 'orphans-uncalled' ? claim : done));
    program.label(done).local(() => {});
  }

  /** @param next where to go on, by whether another thread has called about orphans that there are */
  #unlockOrphans(next: (called: boolean) => string): void {
    const count = this.#at(NOW);
    this.#program
      .add('S_ORPHANS_PUBLISH', (s) => {
        s[count] = (s[ORPHANS + WAITING] as number) | (s[ORPHANS + RETIRED] as number);
        s[COUNT] = s[count] as number;
      })
      .add('S_ORPHANS_RELEASE', (s) => {
        const called = ((s[LOCK] as number) & CALLED) !== 0 && s[count] !== 0;
        s[LOCK] = 0;
        return next(called);
      });
  }
}
