/** Builders for replay tests: traffic from frames, captures or a scenario, and options with sensible defaults. */
import { join } from 'node:path';
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { withSettings } from '../../tools/config/apply-config.js';
import { PcapWriter } from '../../tools/captures/pcap-writer.js';
import { frameAt, wireBytesAt } from '../../tools/replay/frame-range.js';
import { loadSource } from '../../tools/replay/load-source.js';
import { AS_IT_IS, framesOf, type PacketEdits, type PacketSource } from '../../tools/replay/packet-source.js';
import { makeCase } from '../../tools/replay/case-result.js';
import { makePlan, type PlanRequest, type ReplayPlan } from '../../tools/replay/replay-plan.js';
import { runDesign, type FinishedRun, type RunHooks } from '../../tools/replay/run-control.js';
import type { ResultCase } from '../../tools/result/schema.js';
import { scratchFolder } from './command.js';

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
  traffic: PacketSource,
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

const loaded = new Map<string, Promise<PacketSource>>();
/** Kept at a time: those of a test that runs over the designs, and a few more. */
const MOST_LOADED = 8;
/** A store that everything fits into. */
const ROOMY_BYTES = 1e9;

/**
 * The packets of a scenario; in memory where nothing else is said. Those are loaded once for all designs and tests that ask for the
 * same, since runs only read them.
 */
export function scenario(
  name: string,
  parameters: Record<string, number | string> = {},
  seed = 1,
  storeBytes = ROOMY_BYTES,
): Promise<PacketSource> {
  const origin = { type: 'scenario', name, parameters, seed } as const;
  const load = () => loadSource({ origin, edits: AS_IT_IS, limit: null }, storeBytes);
  if (storeBytes !== ROOMY_BYTES) return load();
  const key = JSON.stringify([name, parameters, seed]);
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const loading = load();
  const [oldest] = loaded.keys();
  if (oldest !== undefined && loaded.size >= MOST_LOADED) loaded.delete(oldest);
  loaded.set(key, loading);
  return loading;
}

/** The packets of captures; in memory where nothing else is said. */
export function captured(
  files: readonly string[],
  changes: Partial<PacketEdits> & { readonly limit?: number | null; readonly storeBytes?: number } = {},
): Promise<PacketSource> {
  const { limit = null, storeBytes = ROOMY_BYTES, ...edits } = changes;
  const origin = { type: 'capture', files } as const;
  return loadSource({ origin, edits: { ...AS_IT_IS, ...edits }, limit }, storeBytes);
}

/** The packets of a capture of these frames, a microsecond apart where no times are given. */
export function framesTraffic(
  frames: readonly Uint8Array[],
  timesNs: readonly number[] = frames.map((_, index) => index * 1000),
): Promise<PacketSource> {
  const file = join(scratchFolder(), 'frames.pcap');
  const writer = new PcapWriter(file);
  for (const [index, frame] of frames.entries()) {
    writer.write({ timestampNs: BigInt(Math.round(timesNs[index] as number)), frame });
  }
  writer.close();
  return captured([file]);
}

/** Copies of the frames of traffic that is in memory, in order. */
export function framesIn(
  traffic: PacketSource,
): { readonly frame: Uint8Array; readonly wireBytes: number }[] {
  const frames: { frame: Uint8Array; wireBytes: number }[] = [];
  framesOf(traffic).forEachRange((range, firstIndex) => {
    if (firstIndex !== frames.length)
      throw new Error(`a range says ${firstIndex} behind ${frames.length} frames`);
    for (let at = 0; at < range.count; at++) {
      frames.push({ frame: frameAt(range, at).slice(), wireBytes: wireBytesAt(range, at) });
    }
  });
  return frames;
}
