/** Builders for replay tests: staged traffic from frames or a scenario, and options with sensible defaults. */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { withSettings } from '../../tools/config/apply-config.js';
import { makeCase } from '../../tools/replay/case-result.js';
import { makePlan, type PlanRequest, type ReplayPlan } from '../../tools/replay/replay-plan.js';
import { runDesign, type FinishedRun, type RunHooks } from '../../tools/replay/run-control.js';
import { stageTraffic, type StagedTraffic } from '../../tools/replay/staging.js';
import { scenarioTraffic, type Traffic } from '../../tools/replay/traffic.js';
import type { ReplayTraffic } from '../../tools/replay/traffic-source.js';
import type { ResultCase } from '../../tools/result/schema.js';
import { openScenario } from '../../tools/synth/registry.js';

/** Changes of a plan, and settings of the tracker that a configuration has no file for. */
export type PlanChanges = PlanRequest & {
  readonly maxConns?: number;
  readonly sweepIntervalMs?: number;
};

/** Plan of a small, quick replay. */
export function quickPlan({ maxConns, sweepIntervalMs, ...changes }: PlanChanges = {}): ReplayPlan {
  const plan = makePlan({
    build: 'probed',

    warmupPackets: 500,
    timelineMs: 50,
    ...changes,
  });
  return { ...plan, config: withSettings(plan.config, { maxConns, sweepIntervalMs }) };
}

/** What the machine does is looked at for a moment only: what is said of it is tried by tests of its own. */
const BRIEF_LOOK: RunHooks = { clockLoopMs: 2 };

/** Replays traffic once through a design, and makes a case of it as a result has it. */
export async function replayCase(
  traffic: ReplayTraffic,
  name: string,
  { fault, ...changes }: PlanChanges & Pick<RunHooks, 'fault'> = {},
  hooks: RunHooks = {},
): Promise<ResultCase> {
  const finished = await runDesign(traffic, design(name), quickPlan(changes), {
    ...BRIEF_LOOK,
    fault,
    ...hooks,
  });
  return caseOf(finished, traffic.name);
}

/** A finished run as a case. */
export function caseOf(finished: FinishedRun, input = 'established'): ResultCase {
  return makeCase(finished, {
    id: 'test',
    trial: 0,
    startedAt: new Date(0),
    designLabel: designLabel(finished.choice),
    input: { type: 'scenario', name: input },
    facts: {},
  });
}

/** Checks of the self-audit that failed. */
export function failedChecks({ audit }: ResultCase): ResultCase['audit'] {
  return audit.filter(({ ok }) => !ok);
}

/** The same of a paced replay, but for the rate: whether it is held is up to the machine. */
export function failedChecksButRate(result: ResultCase): ResultCase['audit'] {
  return failedChecks(result).filter(({ name }) => name !== 'rate-achieved');
}

export function design(name: string): DesignChoice {
  const [base = '', preset = null] = name.split('@');
  return { design: base, preset };
}

const staged = new Map<string, Promise<StagedTraffic>>();
/** Kept at a time: those of a test that runs over the designs, and a few more. */
const MOST_STAGED = 8;

/** The packets of a scenario, staged: once for all designs and tests that ask for the same, since runs only read them. */
export function scenario(
  name: string,
  parameters: Record<string, number | string> = {},
  seed = 1,
): Promise<StagedTraffic> {
  const key = JSON.stringify([name, parameters, seed]);
  const known = staged.get(key);
  if (known !== undefined) return known;
  const staging = stageTraffic(scenarioTraffic(name, openScenario(name, parameters, seed).source), null);
  const [oldest] = staged.keys();
  if (oldest !== undefined && staged.size >= MOST_STAGED) staged.delete(oldest);
  staged.set(key, staging);
  return staging;
}

/** Traffic from frames, `gapNs` apart. */
export function framesTraffic(frames: readonly Uint8Array[], gapNs = 1000): Traffic {
  return {
    name: 'frames',
    forEach: async (visit) => {
      for (const [index, frame] of frames.entries()) if (!visit(frame, index * gapNs)) return;
    },
  };
}
