/**
 * Programs of a model: what a thread does to shared words, one atomic access after the other.
 *
 * An instruction stands for one access of the engine and carries the name of its step (engine/assembly/probe/steps.ts). Between two
 * instructions any other thread may come. What a thread does by itself (registers, words that only it touches, words under a lock
 * it holds) belongs to the instruction before.
 */

/** Shared words and registers, one number each. */
export type State = number[];

/** Label of an instruction to go on with; nothing = the next one. */
export type Next = string | void;

/** Ends the program. */
export const END = '(end)';

export interface Instruction {
  /** Name of the step; null = no access that others could see, done at once. */
  readonly step: string | null;
  /** @param choice which of `choices`, from 0 */
  readonly run: (state: State, choice: number) => Next;
  /** Whether the thread can go on; absent = always. */
  readonly isEnabled?: (state: State) => boolean;
  /** In how many ways it can go on, where the machine chooses; absent = one. */
  readonly choices?: (state: State) => number;
}

export class Program {
  readonly instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** Names the instruction that comes next. */
  label(name: string): this {
    if (this.#labels.has(name)) throw new Error(`label ${name} is there twice`);
    this.#labels.set(name, this.instructions.length);
    return this;
  }

  /** An access. */
  add(
    step: string,
    run: Instruction['run'] = () => {},
    more: Pick<Instruction, 'isEnabled' | 'choices'> = {},
  ): this {
    this.instructions.push({ step, run, ...more });
    return this;
  }

  /** What the thread decides by itself. */
  local(run: Instruction['run']): this {
    this.instructions.push({ step: null, run });
    return this;
  }

  /** Index of the instruction after the one at `at`, which returned `next`. */
  following(at: number, next: Next): number {
    if (next === undefined) return at + 1;
    if (next === END) return this.instructions.length;
    const index = this.#labels.get(next);
    if (index === undefined) throw new Error(`no label ${next}`);
    return index;
  }
}

export interface Model {
  readonly name: string;
  readonly initial: State;
  /** One program a thread. */
  readonly threads: readonly Program[];
  /** What is wrong with a state that may be seen at any time; null = nothing. */
  readonly invariant: (state: State) => string | null;
  /** What is wrong when every thread has ended; null = nothing. */
  readonly final: (state: State) => string | null;
}

/** A model in the middle of a run. */
export interface Moment {
  readonly state: State;
  /** Index of each thread's next instruction. */
  readonly places: number[];
}

/** The start, with what each thread does by itself before its first step done. */
export function start(model: Model): Moment {
  const moment: Moment = { state: [...model.initial], places: model.threads.map(() => 0) };
  model.threads.forEach((_, thread) => settle(model, moment, thread));
  return moment;
}

/** The instruction that a thread would do next; undefined = it has ended. */
export function pending(model: Model, moment: Moment, thread: number): Instruction | undefined {
  return model.threads[thread]?.instructions[moment.places[thread] as number];
}

/** Does a thread's next instruction, and what it does by itself after it. */
export function advance(model: Model, moment: Moment, thread: number, choice = 0): Moment {
  const after: Moment = { state: [...moment.state], places: [...moment.places] };
  once(model, after, thread, choice);
  settle(model, after, thread);
  return after;
}

function once(model: Model, moment: Moment, thread: number, choice: number): void {
  const program = model.threads[thread] as Program;
  const at = moment.places[thread] as number;
  const instruction = program.instructions[at] as Instruction;
  moment.places[thread] = program.following(at, instruction.run(moment.state, choice));
}

function settle(model: Model, moment: Moment, thread: number): void {
  while (pending(model, moment, thread)?.step === null) once(model, moment, thread, 0);
}
