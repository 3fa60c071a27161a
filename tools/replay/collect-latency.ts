/** Reading the engine's latency histograms of a finished run. */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { isEmpty, mergeRecordings, readRecording, type Recording } from './recording.js';
import { summarize, toHistogram } from '../measure/latency-summary.js';
import { LATENCY_CONFIG } from '../measure/log-linear.js';
import { interruptedShare, type WorkerInterruptions } from './collect-interruptions.js';
import type { LatencyDistribution, LatencyView, PacketClass } from '../result/schema.js';

/** Packet classes by the engine's class number. */
export const CLASS_NAMES: readonly PacketClass[] = [
  'new',
  'established',
  'reply',
  'related',
  'invalid',
  'nat',
  'alg',
];

/**
 * The recording as figures, or null when nothing was recorded.
 * @param stepNs of the clock that gave the values; null or absent where no clock did
 */
export function distributionOf(recording: Recording, stepNs?: number | null): LatencyDistribution | null {
  if (recording.exact.count === 0n) return null;
  const histogram = toHistogram(recording.counts, recording.config, recording.exact);
  return summarize(histogram, recording.exact, stepNs);
}

type Kind = 'service' | 'response';

/** Address of one of a worker's histograms. */
function addressOf(
  run: EngineRun,
  worker: number,
  kind: Kind,
  packetClass: number,
  duringSweep: boolean,
): number {
  const c = run.engine.constants;
  const base = run.plan.regions.histograms + worker * run.plan.histogramStride;
  return (
    base +
    (kind === 'service' ? c.H_SERVICE : c.H_RESPONSE) +
    (packetClass * 2 + (duringSweep ? 1 : 0)) * c.FINE_BYTES
  );
}

interface Series {
  readonly worker: number;
  readonly packetClass: number;
  readonly duringSweep: boolean;
  readonly recording: Recording;
}

function readAll(run: EngineRun, workers: number, kind: Kind): Series[] {
  const series: Series[] = [];
  for (let worker = 0; worker < workers; worker++) {
    for (let packetClass = 0; packetClass < CLASS_NAMES.length; packetClass++) {
      for (const duringSweep of [false, true]) {
        const address = addressOf(run, worker, kind, packetClass, duringSweep);
        // Most are empty, and their bins, some ten thousand, need no look.
        if (isEmpty(run, address, LATENCY_CONFIG)) continue;
        const recording = readRecording(run, address, LATENCY_CONFIG);
        series.push({ worker, packetClass, duringSweep, recording });
      }
    }
  }
  return series;
}

/** Service or response time of a run, whole and by class, sweep and worker; null when none was recorded. */
export interface CollectedLatency {
  readonly view: LatencyView | null;
  readonly perWorker: readonly (LatencyDistribution | null)[];
  /** Values above the histograms' range. */
  readonly overflows: number;
}

/** What the recorded times are judged by. */
export interface LatencyContext {
  /** Step of the clock; null when not known. */
  readonly stepNs: number | null;
  /** By worker. */
  readonly interruptions: readonly (WorkerInterruptions | null)[];
}

/** Collects one kind of time over all workers. */
export function collectLatency(
  run: EngineRun,
  workers: number,
  kind: Kind,
  { stepNs, interruptions }: LatencyContext,
): CollectedLatency {
  const series = readAll(run, workers, kind);
  const picked = new Map<string, LatencyDistribution | null>();
  const pick = (keep: (series: Series) => boolean): LatencyDistribution | null => {
    const chosen = series.filter(keep);
    if (chosen.length === 0) return null;
    // One worker's is that of all, and so on.
    const name = chosen.map((part) => series.indexOf(part)).join(' ');
    const known = picked.get(name);
    if (known !== undefined) return known === null ? null : { ...known };
    const found = distributionOfAll(chosen);
    picked.set(name, found);
    return found;
  };
  const distributionOfAll = (chosen: readonly Series[]): LatencyDistribution | null => {
    const distribution = distributionOf(mergeRecordings(chosen.map((part) => part.recording)), stepNs);
    return distribution === null
      ? null
      : { ...distribution, interruptedShare: interruptedShare(chosen, interruptions, kind) };
  };
  const perWorker = Array.from({ length: workers }, (_, worker) => pick((part) => part.worker === worker));
  const overall = pick(() => true);
  const overflows = series.reduce((sum, { recording }) => sum + Number(recording.exact.overflows), 0);
  if (overall === null) return { view: null, perWorker, overflows };
  const perClass: Partial<Record<PacketClass, LatencyDistribution>> = {};
  CLASS_NAMES.forEach((name, number) => {
    const distribution = pick((part) => part.packetClass === number);
    if (distribution !== null) perClass[name] = distribution;
  });
  return {
    view: {
      overall,
      perClass,
      duringSweep: pick((part) => part.duringSweep),
      outsideSweep: pick((part) => !part.duringSweep),
    },
    perWorker,
    overflows,
  };
}
