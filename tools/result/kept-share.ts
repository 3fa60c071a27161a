/** Whether a rate that was asked for was held. */
import type { ResultCase } from './schema.js';
import { ppsOf } from './throughput.js';

/** Arrears at the end that waking up explains, whatever the rate: as the warning `rate-not-reached` has it. */
const WAKING_NS = 1e6;

/** What of a case says how its rate was held. */
type RateCase = Pick<ResultCase, 'pacing' | 'elapsedNs' | 'profile'> & Parameters<typeof ppsOf>[0];

/**
 * Share of the rate asked for that a case reached. Where the rate changes over the run (a profile, bits, capture times) packets over
 * time say nothing: there it is the time that the schedule gave the run over the time that it took.
 * @returns null where no rate was asked for, or it is not known
 */
export function keptShare(entry: RateCase): number | null {
  const { pacing, elapsedNs, profile } = entry;
  if (pacing.mode === 'topspeed') return null;
  const { targetPps, plannedNs } = pacing;
  if ((pacing.mode !== 'pps' || typeof profile === 'string') && typeof plannedNs === 'number') {
    return elapsedNs <= 0 ? null : Math.min(1, (plannedNs + WAKING_NS) / elapsedNs);
  }
  const pps = ppsOf(entry);
  return pps === null || typeof targetPps !== 'number' || targetPps === 0 ? null : pps / targetPps;
}
