/** What a replay feeds: captures or a scenario, staged, with the facts that the result keeps of them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ParameterValue } from '../synth/parameters.js';
import { openScenario } from '../synth/registry.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import { editTraffic, NO_EDITS, type TrafficEdits } from '../replay/edited-traffic.js';
import { stageTraffic, type StagedTraffic } from '../replay/staging.js';
import { captureTraffic, scenarioTraffic } from '../replay/traffic.js';
import type { Input, InputFile } from '../report/schema.js';

/** Staged traffic and its description. */
export interface ReplayInput {
  readonly traffic: StagedTraffic;
  readonly input: Input;
  /** Configuration that a scenario wants; null for captures. */
  readonly suggested: SuggestedConfig | null;
}

/**
 * Reads captures, up to `limit` packets.
 * @throws CaptureError, EmptyTrafficError
 */
export async function captureInput(
  files: readonly string[],
  limit: number | null,
  edits: TrafficEdits = NO_EDITS,
): Promise<ReplayInput> {
  const traffic = await stageTraffic(editTraffic(captureTraffic(files), edits), limit);
  const described: InputFile[] = [];
  for (const file of files) described.push(await describeFile(file));
  return {
    traffic,
    input: {
      type: 'capture',
      name: files.map((file) => (file === '-' ? 'stdin' : basename(file))).join('+'),
      files: described,
      packets: traffic.packets,
      bytes: traffic.frameBytes,
    },
    suggested: null,
  };
}

/**
 * Makes a scenario's packets, up to `limit`.
 * @throws ScenarioError for unknown names or values out of range
 */
export async function scenarioInput(
  name: string,
  given: Readonly<Record<string, ParameterValue | undefined>>,
  seed: number,
  limit: number | null,
  edits: TrafficEdits = NO_EDITS,
): Promise<ReplayInput> {
  const opened = openScenario(name, given, seed);
  const traffic = await stageTraffic(editTraffic(scenarioTraffic(name, opened.source), edits), limit);
  const parameters = opened.parameters.toObject();
  return {
    traffic,
    input: { type: 'scenario', name, packets: traffic.packets, bytes: traffic.frameBytes, parameters },
    suggested: opened.suggestedConfig,
  };
}

async function describeFile(path: string): Promise<InputFile> {
  if (path === '-') return { path };
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { path, sha256: hash.digest('hex'), bytes: (await stat(path)).size };
}
