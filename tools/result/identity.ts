/**
 * What a cell is: its traffic, the tracker's configuration and how it was replayed. Two cells of one name that differ in any of it are
 * not the same cell: what they show differs for another reason than design or build.
 */
import { createHash } from 'node:crypto';
import type { Input, ResultCase } from './schema.js';

/** The parts that identify a cell, by what they are called in a message; a part that a result does not know is absent. */
export type Identity = ReadonlyMap<string, string>;

/** SHA-256 of plain data, keys in order, for what is too long to be compared by eye; null for none. */
export function hashOf(data: unknown): string | null {
  if (data === null || data === undefined) return null;
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/** The identity of a case, as far as its result tells. */
export function identityOf(entry: ResultCase): Identity {
  const { input, pacing, designOptions } = entry;
  const parts: [string, unknown][] = [
    ...inputParts(input),
    editsPart(input),
    ['configuration', entry.configSha256],
    ['rate profile', entry.profile],
    [
      'rate',
      pacing.mode === 'topspeed'
        ? 'top speed'
        : (pacing.targetMbps ?? pacing.multiplier ?? roundedRate(pacing.targetPps)),
    ],
    ['packets that leave together', entry.burst ?? 1],
    ['loops', entry.loops],
    ['duration in ms', entry.durationMs],
    [
      'loops with the same addresses',
      entry.uniqueIpLoops ?? (entry.repeatedTuples === true ? 'all' : undefined),
    ],
    ['clock', entry.clock],
    ['time scale', entry.timeScale],
    ['batch', entry.batch],
    ['steering', entry.steer],
    ['sweep interval in ms', designOptions?.['sweepIntervalMs']],
    ['connection limit', designOptions?.['maxConns']],
  ];
  return new Map(
    parts.flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name, textOf(value)]])),
  );
}

function inputParts(input: Input): [string, unknown][] {
  const hashes = (input.files ?? []).map(({ sha256 }) => sha256 ?? null);
  const known = hashes.length > 0 && hashes.every((hash) => hash !== null);
  return [
    ['kind of input', input.type],
    ['SHA-256 of the input', known ? hashes.map((hash) => hash.slice(0, 12)).join('+') : null],
    ['scenario parameters', input.parameters],
  ];
}

/** The mean rate of a profile is measured, and differs in its last digits. */
function roundedRate(pps: number | null | undefined): number | null {
  return pps == null ? null : Number(pps.toPrecision(6));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What two cells differ in, `loops (10 and 20)`; empty when they are the same cell as far as both results tell. */
export function identityDifferences(entry: ResultCase, other: ResultCase): string[] {
  return differencesOf(identityOf(entry), identityOf(other));
}

/** The same of two identities; a part that one of them does not know is passed over. */
export function differencesOf(a: Identity, b: Identity): string[] {
  return [...a].flatMap(([name, value]) => {
    const twin = b.get(name);
    if (twin === undefined || twin === value) return [];
    return [`${name} (${differingText(value, twin)})`];
  });
}

/** What two inputs of one name differ in; empty when they are the same as far as both tell. */
export function inputDifferences(input: Input, other: Input): string[] {
  const twins = new Map([...inputParts(other), editsPart(other)]);
  return [...inputParts(input), editsPart(input)].flatMap(([name, value]) => {
    const twin = twins.get(name);
    if (value == null || twin == null || textOf(value) === textOf(twin)) return [];
    return [`${name} (${differingText(textOf(value), textOf(twin))})`];
  });
}

function editsPart({ edits }: Input): [string, unknown] {
  return ['edits of the traffic', edits];
}

/** Of two lists of parameters only those that differ. */
function differingText(value: string, twin: string): string {
  if (!value.startsWith('{') || !twin.startsWith('{')) return `${value} and ${twin}`;
  const [a, b] = [value, twin].map((text) => JSON.parse(text) as Record<string, unknown>) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
    .map((name) => `${name} ${JSON.stringify(a[name] ?? null)} and ${JSON.stringify(b[name] ?? null)}`)
    .join(', ');
}
