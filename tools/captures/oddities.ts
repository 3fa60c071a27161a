import { CaptureError } from './capture-error.js';

/**
 * What is wrong with a record that libpcap and Wireshark read all the same. Such records are read here as they read them, and
 * counted.
 */
export type OddityKind =
  | 'old-version'
  | 'captured-beyond-wire'
  | 'sub-second-range'
  | 'empty-record'
  | 'block-length'
  | 'untracked-link-type';

/** One kind of oddity in one capture. */
export interface CaptureOddity {
  readonly kind: OddityKind;
  /** Records that have it; for `block-length`, blocks. */
  readonly count: number;
  /** Number in the file, from 1, of the first of these records; for `block-length`, of the one in the block or behind it. */
  readonly firstRecordIndex: number;
  /** What the first one has, and how it is read, as a clause without a full stop. */
  readonly text: string;
}

/** Where an oddity was met, and what it is. */
export interface OddityFound {
  readonly kind: OddityKind;
  readonly recordIndex: number;
  readonly offset: number;
  /** What is wrong, and how it is read all the same. Called for the first one of its kind only, and for a refusal. */
  readonly describe: () => string;
}

/** Counts the oddities of one capture, or refuses the first one. */
export class Oddities {
  readonly #file: string;
  readonly #strict: boolean;
  readonly #found = new Map<OddityKind, { count: number; firstRecordIndex: number; text: string }>();

  constructor(file: string, strict: boolean) {
    this.#file = file;
    this.#strict = strict;
  }

  /** Counts an oddity. Returns the refusal where every record has to be sound (`--strict`), null otherwise. */
  note({ kind, recordIndex, offset, describe }: OddityFound): CaptureError | null {
    if (this.#strict) {
      return new CaptureError({
        file: this.#file,
        recordIndex,
        offset,
        wholeRecords: recordIndex - 1,
        reason: describe(),
        advice: 'Leave --strict out to read it all the same, or record or export the capture again.',
      });
    }
    const found = this.#found.get(kind);
    if (found === undefined) {
      this.#found.set(kind, { count: 1, firstRecordIndex: recordIndex, text: describe() });
    } else {
      found.count += 1;
    }
    return null;
  }

  /** The kinds met so far, in the order in which they were met. */
  list(): CaptureOddity[] {
    return [...this.#found].map(([kind, found]) => ({ kind, ...found }));
  }
}

/** An oddity for people: `3 records, the first one record 7: the captured length ...`. */
export function oddityText({ kind, count, firstRecordIndex, text }: CaptureOddity): string {
  const what = kind === 'block-length' ? 'block' : 'record';
  const first = `${kind === 'block-length' ? 'at ' : ''}record ${firstRecordIndex}`;
  const number = count.toLocaleString('en-US');
  return count === 1 ? `1 ${what}, ${first}: ${text}` : `${number} ${what}s, the first one ${first}: ${text}`;
}

/** The oddity of a record that says it has more bytes than were on the wire. */
export function beyondWireText(captured: number, original: number): string {
  return (
    `the captured length, ${captured} bytes, is more than the length on the wire, ${original} bytes; ` +
    'both are kept as they are'
  );
}
