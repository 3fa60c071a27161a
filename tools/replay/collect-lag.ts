/** Expiration lag of a finished run: over all, and by zone and timeout policy. The engine counts milliseconds. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { emptyHistogram, summarize } from '../measure/latency-summary.js';
import { logLinearConfig, MAX_TRACKABLE_NS, valueFromIndex } from '../measure/log-linear.js';
import type { ExpiryGroup, LatencyDistribution } from '../result/schema.js';
import { distributionOf } from './collect-latency.js';
import { mergeRecordings, readCoarse, readFine, type Recording } from './recording.js';

const NS_PER_MS = 1e6;
const LAG_CONFIG = logLinearConfig(MAX_TRACKABLE_NS, 3);

/** Lag over all threads in nanoseconds; null when nothing expired. */
export function lagDistribution(run: EngineRun, workers: number): LatencyDistribution | null {
  return inNanoseconds(
    mergeRecordings(threadsOf(workers).map((thread) => readFine(run, thread, run.engine.constants.H_LAG))),
  );
}

/** Whether requests differ in zone or policy, so that lag by zone and by policy says more than lag over all. */
export function needsLagGroups(requests: readonly ExecRequest[]): boolean {
  const zones = new Set(requests.map((request) => request.zone ?? 0));
  const policies = new Set(requests.map((request) => request.timeoutPolicy ?? 0));
  return zones.size > 1 || policies.size > 1;
}

/** Lag by zone and by policy id; null where the run did not keep them apart. Zones beyond the 15th come together as `others`. */
export function lagByGroup(
  run: EngineRun,
  workers: number,
): { readonly perZone: ExpiryGroup[] | null; readonly perPolicy: ExpiryGroup[] | null } {
  const { H_LAG_ZONES, H_LAG_POLICIES } = run.engine.constants;
  return { perZone: groups(run, workers, H_LAG_ZONES), perPolicy: groups(run, workers, H_LAG_POLICIES) };
}

/** Each thread gave its histograms out in its own order, so they are matched by key. */
function groups(run: EngineRun, workers: number, offset: number): ExpiryGroup[] | null {
  const c = run.engine.constants;
  const view = new DataView(run.memory.buffer);
  const byKey = new Map<number, Recording[]>();
  for (const thread of threadsOf(workers)) {
    const base = run.plan.regions.histograms + thread * run.plan.histogramStride;
    for (let i = 0; i < c.N_LAG_GROUPS; i++) {
      const at = offset + i * c.COARSE_BYTES;
      const key = view.getUint32(base + at + c.H_KEY, true);
      if (key === 0) continue;
      byKey.set(key, [...(byKey.get(key) ?? []), readCoarse(run, thread, at)]);
    }
  }
  if (byKey.size === 0) return null;
  return [...byKey]
    .toSorted(([a], [b]) => a - b)
    .map(([key, recordings]) => {
      const lag = inNanoseconds(mergeRecordings(recordings));
      return {
        key: key === c.KEY_OTHERS >>> 0 ? 'others' : String(key - 1),
        removed: lag?.count ?? 0,
        lag,
      };
    });
}

/** Workers, then the sweeper. */
function threadsOf(workers: number): number[] {
  return Array.from({ length: workers + 1 }, (_, thread) => thread);
}

function inNanoseconds(recording: Recording): LatencyDistribution | null {
  const inMs = distributionOf(recording);
  if (inMs === null) return null;
  const scaled = (value: number | null | undefined): number | null =>
    value == null ? null : value * NS_PER_MS;
  return {
    count: inMs.count,
    minNs: scaled(inMs.minNs),
    meanNs: scaled(inMs.meanNs),
    stddevNs: scaled(inMs.stddevNs),
    p50Ns: scaled(inMs.p50Ns),
    p75Ns: scaled(inMs.p75Ns),
    p90Ns: scaled(inMs.p90Ns),
    p99Ns: scaled(inMs.p99Ns),
    p999Ns: scaled(inMs.p999Ns),
    p9999Ns: scaled(inMs.p9999Ns),
    maxNs: scaled(inMs.maxNs),
    encoded: encodedLag(recording),
  };
}

/** The distribution in nanoseconds like all others; what is longer than a histogram reaches stands at its end. */
function encodedLag({ counts, config }: Recording): string | null {
  const histogram = emptyHistogram(LAG_CONFIG);
  counts.forEach((count, index) => {
    if (count === 0) return;
    const lagNs = Math.min(valueFromIndex(config, index) * NS_PER_MS, MAX_TRACKABLE_NS);
    histogram.recordValueWithCount(lagNs, count);
  });
  return summarize(histogram).encoded;
}
