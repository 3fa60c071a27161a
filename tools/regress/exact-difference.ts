/** What differs between two sets of exact figures, in words. */
import type { DesignFigures } from './design-figures.js';
import type { ExactFigures } from './exact-run.js';

/** Groups of counts, and whether they are compared to the last one. */
interface CountGroup<Name extends string> {
  readonly name: Name;
  /**
   * True for what a compiler arranges anew with every change near by: how often it loads a value, how it turns a loop. Within
   * {@link COMPILED_TOLERANCE} it is the same.
   */
  readonly compiled: boolean;
}

/** Share by which what the compiler decides over may differ. */
const COMPILED_TOLERANCE = 0.02;

const exactly = <Name extends string>(name: Name): CountGroup<Name> => ({ name, compiled: false });
const compiled = <Name extends string>(name: Name): CountGroup<Name> => ({ name, compiled: true });

/** In the order of reports: what says why comes before what says that. */
const CELL_GROUPS = [
  exactly('locks'),
  exactly('work'),
  exactly('reasons'),
  exactly('verdicts'),
  exactly('lagMs'),
  exactly('lines'),
  exactly('linesWritten'),
  exactly('linesByRegion'),
  exactly('atomicWrites'),
  compiled('accesses'),
  compiled('heldAccesses'),
  compiled('instructions'),
  compiled('heldInstructions'),
  compiled('loopTurns'),
  compiled('mostLoopTurns'),
] as const satisfies readonly CountGroup<keyof ExactFigures>[];

const DESIGN_GROUPS = [
  exactly('memory'),
  compiled('lockTurns'),
  exactly('lockSleeps'),
] as const satisfies readonly CountGroup<keyof DesignFigures>[];

type Counts = Readonly<Record<string, number>>;

/**
 * What differs, in words: `locks.ct_lock: 40,000 → 60,000 (+20,000, +1 per packet)`. Empty when nothing does. The changed
 * counts of work come first: they say why; the hashes only say that.
 */
export function exactDifferences(base: ExactFigures, head: ExactFigures): string[] {
  const lines: string[] = [];
  if (base.packets !== head.packets) lines.push(countLine('packets', base.packets, head.packets, 0));
  for (const group of CELL_GROUPS) {
    const [before, after] = [base[group.name], head[group.name]];
    if (before === undefined || after === undefined) continue;
    lines.push(...countLines(group, before, after, (name) => packetsOf(head, group.name, name)));
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

/** As {@link exactDifferences}, of what belongs to a design. */
export function designDifferences(base: DesignFigures, head: DesignFigures): string[] {
  return DESIGN_GROUPS.flatMap((group) => countLines(group, base[group.name], head[group.name], () => 0));
}

/** Groups of counts that `head` has and `base`, an older baseline, lacks. */
export function missingGroups(base: ExactFigures, head: ExactFigures): string[] {
  return CELL_GROUPS.map(({ name }) => name).filter(
    (name) => base[name] === undefined && head[name] !== undefined,
  );
}

/** What a count is per: the packets of its class, where it has one. */
function packetsOf(head: ExactFigures, group: string, name: string): number {
  if (group === 'mostLoopTurns' || group === 'lagMs') return 0;
  if (group === 'locks' || group === 'work' || group === 'reasons' || group === 'verdicts') {
    return head.packets;
  }
  if (group === 'linesByRegion') return head.packets;
  // Of what was done under a lock the name begins with the lock's class.
  const state = group.startsWith('held') ? name.slice(name.indexOf(' ') + 1) : name;
  return head.verdicts[state] ?? 0;
}

function countLines(
  { name: group, compiled: isCompiled }: CountGroup<string>,
  base: Counts,
  head: Counts,
  packets: (name: string) => number,
): string[] {
  const names = [...new Set([...Object.keys(base), ...Object.keys(head)])].toSorted();
  return names.flatMap((name) => {
    const before = base[name] ?? 0;
    const after = head[name] ?? 0;
    const allowed = isCompiled ? COMPILED_TOLERANCE * before : 0;
    if (Math.abs(after - before) <= allowed) return [];
    return [countLine(`${group}.${name}`, before, after, packets(name))];
  });
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
