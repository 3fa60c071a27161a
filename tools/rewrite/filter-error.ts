import { shortened, shortenedWords } from '../text/escape.js';

/** Characters of an expression that a message shows. */
const SHOWN = 400;

/** A filter expression that cannot be understood. The message shows the expression and points at the fault. */
export class FilterError extends Error {
  /** The whole expression. */
  readonly expression: string;
  /** Where the fault lies: characters before it. */
  readonly offset: number;
  /** What is wrong there and what to do, without the place. */
  readonly reason: string;

  /** @param reason clause without a full stop, then perhaps advice behind a semicolon */
  constructor(expression: string, offset: number, reason: string) {
    super(`filter '${shortened(expression, SHOWN)}', position ${offset + 1}: ${shortenedWords(reason)}`);
    this.name = 'FilterError';
    this.expression = expression;
    this.offset = offset;
    this.reason = reason;
  }
}
