/** Level 2: the ratios between designs, measured now, against those of the baseline. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MatrixResult } from '../bench/matrix-result.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import { planMatrix } from '../bench/plan.js';
import { runMatrixBench } from '../bench/run-matrix.js';
import type { InputLoader } from '../bench/replay-runner.js';
import { confidencePerLook, decide } from '../stats/verdict.js';
import type { Estimate } from '../stats/interval.js';
import { RegressError, type Check } from './check.js';
import type { BaselineRatio, RatioBaseline } from './ratio-baseline.js';
import type { RegressConfig } from './regress-config.js';
import { cellFigures } from './thresholds.js';

/** What measuring needs from outside. */
export interface RatioTools {
  readonly load: InputLoader;
  readonly commandLine: readonly string[];
  /** Told before each trial. */
  readonly onTrial?: (cell: string) => void;
}

/** Decides whether what was measured so far is enough. */
export type Enough = (result: MatrixResult) => boolean;

/**
 * Measures the matrix of the configuration; while that is not enough, as many trials again, up to `maxTrials`.
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
  try {
    for (let trials = config.trials; ; trials = Math.min(2 * trials, config.maxTrials)) {
      const result = await measureTrials(config, trials, folder, tools);
      if (trials >= config.maxTrials || enough(result)) return result;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How often the ratios may be looked at: their confidence is shared between the looks. */
function looksOf({ trials, maxTrials }: RegressConfig['ratios']): number {
  return maxTrials <= trials ? 1 : 1 + Math.ceil(Math.log2(maxTrials / trials));
}

function matrixOf(config: RegressConfig['ratios'], trials: number): MatrixSpec {
  return checkMatrix(
    {
      inputs: config.inputs.map(({ config: _none, ...input }) => input),
      designs: config.designs,
      workers: config.workers,
      trials,
      confidence: confidencePerLook(config.confidence, looksOf(config)),
      probeCost: 'none',
    },
    'ratios',
  );
}

/**
 * Ids of the cells that will be measured, controls left out.
 * @throws MatrixError
 */
export function ratioCells(config: RegressConfig['ratios']): string[] {
  const groups = planMatrix(matrixOf(config, config.trials), 1);
  return groups.flatMap(({ cells }) => cells.filter(({ role }) => role === 'design').map(({ id }) => id));
}

async function measureTrials(
  config: RegressConfig['ratios'],
  trials: number,
  folder: string,
  tools: RatioTools,
): Promise<MatrixResult> {
  const spec = matrixOf(config, trials);
  const result = await runMatrixBench({
    spec,
    shard: null,
    folder,
    resume: true,
    load: tools.load,
    commandLine: tools.commandLine,
    hooks: { onTrial: (cell) => tools.onTrial?.(cell.id) },
  });
  if (!result.valid) {
    const failed = result.cases.flatMap((one) =>
      one.audit.filter((check) => !check.ok).map((check) => check.name),
    );
    throw new RegressError(
      `the measurement of the ratios failed its own audit (${[...new Set(failed)].join(', ')}); nothing can be said`,
    );
  }
  return result;
}

/** The baseline that a result makes. */
export function ratioBaselineOf(result: MatrixResult, metrics: readonly string[]): RatioBaseline {
  return {
    machineId: result.environment.machineId ?? null,
    cpuModel: result.environment.cpuModel ?? null,
    measuredAt: result.createdAt,
    ratios: ratiosOf(result, metrics),
    figures: cellFigures(result.cases),
  };
}

function ratiosOf(result: MatrixResult, metrics: readonly string[]): BaselineRatio[] {
  return result.comparisons.flatMap((one): BaselineRatio[] => {
    if (one.kind !== 'designs' || !metrics.includes(one.metric)) return [];
    if (typeof one.ratio !== 'number' || one.ratio <= 0) return [];
    return [
      {
        base: one.base,
        head: one.head,
        metric: one.metric,
        direction: one.direction ?? 'lower-is-better',
        ratio: one.ratio,
        low: one.low ?? null,
        high: one.high ?? null,
        confidence: one.confidence ?? null,
        n: one.n ?? 0,
      },
    ];
  });
}

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
  const keyOf = (one: BaselineRatio): string => JSON.stringify([one.base, one.head, one.metric]);
  const before = new Map(baseline.ratios.map((one) => [keyOf(one), one]));
  const checks = found.map((now): Check => {
    const name = `${now.head} against ${now.base}: ${now.metric}`;
    const then = before.get(keyOf(now));
    before.delete(keyOf(now));
    if (then === undefined) {
      const text = 'is not in the baseline; add it with regress --update';
      return { level: 'ratio', name, verdict: 'inconclusive', text, details: [], file };
    }
    const { verdict, text } = decide(ratioOfRatios(then, now), {
      direction: now.direction,
      threshold: config.tolerance,
    });
    return {
      level: 'ratio',
      name,
      verdict,
      text,
      details: [describe('baseline', then), describe('now', now)],
      file,
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

/** now / then; the half-widths of independent logarithms add like the sides of a right triangle. */
function ratioOfRatios(then: BaselineRatio, now: BaselineRatio): Estimate {
  const value = now.ratio / then.ratio;
  if (then.low === null || then.high === null || now.low === null || now.high === null) {
    return { value, interval: null };
  }
  const down = Math.hypot(Math.log(now.ratio / now.low), Math.log(then.high / then.ratio));
  const up = Math.hypot(Math.log(now.high / now.ratio), Math.log(then.ratio / then.low));
  return {
    value,
    interval: {
      low: value * Math.exp(-down),
      high: value * Math.exp(up),
      confidence: Math.min(now.confidence ?? 0.95, then.confidence ?? 0.95),
    },
  };
}

function describe(when: string, { ratio, low, high, n }: BaselineRatio): string {
  const digits = (value: number): string => String(Number(value.toPrecision(3)));
  const interval = low === null || high === null ? 'no interval' : `${digits(low)} .. ${digits(high)}`;
  return `${when}: ratio ${digits(ratio)} (${interval}, n=${n})`;
}
