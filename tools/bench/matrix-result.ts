/** The result.json of a matrix, complete or on the way. */
import {
  collectWarnings,
  type FoundWarningCode,
  type WarningCode,
  type WarningFacts,
} from '../measure/warnings.js';
import { throughputOf } from '../result/throughput.js';
import { usableCores } from '../result/usable-cores.js';
import {
  RESULT_FORMAT,
  RESULT_VERSION,
  type CellSummary,
  type Result,
  type ResultCase,
} from '../result/schema.js';
import {
  compareMatrix,
  geomeans,
  summarise,
  type GeomeanLine,
  type MatrixComparison,
  type MeasuredGroup,
} from './aggregate.js';
import type { BenchRecord } from './bench-record.js';
import type { MatrixState } from './drive-matrix.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Group, Shard } from './matrix-plan.js';
import { primaryMetric, type IsCompared } from './metrics.js';
import { groupProgress, groupWarmUp, sessionPlace, steadyBlocks } from './stopping.js';
import { completeBlockNumbers, completeSessions } from './trial.js';

/** The parts of a result that do not come from trials. */
export type ResultFrame = Pick<
  Result,
  'tool' | 'createdAt' | 'commandLine' | 'environment' | 'configuration' | 'seed' | 'warnings'
>;

/** A result with what a matrix adds. */
export interface MatrixResult extends Result {
  readonly comparisons: MatrixComparison[];
  readonly geomeans: GeomeanLine[];
  readonly bench: BenchRecord;
}

/** What a matrix result is made of. */
export interface MatrixResultParts {
  readonly spec: MatrixSpec;
  readonly groups: readonly Group[];
  readonly shard: Shard | null;
  readonly fingerprint: string;
  readonly state: MatrixState;
  readonly frame: ResultFrame;
  /** Adds a warning per sentence. */
  readonly remarks?: readonly string[];
  /** What designs are compared by; absent = what every matrix compares. */
  readonly isCompared?: IsCompared | undefined;
}

/** Puts a result together. `partial` is true until every group is done. */
export function matrixResult(parts: MatrixResultParts): MatrixResult {
  const { spec, groups, state, frame } = parts;
  const measured = groups.map((group): MeasuredGroup => ({
    group,
    sessions: completeSessions(
      group.cells.map((cell) => cell.id),
      state.trials,
    ),
  }));
  const begun = measured.filter(({ sessions }) => sessions.length > 0);
  const comparisons = compareMatrix(begun, spec, parts.isCompared);
  const cells = begun.flatMap((measurement) => summarise(measurement, spec));
  const records = measured.map(({ group, sessions }) => ({
    name: group.name,
    cells: group.cells.map((cell) => cell.id),
    done: groupProgress(group, sessions, spec).done,
    warmUpBlocks: sessions.reduce((sum, blocks) => sum + groupWarmUp(group, blocks).blocks, 0),
  }));
  const warmedUp = warmUpTrials(measured, state);
  const place = new Map(groups.flatMap((group) => group.cells).map((cell, index) => [cell.id, index]));
  const cases = state.cases
    .filter((entry) => warmedUp.get(entry.id)?.has(entry.trial) !== true)
    .toSorted((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0) || a.trial - b.trial);
  const caseOf = new Map(cases.map((entry) => [entry.id, entry]));
  return {
    format: RESULT_FORMAT,
    version: RESULT_VERSION,
    ...frame,
    partial: !records.every((record) => record.done),
    valid: cases.every(isValid),
    warnings: [
      ...frame.warnings,
      ...(parts.remarks ?? []).map((text) =>
        ofClosedList({ code: 'matrix-repetitions', text, advice: null }),
      ),
      ...collectWarnings(matrixFacts(begun, cells)),
      ...oversubscribed(groups, usableCores(frame.environment)),
      ...controlWarnings(comparisons),
      ...caseWarnings(cases),
    ],
    cases: cases.map(setWarningsAside),
    cells: cells.map((summary) => ({
      ...summary,
      ...originOf(caseOf.get(summary.id), summary.metric, frame),
    })),
    comparisons: comparisons.map((comparison) => {
      const { build, ...rest } = originOf(caseOf.get(comparison.head), comparison.metric, frame);
      const base = originOf(caseOf.get(comparison.base), comparison.metric, frame).build;
      return { ...comparison, ...rest, build: build === base ? build : null };
    }),
    geomeans: geomeans(begun, spec),
    bench: {
      version: 1,
      fingerprint: parts.fingerprint,
      shard: parts.shard === null ? null : `${parts.shard.index}/${parts.shard.count}`,
      sessions: Math.max(...parts.groups.map((group) => group.sessions ?? spec.sessions)),
      trialsPerSession: spec.sessions === 1 && spec.untilPrecision !== undefined ? null : spec.trials,
      groups: records,
      trials: [...state.trials],
    },
  };
}

/** Numbers of the trials that were still warming up, by cell. */
function warmUpTrials(
  measured: readonly MeasuredGroup[],
  state: MatrixState,
): Map<string, ReadonlySet<number>> {
  const found = new Map<string, ReadonlySet<number>>();
  for (const { group } of measured) {
    const ids = group.cells.map((cell) => cell.id);
    const own = state.trials.filter((trial) => ids.includes(trial.cell));
    const numbers = [...new Set(own.map((trial) => trial.session))].flatMap((session) => {
      const trials = own.filter((trial) => trial.session === session);
      const [blocks = []] = completeSessions(ids, trials);
      return completeBlockNumbers(ids, trials).slice(0, groupWarmUp(group, blocks).blocks);
    });
    for (const id of ids) found.set(id, new Set(numbers));
  }
  return found;
}

/** When, by what and with which build a cell was measured: a figure that is quoted needs it beside it. */
function originOf(entry: ResultCase | undefined, metric: string, frame: ResultFrame) {
  const isThroughput = metric === 'pps' || metric === 'probedPps';
  return {
    build: (entry === undefined ? null : isThroughput ? throughputOf(entry).build : entry.build) ?? null,
    measuredAt: entry?.startedAt ?? frame.createdAt,
    commit: frame.tool.commit ?? null,
  };
}

function isValid(entry: ResultCase): boolean {
  return entry.audit.length > 0 && entry.audit.every((check) => check.ok);
}

/** Warnings that come from all trials together: of parts that are merged they are raised anew. */
export const RECOMPUTED_WARNING_CODES: ReadonlySet<string> = new Set<WarningCode | FoundWarningCode>([
  'few-trials',
  'outliers',
  'not-steady',
  'control-differs',
]);

/** A warning with a text of its own, of the closed list all the same. */
function ofClosedList(
  warning: Result['warnings'][number] & { code: FoundWarningCode },
): Result['warnings'][number] {
  return warning;
}

/** What the repetitions of a finished matrix, or of the groups that have begun, say about its figures. */
function matrixFacts(begun: readonly MeasuredGroup[], cells: readonly CellSummary[]): WarningFacts {
  // Over several sessions the interval is that of the sessions, of which two are enough for one.
  const single = begun.filter(({ sessions }) => sessions.length === 1);
  const counts = single.map(({ group, sessions }) => steadyBlocks(group, sessions.flat()).length);
  const primary = new Map(
    begun.flatMap(({ group, sessions }) =>
      group.cells.map(({ id, rate }) => [id, primaryMetric(rate, sessions.flat())]),
    ),
  );
  const series = cells.filter(({ id, metric }) => primary.get(id) === metric);
  return {
    trialCount: counts.length === 0 ? null : Math.min(...counts),
    outlierCount: series.reduce((sum, { outliers }) => sum + (outliers ?? 0), 0),
    outlierOf: series.reduce((sum, { n }) => sum + n, 0),
    unsteadyGroups: begun.flatMap(({ group, sessions }) =>
      sessions.flatMap((blocks, session) =>
        groupWarmUp(group, blocks).state === 'unsteady'
          ? [sessionPlace(group, sessions.length, session)]
          : [],
      ),
    ),
  };
}

/** @param cores null where they are not known */
function oversubscribed(groups: readonly Group[], cores: number | null): Result['warnings'] {
  const most = Math.max(...groups.map((group) => group.cells[0]?.workers ?? 0));
  if (cores === null || most <= cores) return [];
  return [
    ofClosedList({
      code: 'oversubscribed',
      text: `cells with up to ${most} workers share ${cores} ${cores === 1 ? 'CPU' : 'CPUs'}`,
      advice:
        'their figures tell about the scheduler as much as about the design; read those with at most one worker per CPU first',
    }),
  ];
}

/** A case of a matrix: its warnings are listed once for all trials, and kept for a resumed run to count again. */
interface MatrixCase extends ResultCase {
  readonly trialWarnings?: ResultCase['warnings'];
}

function setWarningsAside(entry: ResultCase): MatrixCase {
  return { ...entry, warnings: [], trialWarnings: entry.warnings ?? [] };
}

/** The case as it was measured. */
export function withWarnings(entry: ResultCase): ResultCase {
  const { trialWarnings, ...rest } = entry as MatrixCase;
  return { ...rest, warnings: trialWarnings ?? rest.warnings };
}

/** What the trials warned of, one warning per kind with the number of trials. */
function caseWarnings(cases: readonly ResultCase[]): Result['warnings'] {
  const byCode = new Map<
    string,
    { first: Result['warnings'][number]; trials: number; designs: Set<string> }
  >();
  const designs = new Set(cases.map(({ design }) => design));
  for (const entry of cases) {
    // A trial may warn twice of the same: of its run for throughput, and of the probed one.
    for (const warning of new Map((entry.warnings ?? []).map((each) => [each.code, each])).values()) {
      const known = byCode.get(warning.code);
      if (known === undefined)
        byCode.set(warning.code, { first: warning, trials: 1, designs: new Set([entry.design]) });
      else {
        known.trials++;
        known.designs.add(entry.design);
      }
    }
  }
  return [...byCode.values()].map(({ first, trials, designs: own }) => {
    const of = own.size < designs.size ? `, all of ${[...own].join(' and ')}` : '';
    return { ...first, text: `in ${trials} of ${cases.length} trials${of}, for example: ${first.text}` };
  });
}

/** An A/A control that differs is news about the machine, not about the design. */
function controlWarnings(comparisons: readonly MatrixComparison[]): Result['warnings'] {
  const controls = comparisons.filter((comparison) => comparison.kind === 'control');
  const flagged = controls.filter((comparison) => comparison.significant === true);
  if (flagged.length === 0) return [];
  const names = flagged
    .map(
      (comparison) =>
        `${comparison.metric} ${comparison.text} (p=${comparison.adjustedP?.toFixed(3)} after Holm)`,
    )
    .join(', ');
  return [
    ofClosedList({
      code: 'control-differs',
      text: `the A/A control differs from itself in ${flagged.length} of ${controls.length} figures: ${names}`,
      advice: `by chance one matrix in ${Math.round(1 / (flagged[0]?.alpha ?? 0.05))} shows any; look for what on the machine favours one place in the order before believing the other comparisons`,
    }),
  ];
}
