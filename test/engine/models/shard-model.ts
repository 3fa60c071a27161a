/**
 * Model of translated creations with shards (engine/assembly/conntrack/nat/select.ts, shm/shards.ts): each thread is in a shard by its own
 * key, looks for a tuple that nobody has, candidate after candidate, and takes it under the locks of both shards. A remover gives a tuple free.
 */
import { Program, type Model, type Next } from './program.js';

export type ShardFault =
  /** The own shard's lock is taken before the candidate's, whatever their numbers. */
  | 'unordered'
  /** A candidate that looked free without the locks is taken without another look. */
  | 'one-look'
  /** Only the own shard's lock is taken. */
  | 'own-only';

/** A thread that creates: its shard, and the tuples that it may have, in order. */
export interface Creation {
  readonly shard: number;
  readonly candidates: readonly number[];
}

export interface ShardOptions {
  readonly shards: number;
  readonly creations: readonly Creation[];
  /** Tuples that have a connection of this shard already, which a thread removes. */
  readonly removals?: readonly { readonly shard: number; readonly tuple: number }[];
  readonly fault?: ShardFault;
}

/** A tuple that was there at the start. */
const OLD = -1;

/** Tuple n is in shard n modulo their number. Words: locks, who has a tuple (thread + 1), and how often it was taken while it was had. */
export function shardModel(options: ShardOptions): Model {
  const { shards, creations, removals = [] } = options;
  const tuples = Math.max(0, ...creations.flatMap(({ candidates }) => candidates)) + 1;
  const has = (tuple: number): number => shards + tuple;
  const twice = shards + tuples;
  const initial = Array.from({ length: twice + 1 }, () => 0);
  for (const { tuple } of removals) initial[has(tuple)] = OLD;
  const bed = { shards, has, twice, fault: options.fault };
  return {
    name: `${creations.length} creations in ${shards} shards`,
    initial,
    threads: [
      ...creations.map((creation, thread) => creationProgram(bed, thread, creation)),
      ...removals.map(({ shard, tuple }) => removalProgram(bed, shard, tuple)),
    ],
    invariant: (s) => (s[twice] === 0 ? null : 'a tuple was given twice'),
    final: (s) => {
      if (s.slice(0, shards).some((word) => word !== 0)) return 'a lock is still held';
      const without = creations.filter(
        ({ candidates }, thread) =>
          !candidates.some((tuple) => s[has(tuple)] === thread + 1) &&
          candidates.some((tuple) => s[has(tuple)] === 0) &&
          removals.length === 0,
      );
      return without.length === 0 ? null : 'a creation has no tuple although one was free all the time';
    },
  };
}

interface Bed {
  readonly shards: number;
  readonly has: (tuple: number) => number;
  readonly twice: number;
  readonly fault: ShardFault | undefined;
}

/** The locks of two shards in the order in which they are taken; one where they are the same. */
function locksOf({ fault }: Bed, own: number, other: number): number[] {
  if (fault === 'own-only' || own === other) return [own];
  return fault === 'unordered' ? [own, other] : [Math.min(own, other), Math.max(own, other)];
}

function lockAll(program: Program, locks: readonly number[]): void {
  for (const lock of locks)
    program.add('S_LOCK_TRY', (s) => void (s[lock] = 1), { isEnabled: (s) => s[lock] === 0 });
}

function unlockAll(program: Program, locks: readonly number[]): void {
  for (const lock of locks.toReversed()) program.add('S_UNLOCK', (s) => void (s[lock] = 0));
}

function creationProgram(bed: Bed, thread: number, { shard, candidates }: Creation): Program {
  const program = new Program();
  for (const tuple of candidates) {
    const word = bed.has(tuple);
    const locks = locksOf(bed, shard, tuple % bed.shards);
    const next = `after ${tuple}`;
    const taken = `${tuple} was taken`;
    program.add('S_FIND_LAST', (s): Next => (s[word] === 0 ? undefined : next));
    lockAll(program, locks);
    if (bed.fault !== 'one-look')
      program.add('S_FIND_LAST', (s): Next => (s[word] === 0 ? undefined : taken));
    program.add('S_CHAIN_HEAD', (s) => {
      if (s[word] !== 0) s[bed.twice] = 1;
      s[word] = thread + 1;
    });
    unlockAll(program, locks);
    program.local((): Next => 'end');
    program.label(taken);
    unlockAll(program, locks);
    program.label(next).local(() => {});
  }
  return program.label('end').local(() => {});
}

function removalProgram(bed: Bed, shard: number, tuple: number): Program {
  const program = new Program();
  const locks = locksOf(bed, shard, tuple % bed.shards);
  lockAll(program, locks);
  program.add('S_CHAIN_HEAD', (s) => void (s[bed.has(tuple)] = 0));
  unlockAll(program, locks);
  return program;
}
