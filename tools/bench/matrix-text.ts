/** A matrix in words: its cells, the order of its trials, and what its result adds to the usual tables. */
import { blockOrder, sessionSeed } from './order.js';
import type { MatrixResult } from './matrix-result.js';
import type { MatrixSpec } from './matrix-spec.js';
import type { Cell, Group } from './matrix-plan.js';
import { coverText, metricOf } from '../result/comparisons.js';
import { signedNs } from '../text/quantities.js';

const ROLE_NOTES: Readonly<Record<Cell['role'], string>> = {
  design: '',
  control: '  (A/A control: the same design again)',
  untimed: '  (probed and not timed: tells the cost of probes from that of clocks)',
};

/** Every cell, by group. */
export function cellList(groups: readonly Group[], spec: MatrixSpec): string {
  const lines = groups.flatMap((group) => [
    group.name,
    ...group.cells.map((cell) => `  ${cell.id}${ROLE_NOTES[cell.role]}`),
  ]);
  return `${lines.join('\n')}\n\n${totals(groups, spec)}\n`;
}

/** Every trial in its order, by group (a session runs all groups before the next begins); the blocks that a precision may add are not known beforehand. */
export function trialList(groups: readonly Group[], spec: MatrixSpec): string {
  const lines: string[] = [];
  for (const group of groups) {
    lines.push(group.name);
    for (let session = 0; session < spec.sessions; session++) {
      const seed = sessionSeed(spec.seed, session);
      const order = (block: number): string =>
        blockOrder(group, block, spec.order, seed)
          .map((cell) => (cell.role === 'design' ? cell.design : `${cell.design}/${cell.role}`))
          .join('  ');
      if (spec.sessions > 1) lines.push(`  session ${session + 1}`);
      for (let block = 0; block < spec.warmupBlocks; block++) lines.push(`  warm-up  ${order(block)}`);
      for (let block = 0; block < spec.trials; block++)
        lines.push(`  ${String(block + 1).padStart(7)}  ${order(block)}`);
    }
  }
  return `${lines.join('\n')}\n\n${totals(groups, spec)}\n`;
}

function totals(groups: readonly Group[], spec: MatrixSpec): string {
  const cells = groups.reduce((sum, group) => sum + group.cells.length, 0);
  const trials = cells * spec.trials * spec.sessions;
  const each =
    spec.untilPrecision === undefined
      ? `${spec.sessions === 1 ? '' : `${spec.sessions} sessions x `}${spec.trials} trials each, ${trials} in all`
      : `${spec.sessions === 1 ? 'trials' : `sessions of ${spec.trials} trials`} until ${(spec.untilPrecision * 100).toFixed(1)} % is reached, at most ${spec.maxTrials} each`;
  const warmUp =
    spec.warmupBlocks === 0 ? '' : `, and ${cells * spec.warmupBlocks * spec.sessions} to warm up`;
  return `${groups.length} group(s), ${cells} cells, ${each}${warmUp}`;
}

/** What probes and clocks cost, per cell; what the probes alone cost, where a cell was run without clocks. */
function measuringLines(result: MatrixResult): string[] {
  return (result.cells ?? []).flatMap(({ id, metric, median, low, high, n }) => {
    if (metric !== 'probeCost.nsPerPacket' || typeof median !== 'number') return [];
    const interval =
      typeof low === 'number' && typeof high === 'number'
        ? ` (${signedNs(low)} .. ${signedNs(high)}, n=${n})`
        : ` (n=${n})`;
    const what = id.endsWith('/untimed') ? 'probes, without clocks,' : 'probes and clocks';
    return [`measuring  ${id}: ${what} add ${signedNs(median)} of worker time a packet${interval}`];
  });
}

/** Geometric means, what measuring costs, and what the intervals and findings cover; ends with a newline. */
export function matrixSummary(result: MatrixResult): string {
  const lines: string[] = [];
  for (const row of result.geomeans) {
    if (row.groups < 2) continue;
    const { words } = metricOf({ metric: row.metric });
    lines.push(`geomean  ${words}: ${row.head} against ${row.base} ${row.text} over ${row.groups} groups`);
  }
  lines.push(...measuringLines(result));
  const tests = result.comparisons.filter(
    (comparison) => comparison.kind === 'designs' && typeof comparison.pValue === 'number',
  );
  const [first] = tests;
  if (first !== undefined) {
    lines.push(`intervals cover: ${coverText(first)}`);
    if (tests.length > 1)
      lines.push(
        `${tests.length} comparisons of designs: what is marked is so after Holm's correction, at alpha ${first.alpha ?? 0} for all of them together`,
      );
  }
  const notes = new Set(result.comparisons.flatMap((comparison) => comparison.note ?? []));
  return [...lines, ...notes].map((line) => `${line}\n`).join('');
}
