import { shortenedReason } from '../text/escape.js';

/** A configuration that cannot be used. The message names file, line, column, the place in the tree and what to do. */
export class ConfigError extends Error {
  readonly exitCode = 2;

  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;

  constructor(file: string, line: number | null, column: number | null, reason: string) {
    const text = shortenedReason(reason);
    super(line === null ? `${file}: ${text}` : `${file}:${line}:${column ?? 1}: ${text}`);
    this.file = file;
    this.line = line;
    this.column = column;
    this.name = 'ConfigError';
  }
}
