/** Model of the mutex (engine/assembly/shm/mutex.ts): threads that take it, change what it guards, and let go. */
import { END, Program, type Model, type State } from './program.js';

export type MutexFault =
  /** A woken thread takes the lock without looking again. */
  | 'unchecked-wake'
  /** A woken thread takes the lock without WAITERS, as if nobody else slept. */
  | 'unmarked-take'
  /** Going to sleep does not compare the word. */
  | 'uncompared-wait'
  /** The release looks for waiters before it lets go, in two accesses. */
  | 'early-look';

export interface MutexOptions {
  readonly threads: number;
  /** How often each takes the lock. */
  readonly rounds: number;
  /** Looks while spinning, before a thread goes to sleep. */
  readonly looks: number;
  /** Sleeps may end by themselves, as they do after 50 ms; without, a lost wake-up stands still. */
  readonly timeouts?: boolean;
  readonly fault?: MutexFault;
}

const WAITERS = 1;
const WORD = 0;
/** Threads between taking and letting go. */
const INSIDE = 1;
const PER_THREAD = 2;
const ASLEEP = 0;
const SEEN = 1;
const LOOKED = 2;
const ROUND = 3;
const REGISTERS = 4;

export function mutexModel(options: MutexOptions): Model {
  const { threads } = options;
  const asleep = Array.from({ length: threads }, (_, thread) => PER_THREAD + thread * REGISTERS + ASLEEP);
  return {
    name: `mutex: ${threads} threads, ${options.rounds} rounds`,
    initial: Array.from({ length: PER_THREAD + threads * REGISTERS }, () => 0),
    threads: Array.from({ length: threads }, (_, thread) => mutexProgram(options, thread, asleep)),
    invariant: (s) => ((s[INSIDE] as number) > 1 ? 'two threads hold the lock' : null),
    final: (s) => (s[WORD] === 0 ? null : `the lock is left as ${s[WORD]}`),
  };
}

function mutexProgram(options: MutexOptions, thread: number, asleep: readonly number[]): Program {
  const { rounds, looks, timeouts = false, fault } = options;
  const owner = (thread + 1) << 1;
  const at = (register: number): number => PER_THREAD + thread * REGISTERS + register;
  const get = (s: State, word: number): number => s[word] as number;
  const enter = (s: State, word: number): string => {
    s[WORD] = word;
    s[INSIDE] = get(s, INSIDE) + 1;
    return 'leave';
  };
  const round = (s: State): string => {
    s[at(ROUND)] = get(s, at(ROUND)) + 1;
    return get(s, at(ROUND)) < rounds ? 'try' : END;
  };
  const asleepNow = (s: State): number[] => asleep.filter((word) => s[word] === 1);
  return new Program()
    .label('try')
    .add('S_LOCK_TRY', (s) => {
      if (s[WORD] === 0) return enter(s, owner);
      s[at(LOOKED)] = 0;
      return looks > 0 ? 'look' : 'sleep';
    })
    .label('look')
    .add('S_LOCK_LOOK', (s) => {
      if (s[WORD] === 0) return enter(s, owner);
      s[at(LOOKED)] = get(s, at(LOOKED)) + 1;
      return get(s, at(LOOKED)) < looks ? 'look' : 'sleep';
    })
    .label('sleep')
    .add('S_SLEEP_LOOK', (s) => {
      const seen = get(s, WORD);
      s[at(SEEN)] = seen | WAITERS;
      if (seen === 0) return 'take';
      return seen & WAITERS ? 'wait' : 'mark';
    })
    .label('take')
    .add('S_SLEEP_TAKE', (s) => {
      if (s[WORD] !== 0) return 'sleep';
      return enter(s, fault === 'unmarked-take' ? owner : owner | WAITERS);
    })
    .label('mark')
    .add('S_SLEEP_MARK', (s) => {
      if (s[WORD] !== (get(s, at(SEEN)) & ~WAITERS)) return 'sleep';
      s[WORD] = get(s, at(SEEN));
      return 'wait';
    })
    .label('wait')
    .add('S_SLEEP_WAIT', (s) => {
      if (s[WORD] === s[at(SEEN)] || fault === 'uncompared-wait') s[at(ASLEEP)] = 1;
    })
    .add(
      'S_SLEEP_WOKEN',
      (s) => {
        s[at(ASLEEP)] = 0;
        return fault === 'unchecked-wake' ? enter(s, owner | WAITERS) : 'sleep';
      },
      { isEnabled: (s) => timeouts || s[at(ASLEEP)] === 0 },
    )
    .label('leave')
    .add('S_UNLOCK', (s) => {
      s[INSIDE] = get(s, INSIDE) - 1;
      const seen = get(s, WORD);
      if (fault === 'early-look') {
        s[at(SEEN)] = seen;
        return 'release';
      }
      s[WORD] = 0;
      return seen & WAITERS ? 'notify' : round(s);
    })
    .label('release')
    .add('S_UNLOCK', (s) => {
      s[WORD] = 0;
      return get(s, at(SEEN)) & WAITERS ? 'notify' : round(s);
    })
    .label('notify')
    .add(
      'S_NOTIFY',
      (s, choice) => {
        const woken = asleepNow(s)[choice];
        if (woken !== undefined) s[woken] = 0;
        return round(s);
      },
      // Which of the sleepers is woken is up to the system.
      { choices: (s) => Math.max(asleepNow(s).length, 1) },
    );
}
