/**
 * What may be said of a tail. Where the machine interrupts more packets than lie above a percentile, the percentile is a figure
 * of the machine: p99.9 has one packet in a thousand above it, and so says something of the tracker only while clearly fewer than
 * one packet in a thousand was interrupted. The rule: a percentile q (0 to 1) is printed while there are fewer than (1 - q) / 2
 * interruptions per value, else `~` with the reason. Where interruptions were not counted, nothing is held back.
 */
import { medianOf, latencyOfCell, TIME_KINDS, type Cell, type TimeKind } from './cells.js';
import { formatNs, formatShare } from '../text/quantities.js';
import type { LatencyDistribution, ResultCase } from './schema.js';

/** Percentiles of a distribution as shares. */
export const PERCENTILE_SHARES = {
  p50Ns: 0.5,
  p75Ns: 0.75,
  p90Ns: 0.9,
  p99Ns: 0.99,
  p999Ns: 0.999,
  p9999Ns: 0.9999,
} as const;

export type PercentileKey = keyof typeof PERCENTILE_SHARES;

const PERCENTILE_NAMES: Readonly<Record<PercentileKey, string>> = {
  p50Ns: 'p50',
  p75Ns: 'p75',
  p90Ns: 'p90',
  p99Ns: 'p99',
  p999Ns: 'p99.9',
  p9999Ns: 'p99.99',
};

/** What stands where a percentile is held back. */
export const WITHHELD = '~';

/** A distribution as far as the rule looks at it. */
type Judged = Pick<LatencyDistribution, PercentileKey | 'interruptedShare'>;

/** Interruptions per value from which on a percentile is held back. */
export function tolerableShare(key: PercentileKey): number {
  return (1 - PERCENTILE_SHARES[key]) / 2;
}

/** Whether a percentile is held back at so many interruptions per value; never where they were not counted. */
export function isWithheldAt(interruptedShare: number | null | undefined, key: PercentileKey): boolean {
  return typeof interruptedShare === 'number' && interruptedShare >= tolerableShare(key);
}

/** A percentile, or null where it was not measured or is held back. */
export function percentileOf(figures: Judged | null | undefined, key: PercentileKey): number | null {
  if (figures == null || isWithheldAt(figures.interruptedShare, key)) return null;
  return figures[key] ?? null;
}

/** A percentile for people: `1.24 µs`, `~` where it is held back. */
export function percentileText(figures: Judged | null | undefined, key: PercentileKey): string {
  if (typeof figures?.[key] === 'number' && isWithheldAt(figures.interruptedShare, key)) return WITHHELD;
  return formatNs(figures?.[key]);
}

/** Why a percentile is held back at so many interruptions per value; null when it is not. */
export function withheldAt(interruptedShare: number | null | undefined, key: PercentileKey): string | null {
  if (typeof interruptedShare !== 'number' || !isWithheldAt(interruptedShare, key)) return null;
  return machineTouched(interruptedShare);
}

function machineTouched(share: number): string {
  return `the machine interrupted or delayed ${sharePercent(share)} of the packets, at most half of those above a percentile may be`;
}

/** The percentiles that are held back, by name; empty when none is. */
export function withheldNames(figures: Judged | null | undefined): string[] {
  if (figures == null) return [];
  return (Object.keys(PERCENTILE_SHARES) as PercentileKey[])
    .filter((key) => typeof figures[key] === 'number' && isWithheldAt(figures.interruptedShare, key))
    .map((key) => PERCENTILE_NAMES[key]);
}

/** Why percentiles are held back: `p99.9, p99.99: 0.12 interruptions per 100 packets`; null when none is. */
export function withheldReason(figures: Judged | null | undefined): string | null {
  const names = withheldNames(figures);
  const share = figures?.interruptedShare;
  if (names.length === 0 || typeof share !== 'number') return null;
  return `${names.join(', ')}: ${machineTouched(share)}`;
}

function sharePercent(share: number): string {
  return share >= 0.0005 ? formatShare(share) : `${Number((share * 100).toPrecision(2))} %`;
}

/** What to do about tails that are held back. */
export const WITHHELD_ADVICE =
  'Compare tails at a rate that both designs hold (--pps), on quieter or isolated cores (--pin), one for each thread.';

/** One sentence per cell and kind of time whose tail is held back. */
export function withheldSentences(cells: readonly Cell[], nameOf: (cell: Cell) => string): string[] {
  const lines = cells.flatMap((cell) =>
    TIME_KINDS.flatMap((kind) => {
      const reason = withheldReason(latencyOfCell(cell, kind));
      return reason === null ? [] : [`${WITHHELD} ${kind} time of ${nameOf(cell)}, ${reason}.`];
    }),
  );
  return lines.length === 0 ? [] : [...lines, WITHHELD_ADVICE];
}

/** A metric name of a matrix taken apart, `service.p999Ns`; null when it is no percentile of packets. */
export function tailOfMetric(metric: string): { kind: TimeKind; key: PercentileKey } | null {
  const parts = /^(service|response)\.(p\d+Ns)$/.exec(metric);
  if (parts === null || !(String(parts[2]) in PERCENTILE_SHARES)) return null;
  return { kind: parts[1] as TimeKind, key: parts[2] as PercentileKey };
}

/** Interruptions per packet of a case; null where they were not counted. */
export function interruptedShareOf(entry: ResultCase, kind: TimeKind): number | null {
  return entry.latency?.[kind]?.overall.interruptedShare ?? null;
}

/** What a bare clock loop on the workers' cores shows at a percentile, median over trials; null where it was not run. */
function clockLoopOfCell(
  cell: Cell,
  kind: TimeKind,
  key: 'p90Ns' | 'p99Ns' | 'p999Ns' | 'p9999Ns',
): number | null {
  return medianOf(cell, (entry) => entry.latency?.[kind]?.clockLoop?.[key]);
}

/** How much longer a percentile is than in a bare clock loop on the same cores; `~` where the percentile is held back. */
export function excessText(
  cell: Cell,
  kind: TimeKind,
  key: 'p90Ns' | 'p99Ns' | 'p999Ns' | 'p9999Ns',
): string {
  const figures = latencyOfCell(cell, kind);
  const loop = clockLoopOfCell(cell, kind, key);
  if (loop === null || typeof figures?.[key] !== 'number') return formatNs(null);
  return isWithheldAt(figures.interruptedShare, key) ? WITHHELD : formatNs(figures[key] - loop);
}
