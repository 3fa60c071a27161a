/** What a gate found: one entry per thing it looked at, and the exit code of all of them. */

/**
 * `regression`: worse than allowed. `inconclusive`: it could not be told apart. `skipped`: does not apply here, and says why.
 */
export type CheckVerdict = 'pass' | 'regression' | 'inconclusive' | 'skipped';

/** Which part of the gate a check belongs to. */
export type CheckLevel = 'exact' | 'ratio' | 'against' | 'threshold';

/** One thing that was looked at. */
export interface Check {
  readonly level: CheckLevel;
  /** What was looked at: `syn-flood/rculist-sweep`. Unique within its level. */
  readonly name: string;
  readonly verdict: CheckVerdict;
  /** One line for people: what changed, by how much, what was allowed. */
  readonly text: string;
  /** More lines: every difference. */
  readonly details: readonly string[];
  /** File that a reader would look into; for annotations. */
  readonly file?: string | undefined;
}

export const EXIT_PASS = 0;
export const EXIT_INCONCLUSIVE = 98;
export const EXIT_REGRESSION = 99;

/** Exit code of a gate: a regression counts before an inconclusive check. */
export function exitCodeOf(checks: readonly Check[]): number {
  if (checks.some((check) => check.verdict === 'regression')) return EXIT_REGRESSION;
  return checks.some((check) => check.verdict === 'inconclusive') ? EXIT_INCONCLUSIVE : EXIT_PASS;
}

/** A gate that cannot be run as asked; the message says what is wrong and what to do. */
export class RegressError extends Error {
  /** Exit code of the command line. */
  readonly exitCode: number;

  /** @param exitCode 1 for anything wrong with input or running, 2 for wrong usage */
  constructor(message: string, exitCode: 1 | 2 = 1, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RegressError';
    this.exitCode = exitCode;
  }
}
