/** What became of the traffic: the packets that the tracker turned away, by what stopped them. */
import { medianOf, type Cell } from './cells.js';
import type { ResultCase } from './schema.js';

/** Kinds of outcome, in the order of reports. A packet may be in `invalid` and in one of the others. */
export const OUTCOMES = ['invalid', 'natFailed', 'refused', 'tableFull'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How reports call them. */
export const OUTCOME_NAMES: Readonly<Record<Outcome, string>> = {
  invalid: 'invalid',
  natFailed: 'NAT failed',
  refused: 'refused (limit)',
  tableFull: 'table full',
};

/** Reasons of the engine behind an outcome; `invalid` is a ct_state. */
const REASONS: Readonly<Record<Exclude<Outcome, 'invalid'>, readonly string[]>> = {
  natFailed: ['nat-exhausted'],
  refused: ['zone-limit'],
  tableFull: ['conn-limit', 'slab-full', 'map-full'],
};

type Packets = Pick<ResultCase, 'packets'>;

/** Packets that were marked invalid. */
export function invalidPackets({ packets }: Packets): number {
  return Object.entries(packets.verdicts)
    .filter(([state]) => state.split('|').includes('inv'))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Packets of an outcome; null where reasons were not kept, as in results from before they were. */
export function outcomeOf(entry: Packets, outcome: Outcome): number | null {
  if (outcome === 'invalid') return invalidPackets(entry);
  const { rejectedByReason } = entry.packets;
  if (rejectedByReason == null) return null;
  return REASONS[outcome].reduce((sum, reason) => sum + (rejectedByReason[reason] ?? 0), 0);
}

/** Packets of an outcome in a run of a cell: the median over its trials. */
export function outcomeOfCell(cell: Cell, outcome: Outcome): number | null {
  return medianOf(cell, (entry) => outcomeOf(entry, outcome));
}

/** How two cells of the same traffic differ in an outcome. */
export interface OutcomeDifference {
  readonly outcome: Outcome;
  /** Packets in a run. */
  readonly base: number;
  readonly head: number;
  /** Of the packets of a run. */
  readonly baseShare: number;
  readonly headShare: number;
}

/** A share of the packets by which outcomes must differ to be a difference: fewer are the order of threads and the phase of a sweep. */
const TELLING_SHARE = 0.001;

/**
 * The outcomes in which the runs of two cells differ, by share since their numbers of packets may differ. With several trials a
 * side, the ranges of the trials must be apart: an outcome that varies as much from run to run as between designs is no difference.
 */
export function outcomeDifferences(base: Cell, head: Cell): OutcomeDifference[] {
  return OUTCOMES.flatMap((outcome) => {
    const sides = [base, head].map((cell) => sharesOf(cell, outcome));
    const [baseShares = [], headShares = []] = sides;
    const baseCount = outcomeOfCell(base, outcome);
    const headCount = outcomeOfCell(head, outcome);
    if (baseShares.length === 0 || headShares.length === 0 || baseCount === null || headCount === null)
      return [];
    const gap = Math.max(
      Math.min(...headShares) - Math.max(...baseShares),
      Math.min(...baseShares) - Math.max(...headShares),
    );
    if (gap < TELLING_SHARE) return [];
    return [
      {
        outcome,
        base: baseCount,
        head: headCount,
        baseShare: medianOf(base, (entry) => shareOf(entry, outcome)) ?? 0,
        headShare: medianOf(head, (entry) => shareOf(entry, outcome)) ?? 0,
      },
    ];
  });
}

function shareOf(entry: ResultCase, outcome: Outcome): number | null {
  const count = outcomeOf(entry, outcome);
  return count === null || entry.packets.injected === 0 ? null : count / entry.packets.injected;
}

function sharesOf(cell: Cell, outcome: Outcome): number[] {
  return cell.cases.flatMap((entry) => shareOf(entry, outcome) ?? []);
}
