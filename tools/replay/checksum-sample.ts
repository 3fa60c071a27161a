/** A look at the checksums of traffic before it is replayed: of its first packets, and of every so many after. */
import { checksumState } from '../wire/frame-checksums.js';
import { frameAt, wireBytesAt, type FrameRange } from './frame-range.js';

/** What a look found. */
export interface ChecksumFigures {
  /** Packets looked at that have checksums which can be checked. */
  readonly looked: number;
  /** Of these, how many are wrong. */
  readonly wrong: number;
}

const ALL_OF_FIRST = 1000;
/** A prime, so that no rhythm of the traffic is met. */
const THEN_EVERY = 61;

function isSampled(index: number): boolean {
  return index < ALL_OF_FIRST || index % THEN_EVERY === 0;
}

/** Looks; show it every packet in order. */
export class ChecksumSample {
  #packets = 0;
  #looked = 0;
  #wrong = 0;

  look(range: FrameRange): void {
    for (let index = 0; index < range.count; index++) {
      if (isSampled(this.#packets++)) this.#lookClosely(frameAt(range, index), wireBytesAt(range, index));
    }
  }

  #lookClosely(frame: Uint8Array, wireBytes: number): void {
    const state = checksumState(frame, wireBytes);
    if (state === 'none') return;
    this.#looked++;
    if (state === 'wrong') this.#wrong++;
  }

  get figures(): ChecksumFigures {
    return { looked: this.#looked, wrong: this.#wrong };
  }
}
