/** Signals that ask a run to end: Ctrl-C, what a scheduler sends (SIGTERM), and a terminal that is closed (SIGHUP). */
import { endNow } from './program-end.js';

/** In a shell's way, an exit code tells which signal ended a program. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/** The first signal of this process that asked a run to end. */
let received: Signal | null = null;

/** Exit code of a command whose run was ended by a signal, after it has kept what was measured; null when none came. */
export function interruptedExitCode(): number | null {
  return received === null ? null : SIGNALS[received];
}

/**
 * At the first signal, whichever it is, `onFirst` is called and what was measured is kept; the second ends the program.
 */
export class StopSignals {
  /** A signal has come: no further run is to begin. */
  requested = false;
  readonly #onFirst: () => void;
  readonly #dropped: string;
  readonly #handlers = new Map<Signal, () => void>();

  /**
   * @param onFirst called once, at the first signal
   * @param dropped what the second one loses, for the message
   */
  constructor(onFirst: () => void, dropped: string) {
    this.#onFirst = onFirst;
    this.#dropped = dropped;
    for (const signal of Object.keys(SIGNALS) as Signal[]) {
      const handler = (): void => this.#onSignal(signal);
      this.#handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }

  #onSignal(signal: Signal): void {
    if (this.requested) endNow(`\nInterrupted again: ${this.#dropped}.`, SIGNALS[signal]);
    this.requested = true;
    received = signal;
    this.#onFirst();
  }

  disarm(): void {
    for (const [signal, handler] of this.#handlers) process.removeListener(signal, handler);
  }
}
