/** The result.json of a matrix, complete or on the way. */
import { cpus } from 'node:os';
import {
  RESULT_FORMAT,
  RESULT_VERSION,
  type CellSummary,
  type Result,
  type ResultCase,
} from '../report/schema.js';
import { compareGroup, geomeans, summarise, type GeomeanLine, type MatrixComparison } from './aggregate.js';
import type { BenchRecord } from './bench-record.js';
import type { MatrixState } from './drive-matrix.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Group, Shard } from './plan.js';
import { collectWarnings, type FoundWarningCode, type WarningFacts } from '../measure/warnings.js';
import { primaryMetric } from './metrics.js';
import { groupProgress, groupWarmUp, steadyBlocks } from './stopping.js';
import { completeBlocks, type Blocks } from './trial.js';

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
}

/** Puts a result together. `partial` is true until every group is done. */
export function matrixResult(parts: MatrixResultParts): MatrixResult {
  const { spec, groups, state, frame } = parts;
  const measured = groups.map((group) => ({
    group,
    blocks: completeBlocks(
      group.cells.map((cell) => cell.id),
      state.trials,
    ),
  }));
  const begun = measured.filter(({ blocks }) => blocks.length > 0);
  const comparisons = begun.flatMap(({ group, blocks }) => compareGroup(group, blocks, spec));
  const cells = begun.flatMap(({ group, blocks }) => summarise(group, blocks, spec));
  const design = new Map(groups.flatMap((group) => group.cells.map((cell) => [cell.id, cell.design])));
  const records = measured.map(({ group, blocks }) => ({
    name: group.name,
    cells: group.cells.map((cell) => cell.id),
    done: groupProgress(group, blocks, spec).done,
    warmUpBlocks: groupWarmUp(group, blocks).blocks,
  }));
  const warmUpOf = new Map(records.flatMap((record) => record.cells.map((id) => [id, record.warmUpBlocks])));
  const place = new Map([...design.keys()].map((id, index) => [id, index]));
  const cases = state.cases
    .filter((one) => one.trial >= (warmUpOf.get(one.id) ?? 0))
    .toSorted((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0) || a.trial - b.trial);
  return {
    format: RESULT_FORMAT,
    version: RESULT_VERSION,
    ...frame,
    partial: !records.every((record) => record.done),
    valid: cases.every(isValid),
    warnings: [
      ...frame.warnings,
      ...(parts.remarks ?? []).map((text) => found({ code: 'matrix-repetitions', text, advice: null })),
      ...collectWarnings(matrixFacts(measured, cells, comparisons)),
      ...oversubscribed(groups),
      ...controlWarnings(comparisons),
      ...caseWarnings(cases),
    ],
    cases: cases.map(setWarningsAside),
    cells,
    comparisons,
    geomeans: geomeans(comparisons, (cell) => design.get(cell) ?? cell),
    bench: {
      version: 1,
      fingerprint: parts.fingerprint,
      shard: parts.shard === null ? null : `${parts.shard.index}/${parts.shard.count}`,
      groups: records,
      trials: [...state.trials],
    },
  };
}

function isValid(one: ResultCase): boolean {
  return one.audit.length > 0 && one.audit.every((check) => check.ok);
}

/** A warning with a text of its own, of the closed list all the same. */
function found(warning: Result['warnings'][number] & { code: FoundWarningCode }): Result['warnings'][number] {
  return warning;
}

/** What the repetitions of a finished matrix, or of the groups that are done, say about its figures. */
function matrixFacts(
  measured: readonly { readonly group: Group; readonly blocks: Blocks }[],
  cells: readonly CellSummary[],
  comparisons: readonly MatrixComparison[],
): WarningFacts {
  const begun = measured.filter(({ blocks }) => blocks.length > 0);
  const counts = begun.map(({ group, blocks }) => steadyBlocks(group, blocks).length);
  const primary = new Map(
    begun.flatMap(({ group }) => group.cells.map(({ id, rate }) => [id, primaryMetric(rate)])),
  );
  const series = cells.filter(({ id, metric }) => primary.get(id) === metric);
  const probed = comparisons.filter(({ kind, metric }) => kind === 'probes' && metric === 'pps');
  const unsteady = begun.some(({ group, blocks }) => groupWarmUp(group, blocks).state === 'unsteady');
  return {
    trialCount: counts.length === 0 ? null : Math.min(...counts),
    outlierCount: series.reduce((sum, { outliers }) => sum + (outliers ?? 0), 0),
    outlierOf: series.reduce((sum, { n }) => sum + n, 0),
    // The base of such a comparison is the build without probes.
    probedShare:
      probed.length === 0 ? null : Math.min(...probed.map(({ ratio }) => ratio ?? Number.POSITIVE_INFINITY)),
    warmUp: unsteady ? 'no-steady-state' : null,
  };
}

function oversubscribed(groups: readonly Group[]): Result['warnings'] {
  const cores = cpus().length;
  const most = Math.max(...groups.map((group) => group.cells[0]?.workers ?? 0));
  if (most <= cores) return [];
  return [
    found({
      code: 'oversubscribed',
      text: `cells with up to ${most} workers share ${cores} CPUs`,
      advice:
        'their figures tell about the scheduler as much as about the design; read those with at most one worker per CPU first',
    }),
  ];
}

/** A case of a matrix: its warnings are told once for all trials, and kept for a resumed run to count again. */
interface MatrixCase extends ResultCase {
  readonly trialWarnings?: ResultCase['warnings'];
}

function setWarningsAside(one: ResultCase): MatrixCase {
  return { ...one, warnings: [], trialWarnings: one.warnings ?? [] };
}

/** The case as it was measured. */
export function withWarnings(one: ResultCase): ResultCase {
  const { trialWarnings, ...rest } = one as MatrixCase;
  return { ...rest, warnings: trialWarnings ?? rest.warnings };
}

/** What the trials warned of, one warning per kind with the number of trials. */
function caseWarnings(cases: readonly ResultCase[]): Result['warnings'] {
  const byCode = new Map<string, { first: Result['warnings'][number]; trials: number }>();
  for (const one of cases) {
    for (const warning of one.warnings ?? []) {
      const known = byCode.get(warning.code);
      if (known === undefined) byCode.set(warning.code, { first: warning, trials: 1 });
      else known.trials++;
    }
  }
  return [...byCode.values()].map(({ first, trials }) => ({
    ...first,
    text: `in ${trials} of ${cases.length} trials, for example: ${first.text}`,
  }));
}

/** An A/A control that differs is news about the machine, not about the design. */
function controlWarnings(comparisons: readonly MatrixComparison[]): Result['warnings'] {
  const controls = comparisons.filter((one) => one.kind === 'control');
  const flagged = controls.filter((one) => one.significant === true);
  if (flagged.length === 0) return [];
  const names = flagged.map((one) => `${one.metric} ${one.text} (p=${one.pValue?.toFixed(3)})`).join(', ');
  return [
    found({
      code: 'control-differs',
      text: `the A/A control differs from itself in ${flagged.length} of ${controls.length} figures: ${names}`,
      advice: `at alpha ${flagged[0]?.alpha} one in ${Math.round(1 / (flagged[0]?.alpha ?? 0.05))} does by chance; more than that means that something on the machine favours one place in the order`,
    }),
  ];
}
