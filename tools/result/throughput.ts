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
export function throughputOf(one: ResultCase): Throughput {
  if (one.throughput !== null && one.throughput !== undefined) return one.throughput;
  const { pacing, packets, elapsedNs, latency } = one;
  const counted = elapsedNs > 0 ? packets.injected / (elapsedNs / 1e9) : null;
  return {
    build: one.build,
    timed: (latency?.mode ?? (latency?.service == null ? 'off' : 'all')) !== 'off',
    pps: pacing.achievedPps ?? counted,
    mbps: pacing.achievedMbps ?? null,
    onEnginePps: pacing.onEnginePps ?? null,
    packets: packets.injected,
    elapsedNs,
    harnessShare: one.harnessShare ?? null,
    sourceWaits: one.input.streamed?.waits ?? null,
  };
}

/** Packets per second of a case: as reported, else packets over time; null when no time passed. */
export function ppsOf(one: ResultCase): number | null {
  return throughputOf(one).pps ?? null;
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
export function whyNotCompared(one: ResultCase): string | null {
  if (isPaced(one)) return 'the rate was given';
  const { build, timed, sourceWaits } = throughputOf(one);
  if (build !== 'bare')
    return `it is that of the probed build${timed ? ', with every clock read in it' : ''}`;
  if (timed) return 'packets were timed, and clock reads are in it';
  if (isSourceBound(one) || (sourceWaits ?? 0) > 0) return 'the source of the packets could not keep up';
  return null;
}

/** Packets per second that may be compared with those of another design; null where {@link whyNotCompared} says why. */
export function comparablePps(one: ResultCase): number | null {
  return whyNotCompared(one) === null ? ppsOf(one) : null;
}

/** Packets per second at top speed that are not to be compared: with the cost of probes or clocks in them; none where they are the source's. */
export function burdenedPps(one: ResultCase): number | null {
  return isPaced(one) || isSourceBound(one) || whyNotCompared(one) === null ? null : ppsOf(one);
}

/** `bare build, not timed`: what throughput was measured with. */
export function throughputBuild(one: ResultCase): string {
  const { build, timed } = throughputOf(one);
  return `${build} build, packets ${timed ? 'timed' : 'not timed'}`;
}

/** `probed build, packets timed`: what everything but throughput was measured with. */
export function figuresBuild(one: ResultCase): string {
  const mode = one.latency?.mode ?? (one.latency?.service == null ? 'off' : 'all');
  const timed =
    mode === 'all'
      ? 'timed'
      : mode === 'off'
        ? 'not timed'
        : `timed in one batch of ${one.latency?.sampleInterval ?? '?'}`;
  return `${one.build} build, packets ${timed}`;
}

/** What cases were measured with, each way once: `probed build, packets timed`. */
export function buildsText(cases: readonly ResultCase[], buildOf: (one: ResultCase) => string): string {
  return [...new Set(cases.map(buildOf))].join('; ');
}

/** What the comparisons of a run were measured with; empty without any. */
export function comparedBuilds({ result }: Pick<Run, 'result'>): string {
  const compared = new Set((result.comparisons ?? []).flatMap(({ base, head }) => [base, head]));
  const cases = result.cases.filter(({ id }) => compared.has(id));
  if (cases.length === 0) return '';
  const builds = buildsText(cases, figuresBuild);
  return cases.some((one) => !isPaced(one))
    ? `pps: ${buildsText(
        cases.filter((one) => !isPaced(one)),
        throughputBuild,
      )}. Everything else: ${builds}`
    : builds;
}

/** Whether a case's throughput comes from a run of its own. */
export function hasOwnThroughput(one: ResultCase): boolean {
  return throughputBuild(one) !== figuresBuild(one);
}
