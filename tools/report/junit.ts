/** JUnit XML, as CI servers read it. Regression is a failure, inconclusive is skipped, a harness fault is an error. */
import { comparisonsOf, deltaText, differs } from '../result/comparisons.js';
import { escapeXml } from '../text/escape.js';
import type { Run } from '../result/runs.js';
import type { AuditCheck, ResultCase } from '../result/schema.js';
import { hasOwnThroughput, throughputOf } from '../result/throughput.js';

export type JunitOutcome =
  { kind: 'pass' } | { kind: 'failure' | 'error' | 'skipped'; message: string; details?: string };

export interface JunitCase {
  name: string;
  classname: string;
  /** Seconds; left out where there is none. */
  timeS?: number | null;
  outcome: JunitOutcome;
}

export interface JunitSuite {
  name: string;
  /** ISO 8601. */
  timestamp: string;
  cases: JunitCase[];
}

/** The document for `suites`; counts and times are added up here, so they cannot disagree with the cases. */
export function junitXml(suites: readonly JunitSuite[]): string {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>'];
  const all = suites.flatMap((suite) => suite.cases);
  lines.push(`<testsuites ${attributes({ name: 'ctreplay', ...countsOf(all) })}>`);
  for (const suite of suites) {
    // The schema wants local time without zone; UTC is given, cut to seconds.
    const timestamp = suite.timestamp.slice(0, 19);
    lines.push(`  <testsuite ${attributes({ name: suite.name, ...countsOf(suite.cases), timestamp })}>`);
    for (const entry of suite.cases) lines.push(...caseLines(entry));
    lines.push('  </testsuite>');
  }
  lines.push('</testsuites>', '');
  return lines.join('\n');
}

function caseLines(test: JunitCase): string[] {
  const head = attributes({
    name: test.name,
    classname: test.classname,
    ...(test.timeS === null || test.timeS === undefined ? {} : { time: seconds(test.timeS) }),
  });
  const { outcome } = test;
  if (outcome.kind === 'pass') return [`    <testcase ${head}/>`];
  const message = attributes({ message: outcome.message });
  const details = outcome.details ?? '';
  const type = outcome.kind === 'skipped' ? '' : ` type="${outcome.kind}"`;
  const element =
    details === ''
      ? `      <${outcome.kind} ${message}${type}/>`
      : `      <${outcome.kind} ${message}${type}>${textLines(details)}</${outcome.kind}>`;
  return [`    <testcase ${head}>`, element, '    </testcase>'];
}

/** Text content: line ends stay line ends, everything else unprintable becomes an escape. */
function textLines(text: string): string {
  return text.split(/\r?\n/).map(escapeXml).join('\n');
}

function countsOf(cases: readonly JunitCase[]): Record<string, string | number> {
  const of = (kind: JunitOutcome['kind']): number =>
    cases.filter((entry) => entry.outcome.kind === kind).length;
  return {
    tests: cases.length,
    failures: of('failure'),
    errors: of('error'),
    skipped: of('skipped'),
    time: seconds(cases.reduce((sum, entry) => sum + (entry.timeS ?? 0), 0)),
  };
}

function seconds(value: number): string {
  return value.toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}="${escapeXml(String(value))}"`)
    .join(' ');
}

/**
 * One suite per run. A case passes when its self-audit does; a failed check is an error, a case that was cut short
 * is skipped, and so is an A/A control that differs from itself, because then the machine was too noisy to tell.
 */
export function junitSuites(runs: readonly Run[]): JunitSuite[] {
  return runs.map((run) => {
    const { result } = run;
    const cases: JunitCase[] = result.cases.map((entry) => ({
      name: result.cases.some((other) => other.id === entry.id && other.trial !== entry.trial)
        ? `${entry.id} trial ${entry.trial}`
        : entry.id,
      classname: entry.design,
      timeS: (entry.elapsedNs + (hasOwnThroughput(entry) ? throughputOf(entry).elapsedNs : 0)) / 1e9,
      outcome: outcomeOf(entry.audit, entry.partial === true ? entry : null),
    }));
    if (result.cases.length === 0) {
      const message = 'The result holds no case: nothing was measured.';
      cases.push({ name: 'cases', classname: 'run', outcome: { kind: 'error', message } });
    }
    if ((result.audit?.length ?? 0) > 0) {
      cases.push({ name: 'self-audit', classname: 'run', outcome: outcomeOf(result.audit ?? [], null) });
    }
    for (const comparison of comparisonsOf(result)) {
      if (comparison.control !== true) continue;
      cases.push({
        name: `A/A ${comparison.head} ${comparison.metric}`,
        classname: 'control',
        outcome: differs(comparison)
          ? {
              kind: 'skipped',
              message: `A design differs from itself (${deltaText(comparison)}): inconclusive.`,
            }
          : { kind: 'pass' },
      });
    }
    return { name: run.label, timestamp: result.createdAt, cases };
  });
}

function checkText({ name, expected, actual, advice }: AuditCheck): string {
  const figures = `${name}: expected ${expected ?? '(not given)'}, got ${actual ?? '(not given)'}`;
  return advice ? `${figures}. ${advice}` : figures;
}

function outcomeOf(audit: readonly AuditCheck[], partial: ResultCase | null): JunitOutcome {
  const failed = audit.filter((check) => !check.ok);
  if (failed.length > 0) {
    return {
      kind: 'error',
      message: `${failed.length} self-audit ${failed.length === 1 ? 'check' : 'checks'} failed`,
      details: failed.map(checkText).join('\n'),
    };
  }
  if (partial !== null) return { kind: 'skipped', message: 'The case was cut short.' };
  return { kind: 'pass' };
}
