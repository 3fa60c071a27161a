/** What happens to a torture thread at a step of the engine: nothing, a delay, another thread's turn, or its death. */
import { globalValue } from '../../../engine/host/constants.js';
import type { Control } from './control.js';
import type { RoundPlan } from './round-plan.js';

/** Thrown at the step at which a thread dies: it leaves everything as it is then. */
export class PlannedDeathError extends Error {
  constructor() {
    super('this thread dies here, as planned');
    this.name = 'PlannedDeathError';
  }
}

/** Steps at which a thread waits for another one, by their exported names. */
const WAITING_STEPS = ['S_SLEEP_WAIT', 'S_FIND_AWAIT', 'S_ORPHANS_LOCK'] as const;
/** Steps in the middle of a change that others may see half-way: they are few among all the looks. */
const RARE_STEPS = [
  'S_SLEEP_MARK',
  'S_SLEEP_TAKE',
  'S_NOTIFY',
  'S_ADVANCE',
  'S_ORPHANS_CALL',
  'S_ORPHANS_PUBLISH',
  'S_ORPHANS_RELEASE',
  'S_SLOT_OPEN',
  'S_SLOT_CLOSE',
  'S_CHAIN_HEAD',
  'S_LIST_PUBLISH',
  'S_LIST_UNLINK',
  'S_RETURN_PUSH',
  'S_TAKE_ALL',
] as const;
/** Far more steps than a batch and an operation take, waiting included: a thread that makes more of them goes round in a circle. */
const MOST_STEPS_PER_BATCH = 20_000;
/** Longest delay that is spun, in looks at a word. */
const LONGEST_SPIN = 4096;
const SLEEP_MS = 1;
/** At a rare step a delay comes at one in 2^this at least. */
const RARE_SHIFT = 4;
/** One delay in so many is a sleep. */
const SLEEP_EVERY = 16;

export class StepHook {
  readonly #control: Control;
  readonly #plan: RoundPlan;
  readonly #thread: number;
  #waiting = new Set<number>();
  #rare = new Set<number>();
  #state: number;
  /** Steps of this thread in this round. */
  steps = 0;
  /** Step of this thread at which it dies; 0 = it does not. */
  #deathAt = 0;
  #awake = false;
  #limit = 0;

  constructor(control: Control, plan: RoundPlan, thread: number) {
    this.#control = control;
    this.#plan = plan;
    this.#thread = thread;
    this.#state = Math.imul(plan.randomSeed + thread + 1, 0x9e3779b1) | 0 || 1;
  }

  /** Learns the numbers of the steps from the instance that will make them. */
  learn(exports: Readonly<Record<string, unknown>>): void {
    const idOf = (name: string): number => {
      const id = globalValue(exports[name]);
      if (id === null)
        throw new Error(`the module does not export ${name}: it is not of the torture flavour`);
      return id;
    };
    this.#waiting = new Set(WAITING_STEPS.map(idOf));
    this.#rare = new Set(RARE_STEPS.map(idOf));
  }

  /** From here on steps count: the thread is in a lap. */
  begin(deathAfter: number | null): void {
    this.#deathAt = deathAfter === null ? 0 : this.steps + deathAfter;
    this.#limit = this.steps + this.#plan.batchesPerLap * MOST_STEPS_PER_BATCH;
    this.#awake = true;
  }

  end(): void {
    this.#awake = false;
  }

  readonly reached = (id: number): void => {
    if (!this.#awake) return;
    this.steps++;
    this.#control.noteStep(this.#thread, id);
    if (this.steps === this.#deathAt) throw new PlannedDeathError();
    if (this.steps > this.#limit) throw new Error('a lap does not come to its end');
    const { mode, delayShift } = this.#plan;
    if (mode === 'serial')
      this.#control.serialStep(this.#thread, delayShift, this.#waiting.has(id), this.#rare.has(id));
    else this.#delay(this.#rare.has(id) ? Math.min(delayShift, RARE_SHIFT) : delayShift);
  };

  #delay(shift: number): void {
    const draw = this.#draw();
    if (draw & ((1 << shift) - 1)) return;
    if ((draw >>> 12) % SLEEP_EVERY === 0) this.#control.sleep(this.#thread, SLEEP_MS);
    else for (let spins = (draw >>> 16) % LONGEST_SPIN; spins > 0; spins--) void this.#control.stopped;
  }

  #draw(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }
}
