/**
 * Counts what a traced engine does: cache lines, accesses, instructions, turns of loops. Nothing of it depends on the machine. The counts of
 * one call are put under the class that the caller names after it.
 */
import type { MemoryPlan } from '../../engine/host/memory-plan.js';
import type { EngineTrace } from '../../engine/host/module.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { LOCK_CLASSES } from '../../engine/host/counters.js';
import { LockWatch } from './lock-watch.js';

/** Counts by class of packet, or by `sweep`, `flush`, … Maps hold only what is not zero. */
export interface TracedWork {
  /** Cache lines of 64 bytes that a call touched, each once a call; summed over calls. */
  readonly lines: Readonly<Record<string, number>>;
  /** Those of them that were written. */
  readonly linesWritten: Readonly<Record<string, number>>;
  /** As `lines`, over all classes, by region of the memory plan. */
  readonly linesByRegion: Readonly<Record<string, number>>;
  /** Loads, stores and atomics. */
  readonly accesses: Readonly<Record<string, number>>;
  /** Those of them while a lock was held, by its class and that of the call: `ct_lock sweep`. */
  readonly heldAccesses: Readonly<Record<string, number>>;
  /** Atomic stores, exchanges and additions: what x86 does with the line locked, and no compiler adds or leaves out. */
  readonly atomicWrites: Readonly<Record<string, number>>;
  /** WebAssembly's, without constants and local variables. */
  readonly instructions: Readonly<Record<string, number>>;
  /** Those of them while a lock was held, as `heldAccesses`. */
  readonly heldInstructions: Readonly<Record<string, number>>;
  readonly loopTurns: Readonly<Record<string, number>>;
  /** Most turns in one call: what a pause once in a thousand packets shows in. */
  readonly mostLoopTurns: Readonly<Record<string, number>>;
}

const LINE_BITS = 6;
const READ = 1;
const WRITE = 2;
const ATOMIC = 4;
/** What takes a lock or gives it back. */
const LOCKING = READ | WRITE | ATOMIC;

type Counts = Map<string, number>;

/** Listens to an engine; `begin` and `end` around each call. */
export class WorkTrace implements EngineTrace {
  /** Call in which a line was touched last, and written last. */
  readonly #touched: Uint32Array;
  readonly #written: Uint32Array;
  readonly #regionStarts: readonly number[];
  readonly #regionNames: readonly string[];
  readonly #regions: number[];
  readonly #locks: LockWatch;
  #call = 0;
  #lines = 0;
  #linesWritten = 0;
  #accesses = 0;
  #atomicWrites = 0;
  /** By lock class. */
  readonly #heldAccesses = LOCK_CLASSES.map(() => 0);
  readonly #heldInstructions = LOCK_CLASSES.map(() => 0);
  #instructions = 0;
  #turns = 0;
  #copyTo = 0;
  #copyFrom = -1;
  readonly #sums = {
    lines: new Map(),
    linesWritten: new Map(),
    accesses: new Map(),
    heldAccesses: new Map(),
    atomicWrites: new Map(),
    instructions: new Map(),
    heldInstructions: new Map(),
    loopTurns: new Map(),
    mostLoopTurns: new Map(),
  } satisfies Record<string, Counts>;

  constructor(run: EngineRun) {
    const { memory, plan, engine } = run;
    const lines = memory.buffer.byteLength / 2 ** LINE_BITS;
    this.#touched = new Uint32Array(lines);
    this.#written = new Uint32Array(lines);
    this.#locks = new LockWatch(run);
    const regions = regionsOf(plan, engine.constants.CONTROL);
    this.#regionStarts = regions.map(({ start }) => start);
    this.#regionNames = regions.map(({ name }) => name);
    this.#regions = regions.map(() => 0);
  }

  readonly touch = (kind: number, bytes: number, offset: number, address: number): number => {
    this.#access(kind, (address >>> 0) + offset, bytes);
    return address;
  };

  readonly touchTo = (address: number): number => {
    this.#copyTo = address >>> 0;
    this.#copyFrom = -1;
    return address;
  };

  readonly touchFrom = (address: number): number => {
    this.#copyFrom = address >>> 0;
    return address;
  };

  readonly touchLength = (length: number): number => {
    const bytes = length >>> 0;
    if (bytes > 0) {
      this.#access(WRITE, this.#copyTo, bytes);
      if (this.#copyFrom >= 0) this.#access(READ, this.#copyFrom, bytes);
    }
    return length;
  };

  readonly turn = (): void => {
    this.#turns++;
  };

  readonly ran = (count: number): void => {
    this.#instructions += count;
    addHeld(this.#heldInstructions, this.#locks.held(), count);
  };

  /** What follows belongs to a new call. */
  begin(): void {
    this.#call++;
    this.#lines = 0;
    this.#linesWritten = 0;
    this.#accesses = 0;
    this.#atomicWrites = 0;
    this.#heldAccesses.fill(0);
    this.#heldInstructions.fill(0);
    this.#instructions = 0;
    this.#turns = 0;
  }

  /** The call is over and belongs to this class. */
  end(name: string): void {
    add(this.#sums.lines, name, this.#lines);
    add(this.#sums.linesWritten, name, this.#linesWritten);
    add(this.#sums.accesses, name, this.#accesses);
    add(this.#sums.atomicWrites, name, this.#atomicWrites);
    add(this.#sums.instructions, name, this.#instructions);
    for (const [lockClass, lock] of LOCK_CLASSES.entries()) {
      add(this.#sums.heldAccesses, `${lock} ${name}`, this.#heldAccesses[lockClass] as number);
      add(this.#sums.heldInstructions, `${lock} ${name}`, this.#heldInstructions[lockClass] as number);
    }
    add(this.#sums.loopTurns, name, this.#turns);
    const { mostLoopTurns } = this.#sums;
    mostLoopTurns.set(name, Math.max(mostLoopTurns.get(name) ?? 0, this.#turns));
  }

  /** All counts so far. */
  work(): TracedWork {
    return {
      lines: sortedCounts([...this.#sums.lines]),
      linesWritten: sortedCounts([...this.#sums.linesWritten]),
      linesByRegion: sortedCounts(
        this.#regions.map((count, index) => [this.#regionNames[index] as string, count]),
      ),
      accesses: sortedCounts([...this.#sums.accesses]),
      heldAccesses: sortedCounts([...this.#sums.heldAccesses]),
      atomicWrites: sortedCounts([...this.#sums.atomicWrites]),
      instructions: sortedCounts([...this.#sums.instructions]),
      heldInstructions: sortedCounts([...this.#sums.heldInstructions]),
      loopTurns: sortedCounts([...this.#sums.loopTurns]),
      mostLoopTurns: sortedCounts([...this.#sums.mostLoopTurns]),
    };
  }

  #access(kind: number, from: number, bytes: number): void {
    this.#accesses++;
    addHeld(this.#heldAccesses, this.#locks.held(), 1);
    if ((kind & (WRITE | ATOMIC)) === (WRITE | ATOMIC)) this.#atomicWrites++;
    if ((kind & LOCKING) === LOCKING) this.#locks.mayChange(from);
    const last = (from + bytes - 1) >>> LINE_BITS;
    for (let line = from >>> LINE_BITS; line <= last; line++) {
      if (this.#touched[line] !== this.#call) {
        this.#touched[line] = this.#call;
        this.#lines++;
        const region = this.#regionAt(line * 2 ** LINE_BITS);
        this.#regions[region] = (this.#regions[region] as number) + 1;
      }
      if ((kind & WRITE) !== 0 && this.#written[line] !== this.#call) {
        this.#written[line] = this.#call;
        this.#linesWritten++;
      }
    }
  }

  #regionAt(address: number): number {
    let region = this.#regionStarts.length - 1;
    while (region > 0 && address < (this.#regionStarts[region] as number)) region--;
    return region;
  }
}

/** Regions in the order of their addresses; an empty one begins where the next does and so holds nothing. */
function regionsOf({ regions }: MemoryPlan, control: number): { name: string; start: number }[] {
  return [
    { name: 'static', start: 0 },
    { name: 'control', start: control },
    ...Object.entries(regions).map(([name, start]) => ({ name, start: start as number })),
  ].toSorted((a, b) => a.start - b.start);
}

/** Adds to the classes of locks that are held. */
function addHeld(counts: number[], held: number, count: number): void {
  for (let lockClass = 0; held >>> lockClass !== 0; lockClass++) {
    if (((held >>> lockClass) & 1) === 1) counts[lockClass] = (counts[lockClass] as number) + count;
  }
}

function add(counts: Counts, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

/** Counts that are not zero, in order of their names. */
export function sortedCounts(entries: readonly (readonly [string, number])[]): Record<string, number> {
  const kept = entries.filter(([, count]) => count !== 0);
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
