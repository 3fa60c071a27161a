/** What a replay feeds: captures or a scenario, staged, with the facts that the result keeps of them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ParameterValue } from '../synth/parameters.js';
import { openScenario } from '../synth/registry.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import type { StagedTraffic } from '../replay/staging.js';
import { AS_IT_IS, loadTraffic, type EditsAsGiven, type ReplayTraffic } from '../replay/traffic-source.js';
import type { Input, InputFile } from '../report/schema.js';

/** Traffic and its description. */
export interface ReplayInput<T extends ReplayTraffic = StagedTraffic> {
  readonly traffic: T;
  readonly input: Input;
  /** Configuration that a scenario wants; null for captures. */
  readonly suggested: SuggestedConfig | null;
}

/** What of the input is replayed, and how much of it is kept in memory. */
export interface InputOptions {
  /** Packets to stop after; null = all. */
  readonly limit: number | null;
  readonly edits: EditsAsGiven;
  /** Traffic that takes more bytes than this is streamed. */
  readonly storeBytes: number;
}

/**
 * Reads captures to be kept in memory, up to `limit` packets.
 * @throws CaptureError, EmptyTrafficError
 */
export async function captureInput(files: readonly string[], limit: number | null): Promise<ReplayInput> {
  return (await loadCaptures(files, keepAll(limit))) as ReplayInput;
}

/**
 * Makes a scenario's packets to be kept in memory, up to `limit`.
 * @throws ScenarioError for unknown names or values out of range
 */
export async function scenarioInput(
  name: string,
  given: Readonly<Record<string, ParameterValue | undefined>>,
  seed: number,
  limit: number | null,
): Promise<ReplayInput> {
  return (await loadScenario(name, given, seed, keepAll(limit))) as ReplayInput;
}

function keepAll(limit: number | null): InputOptions {
  return { limit, edits: AS_IT_IS, storeBytes: Number.POSITIVE_INFINITY };
}

/**
 * Reads captures; those that do not fit the store are left to be streamed.
 * @throws CaptureError, EmptyTrafficError, UnrepeatableTrafficError
 */
export async function loadCaptures(
  files: readonly string[],
  { limit, edits, storeBytes }: InputOptions,
): Promise<ReplayInput<ReplayTraffic>> {
  const traffic = await loadTraffic({ origin: { type: 'capture', files }, edits, limit }, storeBytes);
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
 * Makes a scenario's packets; those that do not fit the store are left to be streamed.
 * @throws ScenarioError for unknown names or values out of range
 */
export async function loadScenario(
  name: string,
  given: Readonly<Record<string, ParameterValue | undefined>>,
  seed: number,
  { limit, edits, storeBytes }: InputOptions,
): Promise<ReplayInput<ReplayTraffic>> {
  const opened = openScenario(name, given, seed);
  const origin = { type: 'scenario', name, parameters: given, seed } as const;
  const traffic = await loadTraffic({ origin, edits, limit }, storeBytes);
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
