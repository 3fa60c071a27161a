/** The committed figures of level 1, and what differs from them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RegressError, type Check } from './check.js';
import type { ExactFigures } from './exact-run.js';

const counts = z.record(z.string(), z.int().nonnegative());

const exactFigures = z.object({
  packets: z.int().nonnegative(),
  verdictHash: z.string(),
  tableHash: z.string(),
  connections: z.int().nonnegative(),
  verdicts: counts,
  reasons: counts,
  locks: counts,
  work: counts,
});

const exactFile = z.object({
  format: z.literal('ctreplay-exact-baseline'),
  version: z.literal(1),
  seed: z.int().nonnegative(),
  cells: z.record(z.string(), exactFigures),
});

/** Figures by cell name. */
export interface ExactBaseline {
  readonly seed: number;
  readonly cells: ReadonlyMap<string, ExactFigures>;
}

const EXACT_FILE = 'exact.json';

/** Path of the file in a baseline folder. */
export function exactFileIn(folder: string): string {
  return join(folder, EXACT_FILE);
}

/**
 * Reads the baseline of a folder; null when there is none.
 * @throws RegressError for a file that is not one
 */
export async function readExactBaseline(folder: string): Promise<ExactBaseline | null> {
  const file = exactFileIn(folder);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new RegressError(`${file}: ${(error as Error).message}`, 1, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RegressError(
      `${file}: is not JSON (${(error as Error).message}); restore it or run --update`,
      1,
    );
  }
  const checked = exactFile.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new RegressError(
      `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a baseline'}; restore it or run --update`,
    );
  }
  return { seed: checked.data.seed, cells: new Map(Object.entries(checked.data.cells)) };
}

/** The text of a baseline file: keys in order, so that its diff shows what changed and nothing else. */
export function exactBaselineText({ seed, cells }: ExactBaseline): string {
  const ordered = [...cells].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const value = { format: 'ctreplay-exact-baseline', version: 1, seed, cells: Object.fromEntries(ordered) };
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * What differs, in words: `locks.ct_lock: 40,000 → 60,000 (+20,000, +1 per packet)`. Empty when nothing does. The changed
 * counts of work come first: they say why; the hashes only say that.
 */
export function exactDifferences(base: ExactFigures, head: ExactFigures): string[] {
  const lines: string[] = [];
  if (base.packets !== head.packets) lines.push(countLine('packets', base.packets, head.packets, 0));
  for (const group of ['locks', 'work', 'reasons', 'verdicts'] as const) {
    const names = [...new Set([...Object.keys(base[group]), ...Object.keys(head[group])])].toSorted();
    for (const name of names) {
      const before = base[group][name] ?? 0;
      const after = head[group][name] ?? 0;
      if (before !== after) lines.push(countLine(`${group}.${name}`, before, after, head.packets));
    }
  }
  if (base.connections !== head.connections) {
    lines.push(countLine('connections', base.connections, head.connections, 0));
  }
  if (base.verdictHash !== head.verdictHash) {
    lines.push(
      `verdictHash: ${short(base.verdictHash)} → ${short(head.verdictHash)} (what packets get changed)`,
    );
  }
  if (base.tableHash !== head.tableHash) {
    lines.push(
      `tableHash: ${short(base.tableHash)} → ${short(head.tableHash)} (the table at the end changed)`,
    );
  }
  return lines;
}

function countLine(name: string, before: number, after: number, packets: number): string {
  const change = after - before;
  const sign = change > 0 ? '+' : '';
  const each = packets > 0 ? `, ${sign}${Number((change / packets).toPrecision(3))} per packet` : '';
  return `${name}: ${grouped(before)} → ${grouped(after)} (${sign}${grouped(change)}${each})`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function short(hash: string): string {
  return hash.slice(0, 12);
}

/**
 * Compares every cell of this run with the baseline. A cell that the baseline lacks is inconclusive: nothing is known of it. A cell
 * of the baseline that no longer runs is a regression: the gate would otherwise go blind unnoticed.
 * @param file for the reader
 */
export function exactChecks(
  baseline: ExactBaseline,
  found: ReadonlyMap<string, ExactFigures>,
  file: string,
): Check[] {
  const checks: Check[] = [];
  for (const [name, figures] of found) {
    const base = baseline.cells.get(name);
    if (base === undefined) {
      checks.push({
        level: 'exact',
        name,
        verdict: 'inconclusive',
        text: 'is not in the baseline; add it with regress --update',
        details: [],
        file,
      });
      continue;
    }
    const details = exactDifferences(base, figures);
    checks.push({
      level: 'exact',
      name,
      verdict: details.length === 0 ? 'pass' : 'regression',
      text: details.length === 0 ? 'verdicts and work counts are equal' : headline(details),
      details,
      file,
    });
  }
  for (const name of baseline.cells.keys()) {
    if (found.has(name)) continue;
    checks.push({
      level: 'exact',
      name,
      verdict: 'regression',
      text: 'is in the baseline but was not run; take it out with regress --update if that is meant',
      details: [],
      file,
    });
  }
  return checks;
}

function headline(details: readonly string[]): string {
  const [first = ''] = details;
  return details.length === 1 ? first : `${first}, and ${details.length - 1} more`;
}
