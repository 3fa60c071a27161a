/** Level 2: the ratios between designs, measured now, against those of the baseline. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markUnfinished, unmarkUnfinished } from '../captures/unfinished-files.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import { planMatrix } from '../bench/matrix-plan.js';
import { runMatrixBench } from '../bench/run-matrix.js';
import type { InputLoader } from '../bench/replay-runner.js';
import { DEFAULT_MUTEX, type TouchAhead } from '../../engine/host/run-memory.js';
import { mutexOf, touchAheadEffect } from '../result/cells.js';
import { differencesOf, identityOf, type Identity } from '../result/identity.js';
import { formatCounts } from '../stats/compare.js';
import { compareSessions, mapInterval, meanInterval } from '../stats/session-estimate.js';
import { confidencePerLook, decide } from '../stats/verdict.js';
import { differenceOf, type Estimate } from '../stats/interval.js';
import { RegressError, type Check } from './check.js';
import type { BaselineRatio, RatioBaseline } from './ratio-baseline.js';
import type { RegressConfig } from './regress-config.js';
import { cellFigures } from './thresholds.js';
import type { TimedRatio } from './timed-ratios.js';

/** What measuring needs from outside. */
export interface RatioTools {
  readonly load: InputLoader;
  /** File of the process that a session runs in. */
  readonly sessionFile: string;
  readonly commandLine: readonly string[];
  /** Told before each trial. */
  readonly onTrial?: (cell: string) => void;
}

/** Decides whether what was measured so far is enough. */
export type Enough = (result: MatrixResult) => boolean;

/**
 * Measures the matrix of the configuration; while that is not enough, as many sessions again, up to
 * `maxSessions`.
 * @throws MatrixError, TrialError, RegressError when the result fails its own audit
 */
export async function measureRatios(
  config: RegressConfig['ratios'],
  tools: RatioTools,
  enough: Enough,
): Promise<MatrixResult> {
  const unsupported = config.inputs.find((input) => input.config !== undefined);
  if (unsupported !== undefined) {
    throw new RegressError('ratios.inputs: config is not taken here; a scenario brings its own', 2);
  }
  // A matrix is taken up again from its folder.
  const folder = await mkdtemp(join(tmpdir(), 'ctreplay-ratios-'));
  markUnfinished(folder);
  try {
    for (let sessions = config.sessions; ; sessions = Math.min(2 * sessions, config.maxSessions)) {
      const result = await measureSessions(config, sessions, folder, tools);
      if (sessions >= config.maxSessions || enough(result)) return result;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    unmarkUnfinished(folder);
  }
}

/** How often the ratios may be looked at: their confidence is shared between the looks. */
export function looksOf({ sessions, maxSessions }: RegressConfig['ratios']): number {
  return maxSessions <= sessions ? 1 : 1 + Math.ceil(Math.log2(maxSessions / sessions));
}

function matrixOf(config: RegressConfig['ratios'], sessions: number): MatrixSpec {
  return checkMatrix(
    {
      inputs: config.inputs.map(({ config: _none, ...input }) => input),
      designs: config.designs,
      workers: config.workers,
      sessions,
      trials: config.trials,
      probeCost: 'none',
      mutex: config.mutex,
      touchAhead: config.touchAhead,
    },
    'ratios',
  );
}

/**
 * Ids of the cells that will be measured, controls left out.
 * @throws MatrixError
 */
export function ratioCells(config: RegressConfig['ratios']): string[] {
  const groups = planMatrix(matrixOf(config, config.sessions), 1);
  return groups.flatMap(({ cells }) => cells.filter(({ role }) => role === 'design').map(({ id }) => id));
}

async function measureSessions(
  config: RegressConfig['ratios'],
  sessions: number,
  folder: string,
  tools: RatioTools,
): Promise<MatrixResult> {
  const spec = matrixOf(config, sessions);
  const result = await runMatrixBench({
    spec,
    shard: null,
    folder,
    resume: true,
    load: tools.load,
    sessionFile: tools.sessionFile,
    commandLine: tools.commandLine,
    hooks: { onTrial: (cell) => tools.onTrial?.(cell.id) },
  });
  if (!result.valid) {
    const failed = result.cases.flatMap((entry) =>
      entry.audit.filter((check) => !check.ok).map((check) => check.name),
    );
    throw new RegressError(
      `the measurement of the ratios failed its own audit (${[...new Set(failed)].join(', ')}); nothing can be said`,
    );
  }
  return result;
}

/** The baseline that a result makes. */
export function ratioBaselineOf(
  result: MatrixResult,
  metrics: readonly string[],
  runs: readonly TimedRatio[] = [],
): RatioBaseline {
  return {
    machineId: result.environment.machineId ?? null,
    cpuModel: result.environment.cpuModel ?? null,
    measuredAt: result.createdAt,
    // A matrix makes no comparison of any other throughput.
    throughput: result.comparisons.some(({ metric }) => metric === 'pps') ? 'bare' : 'probed',
    mutex: result.cases[0] === undefined ? DEFAULT_MUTEX : mutexOf(result.cases[0]),
    touchAhead: touchAheadOfCases(result.cases),
    ratios: ratiosOf(result, metrics),
    runs,
    figures: cellFigures(result.cases),
    identities: identitiesOf(result.cases),
  };
}

/** What each cell is; its trials are alike. */
function identitiesOf(cases: MatrixResult['cases']): Map<string, Identity> {
  return new Map(
    cases.filter(({ control }) => control !== true).map((entry) => [entry.id, identityOf(entry)]),
  );
}

/**
 * Why cells that were measured are not those of the baseline, by id: other traffic, settings or pace under the same name.
 * @returns only the cells that differ; what a baseline does not know of a cell is passed over
 */
export function otherCells(
  { identities }: RatioBaseline,
  cases: MatrixResult['cases'],
): ReadonlyMap<string, string> {
  return new Map(
    [...identitiesOf(cases)].flatMap(([id, now]): [string, string][] => {
      const then = identities.get(id);
      const differences = then === undefined ? [] : differencesOf(then, now);
      if (differences.length === 0) return [];
      return [
        [
          id,
          `it is another cell than the baseline's: ${differences.join('; ')}; measure it again with regress --update`,
        ],
      ];
    }),
  );
}

/** What came of the setting of touching ahead, over all cells: `off` when no batch did. */
function touchAheadOfCases(cases: MatrixResult['cases']): TouchAhead {
  const effects = new Set(cases.map(touchAheadEffect));
  return effects.has('on') ? 'on' : effects.has('auto') ? 'auto' : 'off';
}

function ratiosOf(result: MatrixResult, metrics: readonly string[]): BaselineRatio[] {
  return result.comparisons.flatMap((comparison): BaselineRatio[] => {
    if (comparison.kind !== 'designs' || !metrics.includes(comparison.metric)) return [];
    if (typeof comparison.ratio !== 'number' || comparison.ratio <= 0) return [];
    return [
      {
        base: comparison.base,
        head: comparison.head,
        metric: comparison.metric,
        direction: comparison.direction ?? 'lower-is-better',
        ratio: comparison.ratio,
        low: comparison.low ?? null,
        high: comparison.high ?? null,
        confidence: comparison.confidence ?? null,
        n: comparison.n ?? 0,
        ...(comparison.sessionRatios === null || comparison.sessionRatios === undefined
          ? {}
          : { sessionRatios: comparison.sessionRatios }),
      },
    ];
  });
}

/** Why an older baseline says nothing about throughput. */
export const PROBED_BASELINE =
  'the throughput of the baseline is that of the probed build, whose cost differs by design';

/**
 * Compares ratios with the baseline's: how much worse head does beside base than it did, with an interval that takes in the
 * spread of both measurements.
 * @param file for the reader
 */
export function ratioChecks(
  baseline: RatioBaseline,
  result: MatrixResult,
  config: RegressConfig['ratios'],
  file: string,
): Check[] {
  const found = ratiosOf(result, config.metrics);
  const { mutex } = config;
  const touchAhead = touchAheadOfCases(result.cases);
  // The permitted error is shared between all looks at all ratios, those of the timed runs included.
  const ratios = found.length + baseline.runs.length;
  const confidence = confidencePerLook(config.confidence, looksOf(config) * Math.max(1, ratios));
  const keyOf = (ratio: BaselineRatio): string => JSON.stringify([ratio.base, ratio.head, ratio.metric]);
  const before = new Map(baseline.ratios.map((ratio) => [keyOf(ratio), ratio]));
  const others = otherCells(baseline, result.cases);
  const checks = found.map((now): Check => {
    const name = `${now.head} against ${now.base}: ${now.metric}`;
    const then = before.get(keyOf(now));
    before.delete(keyOf(now));
    if (then === undefined) {
      const text = 'is not in the baseline; add it with regress --update';
      return { level: 'ratio', name, verdict: 'inconclusive', text, details: [], file };
    }
    const otherBuild = now.metric === 'pps' && baseline.throughput !== 'bare';
    if (otherBuild) {
      const text = `${PROBED_BASELINE}; measure it again with regress --update`;
      return { level: 'ratio', name, verdict: 'inconclusive', text, details: [], file };
    }
    const other = others.get(now.head) ?? others.get(now.base);
    if (other !== undefined) {
      return { level: 'ratio', name, verdict: 'inconclusive', text: other, details: [], file };
    }
    const { verdict, text } = decide(ratioOfRatios(then, now, confidence), {
      direction: now.direction,
      threshold: config.tolerance,
    });
    return {
      level: 'ratio',
      name,
      verdict,
      text,
      details: [
        `baseline: ${describeRatio(then)}`,
        `now: ${describeRatio(now)}`,
        ...(baseline.mutex === mutex
          ? []
          : [`the baseline was measured with the ${baseline.mutex} mutex, this with ${mutex}`]),
        ...(baseline.touchAhead === touchAhead
          ? []
          : [`the baseline was measured with touch-ahead ${baseline.touchAhead}, this with ${touchAhead}`]),
      ],
      file,
      isOpen: verdict === 'inconclusive',
    };
  });
  for (const gone of before.values()) {
    checks.push({
      level: 'ratio',
      name: `${gone.head} against ${gone.base}: ${gone.metric}`,
      verdict: 'inconclusive',
      text: 'is in the baseline but was not measured; take it out with regress --update if that is meant',
      details: [],
      file,
    });
  }
  return checks;
}

/**
 * now / then. Both were measured in sessions of their own, so the interval is over sessions of both. Of a baseline from before
 * there were sessions only an interval is left.
 */
function ratioOfRatios(then: BaselineRatio, now: BaselineRatio, confidence: number): Estimate {
  const value = now.ratio / then.ratio;
  const logs = (ratio: BaselineRatio): number[] => (ratio.sessionRatios ?? []).map(Math.log);
  const found = compareSessions(logs(then), logs(now), confidence);
  if (found !== null) {
    return { value, interval: mapInterval(found.difference.interval, Math.exp) };
  }
  const before =
    then.low === null || then.high === null
      ? null
      : { low: Math.log(then.low), high: Math.log(then.high), confidence: then.confidence ?? 0.95 };
  const { interval } = differenceOf(
    { value: Math.log(now.ratio), interval: meanInterval(logs(now), confidence) },
    { value: Math.log(then.ratio), interval: before },
  );
  return { value, interval: mapInterval(interval, Math.exp) };
}

/** `ratio 1.5 (1.4 .. 1.6, n=6x3)` */
export function describeRatio({ ratio, low, high, n, sessionRatios }: BaselineRatio): string {
  const digits = (value: number): string => String(Number(value.toPrecision(3)));
  const interval = low === null || high === null ? 'no interval' : `${digits(low)} .. ${digits(high)}`;
  return `ratio ${digits(ratio)} (${interval}, n=${formatCounts({ trials: n, sessions: sessionRatios?.length ?? 1 })})`;
}
