/**
 * Model of the map (engine/assembly/shm/hash-map.ts): a writer that moves entries to make room, inserts and removes; a reader that
 * looks a hash up. Two buckets, the first and the second of every hash here.
 */
import { END, Program, type Model, type Next, type State } from './program.js';

export type MapFault =
  /** An entry leaves its old bucket before it is in the new one. */
  | 'move-late'
  /** A reader that has missed in both buckets does not look at the first one's version again. */
  | 'no-last-look'
  /** Slots change without the version telling. */
  | 'unversioned'
  /** The new version is there before the slot is. */
  | 'early-close';

/** An entry of the map. */
export interface Entry {
  readonly hash: number;
  readonly ref: number;
}

export interface Place {
  readonly bucket: 0 | 1;
  readonly slot: number;
}

/** What the writer does, in order. */
export type MapAct =
  /** Gives the record that is to be inserted its own link, which nobody can see yet. */
  | 'link'
  | { readonly move: Place; readonly to: Place }
  /** Fills an empty slot with a new entry. */
  | { readonly insert: Entry; readonly at: Place }
  /** Empties a slot. */
  | { readonly remove: Place };

export interface MapOptions {
  /** Slots of a bucket; the engine has seven. */
  readonly slots: number;
  /** What is in the buckets at the start. */
  readonly content: readonly (Entry & Place)[];
  readonly writer: readonly MapAct[];
  /** Hashes that a reader looks up, one after the other; one list a reader. */
  readonly readers: readonly (readonly number[])[];
  /** What a look-up of a hash may return. */
  readonly allowed: Readonly<Record<number, readonly number[]>>;
  readonly fault?: MapFault;
}

/** What the last look-up has returned; -1 = none has. */
const RESULT = 0;
const VERSION = 1;
const SECOND_VERSION = 2;
const SLOT = 3;
const FOUND = 4;
/** And of which hash. */
const LOOKED_UP = 5;
const REGISTERS = 6;

export function mapModel(options: MapOptions): Model {
  const { slots, content, readers, allowed, fault } = options;
  const bucketSize = 1 + 2 * slots;
  const registers = 2 * bucketSize;
  const initial = Array.from({ length: registers + readers.length * REGISTERS }, () => 0);
  const layout: Layout = {
    slots,
    version: (bucket) => bucket * bucketSize,
    hash: ({ bucket, slot }) => bucket * bucketSize + 1 + slot,
    ref: ({ bucket, slot }) => bucket * bucketSize + 1 + slots + slot,
  };
  for (const entry of content) {
    initial[layout.hash(entry)] = entry.hash;
    initial[layout.ref(entry)] = entry.ref;
  }
  const own = (reader: number): number => registers + reader * REGISTERS;
  readers.forEach((_, reader) => (initial[own(reader) + RESULT] = -1));
  return {
    name: `map: ${options.writer.length} changes, ${readers.length} readers`,
    initial,
    threads: [
      writerProgram(options, layout),
      ...readers.map((hashes, reader) => readerProgram(hashes, layout, own(reader), fault)),
    ],
    invariant(s) {
      for (let reader = 0; reader < readers.length; reader++) {
        const result = s[own(reader) + RESULT] as number;
        const hash = s[own(reader) + LOOKED_UP] as number;
        if (result !== -1 && allowed[hash]?.includes(result) !== true)
          return `a look-up of ${hash} returned ${result}`;
      }
      return null;
    },
    final: () => null,
  };
}

interface Layout {
  readonly slots: number;
  readonly version: (bucket: 0 | 1) => number;
  readonly hash: (place: Place) => number;
  readonly ref: (place: Place) => number;
}

function writerProgram({ writer, content, fault }: MapOptions, layout: Layout): Program {
  const program = new Program();
  // Nobody else writes, so what a slot holds when it is this thread's turn is known beforehand.
  const table = new Map(content.map(({ hash, ref, ...place }) => [layout.ref(place), { hash, ref }]));
  const bump = (step: string, bucket: 0 | 1): void => {
    const version = layout.version(bucket);
    program.add(step, (s) => {
      if (fault !== 'unversioned') s[version] = (s[version] as number) + 1;
    });
  };
  const setSlot = (place: Place, { hash, ref }: Entry): void => {
    bump('S_SLOT_OPEN', place.bucket);
    if (fault === 'early-close') bump('S_SLOT_CLOSE', place.bucket);
    program.add('S_SLOT_REF', (s) => void (s[layout.ref(place)] = ref));
    program.add('S_SLOT_HASH', (s) => void (s[layout.hash(place)] = hash));
    if (fault !== 'early-close') bump('S_SLOT_CLOSE', place.bucket);
    table.set(layout.ref(place), { hash, ref });
  };
  for (const act of writer) {
    if (act === 'link') program.add('S_CHAIN_LINK');
    else if ('move' in act) {
      const moved = table.get(layout.ref(act.move));
      if (moved === undefined) throw new Error('there is nothing to move');
      const empty = (): void => setSlot(act.move, { hash: moved.hash, ref: 0 });
      if (fault === 'move-late') empty();
      setSlot(act.to, moved);
      if (fault !== 'move-late') empty();
    } else if ('insert' in act) setSlot(act.at, act.insert);
    else {
      program.add('S_CHAIN_HEAD', (s) => void (s[layout.ref(act.remove)] = 0));
    }
  }
  return program;
}

function readerProgram(
  hashes: readonly number[],
  layout: Layout,
  own: number,
  fault: MapFault | undefined,
): Program {
  const program = new Program();
  hashes.forEach((hash, index) => {
    const reader = new LookUp(program, layout, own, { hash, name: `${index}` });
    reader.scan(0, VERSION);
    program.add('S_FIND_VERIFY', (s): Next => {
      if (s[layout.version(0)] !== s[own + VERSION]) return reader.label('bucket 0');
      if (s[own + FOUND] !== 0) return reader.found(s);
    });
    reader.scan(1, SECOND_VERSION);
    program
      .add('S_FIND_VERIFY', (s): Next => {
        if (s[layout.version(1)] !== s[own + SECOND_VERSION]) return reader.label('bucket 1');
        if (s[own + FOUND] !== 0) return reader.found(s);
      })
      .add('S_FIND_LAST', (s): Next => {
        if (fault !== 'no-last-look' && s[layout.version(0)] !== s[own + VERSION])
          return reader.label('bucket 0');
        return reader.found(s);
      })
      .label(reader.label('done'))
      .local(() => {});
  });
  return program.local(() => END);
}

/** One look-up's parts. */
class LookUp {
  readonly #program: Program;
  readonly #layout: Layout;
  readonly #own: number;
  readonly #name: string;
  readonly #hash: number;

  constructor(program: Program, layout: Layout, own: number, { hash, name }: { hash: number; name: string }) {
    this.#program = program;
    this.#layout = layout;
    this.#own = own;
    this.#name = name;
    this.#hash = hash;
  }

  label(part: string): string {
    return `${this.#name} ${part}`;
  }

  found(s: State): string {
    s[this.#own + RESULT] = s[this.#own + FOUND] as number;
    s[this.#own + LOOKED_UP] = this.#hash;
    return this.label('done');
  }

  /** Takes a stable version and looks at each slot until one has the hash and a record. */
  scan(bucket: 0 | 1, register: number): void {
    const [own, hash] = [this.#own, this.#hash];
    const layout = this.#layout;
    const part = (name: string): string => this.label(`${name} ${bucket}`);
    const version = (s: State): Next => {
      s[own + register] = s[layout.version(bucket)] as number;
      s[own + SLOT] = 0;
      s[own + FOUND] = 0;
      return (s[own + register] as number) & 1 ? part('await') : part('hash');
    };
    const nextSlot = (s: State): Next => {
      s[own + SLOT] = (s[own + SLOT] as number) + 1;
      return (s[own + SLOT] as number) < layout.slots ? part('hash') : part('scanned');
    };
    const place = (s: State): Place => ({ bucket, slot: s[own + SLOT] as number });
    this.#program
      .label(this.label(`bucket ${bucket}`))
      .add('S_FIND_VERSION', version)
      .label(part('await'))
      .add('S_FIND_AWAIT', version)
      .label(part('hash'))
      .add('S_FIND_HASH', (s): Next => (s[layout.hash(place(s))] === hash ? part('ref') : nextSlot(s)))
      .label(part('ref'))
      .add('S_FIND_REF', (s): Next => {
        const ref = s[layout.ref(place(s))] as number;
        if (ref === 0) return nextSlot(s);
        s[own + FOUND] = ref;
        return part('scanned');
      })
      .label(part('scanned'))
      .local(() => {});
  }
}
