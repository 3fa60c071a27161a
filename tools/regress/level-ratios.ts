/** Level 2 of the gate: the matrix, what is timed besides it, and the thresholds. */
import { performance } from 'node:perf_hooks';
import type { MatrixResult } from '../bench/matrix-result.js';
import { nameOfInput } from '../bench/matrix-spec.js';
import { readEnvironment } from '../measure/environment.js';
import { systemFiles } from '../measure/system-files.js';
import { Random } from '../random/random.js';
import { RegressError } from './check.js';
import type { GateFindings, LevelOptions } from './gate-options.js';
import { writeBaseline } from './level-exact.js';
import { baselineChanges } from './ratio-changes.js';
import { ratioBaselineText, ratioFileIn, readRatioBaseline, type RatioBaseline } from './ratio-baseline.js';
import {
  looksOf,
  measureRatios,
  otherCells,
  PROBED_BASELINE,
  ratioBaselineOf,
  ratioChecks,
} from './ratio-run.js';
import type { RegressConfig } from './regress-config.js';
import { runForJson } from './run-command.js';
import { cellFigures, heldBack, thresholdChecks } from './thresholds.js';
import {
  measureTimed,
  timedChecks,
  timedConfidence,
  type TimedRatio,
  type TimedRule,
} from './timed-ratios.js';

/** A level's options with the baseline that it found. */
interface RatioContext extends LevelOptions {
  readonly file: string;
  /** Null only for an update. */
  readonly before: RatioBaseline | null;
}

/**
 * Measures the ratios and compares them with the baseline, or writes it.
 * @throws RegressError without a baseline, MatrixError, TrialError, TimedRunError
 */
export async function gateRatios(options: LevelOptions): Promise<GateFindings> {
  const { baseline: folder, update, only } = options;
  const file = ratioFileIn(folder);
  const before = await readRatioBaseline(folder);
  if (before === null && !update) {
    throw new RegressError(
      `${file}: there is no baseline; make one with regress --update and commit it, or leave this level out with --level exact`,
    );
  }
  const config = only === null ? options.config : narrowed(options.config, only);
  const context: RatioContext = { ...options, config, file, before };
  const result = await measureMatrix(context);
  const runs = await measureRuns(context);
  if (update || before === null) {
    const current = ratioBaselineOf(result as MatrixResult, config.ratios.metrics, runs);
    await writeBaseline(folder, file, ratioBaselineText(current));
    return { checks: baselineChanges(before, current, file), facts: [], written: [file] };
  }
  const checks = [
    ...(result === null ? [] : ratioChecks(before, result, config.ratios, file)),
    ...timedChecks(before.runs, runs, timedRule(context, before, runs.length)),
  ];
  if (result === null || only !== null) return { checks, facts: [], written: [] };
  const limits = thresholdChecks(config.thresholds, {
    found: cellFigures(result.cases),
    heldBack: heldBack(result.cases),
    baseline: before.figures,
    otherCells: otherCells(before, result.cases),
    throughputNotComparable: before.throughput === 'bare' ? null : PROBED_BASELINE,
    notComparable: notComparable(config, before),
  });
  return { checks: [...checks, ...limits], facts: [factOf(file, before)], written: [] };
}

/** Null where nothing of the matrix is asked for, as when only what stayed open is measured again. */
async function measureMatrix(context: RatioContext): Promise<MatrixResult | null> {
  const { config, before, update, file, onProgress } = context;
  if (config.ratios.inputs.length === 0) return null;
  const { load, sessionFile, commandLine } = context;
  const onTrial = (cell: string): void => onProgress(`ratios: ${cell}`);
  return measureRatios(config.ratios, { load, sessionFile, commandLine, onTrial }, (soFar) => {
    // A baseline is worth all trials.
    if (update || before === null) return false;
    return ratioChecks(before, soFar, config.ratios, file).every(({ isOpen }) => isOpen !== true);
  });
}

async function measureRuns(context: RatioContext): Promise<TimedRatio[]> {
  const { config, before, update, cli, onProgress } = context;
  const { designs, mutex, sessions, maxSessions } = config.ratios;
  const { seed } = config.exact;
  const plan = { names: config.runs.names, settings: { designs, mutex, seed }, sessions, maxSessions };
  const tools = {
    command: (args: readonly string[]) => runForJson(cli, args),
    clock: () => performance.now() * 1e6,
    random: new Random(seed).derive('timed runs'),
    onRun: (name: string, session: number) => onProgress(`ratios: ${name}, session ${session + 1}`),
  };
  return measureTimed(plan, tools, (soFar) => {
    if (update || before === null) return false;
    const checks = timedChecks(before.runs, soFar, timedRule(context, before, soFar.length));
    return checks.every(({ isOpen }) => isOpen !== true);
  });
}

function timedRule({ config, file }: RatioContext, before: RatioBaseline, found: number): TimedRule {
  const { ratios, runs } = config;
  const count = before.ratios.length + found;
  return {
    tolerances: { ...runs.tolerances, cost: ratios.tolerance },
    confidence: timedConfidence(ratios.confidence, looksOf(ratios), count),
    notComparable: notComparable(config, before),
    file,
  };
}

function isSameMachine({ machineId }: RatioBaseline): boolean {
  return machineId !== null && machineId === readEnvironment(systemFiles).machineId;
}

/** Why absolute figures of the baseline say nothing here; null when they do. */
function notComparable({ acrossMachines }: RegressConfig, before: RatioBaseline): string | null {
  if (acrossMachines || isSameMachine(before)) return null;
  return `the baseline was measured on another machine (${before.cpuModel ?? 'unknown CPU'}); set acrossMachines: true to compare all the same`;
}

function factOf(file: string, before: RatioBaseline): string {
  const where = before.cpuModel ?? 'an unknown CPU';
  const elsewhere = isSameMachine(before) ? '' : ', another machine than this';
  return `Ratios: ${file}, measured ${before.measuredAt.slice(0, 10)} on ${where}${elsewhere}`;
}

/** The configuration with what the named checks are about, and nothing else to measure. */
function narrowed(config: RegressConfig, only: ReadonlySet<string>): RegressConfig {
  const names = [...only];
  const inMatrix = names.filter((name) => name.includes(' against ') && name.includes('/'));
  const { ratios, runs } = config;
  const inputs = ratios.inputs.filter((input) =>
    inMatrix.some((name) => name.startsWith(`${nameOfInput(input)}/`)),
  );
  const workers = ratios.workers.filter((count) => inMatrix.some((name) => name.includes(`/w${count}/`)));
  return {
    ...config,
    ratios: { ...ratios, inputs, workers: workers.length === 0 ? ratios.workers : workers },
    runs: { ...runs, names: runs.names.filter((run) => names.some((name) => name.startsWith(`${run}: `))) },
  };
}
