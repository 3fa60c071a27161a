/** What the engine's histograms hold, read out of a run's memory. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import {
  copyCounts,
  mergeExact,
  readExact,
  viewRegion,
  type ExactFigures,
} from '../measure/histogram-region.js';
import { LATENCY_CONFIG, LOCK_CONFIG, type LogLinearConfig } from '../measure/log-linear.js';

/** Counts and exact figures of one or several recorders. */
export interface Recording {
  readonly counts: Float64Array;
  readonly exact: ExactFigures;
  readonly config: LogLinearConfig;
}

/** Reads one histogram that the engine filled. */
export function readRecording(run: EngineRun, address: number, config: LogLinearConfig): Recording {
  const region = viewRegion(run.memory.buffer, address, config, 8);
  return { counts: copyCounts(region.counts), exact: readExact(region), config };
}

/** Whether the engine recorded nothing there: a look at the header alone. */
export function isEmpty(run: EngineRun, address: number, config: LogLinearConfig): boolean {
  return readExact(viewRegion(run.memory.buffer, address, config, 8)).count === 0n;
}

/** Adds recordings of one configuration up, without loss. */
export function mergeRecordings(parts: readonly Recording[]): Recording {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const config = first?.config ?? LATENCY_CONFIG;
  const counts = new Float64Array(first?.counts.length ?? 0);
  for (const part of parts) {
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + (part.counts[i] as number);
  }
  return { counts, exact: mergeExact(parts.map((part) => part.exact)), config };
}

/** A coarse histogram (locks, NAT candidates) of one thread. */
export function readCoarse(run: EngineRun, thread: number, offset: number): Recording {
  const base = run.plan.regions.histograms + thread * run.plan.histogramStride;
  return readRecording(run, base + offset, LOCK_CONFIG);
}

/** A fine histogram (expiration lag) of one thread. */
export function readFine(run: EngineRun, thread: number, offset: number): Recording {
  const base = run.plan.regions.histograms + thread * run.plan.histogramStride;
  return readRecording(run, base + offset, LATENCY_CONFIG);
}
