/** What a gate found: one entry per thing it looked at, and the exit code of all of them. */

/**
 * `regression`: worse than allowed. `inconclusive`: the measurement does not decide it. `skipped`: does not apply here, and says why.
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
  /** Of an inconclusive check: that measuring more could decide it. What a baseline lacks, no measuring decides. */
  readonly isOpen?: boolean | undefined;
}

const EXIT_PASS = 0;
const EXIT_INCONCLUSIVE = 98;
const EXIT_REGRESSION = 99;

/** What an inconclusive check does to a gate: `tell` ends with an exit code of its own. */
export const INCONCLUSIVE_POLICIES = ['tell', 'fail', 'pass'] as const;
export type InconclusivePolicy = (typeof INCONCLUSIVE_POLICIES)[number];

/** Exit code of a gate: a regression counts before an inconclusive check. */
export function exitCodeOf(checks: readonly Check[], inconclusive: InconclusivePolicy = 'tell'): number {
  if (checks.some((check) => check.verdict === 'regression')) return EXIT_REGRESSION;
  if (!checks.some((check) => check.verdict === 'inconclusive')) return EXIT_PASS;
  if (inconclusive === 'tell') return EXIT_INCONCLUSIVE;
  return inconclusive === 'fail' ? EXIT_REGRESSION : EXIT_PASS;
}

/** What becomes of the checks that are still inconclusive, in a sentence; null when there is none. */
export function inconclusiveSentence(
  checks: readonly Check[],
  policy: InconclusivePolicy,
  wasRerun: boolean,
): string | null {
  const count = checks.filter(({ verdict }) => verdict === 'inconclusive').length;
  if (count === 0) return null;
  const open = `${count} ${count === 1 ? 'check is' : 'checks are'} inconclusive`;
  const rerun = wasRerun ? ', measured once more with twice the rounds where that could tell' : '';
  const means: Readonly<Record<InconclusivePolicy, string>> = {
    tell: `exit code ${EXIT_INCONCLUSIVE} says so (--inconclusive fail or pass decides)`,
    fail: 'that fails the gate (--inconclusive fail)',
    pass: 'that does not fail the gate (--inconclusive pass)',
  };
  return `${open}${rerun}: ${means[policy]}`;
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
