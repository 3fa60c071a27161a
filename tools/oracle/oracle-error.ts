/** Something that cannot be compared: an unreadable or malformed file of expectations. */
export class OracleError extends Error {
  readonly file: string;
  readonly line: number | null;

  constructor(detail: {
    readonly file: string;
    readonly line?: number;
    readonly reason: string;
    readonly advice: string;
    readonly cause?: unknown;
  }) {
    const place = detail.line === undefined ? detail.file : `${detail.file}, line ${detail.line}`;
    super(
      `${place}: ${detail.reason}. ${detail.advice}`,
      detail.cause === undefined ? undefined : { cause: detail.cause },
    );
    this.name = 'OracleError';
    this.file = detail.file;
    this.line = detail.line ?? null;
  }
}
