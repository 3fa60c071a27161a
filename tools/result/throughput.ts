/**
 * Throughput of a case, and what may be said of it. Two designs are compared only by runs of the bare build without clocks:
 * probes and clocks cost one design more than another, and that would be taken for a difference between them.
 */
import type { Run } from './runs.js';
import type { ResultCase, Throughput } from './schema.js';

/**
 * Throughput of a case. In results from before it was measured apart it is that of the run that everything comes from, with
 * whatever its build and clocks cost.
 */
export function throughputOf(entry: ResultCase): Throughput {
  if (entry.throughput !== null && entry.throughput !== undefined) return entry.throughput;
  const { pacing, packets, elapsedNs, latency } = entry;
  const counted = elapsedNs > 0 ? packets.injected / (elapsedNs / 1e9) : null;
  return {
    build: entry.build,
    timed: (latency?.mode ?? (latency?.service == null ? 'off' : 'all')) !== 'off',
    pps: pacing.achievedPps ?? counted,
    mbps: pacing.achievedMbps ?? null,
    onEnginePps: pacing.onEnginePps ?? null,
    packets: packets.injected,
    elapsedNs,
    harnessShare: entry.harnessShare ?? null,
    sourceWaits: entry.input.streamed?.waits ?? null,
  };
}

/** Packets per second of a case: as reported, else packets over time; null when no time passed. */
export function ppsOf(entry: ResultCase): number | null {
  return throughputOf(entry).pps ?? null;
}

/** Whether a case's rate was asked for, and not found out. */
export function isPaced({ pacing }: ResultCase): boolean {
  return pacing.mode !== 'topspeed';
}

/** Whether a case's rate is that of the source of its packets. */
export function isSourceBound({ bound }: ResultCase): boolean {
  return bound === 'source';
}

/** Why a case's throughput is not compared with another's, as the end of a sentence; null when it is. */
export function whyNotCompared(entry: ResultCase): string | null {
  if (isPaced(entry)) return 'the rate was given';
  const { build, timed, sourceWaits } = throughputOf(entry);
  if (build !== 'bare')
    return `it is that of the probed build${timed ? ', with every clock read in it' : ''}`;
  if (timed) return 'packets were timed, and clock reads are in it';
  if (isSourceBound(entry) || (sourceWaits ?? 0) > 0) return 'the source of the packets could not keep up';
  return null;
}

/** Packets per second that may be compared with those of another design; null where {@link whyNotCompared} says why. */
export function comparablePps(entry: ResultCase): number | null {
  return whyNotCompared(entry) === null ? ppsOf(entry) : null;
}

/** Packets per second at top speed that are not to be compared: with the cost of probes or clocks in them; none where they are the source's. */
export function burdenedPps(entry: ResultCase): number | null {
  return isPaced(entry) || isSourceBound(entry) || whyNotCompared(entry) === null ? null : ppsOf(entry);
}

/** `bare build, not timed`: what throughput was measured with. */
export function throughputBuild(entry: ResultCase): string {
  const { build, timed } = throughputOf(entry);
  return `${build} build, packets ${timed ? 'timed' : 'not timed'}`;
}

/** `probed build, packets timed`: what everything but throughput was measured with. */
export function figuresBuild(entry: ResultCase): string {
  const mode = entry.latency?.mode ?? (entry.latency?.service == null ? 'off' : 'all');
  const timed =
    mode === 'all'
      ? 'timed'
      : mode === 'off'
        ? 'not timed'
        : `timed in one batch of ${entry.latency?.sampleInterval ?? '?'}`;
  return `${entry.build} build, packets ${timed}`;
}

/** What cases were measured with, each way once: `probed build, packets timed`. */
export function buildsText(cases: readonly ResultCase[], buildOf: (entry: ResultCase) => string): string {
  return [...new Set(cases.map(buildOf))].join('; ');
}

/** What the comparisons of a run were measured with; empty without any. */
export function comparedBuilds({ result }: Pick<Run, 'result'>): string {
  const compared = new Set((result.comparisons ?? []).flatMap(({ base, head }) => [base, head]));
  const cases = result.cases.filter(({ id }) => compared.has(id));
  if (cases.length === 0) return '';
  const builds = buildsText(cases, figuresBuild);
  return cases.some((entry) => !isPaced(entry))
    ? `pps: ${buildsText(
        cases.filter((entry) => !isPaced(entry)),
        throughputBuild,
      )}. Everything else: ${builds}`
    : builds;
}

/** Whether a case's throughput comes from a run of its own. */
export function hasOwnThroughput(entry: ResultCase): boolean {
  return throughputBuild(entry) !== figuresBuild(entry);
}
