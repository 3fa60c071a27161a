/** Builders for replay tests: staged traffic from frames or a scenario, and options with sensible defaults. */
import type { DesignChoice } from '../../engine/host/designs.js';
import { COMMIT_ALL } from '../../tools/config/rules.js';
import { makeCase } from '../../tools/replay/case-result.js';
import { runDesign, type ReplayOptions, type SessionHooks } from '../../tools/replay/session.js';
import { stageTraffic, type StagedTraffic } from '../../tools/replay/staging.js';
import { scenarioTraffic, type Traffic } from '../../tools/replay/traffic.js';
import type { ReplayTraffic } from '../../tools/replay/traffic-source.js';
import type { ResultCase } from '../../tools/result/schema.js';
import { openScenario } from '../../tools/synth/registry.js';

/** Options of a small, quick replay. */
export function replayOptions(changes: Partial<ReplayOptions> = {}): ReplayOptions {
  return {
    flavour: 'probed',
    workers: 1,
    pacing: { mode: 'topspeed' },
    steer: 'rss',
    batch: 32,
    loops: 1,
    durationMs: null,
    clock: 'wall',
    timeScale: 1,
    maxConns: null,
    sweepIntervalMs: null,
    latency: { mode: 'all' },
    warmupPackets: 500,
    timelineMs: 50,
    pin: false,
    seed: 1,
    rules: COMMIT_ALL,
    configure: () => {},
    ...changes,
  };
}

/** Replays traffic once through a design, and makes a case of it as a result has it. */
export async function replayCase(
  traffic: ReplayTraffic,
  name: string,
  changes: Partial<ReplayOptions> = {},
  hooks: SessionHooks = {},
): Promise<ResultCase> {
  const { finished, runOptions } = await runDesign(traffic, design(name), replayOptions(changes), hooks);
  return makeCase(finished, runOptions, {
    id: 'test',
    trial: 0,
    startedAt: new Date(0),
    designLabel: name,
    input: { type: 'scenario', name: traffic.name },
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

/** The packets of a scenario, staged. */
export async function scenario(
  name: string,
  parameters: Record<string, number | string> = {},
  seed = 1,
): Promise<StagedTraffic> {
  return stageTraffic(scenarioTraffic(name, openScenario(name, parameters, seed).source), null);
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
