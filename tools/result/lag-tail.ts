/**
 * The p99 lag of expiration with the connections counted in that should be gone and are still there. A lag is known when a connection is
 * removed; a design that keeps most of them past the end of a run would else be judged by the few that it did remove.
 */
import type { ResultCase } from './schema.js';

/** The share of connections above the percentile. */
const TAIL_SHARE = 0.01;

/**
 * p99 lag in nanoseconds of tracker time: that of the removed, or a bound from below where those that remain say that it is longer. Null
 * where neither is known.
 *
 * The bound: of the connections that had expired by a moment and were there, at most as many as were removed in all are gone by the
 * end. The others have been late ever since; where they are more than a hundredth of all that expired, so late is the p99 at least.
 */
export function lagP99Ns(entry: Pick<ResultCase, 'expiry' | 'clock' | 'timeScale'>): number | null {
  const { lag, staleTimeline } = entry.expiry ?? {};
  const removed = lag?.count ?? 0;
  const ofRemoved = lag?.p99Ns ?? null;
  const points = (staleTimeline ?? []).flatMap(({ tMs, expiredPresent }) =>
    typeof expiredPresent === 'number' ? [{ tMs, expiredPresent }] : [],
  );
  const last = points.at(-1);
  // A capture's time does not pass evenly with the run's.
  if (last === undefined || !entry.clock.startsWith('wall')) return ofRemoved;
  const most = TAIL_SHARE * (removed + last.expiredPresent);
  const since = points.find(({ expiredPresent }) => expiredPresent - removed > most);
  if (since === undefined) return ofRemoved;
  const lateNs = (last.tMs - since.tMs) * 1e6 * (entry.timeScale ?? 1);
  return Math.max(ofRemoved ?? 0, lateNs);
}
