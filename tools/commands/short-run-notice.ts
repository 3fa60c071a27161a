/** Telling after the first trial that runs are too short for a claim, while there is time to ask for longer ones. */
import type { ResultCase } from '../result/schema.js';
import { notice } from './notices.js';

/** Tells once for each input; to be handed to the matrix. */
export class ShortRunNotice {
  readonly #enabled: boolean;
  readonly #clearLine: () => void;
  readonly #noticed = new Set<string>();
  #seen = 0;

  /** @param clearLine takes away a line of progress that is shown */
  constructor(enabled: boolean, clearLine: () => void) {
    this.#enabled = enabled;
    this.#clearLine = clearLine;
  }

  /** @param cases all that were measured so far */
  readonly onMeasured = (cases: readonly ResultCase[]): void => {
    const added = cases.slice(this.#seen);
    this.#seen = cases.length;
    if (!this.#enabled) return;
    for (const { input, warnings } of added) {
      const found = warnings?.find(({ code }) => code === 'too-short');
      if (found === undefined || this.#noticed.has(input.name)) continue;
      this.#noticed.add(input.name);
      this.#clearLine();
      notice(
        `${input.name}: ${found.text}. ${found.advice ?? ''} Ctrl-C ends this and keeps what was measured.`,
      );
    }
  };
}
