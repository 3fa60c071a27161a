/**
 * Model of the map (engine/assembly/shm/hash-map.ts): a writer that moves entries to make room, inserts, removes and takes buckets into
 * use; a reader that looks a hash up. Two buckets, the first and the second of every hash here, and one that is not in use at the start:
 * then the first one of some hashes.
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
  | 'early-close'
  /** What goes to a new bucket is taken out of its old one before the new one is in use. */
  | 'take-out-early'
  /** A reader that has missed does not look again how many buckets are in use. */
  | 'no-size-look';

/** An entry of the map. */
export interface Entry {
  readonly hash: number;
  readonly ref: number;
}

export interface Place {
  /** 2 = the one that comes into use. */
  readonly bucket: 0 | 1 | 2;
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
  | { readonly remove: Place }
  /** Takes a bucket into use, bucket 2 the first time, with what is in these slots of bucket 0. */
  | { readonly grow: readonly number[] };

export interface MapOptions {
  /** Slots of a bucket; the engine has seven. */
  readonly slots: number;
  /** What is in the buckets at the start. */
  readonly content: readonly (Entry & Place)[];
  readonly writer: readonly MapAct[];
  /** Hashes that a reader looks up, one after the other; one list a reader. */
  readonly readers: readonly (readonly number[])[];
  /** Hashes whose first bucket is bucket 2 as soon as that is in use. */
  readonly movesOn?: readonly number[];
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
/** Buckets that had come into use when it began. */
const GROWN = 6;
const REGISTERS = 7;

export function mapModel(options: MapOptions): Model {
  const { slots, content, readers, allowed } = options;
  const bucketSize = 1 + 2 * slots;
  const grown = 3 * bucketSize;
  const registers = grown + 1;
  const initial = Array.from({ length: registers + readers.length * REGISTERS }, () => 0);
  const layout: Layout = {
    slots,
    grown,
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
      ...readers.map((hashes, reader) => readerProgram(hashes, layout, own(reader), options)),
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
  /** Word of the buckets that have come into use. */
  readonly grown: number;
  readonly version: (bucket: Place['bucket']) => number;
  readonly hash: (place: Place) => number;
  readonly ref: (place: Place) => number;
}

function writerProgram({ writer, content, fault }: MapOptions, layout: Layout): Program {
  const program = new Program();
  // Nobody else writes, so what a slot holds when it is this thread's turn is known beforehand.
  const table = new Map(content.map(({ hash, ref, ...place }) => [layout.ref(place), { hash, ref }]));
  const bump = (step: string, bucket: Place['bucket']): void => {
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
    else if ('grow' in act) {
      const moved = act.grow.map((slot) => {
        const held = table.get(layout.ref({ bucket: 0, slot }));
        if (held === undefined) throw new Error(`there is nothing in slot ${slot}`);
        return { slot, ...held };
      });
      const takeOut = (): void => {
        if (moved.length === 0) return;
        bump('S_SLOT_OPEN', 0);
        for (const { slot } of moved) {
          const word = layout.ref({ bucket: 0, slot });
          program.add('S_SLOT_REF', (s) => void (s[word] = 0));
        }
        bump('S_SLOT_CLOSE', 0);
      };
      for (const { slot, hash, ref } of moved) {
        program.add('S_GROW_COPY', (s) => {
          s[layout.ref({ bucket: 2, slot })] = ref;
          s[layout.hash({ bucket: 2, slot })] = hash;
        });
      }
      if (fault === 'take-out-early') takeOut();
      program.add('S_GROW_PUBLISH', (s) => void (s[layout.grown] = (s[layout.grown] as number) + 1));
      if (fault !== 'take-out-early') takeOut();
    } else {
      program.add('S_CHAIN_HEAD', (s) => void (s[layout.ref(act.remove)] = 0));
    }
  }
  return program;
}

function readerProgram(
  hashes: readonly number[],
  layout: Layout,
  own: number,
  { fault, movesOn = [] }: MapOptions,
): Program {
  const program = new Program();
  hashes.forEach((hash, index) => {
    const name = `${index}`;
    const reader = new LookUp(program, layout, own, { hash, name, movesOn: movesOn.includes(hash) });
    program
      .label(reader.label('size'))
      .add('S_FIND_SIZE', (s) => void (s[own + GROWN] = s[layout.grown] as number));
    reader.scan('first', VERSION);
    program.add('S_FIND_VERIFY', (s): Next => {
      if (s[layout.version(reader.bucket('first', s))] !== s[own + VERSION]) return reader.label('first');
      if (s[own + FOUND] !== 0) return reader.found(s);
    });
    reader.scan('second', SECOND_VERSION);
    program
      .add('S_FIND_VERIFY', (s): Next => {
        if (s[layout.version(1)] !== s[own + SECOND_VERSION]) return reader.label('second');
        if (s[own + FOUND] !== 0) return reader.found(s);
      })
      .add('S_FIND_LAST', (s): Next => {
        const version = s[layout.version(reader.bucket('first', s))];
        if (fault !== 'no-last-look' && version !== s[own + VERSION]) return reader.label('first');
      })
      .add('S_FIND_SIZE', (s): Next => {
        if (fault !== 'no-size-look' && s[layout.grown] !== s[own + GROWN]) return reader.label('size');
        return reader.found(s);
      })
      .label(reader.label('done'))
      .local(() => {});
  });
  return program.local(() => END);
}

/** Which of a hash's two buckets. */
type Which = 'first' | 'second';

/** One look-up's parts. */
class LookUp {
  readonly #program: Program;
  readonly #layout: Layout;
  readonly #own: number;
  readonly #hash: number;
  readonly #name: string;
  readonly #movesOn: boolean;

  constructor(
    program: Program,
    layout: Layout,
    own: number,
    { hash, name, movesOn }: { readonly hash: number; readonly name: string; readonly movesOn: boolean },
  ) {
    this.#program = program;
    this.#layout = layout;
    this.#own = own;
    this.#hash = hash;
    this.#name = name;
    this.#movesOn = movesOn;
  }

  label(part: string): string {
    return `${this.#name} ${part}`;
  }

  /** By what was in use when the look-up began. */
  bucket(which: Which, s: State): Place['bucket'] {
    if (which === 'second') return 1;
    return this.#movesOn && s[this.#own + GROWN] !== 0 ? 2 : 0;
  }

  found(s: State): string {
    s[this.#own + RESULT] = s[this.#own + FOUND] as number;
    s[this.#own + LOOKED_UP] = this.#hash;
    return this.label('done');
  }

  /** Takes a stable version; looks at the slot that seems to have the hash, then at each until one has the hash and a record. */
  scan(which: Which, register: number): void {
    const [own, hash] = [this.#own, this.#hash];
    const layout = this.#layout;
    const part = (name: string): string => this.label(`${name} ${which}`);
    const fromTheStart = (s: State): Next => {
      s[own + SLOT] = 0;
      return part('hash');
    };
    const version = (s: State): Next => {
      const bucket = this.bucket(which, s);
      s[own + register] = s[layout.version(bucket)] as number;
      s[own + FOUND] = 0;
      if ((s[own + register] as number) & 1) return part('await');
      const slots = Array.from({ length: layout.slots }, (_, slot) => slot);
      const seeming = slots.find((slot) => s[layout.hash({ bucket, slot })] === hash);
      if (seeming === undefined) return fromTheStart(s);
      s[own + SLOT] = seeming;
      return part('seeming hash');
    };
    const nextSlot = (s: State): Next => {
      s[own + SLOT] = (s[own + SLOT] as number) + 1;
      return (s[own + SLOT] as number) < layout.slots ? part('hash') : part('scanned');
    };
    const place = (s: State): Place => ({ bucket: this.bucket(which, s), slot: s[own + SLOT] as number });
    const look = (name: string, otherwise: (s: State) => Next): void => {
      this.#program
        .label(part(`${name}hash`))
        .add('S_FIND_HASH', (s): Next =>
          s[layout.hash(place(s))] === hash ? part(`${name}ref`) : otherwise(s),
        )
        .label(part(`${name}ref`))
        .add('S_FIND_REF', (s): Next => {
          const ref = s[layout.ref(place(s))] as number;
          if (ref === 0) return otherwise(s);
          s[own + FOUND] = ref;
          return part('scanned');
        });
    };
    this.#program
      .label(this.label(which))
      .add('S_FIND_VERSION', version)
      .label(part('await'))
      .add('S_FIND_AWAIT', version);
    look('seeming ', fromTheStart);
    look('', nextSlot);
    this.#program.label(part('scanned')).local(() => {});
  }
}
