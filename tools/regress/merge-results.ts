/** Several results as one: the shards of a matrix, or runs of the same or of different cells. */
import type { FoundWarningCode } from '../measure/warnings.js';
import { adjustMatrix, type MatrixComparison } from '../bench/aggregate.js';
import { benchRecord, fingerprint } from '../bench/bench-record.js';
import type { MatrixState } from '../bench/drive-matrix.js';
import {
  matrixResult,
  RECOMPUTED_WARNING_CODES,
  withWarnings,
  type MatrixResult,
} from '../bench/matrix-result.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import { parseShard, planMatrix, type Group, type Shard } from '../bench/matrix-plan.js';
import { rateText, type Rate } from '../bench/rate.js';
import type { TrialRecord } from '../bench/trial.js';
import { mutexOf, touchAheadEffect, touchAheadOf } from '../result/cells.js';
import { burdenedPps, figuresBuild, throughputBuild } from '../result/throughput.js';
import { hashOf, identityDifferences, inputDifferences } from '../result/identity.js';
import type { Run } from '../result/runs.js';
import type { Result, ResultCase } from '../result/schema.js';
import { RegressError } from './check.js';

/** What may be merged. */
export interface MergeOptions {
  /** Join results of different machines; it is said in the result. */
  readonly acrossMachines: boolean;
}

/**
 * Merges results. Every case is kept whole, with its counts and histograms, so that nothing is lost; what a matrix computes from
 * its trials (summaries, comparisons) is computed anew.
 * @throws RegressError naming what does not fit together
 */
export function mergeResults(runs: readonly Run[], options: MergeOptions): Result {
  if (runs.length < 2) throw new RegressError('there is one result only; name at least two to merge', 2);
  checkMachines(runs, options);
  requireSameInputs(runs);
  const records = runs.map(({ result }) => benchRecord.safeParse((result as Partial<MatrixResult>).bench));
  const shards = records.map((record) => (record.success ? record.data.shard : null));
  if (shards.every((shard) => shard !== null)) return mergeShards(runs, shards as string[]);
  refuseShardWithWhole(runs, shards);
  return mergeCases(runs);
}

/** @throws RegressError for a shard beside a result of its whole matrix: the trials of the whole would count twice */
function refuseShardWithWhole(runs: readonly Run[], shards: readonly (string | null)[]): void {
  runs.forEach((run, index) => {
    const shard = shards[index] ?? null;
    const whole = runs.find((other, at) => shards[at] === null && isSameMatrix(run, other));
    if (shard === null || whole === undefined) return;
    throw new RegressError(
      `${nameOf(run)} is shard ${shard} of the matrix that ${nameOf(whole)} is the whole of; merge the shards among themselves, and then that with another whole`,
    );
  });
}

/** @throws RegressError when two results hold the same trial: it would count as two that are independent of each other */
function refuseTwins(runs: readonly Run[]): void {
  const known = new Map<string, Run>();
  for (const run of runs) {
    for (const entry of run.result.cases) {
      const key = measurementOf(entry);
      const twin = known.get(key);
      if (twin === undefined) known.set(key, run);
      else if (twin !== run) {
        throw new RegressError(
          `${entry.id}: ${nameOf(twin)} and ${nameOf(run)} hold the same trial of it (begun ${entry.startedAt ?? 'at an unknown time'}); name each result once, and none beside what was merged from it`,
        );
      }
    }
  }
}

/** What two cases have in common that are the same trial: begin, counts, times, everything but what merging changes. */
function measurementOf(entry: ResultCase): string {
  const { trial: _trial, session: _session, ...rest } = withWarnings(entry);
  const { warnings: _warnings, ...figures } = rest;
  return hashOf(figures) as string;
}

function nameOf({ file, label }: Run): string {
  return file ?? label;
}

function checkMachines(runs: readonly Run[], { acrossMachines }: MergeOptions): void {
  const [first] = runs as [Run, ...Run[]];
  const id = (run: Run): string | null => run.result.environment.machineId ?? null;
  const other = runs.find((run) => id(run) !== id(first));
  if (other === undefined || acrossMachines) return;
  const name = (run: Run): string =>
    `${run.label} (${run.result.environment.cpuModel ?? id(run) ?? 'unknown'})`;
  throw new RegressError(
    `${name(first)} and ${name(other)} are from different machines; --across-machines merges them all the same`,
  );
}

function warningsOf(runs: readonly Run[]): Result['warnings'] {
  const seen = new Map(
    runs.flatMap(({ result }) =>
      result.warnings.map((warning) => [`${warning.code} ${warning.text}`, warning]),
    ),
  );
  const machines = new Set(runs.map(({ result }) => result.environment.machineId));
  if (machines.size > 1) {
    seen.set('merged-machines', {
      code: 'merged-machines' satisfies FoundWarningCode,
      text: `the cases were measured on ${machines.size} machines; the environment shown is that of the first`,
      advice: 'Compare only figures of cells that were measured on the same machine.',
    });
  }
  return [...seen.values()];
}

function frameOf(runs: readonly Run[]) {
  const [first] = runs as [Run, ...Run[]];
  const created = runs.map(({ result }) => result.createdAt).toSorted();
  const { tool, environment, configuration, seed } = first.result;
  return {
    tool,
    createdAt: created[0] as string,
    commandLine: ['merge', ...runs.map((run) => run.file ?? run.label)],
    environment,
    configuration,
    seed,
    warnings: warningsOf(runs),
  };
}

/** The whole matrix from its shards, as if it had run in one piece. */
function mergeShards(runs: readonly Run[], texts: readonly string[]): MatrixResult {
  const [first] = runs as [Run, ...Run[]];
  const shards = texts.map((text, index) => shardOf(text, runs[index] as Run));
  const count = (shards[0] as Shard).count;
  const spec = specOf(first);
  const seen = new Map<number, Run>();
  shards.forEach((shard, index) => {
    const run = runs[index] as Run;
    if (shard.count !== count) {
      throw new RegressError(
        `${run.label} is shard ${texts[index]}, ${first.label} one of ${count}; merge one partition`,
      );
    }
    const twin = seen.get(shard.index);
    if (twin !== undefined)
      throw new RegressError(`${twin.label} and ${run.label} are both shard ${texts[index]}`);
    seen.set(shard.index, run);
    checkSameMatrix(first, run);
  });
  const groups: Group[] = [];
  const state: MatrixState = { trials: [], cases: [] };
  shards.forEach((shard, index) => {
    const { result } = runs[index] as Run;
    const record = benchRecord.parse((result as Partial<MatrixResult>).bench);
    const recorded = new Map(record.groups.map((group) => [group.name, group.cells]));
    for (const group of planMatrix(spec, result.environment.coresOnline ?? 1, shard)) {
      // Which group got the lone controls depended on the machine: the record tells.
      groups.push(withRecordedCells(group, recorded.get(group.name) ?? [], spec));
    }
    state.trials.push(...trialsAsNow(record.trials, result.cases));
    state.cases.push(...result.cases.map(withWarnings));
  });
  groups.sort((a, b) => a.index - b.index);
  const missing = Array.from({ length: count }, (_, index) => index + 1).filter((index) => !seen.has(index));
  const rates = spec.rates.map(rateText);
  const whole = fingerprint(spec, groups, null);
  const merged = matrixResult({
    spec,
    groups,
    shard: null,
    fingerprint: whole,
    state,
    frame: withoutTrialWarnings(frameOf(runs)),
    remarks:
      missing.length === 0
        ? []
        : [
            `shards ${missing.join(', ')} of ${count} are missing (${rates.length} rates, ${groups.length} groups are here)`,
          ],
  });
  return missing.length === 0 ? dedupe(merged) : { ...dedupe(merged), partial: true };
}

/** Warnings of trials, and the notes on all of them together, are made anew over all trials. */
function withoutTrialWarnings(frame: ReturnType<typeof frameOf>): ReturnType<typeof frameOf> {
  const warnings = frame.warnings.filter(
    ({ code, text }) => !RECOMPUTED_WARNING_CODES.has(code) && !/^in \d+ of \d+ trials/.test(text),
  );
  return { ...frame, warnings };
}

function shardOf(text: string, run: Run): Shard {
  const shard = parseShard(text);
  if (shard === null) throw new RegressError(`${run.label}: its shard is '${text}', which is none`);
  return shard;
}

/** What of a stored configuration is looked at before it is checked. */
interface StoredMatrix {
  readonly rates?: unknown;
  readonly inputs?: unknown;
}

/**
 * The matrix that a shard is of. Its rates are stored as they were understood, and the check takes them as they are written, which a
 * profile cannot be: the check sees others in their place.
 * @throws MatrixError naming what of the configuration is wrong
 */
function specOf(run: Run): MatrixSpec {
  // Before there were sessions, a matrix was one.
  const stored = { sessions: 1, ...(run.result.configuration as StoredMatrix) };
  const spec = checkMatrix(
    {
      ...(withWrittenRates(stored) as StoredMatrix),
      ...(Array.isArray(stored.inputs) ? { inputs: stored.inputs.map(withWrittenRates) } : {}),
    },
    run.file ?? run.label,
  );
  const inputs = stored.inputs as readonly StoredMatrix[];
  return {
    ...withStoredRates(spec, stored),
    inputs: spec.inputs.map((input, index) => withStoredRates(input, inputs[index])),
  };
}

/** As many rates as are stored, in words that the check takes. */
function withWrittenRates(stored: unknown): unknown {
  if (typeof stored !== 'object' || stored === null) return stored;
  const { rates } = stored as StoredMatrix;
  return Array.isArray(rates) ? { ...stored, rates: rates.map((_, index) => index + 1) } : stored;
}

function withStoredRates<T extends { readonly rates?: unknown }>(checked: T, stored: unknown): T {
  const rates = typeof stored === 'object' && stored !== null ? (stored as StoredMatrix).rates : undefined;
  return Array.isArray(rates) ? { ...checked, rates: rates as Rate[] } : checked;
}

function checkSameMatrix(first: Run, run: Run): void {
  if (!isSameMatrix(first, run)) {
    throw new RegressError(
      `${first.label} and ${run.label} are shards of different matrices; their configurations differ`,
    );
  }
  if (versionOf(first) !== versionOf(run)) {
    throw new RegressError(
      `${first.label} was measured with ctreplay ${versionOf(first)}, ${run.label} with ${versionOf(run)}; measure all shards with one`,
    );
  }
}

function isSameMatrix(one: Run, other: Run): boolean {
  return JSON.stringify(one.result.configuration) === JSON.stringify(other.result.configuration);
}

function versionOf({ result }: Run): string {
  return `${result.tool.version} ${result.tool.commit ?? ''}`.trim();
}

/**
 * Trials from before throughput was measured apart have that of the probed build under the name of that of the bare one, and
 * cells of their own for the latter.
 */
function trialsAsNow(trials: readonly TrialRecord[], cases: readonly ResultCase[]): TrialRecord[] {
  const burdened = new Set(
    cases.filter((entry) => entry.throughput == null && burdenedPps(entry) !== null).map(({ id }) => id),
  );
  return trials
    .filter(({ cell }) => !isFormerBareCell(cell))
    .map((trial) => {
      const { pps, ...others } = trial.values;
      if (pps === undefined || !burdened.has(trial.cell)) return trial;
      return { ...trial, values: { ...others, probedPps: pps } };
    });
}

function isFormerBareCell(id: string): boolean {
  return id.endsWith('/bare');
}

function withRecordedCells(group: Group, cells: readonly string[], spec: MatrixSpec): Group {
  const recorded = cells.filter((id) => !isFormerBareCell(id));
  const known = new Set(group.cells.map((cell) => cell.id));
  if (recorded.length === known.size && recorded.every((id) => known.has(id))) return group;
  const wanted = new Set(recorded);
  // Planned anew with controls everywhere, then cut down to what was run.
  const all = planMatrix({ ...spec, control: 'each', probeCost: 'each' }, 1).find(
    (candidate) => candidate.index === group.index,
  );
  if (all === undefined || !recorded.every((id) => all.cells.some((cell) => cell.id === id))) {
    throw new RegressError(`${group.name}: was run with cells that its configuration does not give`);
  }
  return {
    ...all,
    cells: all.cells.filter((cell) => wanted.has(cell.id)),
    pairs: all.pairs.filter((pair) => wanted.has(pair.base) && wanted.has(pair.head)),
  };
}

function dedupe(result: MatrixResult): MatrixResult {
  const seen = new Map(result.warnings.map((warning) => [`${warning.code} ${warning.text}`, warning]));
  return { ...result, warnings: [...seen.values()] };
}

/** Trials that were measured in different ways do not belong in one cell. */
function checkSameCells(runs: readonly Run[]): void {
  const known = new Map<string, { readonly run: Run; readonly entry: ResultCase }>();
  for (const run of runs) {
    for (const entry of run.result.cases) {
      const first = known.get(entry.id);
      if (first === undefined) known.set(entry.id, { run, entry });
      else checkSameSettings(first, { run, entry });
    }
  }
}

/** A trial, with the run that it is from. */
interface TrialOfRun {
  readonly run: Run;
  readonly entry: ResultCase;
}

/** @throws RegressError naming what two trials of a cell differ in */
function checkSameSettings(first: TrialOfRun, other: TrialOfRun): void {
  const { id } = other.entry;
  requireSameCell(first, other);
  requireSameVersion(first, other);
  const [builds, builds2] = [buildsOf(first.entry), buildsOf(other.entry)];
  if (builds !== builds2) {
    throw new RegressError(
      `${id}: ${first.run.label} and ${other.run.label} measured it with different builds (${builds}, and ${builds2}); measure both alike`,
    );
  }
  const [mutex, mutex2] = [mutexOf(first.entry), mutexOf(other.entry)];
  if (mutex !== mutex2) {
    throw new RegressError(
      `${id}: ${first.run.label} measured it with the ${mutex} mutex, ${other.run.label} with ${mutex2}; measure both with one --mutex`,
    );
  }
  const [touch, touch2] = [touchAheadOf(first.entry), touchAheadOf(other.entry)];
  if (touch !== touch2 && touchAheadEffect(first.entry) !== touchAheadEffect(other.entry)) {
    throw new RegressError(
      `${id}: ${first.run.label} measured it with touch-ahead ${touch}, ${other.run.label} with ${touch2}; measure both with one --touch-ahead`,
    );
  }
}

/** @throws RegressError when inputs of two results go by one name and are not the same: their cells would be set side by side */
function requireSameInputs(runs: readonly Run[]): void {
  const known = new Map<string, TrialOfRun>();
  for (const run of runs) {
    for (const entry of run.result.cases) {
      const first = known.get(entry.input.name);
      if (first === undefined) known.set(entry.input.name, { run, entry });
      const differences =
        first === undefined || first.run === run ? [] : inputDifferences(first.entry.input, entry.input);
      if (first === undefined || differences.length === 0) continue;
      throw new RegressError(
        `${entry.input.name}: ${first.run.label} and ${run.label} replayed different traffic under this name: it differs in ${differences.join('; ')}`,
      );
    }
  }
}

/** @throws RegressError when trials of two results go by one name and are not of one cell */
function requireSameCell(first: TrialOfRun, other: TrialOfRun): void {
  const differences = identityDifferences(first.entry, other.entry);
  if (differences.length === 0) return;
  throw new RegressError(
    `${other.entry.id}: ${first.run.label} and ${other.run.label} measured different things under this name: they differ in ` +
      `${differences.join('; ')}. Measure both alike, or give one another name`,
  );
}

/** @throws RegressError when two results measured a cell with different versions of ctreplay: their trials are of different programs */
function requireSameVersion({ run: first }: TrialOfRun, { run, entry }: TrialOfRun): void {
  if (versionOf(first) === versionOf(run)) return;
  throw new RegressError(
    `${entry.id}: ${first.label} measured it with ctreplay ${versionOf(first)}, ${run.label} with ${versionOf(run)}; measure both with one, or set them side by side with compare`,
  );
}

function buildsOf(entry: ResultCase): string {
  return `throughput: ${throughputBuild(entry)}; everything else: ${figuresBuild(entry)}`;
}

/**
 * Results of replays, or whole matrices: their cases together. Trials and sessions of the same cell are numbered on: two runs
 * were two processes.
 */
function mergeCases(runs: readonly Run[]): Result {
  const next = new Map<string, number>();
  const nextSession = new Map<string, number>();
  const cases: ResultCase[] = [];
  const repeated = new Set<string>();
  checkSameCells(runs);
  refuseTwins(runs);
  for (const { result } of runs) {
    const start = new Map(next);
    const firstSession = new Map(nextSession);
    for (const entry of result.cases) {
      const offset = start.get(entry.id) ?? 0;
      if (offset > 0) repeated.add(entry.id);
      const trial = entry.trial + offset;
      next.set(entry.id, Math.max(next.get(entry.id) ?? 0, trial + 1));
      cases.push({ ...entry, trial, session: (firstSession.get(entry.id) ?? 0) + (entry.session ?? 0) });
    }
    for (const { id, session = 0 } of result.cases) {
      const begun = (firstSession.get(id) ?? 0) + (session ?? 0) + 1;
      nextSession.set(id, Math.max(nextSession.get(id) ?? 0, begun));
    }
  }
  // A summary of one run's trials does not hold for those of two.
  const holds = (id: string): boolean => !repeated.has(id);
  const comparisons = runs
    .flatMap(({ result }) => result.comparisons ?? [])
    .filter((comparison) => holds(comparison.base) && holds(comparison.head));
  return {
    format: 'ctreplay-result',
    version: 1,
    ...frameOf(runs),
    partial: runs.some(({ result }) => result.partial),
    valid: runs.every(({ result }) => result.valid),
    audit: runs.flatMap(({ result }) => result.audit ?? []),
    cases,
    cells: runs.flatMap(({ result }) => result.cells ?? []).filter((cell) => holds(cell.id)),
    // Together they are one family, larger than each was.
    comparisons: adjustMatrix(comparisons as MatrixComparison[]),
    scaling: repeated.size > 0 ? [] : runs.flatMap(({ result }) => result.scaling ?? []),
  };
}
