/**
 * Model of atomic expirations (engine/assembly/expiry/rculist-sweep.ts, presets upstream-main and one-hold): packets refresh one
 * connection under its lock and leave out a store of what is there, others end it without the lock, look-ups read without the lock.
 */
import { Program, type Model, type Next } from './program.js';

export type ExpirationFault =
  /** A packet looks whether the store can be left out before it has the lock. */
  | 'early-look'
  /** The store is two of half the width. */
  | 'halves';

export interface ExpirationOptions {
  /** What each packet stores: two digits, each of which is one half. 0 is for ends. */
  readonly packets: readonly number[];
  /** Threads that end the connection. */
  readonly ends: number;
  /** Threads that read it, once. */
  readonly readers: number;
  readonly fault?: ExpirationFault;
}

const START = 11;
const LOCK = 0;
const EXPIRATION = 1;
/** What the packet wanted that had the lock last. */
const WANTED = 2;
/** From here on what each reader has read, then what each packet saw. */
const READ = 3;

export function expirationModel(options: ExpirationOptions): Model {
  const { packets, ends, readers } = options;
  const values = new Set([START, ...packets, ...(ends > 0 ? [0] : [])]);
  const last = (s: readonly number[]): boolean =>
    s[EXPIRATION] === s[WANTED] || (ends > 0 && s[EXPIRATION] === 0);
  return {
    name: `expirations: ${packets.length} packets, ${ends} ends, ${readers} readers`,
    initial: [0, START, START, ...Array.from({ length: readers + packets.length }, () => START)],
    threads: [
      ...Array.from({ length: readers }, (_, reader) => readerProgram(READ + reader)),
      ...Array.from({ length: ends }, endProgram),
      ...packets.map((wanted, index) => packetProgram(wanted, READ + readers + index, options.fault)),
    ],
    invariant: (s) =>
      s.slice(READ, READ + readers).every((value) => values.has(value))
        ? null
        : 'a reader has met an expiration that nobody stored',
    final: (s) => (last(s) ? null : `${s[WANTED]} was wanted last, ${s[EXPIRATION]} is there`),
  };
}

function readerProgram(own: number): Program {
  return new Program().add('S_EXPIRATION_READ', (s) => void (s[own] = s[EXPIRATION] as number));
}

function endProgram(): Program {
  return new Program().add('S_EXPIRATION_END', (s) => void (s[EXPIRATION] = 0));
}

function packetProgram(wanted: number, seen: number, fault: ExpirationFault | undefined): Program {
  const program = new Program();
  const look = (): void =>
    void program.add('S_EXPIRATION_READ', (s) => void (s[seen] = s[EXPIRATION] as number));
  if (fault === 'early-look') look();
  program.add('S_LOCK_TRY', (s) => void (s[LOCK] = 1), { isEnabled: (s) => s[LOCK] === 0 });
  if (fault !== 'early-look') look();
  program.local((s): Next => {
    s[WANTED] = wanted;
    if (s[seen] === wanted) return 'done';
  });
  if (fault === 'halves') {
    program.add('S_EXPIRATION_SET', (s) => {
      s[EXPIRATION] = Math.floor(wanted / 10) * 10 + ((s[EXPIRATION] as number) % 10);
    });
  }
  return program
    .add('S_EXPIRATION_SET', (s) => void (s[EXPIRATION] = wanted))
    .label('done')
    .add('S_UNLOCK', (s) => void (s[LOCK] = 0));
}
