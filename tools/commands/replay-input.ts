/** What a replay feeds: captures or a scenario, staged, with the facts that the result keeps of them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isRepeatable } from '../captures/capture-files.js';
import { CaptureError, type CaptureReading } from '../captures/reader.js';
import type { ParameterValue } from '../synth/parameters.js';
import { openScenario } from '../synth/registry.js';
import { PlanError, type ReplayPlan } from '../replay/replay-plan.js';
import { loadSource } from '../replay/load-source.js';
import { AS_IT_IS, type LoadedInput, type PacketEdits } from '../replay/packet-source.js';
import type { CaptureFacts } from '../replay/read-ranges.js';
import { givenStore, type StoreSize } from '../replay/store-size.js';
import type { Input, InputFile } from '../result/schema.js';
import { parseIpMap } from '../rewrite/ip-map.js';
import { filesOf, readingOf, warnOf } from './capture-options.js';

/** What of the input is replayed, and how much of it is kept in memory. */
export interface InputOptions {
  /** Packets to stop after; null = all. */
  readonly limit: number | null;
  readonly edits: PacketEdits;
  /** What is kept in memory, and how what is larger is streamed. */
  readonly store: StoreSize;
  /** How captures are read; absent = an error at a cut, and odd records are read as libpcap does. */
  readonly reading?: CaptureReading;
}

/**
 * Reads the input that a plan names, as the plan wants it.
 * @throws CaptureError, ScenarioError, EmptyTrafficError, UnrepeatableTrafficError
 */
export async function loadInput(plan: ReplayPlan, store: StoreSize): Promise<LoadedInput> {
  const { input, limit, seed } = plan;
  const options: InputOptions = { limit, edits: editsOf(plan), store };
  if (input === null) throw new PlanError('the plan names no input: neither captures nor a scenario');
  return input.type === 'capture'
    ? loadCaptures(input.files, { ...options, reading: readingOf(input) })
    : loadScenario(input.name, input.parameters, seed, options);
}

/** What is changed in the traffic, of a plan or of an input of a matrix; what is absent changes nothing. */
export type AskedEdits = {
  readonly [K in 'filter' | 'srcipmap' | 'dstipmap' | 'snaplen' | 'maxGapMs' | 'checksums']?:
    ReplayPlan[K] | undefined;
};

/**
 * The edits as reading takes them.
 * @throws RangeError for a map of addresses that is none
 */
export function editsOf(asked: AskedEdits): PacketEdits {
  const { filter = null, srcipmap = null, dstipmap = null, snaplen = null, maxGapMs = null } = asked;
  return {
    filter,
    sourceMap: srcipmap === null ? null : parseIpMap(srcipmap),
    destinationMap: dstipmap === null ? null : parseIpMap(dstipmap),
    snapLength: snaplen,
    checksums: asked.checksums === 'fix' ? 'fix' : null,
    maxGapNs: maxGapMs === null ? null : maxGapMs * 1e6,
  };
}

/**
 * Reads captures to be kept in memory, up to `limit` packets, perhaps several times.
 * @param names files, folders and patterns
 * @throws CaptureError, EmptyTrafficError
 */
export async function captureInput(
  names: readonly string[],
  limit: number | null,
  reading: CaptureReading = {},
  edits: PacketEdits = AS_IT_IS,
): Promise<LoadedInput> {
  const files = filesOf(names);
  requireRepeatable(files);
  return loadCaptures(files, { ...keepAll(limit), reading, edits });
}

/**
 * For commands that read their inputs more than once.
 * @throws CaptureError naming a pipe
 */
export function requireRepeatable(files: readonly string[]): void {
  const pipe = files.find((file) => !isRepeatable(file));
  if (pipe === undefined) return;
  throw new CaptureError({
    file: pipe,
    reason: 'this is a pipe, and this command reads its captures more than once',
    advice: 'Save its content to a file and name that.',
  });
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
  edits: PacketEdits = AS_IT_IS,
): Promise<LoadedInput> {
  return loadScenario(name, given, seed, { ...keepAll(limit), edits });
}

function keepAll(limit: number | null): InputOptions {
  return { limit, edits: AS_IT_IS, store: givenStore(Number.POSITIVE_INFINITY) };
}

/**
 * Reads captures; those that do not fit the store are left to be streamed. What is odd about them is written to standard error, and kept
 * in the description.
 * @throws CaptureError, EmptyTrafficError, UnrepeatableTrafficError
 */
async function loadCaptures(
  files: readonly string[],
  { limit, edits, store, reading = {} }: InputOptions,
): Promise<LoadedInput> {
  const facts: CaptureFacts[] = [];
  const origin = { type: 'capture', files, reading } as const;
  const traffic = await loadSource({ origin, edits, limit }, store, (each) => facts.push(each));
  const described: InputFile[] = [];
  // Facts come in the order of the files; a limit may have left the last ones unread.
  for (const [index, file] of files.entries()) described.push(await describeFile(file, facts[index] ?? null));
  if (facts.length === 0 && described[0] !== undefined) described[0].packets = traffic.packets;
  for (const { file, notes } of facts) warnOf(file, notes);
  return {
    traffic,
    input: {
      type: 'capture',
      name: inputName(files),
      files: described,
      packets: traffic.packets,
      bytes: traffic.frameBytes,
      edits: editsText(edits, limit),
    },
    suggested: null,
  };
}

/**
 * Makes a scenario's packets; those that do not fit the store are left to be streamed.
 * @throws ScenarioError for unknown names or values out of range
 */
async function loadScenario(
  name: string,
  given: Readonly<Record<string, ParameterValue | undefined>>,
  seed: number,
  { limit, edits, store }: InputOptions,
): Promise<LoadedInput> {
  const opened = openScenario(name, given, seed);
  const origin = { type: 'scenario', name, parameters: given, seed } as const;
  const traffic = await loadSource({ origin, edits, limit }, store);
  const parameters = opened.parameters.toObject();
  return {
    traffic,
    input: {
      type: 'scenario',
      name,
      packets: traffic.packets,
      bytes: traffic.frameBytes,
      parameters,
      edits: editsText(edits, limit),
    },
    suggested: opened.suggestedConfig,
  };
}

/** The edits as the result keeps them: those that were asked for. */
function editsText(edits: PacketEdits, limit: number | null): NonNullable<Input['edits']> {
  const given = Object.entries({ ...edits, limit }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return JSON.parse(
    JSON.stringify(Object.fromEntries(given), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  ) as NonNullable<Input['edits']>;
}

/** Names of files for people: all of few, the first of many. */
function inputName(files: readonly string[]): string {
  const names = files.map((file) => (file === '-' ? 'stdin' : basename(file)));
  if (names.length <= NAMED_FILES) return names.join('+');
  return `${names[0]}+${names.length - 1}-more`;
}

/** More names than this make no readable name of an input. */
const NAMED_FILES = 8;

/**
 * A file as the result has it. What is a regular file and was not hashed while it was read is hashed now; a pipe that was not read to
 * its end has no hash.
 */
async function describeFile(path: string, facts: CaptureFacts | null): Promise<InputFile> {
  const { packets = 0, notes = [] } = facts ?? {};
  let sha256 = facts?.sha256 ?? null;
  let bytes = facts?.bytes ?? null;
  if (sha256 === null && isRepeatable(path)) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    sha256 = hash.digest('hex');
    bytes = (await stat(path)).size;
  }
  return { path, sha256, bytes, packets, ...(notes.length === 0 ? {} : { notes: [...notes] }) };
}
