/** Running the levels of the gate one after the other, and once more what stayed open. */
import type { Check } from './check.js';
import {
  GATE_LEVELS,
  type GateFindings,
  type GateLevel,
  type GateOptions,
  type LevelOptions,
} from './gate-options.js';
import { gateAgainst } from './level-against.js';
import { gateExact } from './level-exact.js';
import { gateRatios } from './level-ratios.js';
import { ratioCells } from './ratio-run.js';
import type { RegressConfig } from './regress-config.js';
import { requireCells } from './thresholds.js';

const LEVELS: Readonly<Record<GateLevel, (options: LevelOptions) => Promise<GateFindings>>> = {
  exact: gateExact,
  ratios: gateRatios,
  against: gateAgainst,
};

/**
 * Runs the levels asked for.
 * @throws RegressError, EngineError, ConfigError, MatrixError, … when it cannot be run
 */
export async function runGate(options: GateOptions): Promise<GateFindings> {
  const { levels, rerunInconclusive, update } = options;
  // Before minutes are spent on measuring what no threshold could then be held against.
  if (levels.has('ratios')) requireCells(options.config.thresholds, ratioCells(options.config.ratios));
  const mayRerun = rerunInconclusive && !update;
  const config = mayRerun ? withSharedError(options.config) : options.config;
  const findings: GateFindings[] = [];
  for (const level of GATE_LEVELS) {
    if (!levels.has(level)) continue;
    const run = (more: Partial<LevelOptions>): Promise<GateFindings> =>
      LEVELS[level]({ ...options, config, only: null, ...more });
    const found = await run({});
    findings.push(mayRerun ? await rerun(found, config, run) : found);
  }
  return {
    checks: findings.flatMap(({ checks }) => checks),
    facts: findings.flatMap(({ facts }) => facts),
    written: findings.flatMap(({ written }) => written),
  };
}

/**
 * Measures what is open once more; what comes of it stands in place of what was found first.
 * @param run runs the level again
 */
export async function rerun(
  found: GateFindings,
  config: RegressConfig,
  run: (more: Partial<LevelOptions>) => Promise<GateFindings>,
): Promise<GateFindings> {
  const open = found.checks.filter(({ verdict, isOpen }) => verdict === 'inconclusive' && isOpen === true);
  if (open.length === 0) return found;
  const only = new Set(open.map(({ name }) => name));
  const again = await run({ config: withMoreRounds(config), only });
  const second = new Map(again.checks.map((check) => [check.name, check]));
  return { ...found, checks: found.checks.map((check) => replaced(check, second, only)) };
}

function replaced(check: Check, second: ReadonlyMap<string, Check>, only: ReadonlySet<string>): Check {
  const now = only.has(check.name) ? second.get(check.name) : undefined;
  if (now === undefined) return check;
  return {
    ...now,
    text: `${now.text}; measured once more with twice the rounds`,
    details: [...now.details, `the first time: ${check.text}`],
  };
}

/** Two measurements may both go wrong, so each has half of the permitted error. */
function withSharedError(config: RegressConfig): RegressConfig {
  const half = (confidence: number): number => 1 - (1 - confidence) / 2;
  return {
    ...config,
    ratios: { ...config.ratios, confidence: half(config.ratios.confidence) },
    against: { ...config.against, confidence: half(config.against.confidence) },
  };
}

function withMoreRounds(config: RegressConfig): RegressConfig {
  const { ratios, against, runs } = config;
  return {
    ...config,
    ratios: { ...ratios, sessions: 2 * ratios.sessions, maxSessions: 2 * ratios.maxSessions },
    against: { ...against, rounds: 2 * against.rounds, maxRounds: 2 * against.maxRounds },
    runs: { ...runs, rounds: 2 * runs.rounds, maxRounds: 2 * runs.maxRounds },
  };
}
