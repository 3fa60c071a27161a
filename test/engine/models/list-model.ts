/** Model of the rculist (engine/assembly/shm/rculist.ts): a writer that pushes and removes, readers that walk forwards. */
import { END, Program, type Model, type Next } from './program.js';

export type ListFault =
  /** An element is published before its own `next` leads on. */
  | 'early-publish'
  /** Removal forgets the element's `next`. */
  | 'lost-next';

/** What the writer does, in order; elements are numbers from 1. */
export type ListAct =
  { readonly pushFront: number } | { readonly pushBack: number } | { readonly remove: number };

export interface ListOptions {
  /** Elements of the list at the start, in order. */
  readonly content: readonly number[];
  /** Highest number of an element. */
  readonly elements: number;
  readonly writer: readonly ListAct[];
  readonly readers: number;
  readonly fault?: ListFault;
}

const HEAD = 0;
/** What the `next` of an element is that was never in the list: it leads nowhere. */
const NOWHERE = -1;
const AT = 0;
/** Elements met, a bit each. */
const MET = 1;
const DONE = 2;
const REGISTERS = 3;

export function listModel(options: ListOptions): Model {
  const { content, elements, writer, readers } = options;
  const registers = elements + 1;
  const initial = Array.from({ length: registers + readers * REGISTERS }, () => 0).fill(
    NOWHERE,
    0,
    registers,
  );
  [HEAD, ...content].forEach((link, index) => (initial[link] = content[index] ?? HEAD));
  const own = (reader: number): number => registers + reader * REGISTERS;
  const removed = new Set(writer.flatMap((act) => ('remove' in act ? [act.remove] : [])));
  const staying = content
    .filter((element) => !removed.has(element))
    .reduce((all, each) => all | (1 << each), 0);
  return {
    name: `list: ${writer.length} changes, ${readers} readers`,
    initial,
    threads: [
      writerProgram(options),
      ...Array.from({ length: readers }, (_, reader) => readerProgram(own(reader))),
    ],
    invariant(s) {
      for (let reader = 0; reader < readers; reader++) {
        if (s[own(reader) + AT] === NOWHERE) return 'a walk leads nowhere';
        if (s[own(reader) + DONE] === 1 && ((s[own(reader) + MET] as number) & staying) !== staying)
          return 'a walk has missed an element that was there all the time';
      }
      return null;
    },
    final: () => null,
  };
}

function writerProgram({ content, writer, fault }: ListOptions): Program {
  const program = new Program();
  // Only this thread changes the list, so it knows the order (`prev` in the engine).
  const order = [...content];
  const insert = (element: number, position: number): void => {
    const predecessor = order[position - 1] ?? HEAD;
    const successor = order[position] ?? HEAD;
    order.splice(position, 0, element);
    const ownNext = (): void => void program.add('S_LIST_OWN_NEXT', (s) => void (s[element] = successor));
    if (fault !== 'early-publish') ownNext();
    program.add('S_LIST_PUBLISH', (s) => void (s[predecessor] = element));
    if (fault === 'early-publish') ownNext();
  };
  for (const act of writer) {
    if ('pushFront' in act) insert(act.pushFront, 0);
    else if ('pushBack' in act) insert(act.pushBack, order.length);
    else {
      const position = order.indexOf(act.remove);
      if (position < 0) throw new Error(`element ${act.remove} is not in the list`);
      const predecessor = order[position - 1] ?? HEAD;
      const successor = order[position + 1] ?? HEAD;
      order.splice(position, 1);
      program.add('S_LIST_UNLINK', (s) => {
        s[predecessor] = successor;
        if (fault === 'lost-next') s[act.remove] = NOWHERE;
      });
    }
  }
  return program;
}

function readerProgram(own: number): Program {
  return new Program().label('next').add('S_LIST_NEXT', (s): Next => {
    const next = s[s[own + AT] as number] as number;
    s[own + AT] = next;
    if (next > HEAD) {
      s[own + MET] = (s[own + MET] as number) | (1 << next);
      return 'next';
    }
    s[own + DONE] = 1;
    return END;
  });
}
