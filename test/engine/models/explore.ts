/** Goes through every interleaving of a model's threads. States that were met before are not gone on from again. */
import { advance, pending, start, type Model, type Moment } from './program.js';

export interface Exploration {
  /** Different states met. */
  readonly states: number;
  /** Steps made from them. */
  readonly transitions: number;
  /** Different states in which every thread had ended. */
  readonly ends: number;
  readonly violation: Violation | null;
}

export interface Violation {
  readonly what: string;
  /** `thread step`, from the start. */
  readonly trace: readonly string[];
}

interface Visit {
  readonly from: string | null;
  readonly move: string;
}

/** Far above any model here; beyond it a model is not small. */
const MOST_STATES = 2_000_000;

/**
 * Explores to the first violation, or to the end.
 * @throws Error when the model is too large
 */
export function explore(model: Model): Exploration {
  const visits = new Map<string, Visit>();
  const first = start(model);
  const open: Moment[] = [];
  const meet = (moment: Moment, from: string | null, move: string): void => {
    const key = keyOf(moment);
    if (visits.has(key)) return;
    if (visits.size >= MOST_STATES) throw new Error(`${model.name} has more than ${MOST_STATES} states`);
    visits.set(key, { from, move });
    open.push(moment);
  };
  meet(first, null, '');
  let transitions = 0;
  let ends = 0;
  for (let moment = open.pop(); moment !== undefined; moment = open.pop()) {
    const key = keyOf(moment);
    const moves = movesOf(model, moment);
    transitions += moves.length;
    let what = model.invariant(moment.state);
    if (moves.length === 0) {
      const waiting = unfinished(model, moment);
      if (waiting.length === 0) ends++;
      what ??= waiting.length === 0 ? model.final(moment.state) : `nobody can go on: ${waiting.join(', ')}`;
    }
    if (what !== null)
      return { states: visits.size, transitions, ends, violation: { what, trace: traceTo(visits, key) } };
    for (const { thread, choice, move } of moves) meet(advance(model, moment, thread, choice), key, move);
  }
  return { states: visits.size, transitions, ends, violation: null };
}

function keyOf({ state, places }: Moment): string {
  return `${state.join()}|${places.join()}`;
}

function movesOf(model: Model, moment: Moment): { thread: number; choice: number; move: string }[] {
  return model.threads.flatMap((_, thread) => {
    const instruction = pending(model, moment, thread);
    if (instruction === undefined || instruction.isEnabled?.(moment.state) === false) return [];
    const choices = instruction.choices?.(moment.state) ?? 1;
    return Array.from({ length: choices }, (_unused, choice) => ({
      thread,
      choice,
      move: `${thread} ${instruction.step}`,
    }));
  });
}

function unfinished(model: Model, moment: Moment): string[] {
  return model.threads.flatMap((_, thread) => {
    const instruction = pending(model, moment, thread);
    return instruction === undefined ? [] : [`thread ${thread} is before ${instruction.step}`];
  });
}

function traceTo(visits: ReadonlyMap<string, Visit>, key: string): string[] {
  const trace: string[] = [];
  for (
    let visit = visits.get(key);
    visit !== undefined && visit.from !== null;
    visit = visits.get(visit.from)
  ) {
    trace.push(visit.move);
  }
  return trace.toReversed();
}

/** A stretch of a run in one given order. */
export interface Stretch {
  readonly thread: number;
  /** Up to and without this step; absent = to the thread's end. */
  readonly until?: string;
}

/**
 * Runs a model in one given order; returns its steps as `thread step`.
 * @throws Error when a thread does not come to where the script wants it
 */
export function follow(model: Model, script: readonly Stretch[]): string[] {
  const steps: string[] = [];
  let moment = start(model);
  for (const { thread, until } of script) {
    for (let made = 0; ; made++) {
      const instruction = pending(model, moment, thread);
      if (instruction === undefined) {
        if (until === undefined) break;
        throw new Error(`thread ${thread} ended before ${until}`);
      }
      if (instruction.step === until) break;
      if (instruction.isEnabled?.(moment.state) === false)
        throw new Error(`thread ${thread} cannot go on from ${instruction.step}`);
      if (made > 10_000) throw new Error(`thread ${thread} does not come to ${until ?? 'its end'}`);
      steps.push(`${thread} ${instruction.step}`);
      moment = advance(model, moment, thread);
    }
  }
  return steps;
}
