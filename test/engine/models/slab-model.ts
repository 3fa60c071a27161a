/** Model of the returned stack (engine/assembly/shm/slab.ts): threads return slots, one takes them, under ct_lock as it were. */
import { END, Program, type Model, type Next } from './program.js';

export type SlabFault =
  /** The push stores the head without looking whether it is still the one it saw. */
  | 'unchecked-push'
  /** The taker reads the stack and empties it in two accesses. */
  | 'split-take';

export interface SlabOptions {
  /** Slots that each returning thread returns, one at a time; numbers from 1, each once. */
  readonly returners: readonly (readonly number[])[];
  /** How often the taker takes a slot, or finds none. */
  readonly takes: number;
  readonly fault?: SlabFault;
}

const RETURNED = 0;
/** The taker's private free list. */
const FREE = 1;
/** Slots taken, a bit each. */
const TAKEN = 2;
const TWICE = 3;
const TAKER = 4;
const NEXT = 5;

export function slabModel(options: SlabOptions): Model {
  const slots = options.returners.flat();
  const seen = NEXT + slots.length + 1;
  return {
    name: `slab: ${options.returners.length} return ${slots.length} slots, ${options.takes} takes`,
    initial: Array.from({ length: seen + options.returners.length }, () => 0),
    threads: [
      takerProgram(options),
      ...options.returners.map((returned, returner) =>
        returnerProgram(returned, seen + returner, options.fault),
      ),
    ],
    invariant: (s) => (s[TWICE] === 1 ? 'a slot was taken twice' : null),
    final(s) {
      let found = s[TAKEN] as number;
      for (const start of [s[FREE], s[RETURNED]] as number[]) {
        for (let slot = start; slot !== 0; slot = s[NEXT + slot] as number) {
          if (found & (1 << slot)) return `slot ${slot} is in two places`;
          found |= 1 << slot;
        }
      }
      const lost = slots.filter((slot) => !(found & (1 << slot)));
      return lost.length === 0 ? null : `slot ${lost.join()} is lost`;
    },
  };
}

function returnerProgram(returned: readonly number[], seen: number, fault: SlabFault | undefined): Program {
  const program = new Program();
  for (const slot of returned) {
    const push = `push ${slot}`;
    program
      .add('S_RETURN_COUNT')
      .add('S_RETURN_LOOK', (s) => {
        s[seen] = s[RETURNED] as number;
        s[NEXT + slot] = s[seen] as number;
      })
      .label(push)
      .add('S_RETURN_PUSH', (s): Next => {
        if (s[RETURNED] === s[seen] || fault === 'unchecked-push') {
          s[RETURNED] = slot;
          return;
        }
        s[seen] = s[RETURNED] as number;
        s[NEXT + slot] = s[seen] as number;
        return push;
      });
  }
  return program;
}

function takerProgram({ takes, fault }: SlabOptions): Program {
  const program = new Program();
  for (let take = 0; take < takes; take++) {
    const [look, got, done] = [`look ${take}`, `got ${take}`, `done ${take}`] as const;
    program
      .local((s): Next => {
        s[TAKER] = s[FREE] as number;
        return s[TAKER] === 0 ? look : got;
      })
      .label(look)
      .add('S_TAKE_LOOK', (s): Next => {
        if (s[RETURNED] === 0) return done;
        if (fault === 'split-take') s[TAKER] = s[RETURNED] as number;
      })
      .add('S_TAKE_ALL', (s) => {
        if (fault !== 'split-take') s[TAKER] = s[RETURNED] as number;
        s[RETURNED] = 0;
      })
      .label(got)
      .local((s) => {
        const slot = s[TAKER] as number;
        s[FREE] = s[NEXT + slot] as number;
        if ((s[TAKEN] as number) & (1 << slot)) s[TWICE] = 1;
        s[TAKEN] = (s[TAKEN] as number) | (1 << slot);
      })
      .add('S_TAKE_GENERATION')
      .label(done)
      .local(() => {});
  }
  return program.local(() => END);
}
