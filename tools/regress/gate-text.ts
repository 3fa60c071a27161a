/** What a gate says: to the terminal, to GitHub, as Markdown and as JUnit XML. */
import { escapeMarkdown, printable } from '../text/escape.js';
import { junitXml, type JunitCase, type JunitSuite } from '../report/junit.js';
import type { Check, CheckLevel, CheckVerdict, InconclusivePolicy } from './check.js';

/** A gate's outcome. */
export interface GateReport {
  readonly checks: readonly Check[];
  /** ISO 8601. */
  readonly createdAt: string;
  /** What it ran on, one line each. */
  readonly facts: readonly string[];
  /** What an inconclusive check does to the gate; absent: it is told. */
  readonly inconclusive?: InconclusivePolicy;
  /** What becomes of the checks that are inconclusive, in a sentence. */
  readonly note?: string | null;
}

const LEVELS: Readonly<Record<CheckLevel, string>> = {
  exact: 'Verdicts and work counts',
  ratio: 'Ratios between designs',
  against: 'Speed against the other build',
  threshold: 'Thresholds',
};

const WORDS: Readonly<Record<CheckVerdict, string>> = {
  pass: 'pass',
  regression: 'REGRESSION',
  inconclusive: 'inconclusive',
  skipped: 'skipped',
};

/** Details shown for one check; the rest is in JUnit. */
const DETAILS_SHOWN = 12;

function count(checks: readonly Check[], verdict: CheckVerdict): number {
  return checks.filter((check) => check.verdict === verdict).length;
}

/** `2 regressions, 1 inconclusive, 30 passed`. */
export function gateSummary(checks: readonly Check[]): string {
  const parts = [
    [count(checks, 'regression'), (n: number) => `${n} ${n === 1 ? 'regression' : 'regressions'}`],
    [count(checks, 'inconclusive'), (n: number) => `${n} inconclusive`],
    [count(checks, 'skipped'), (n: number) => `${n} skipped`],
    [count(checks, 'pass'), (n: number) => `${n} passed`],
  ] as const;
  const clauses = parts.filter(([n]) => n > 0).map(([n, words]) => words(n));
  return clauses.length === 0 ? 'nothing was checked' : clauses.join(', ');
}

/** Text for a terminal. `quiet` shows only what did not pass. */
export function gateText({ checks, facts, note }: GateReport, quiet: boolean): string {
  const lines: string[] = quiet ? [] : facts.map(printable);
  for (const level of Object.keys(LEVELS) as CheckLevel[]) {
    const own = checks.filter((check) => check.level === level);
    const shown = quiet ? own.filter((check) => check.verdict !== 'pass') : own;
    if (shown.length === 0) continue;
    lines.push('', LEVELS[level]);
    for (const check of shown) {
      lines.push(`  ${WORDS[check.verdict].padEnd(13)}${printable(check.name)}: ${printable(check.text)}`);
      if (check.verdict === 'pass') continue;
      lines.push(...cut(check.details).map((detail) => `    ${printable(detail)}`));
    }
  }
  lines.push('', gateSummary(checks));
  if (note != null) lines.push(note);
  return `${lines.join('\n').replace(/^\n+/, '')}\n`;
}

function cut(details: readonly string[]): string[] {
  if (details.length <= DETAILS_SHOWN) return [...details];
  return [...details.slice(0, DETAILS_SHOWN), `… and ${details.length - DETAILS_SHOWN} more`];
}

/** Markdown for a step summary or the body of a comment; everything from outside is escaped. */
export function gateMarkdown({ checks, facts, note }: GateReport): string {
  const lines = [`## ctreplay regress: ${gateSummary(checks)}`, ''];
  if (note != null) lines.push(`${escapeMarkdown(note)}.`, '');
  const open = checks.filter((check) => check.verdict === 'regression' || check.verdict === 'inconclusive');
  for (const check of open) {
    lines.push(`- **${WORDS[check.verdict]}** ${escapeMarkdown(check.name)}: ${escapeMarkdown(check.text)}`);
    lines.push(...cut(check.details).map((detail) => `  - ${escapeMarkdown(detail)}`));
  }
  if (open.length > 0) lines.push('');
  for (const level of Object.keys(LEVELS) as CheckLevel[]) {
    const own = checks.filter((check) => check.level === level);
    if (own.length === 0) continue;
    lines.push(
      `<details><summary>${LEVELS[level]}: ${gateSummary(own)}</summary>`,
      '',
      '| what | verdict | finding |',
      '| --- | --- | --- |',
      ...own.map(
        (check) =>
          `| ${escapeMarkdown(check.name)} | ${WORDS[check.verdict]} | ${escapeMarkdown(check.text)} |`,
      ),
      '',
      '</details>',
      '',
    );
  }
  lines.push(...facts.map((fact) => `<sub>${escapeMarkdown(fact)}</sub>  `), '');
  return lines.join('\n');
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/**
 * Workflow commands that make GitHub annotate a run: an error per regression, a warning per inconclusive check, or an error where
 * that fails the gate.
 */
export function githubAnnotations(
  checks: readonly Check[],
  inconclusive: InconclusivePolicy = 'tell',
): string[] {
  return checks.flatMap((check) => {
    if (check.verdict !== 'regression' && check.verdict !== 'inconclusive') return [];
    const kind = failsGate(check, inconclusive) ? 'error' : 'warning';
    const place = check.file === undefined ? [] : [`file=${escapeProperty(check.file)}`];
    const title = `title=${escapeProperty(`${WORDS[check.verdict]}: ${check.name}`)}`;
    const message = [check.text, ...cut(check.details)].join('\n');
    return [`::${kind} ${[...place, title].join(',')}::${escapeData(message)}`];
  });
}

function failsGate({ verdict }: Check, inconclusive: InconclusivePolicy): boolean {
  return verdict === 'regression' || (verdict === 'inconclusive' && inconclusive === 'fail');
}

/**
 * JUnit XML: a suite per level; what fails the gate is a failure, an inconclusive check that does not and a skipped one are
 * skipped.
 */
export function gateJunit({ checks, createdAt, inconclusive = 'tell' }: GateReport): string {
  const suites: JunitSuite[] = (Object.keys(LEVELS) as CheckLevel[]).flatMap((level) => {
    const own = checks.filter((check) => check.level === level);
    return own.length === 0
      ? []
      : [
          {
            name: `regress ${level}`,
            timestamp: createdAt,
            cases: own.map((check) => junitCase(check, inconclusive)),
          },
        ];
  });
  return junitXml(suites);
}

function junitCase(check: Check, inconclusive: InconclusivePolicy): JunitCase {
  const common = { name: check.name, classname: `regress.${check.level}` };
  if (check.verdict === 'pass') return { ...common, outcome: { kind: 'pass' } };
  return {
    ...common,
    outcome: {
      kind: failsGate(check, inconclusive) ? 'failure' : 'skipped',
      message: check.verdict === 'inconclusive' ? `inconclusive: ${check.text}` : check.text,
      details: check.details.join('\n'),
    },
  };
}

/** A gate that could not be run, as JUnit: an error, so that it is not taken for a pass. */
export function failedGateJunit(error: Error, createdAt: string): string {
  return junitXml([
    {
      name: 'regress',
      timestamp: createdAt,
      cases: [{ name: 'regress', classname: 'regress', outcome: { kind: 'error', message: error.message } }],
    },
  ]);
}
