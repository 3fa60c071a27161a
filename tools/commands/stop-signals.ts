/** Signals that ask a run to end: Ctrl-C, what a scheduler sends (SIGTERM), and a terminal that is closed (SIGHUP). */
import { endNow } from './program-end.js';

/** In a shell's way, an exit code tells which signal ended a program. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * At the first signal, whichever it is, `onFirst` is called and what was measured is kept; the second ends the program.
 */
export class StopSignals {
  /** A signal has come: no further run is to begin. */
  requested = false;
  readonly #onFirst: () => void;
  readonly #dropped: string;
  readonly #handlers = new Map<keyof typeof SIGNALS, () => void>();

  /**
   * @param onFirst called once, at the first signal
   * @param dropped what the second one loses, for the message
   */
  constructor(onFirst: () => void, dropped: string) {
    this.#onFirst = onFirst;
    this.#dropped = dropped;
    for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
      const handler = (): void => this.#onSignal(signal);
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  #onSignal(signal: keyof typeof SIGNALS): void {
    if (this.requested) endNow(`\nInterrupted again: ${this.#dropped}.`, SIGNALS[signal]);
    this.requested = true;
    this.#onFirst();
  }

  disarm(): void {
    for (const [signal, handler] of this.#handlers) process.removeListener(signal, handler);
  }
}
