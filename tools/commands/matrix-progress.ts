/** What a matrix shows while it runs, and how a signal ends it. */
import type { MatrixHooks } from '../bench/drive-matrix.js';
import type { TrialPlace } from '../bench/session.js';
import { StopSignals } from './stop-signals.js';

/** First signal: end after the trial in progress. Second: end now. */
export class StopOnSignal {
  readonly #signals: StopSignals;

  constructor(advice = 'go on later with --resume') {
    this.#signals = new StopSignals(
      () =>
        process.stderr.write(`\nInterrupted: ending after this trial; ${advice}. Once more to drop it.\n`),
      'the trial in progress is dropped',
    );
  }

  get requested(): boolean {
    return this.#signals.requested;
  }

  disarm(): void {
    this.#signals.disarm();
  }
}

/** What runs now: one line that is overwritten on a terminal, one line per group elsewhere. */
export class MatrixProgress {
  readonly #enabled: boolean;
  readonly #sessions: string;
  readonly #sessionWord: string;
  #group = '';
  #shown = false;

  /**
   * @param sessions of the matrix, as far as known beforehand: the fewest and the most
   * @param sessionWord what a session is called
   */
  constructor(
    enabled: boolean,
    { fewest, most = fewest }: { readonly fewest: number; readonly most?: number },
    sessionWord = 'session',
  ) {
    this.#enabled = enabled;
    this.#sessions = most === 1 ? '' : most === fewest ? String(fewest) : `${fewest} to ${most}`;
    this.#sessionWord = sessionWord;
  }

  /** To be handed to the matrix. */
  readonly onTrial: NonNullable<MatrixHooks['onTrial']> = (cell, group, place) => {
    const name = cell.role === 'design' ? cell.design : `${cell.design} (${cell.role})`;
    const session =
      this.#sessions === '' ? '' : `${this.#sessionWord} ${place.session + 1} of ${this.#sessions}: `;
    this.#trial(`${session}${group.name}`, name, place);
  };

  #trial(group: string, cell: string, { block, expected }: TrialPlace): void {
    if (!this.#enabled) return;
    const isTerminal = process.stderr.isTTY;
    if (group !== this.#group) {
      this.finish();
      process.stderr.write(`${group}\n`);
      this.#group = group;
    }
    if (!isTerminal) return;
    const place = block === null ? 'warm-up' : `trial ${block + 1} of ${Math.max(expected, block + 1)}`;
    process.stderr.write(`\r\u001b[K  ${place}  ${cell}`);
    this.#shown = true;
  }

  finish(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}
