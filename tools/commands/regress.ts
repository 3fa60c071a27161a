/** `ctreplay regress`: a gate for CI. */
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import {
  exitCodeOf,
  INCONCLUSIVE_POLICIES,
  inconclusiveSentence,
  type InconclusivePolicy,
} from '../regress/check.js';
import { runGate } from '../regress/gate.js';
import { GATE_LEVELS, type GateFindings, type GateLevel } from '../regress/gate-options.js';
import {
  failedGateJunit,
  gateJunit,
  gateMarkdown,
  gateSummary,
  gateText,
  githubAnnotations,
  type GateReport,
} from '../regress/gate-text.js';
import { checkRegressConfig, readRegressConfig, type RegressConfig } from '../regress/regress-config.js';
import { compiledFile } from '../captures/compiled-file.js';
import { SESSION_FILE } from './matrix-run.js';
import { loadInput } from './matrix-input.js';
import { mutexOption, oneOf, touchAheadOption } from './option-values.js';
import { writeOutFile } from './out-file.js';
import { UsageError } from './usage-error.js';

interface RegressFlags {
  readonly config?: string;
  readonly baseline: string;
  readonly against?: string;
  readonly level?: GateLevel[];
  readonly update?: boolean;
  readonly rerunInconclusive?: boolean;
  readonly inconclusive: InconclusivePolicy;
  readonly mutex?: MutexPolicy;
  readonly touchAhead?: TouchAhead;
  readonly junit?: string;
  readonly markdown?: string;
  readonly github?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const DEFAULT_CONFIG_FILE = 'regress.yaml';

/** Adds `regress` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  program
    .command('regress')
    .summary('gate for CI: did a change make anything worse?')
    .description(
      'Level exact: verdicts and work counts (locks, list moves, probes, cache lines, bytes a connection, ...) of seeded ' +
        'single-thread runs against the committed baseline, without tolerance. Level ratios: the ratios between designs, one ' +
        'worker and two, sweeps, waits, the tail and more, measured now, against those of the baseline, with intervals; and the ' +
        'thresholds of the configuration. Level against: the speed of this working tree against another git ref, engine and ' +
        'host, both built and measured here in turns.',
    )
    .option(
      '--config <file>',
      `what to look at and what to allow (default: ${DEFAULT_CONFIG_FILE} if there is one)`,
    )
    .option('--baseline <folder>', 'committed figures', 'results/baseline')
    .option('--against <git-ref>', 'commit, branch or tag to compare the speed with')
    .option(
      '--level <names>',
      `levels to run, joined by commas: ${GATE_LEVELS.join(', ')} (default: exact,ratios, and against with --against)`,
      levelList,
    )
    .option('--update', 'write the baseline from this run, and print what changed')
    .option(
      '--rerun-inconclusive',
      'measure what stays inconclusive once more, with twice the rounds, before the gate ends',
    )
    .option(
      '--inconclusive <policy>',
      'what an inconclusive check does to the exit code: tell (98), fail (99) or pass (0); it is printed in any case',
      oneOf(INCONCLUSIVE_POLICIES),
      'tell' as const,
    )
    .addOption(mutexOption('of the ratios; default: what the configuration says, or glibc'))
    .addOption(
      touchAheadOption(
        'in the runs of the ratios and exact counts; default: what the configuration says, or auto',
      ),
    )
    .option(
      '--junit <file>',
      'JUnit XML: a regression is a failure, an inconclusive check is skipped, or a failure with --inconclusive fail',
    )
    .option('--markdown <file>', 'the findings as Markdown, for a comment')
    .option('--github', 'annotations and step summary (default: in GitHub Actions)')
    .option('--no-github', 'none of these')
    .option('--json', 'the findings as JSON on standard output')
    .option('--quiet', 'only what did not pass')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay regress --level exact\n' +
        '  ctreplay regress --against main --junit regress.xml\n' +
        '  ctreplay regress --against main --rerun-inconclusive --inconclusive fail\n' +
        '  ctreplay regress --update && git diff results/baseline',
    )
    .action((flags: RegressFlags) => regress(flags, argv));
}

async function regress(flags: RegressFlags, argv: readonly string[]): Promise<void> {
  const createdAt = new Date().toISOString();
  const levels = new Set(flags.level ?? defaultLevels(flags));
  if (flags.against !== undefined && !levels.has('against')) {
    throw new UsageError(`--against is given, but --level ${[...levels].join(',')} leaves that level out`);
  }
  if (flags.update === true && levels.has('against')) {
    throw new UsageError('--update writes the baseline; --against compares without one. Give one of them.');
  }
  if (flags.update === true && (flags.rerunInconclusive === true || flags.inconclusive !== 'tell')) {
    throw new UsageError('--update compares nothing, so nothing is inconclusive; leave the option out');
  }
  const progress = new GateProgress(flags.quiet !== true && flags.json !== true);
  let findings: GateFindings;
  try {
    findings = await runGate({
      config: await configOf(flags),
      levels,
      baseline: flags.baseline,
      against: flags.against ?? null,
      update: flags.update === true,
      rerunInconclusive: flags.rerunInconclusive === true,
      load: loadInput,
      cli: compiledFile('tools/cli.js'),
      againstEntry: compiledFile('tools/commands/against-entry.js'),
      sessionFile: SESSION_FILE,
      commandLine: argv,
      cwd: process.cwd(),
      onProgress: (text) => progress.show(text),
    });
  } catch (error) {
    progress.finish();
    // CI that only reads the file must not take a gate that did not run for one that passed.
    if (flags.junit !== undefined)
      await writeOutFile(flags.junit, failedGateJunit(error as Error, createdAt), '--junit');
    throw error;
  }
  progress.finish();
  const note = inconclusiveSentence(findings.checks, flags.inconclusive, flags.rerunInconclusive === true);
  const report = { ...findings, createdAt, inconclusive: flags.inconclusive, note };
  await present(report, findings, flags);
}

function defaultLevels(flags: RegressFlags): GateLevel[] {
  return flags.against === undefined ? ['exact', 'ratios'] : ['exact', 'ratios', 'against'];
}

/** The configuration, with what the flags say in its place. */
async function configOf({ mutex, touchAhead, ...flags }: RegressFlags): Promise<RegressConfig> {
  const config = await configAsWritten(flags);
  const touch = touchAhead === undefined ? {} : { touchAhead };
  return {
    ...config,
    exact: { ...config.exact, ...touch },
    ratios: { ...config.ratios, ...(mutex === undefined ? {} : { mutex }), ...touch },
  };
}

async function configAsWritten(flags: RegressFlags): Promise<RegressConfig> {
  if (flags.config !== undefined) return readRegressConfig(flags.config);
  if (existsSync(DEFAULT_CONFIG_FILE)) return readRegressConfig(DEFAULT_CONFIG_FILE);
  return checkRegressConfig({}, 'defaults');
}

async function present(report: GateReport, findings: GateFindings, flags: RegressFlags): Promise<void> {
  const { checks } = findings;
  if (flags.junit !== undefined) await writeOutFile(flags.junit, gateJunit(report), '--junit');
  if (flags.markdown !== undefined) await writeOutFile(flags.markdown, gateMarkdown(report), '--markdown');
  if (flags.json === true) {
    const { createdAt, facts, note = null } = report;
    process.stdout.write(
      `${JSON.stringify({ createdAt, summary: gateSummary(checks), note, facts, checks }, null, 2)}\n`,
    );
  } else if (flags.update === true) {
    process.stdout.write(updateText(findings));
  } else {
    process.stdout.write(gateText(report, flags.quiet === true));
  }
  if (flags.github ?? process.env['GITHUB_ACTIONS'] === 'true') await tellGithub(report);
  if (flags.update !== true) process.exitCode = exitCodeOf(checks, flags.inconclusive);
}

function updateText({ checks, written }: GateFindings): string {
  // Ratios are written anew even where they lie within what is allowed: they are never equal.
  const changed = checks.filter((check) => check.verdict !== 'pass' || check.level === 'ratio');
  const lines = changed.flatMap((check) => [
    `${check.name}: ${check.details.length > 0 ? 'changed' : check.text}`,
    ...check.details.map((detail) => `  ${detail}`),
  ]);
  if (checks.length > 0 && changed.length === 0) lines.push('Nothing changed.');
  return [...lines, ...written.map((file) => `Wrote ${file}`), ''].join('\n');
}

async function tellGithub(report: GateReport): Promise<void> {
  const annotations = githubAnnotations(report.checks, report.inconclusive);
  // On standard error with --json: standard output holds one document.
  for (const line of annotations) process.stderr.write(`${line}\n`);
  const summary = process.env['GITHUB_STEP_SUMMARY'];
  if (summary !== undefined && summary !== '') await appendFile(summary, `${gateMarkdown(report)}\n`);
}

function levelList(text: string): GateLevel[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !(GATE_LEVELS as readonly string[]).includes(name));
  if (wrong === undefined) return names as GateLevel[];
  throw new InvalidArgumentError(`'${wrong}' is none of ${GATE_LEVELS.join(', ')}.`);
}

/** One line that is overwritten on a terminal; nothing elsewhere. */
class GateProgress {
  readonly #enabled: boolean;

  constructor(enabled: boolean) {
    this.#enabled = enabled && process.stderr.isTTY === true;
  }

  show(text: string): void {
    if (this.#enabled) process.stderr.write(`\r\u001b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  finish(): void {
    if (this.#enabled) process.stderr.write('\r\u001b[K');
  }
}
