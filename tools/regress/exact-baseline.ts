/** The committed figures of level 1, and what differs from them. */
import { join } from 'node:path';
import { z } from 'zod';
import { baselineValue, damagedBaseline, readBaselineText } from './baseline-file.js';
import type { Check, CheckVerdict } from './check.js';
import type { DesignFigures } from './design-figures.js';
import { designDifferences, exactDifferences, missingGroups } from './exact-difference.js';
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
  // Absent in baselines from before these were counted.
  lagMs: counts.optional(),
  lines: counts.optional(),
  linesWritten: counts.optional(),
  linesByRegion: counts.optional(),
  accesses: counts.optional(),
  heldAccesses: counts.optional(),
  atomicWrites: counts.optional(),
  instructions: counts.optional(),
  heldInstructions: counts.optional(),
  loopTurns: counts.optional(),
  mostLoopTurns: counts.optional(),
});

const designFigures = z.object({ memory: counts, lockTurns: counts, lockSleeps: counts });

const exactFile = z.object({
  format: z.literal('ctreplay-exact-baseline'),
  version: z.literal(1),
  seed: z.int().nonnegative(),
  designs: z.record(z.string(), designFigures).default({}),
  cells: z.record(z.string(), exactFigures),
});

/** Figures by cell name, and by design. */
export interface ExactBaseline {
  readonly seed: number;
  readonly designs: ReadonlyMap<string, DesignFigures>;
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
  const text = await readBaselineText(file);
  return text === null ? null : parseExactBaseline(text, file);
}

/**
 * As readExactBaseline, from the text.
 * @throws RegressError
 */
export function parseExactBaseline(text: string, file: string): ExactBaseline {
  const checked = exactFile.safeParse(baselineValue(text, file));
  if (!checked.success) throw damagedBaseline(file, checked.error);
  const { seed, designs, cells } = checked.data;
  return {
    seed,
    designs: new Map(Object.entries(designs)),
    cells: new Map(Object.entries(cells).map(([name, figures]) => [name, withoutUndefined(figures)])),
  };
}

/** Absent groups are absent, not undefined. */
function withoutUndefined(figures: z.output<typeof exactFigures>): ExactFigures {
  return Object.fromEntries(
    Object.entries(figures).filter(([, value]) => value !== undefined),
  ) as unknown as ExactFigures;
}

/** The text of a baseline file: keys in order, so that its diff shows what changed and nothing else. */
export function exactBaselineText({ seed, designs, cells }: ExactBaseline): string {
  const value = {
    format: 'ctreplay-exact-baseline',
    version: 1,
    seed,
    designs: Object.fromEntries(inOrder(designs)),
    cells: Object.fromEntries(inOrder(cells)),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function inOrder<T>(entries: ReadonlyMap<string, T>): [string, T][] {
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Compares every cell and design of this run with the baseline. One that the baseline lacks is inconclusive: nothing is known of
 * it. One of the baseline that no longer runs is a regression: the gate would otherwise go blind unnoticed.
 * @param file for the reader
 */
export function exactChecks(
  baseline: ExactBaseline,
  found: Omit<ExactBaseline, 'seed'>,
  file: string,
): Check[] {
  return [
    ...compare(baseline.designs, found.designs, file, {
      nameOf: (design) => `memory and lock waits/${design}`,
      differences: designDifferences,
      missing: () => [],
      equal: 'bytes a connection and turns of waiters are equal',
    }),
    ...compare(baseline.cells, found.cells, file, {
      nameOf: (cell) => cell,
      differences: exactDifferences,
      missing: missingGroups,
      equal: 'verdicts and work counts are equal',
    }),
  ];
}

interface Comparison<T> {
  readonly nameOf: (key: string) => string;
  readonly differences: (base: T, head: T) => string[];
  /** Groups of counts that the baseline lacks. */
  readonly missing: (base: T, head: T) => string[];
  readonly equal: string;
}

function compare<T>(
  baseline: ReadonlyMap<string, T>,
  found: ReadonlyMap<string, T>,
  file: string,
  { nameOf, differences, missing, equal }: Comparison<T>,
): Check[] {
  const check = (key: string, verdict: CheckVerdict, text: string, details: readonly string[]): Check => ({
    level: 'exact',
    name: nameOf(key),
    verdict,
    text,
    details,
    file,
  });
  const checks = [...found].map(([key, head]): Check => {
    const base = baseline.get(key);
    if (base === undefined) {
      return check(key, 'inconclusive', 'is not in the baseline; add it with regress --update', []);
    }
    const details = differences(base, head);
    const lacking = missing(base, head);
    if (details.length > 0) return check(key, 'regression', headline(details), details);
    if (lacking.length === 0) return check(key, 'pass', equal, []);
    const text = `the baseline does not count ${lacking.join(', ')}; add them with regress --update`;
    return check(key, 'inconclusive', text, []);
  });
  const gone = [...baseline.keys()].filter((key) => !found.has(key));
  return [
    ...checks,
    ...gone.map((key) =>
      check(
        key,
        'regression',
        'is in the baseline but was not run; take it out with regress --update if that is meant',
        [],
      ),
    ),
  ];
}

function headline(details: readonly string[]): string {
  const [first = ''] = details;
  return details.length === 1 ? first : `${first}, and ${details.length - 1} more`;
}
