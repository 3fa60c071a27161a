/** A paced replay in a loop for a long time, looked at all along. */
import { designLabel, presetNumber, type DesignChoice } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import { withSettings } from '../../config/apply-config.js';
import { DEFAULT_CONFIG } from '../../config/read-config.js';
import { makeCase } from '../../replay/case-result.js';
import { makePlan, type ReplayPlan } from '../../replay/replay-plan.js';
import { runDesign } from '../../replay/run-control.js';
import { loadSource } from '../../replay/load-source.js';
import { AS_IT_IS } from '../../replay/packet-source.js';
import type { ResultCase } from '../../result/schema.js';
import { afterWarmUp, judge, type Flatness } from './flatness.js';
import {
  joinSamples,
  RULES,
  sampleProcess,
  type ProcessSample,
  type SoakFigure,
  type SoakSample,
} from './soak-samples.js';

export interface SoakRequest {
  readonly choice: DesignChoice;
  readonly durationMs: number;
  readonly pps: number;
  readonly workers: number;
  readonly scenario: string;
  readonly maxConns: number;
  readonly seed: number;
  /** Told of each sample. */
  readonly onSample?: (sample: ProcessSample) => void;
}

export interface SoakOutcome {
  readonly samples: readonly SoakSample[];
  readonly figures: readonly Flatness[];
  /** Checks of the run's audit that failed. */
  readonly failedChecks: ResultCase['audit'];
  readonly packets: number;
}

/** Seconds of packets that one loop has. */
const LOOP_SECONDS = 10;
const MOST_SAMPLES = 720;
/** Until the longest timeout of a short flow and a sweep have come round. */
const WARM_UP_MS = 180_000;
const STORE_BYTES = 256 * 1024 ** 2;

/**
 * Runs it to its end.
 * @throws ReplayFailure when a thread failed, EngineError when the memory does not fit
 */
export async function runSoak(request: SoakRequest): Promise<SoakOutcome> {
  const { choice, pps, scenario, seed } = request;
  presetNumber(choice, loadEngine(choice.design, 'probed').presets);
  const parameters = { packets: Math.max(1000, Math.round(pps * LOOP_SECONDS)) };
  const origin = { type: 'scenario', name: scenario, parameters, seed } as const;
  const traffic = await loadSource({ origin, edits: AS_IT_IS, limit: null }, STORE_BYTES);
  const sampleMs = Math.min(Math.max(request.durationMs / MOST_SAMPLES, 1000), 10_000);
  const sampler = new Sampler(sampleMs, request.onSample ?? (() => {}));
  const finished = await runDesign(traffic, choice, planOf(request, sampleMs), {
    onProgress: (packets) => sampler.see(packets),
  });
  const result = makeCase(finished, {
    id: 'soak',
    trial: 0,
    designLabel: choice.design,
    input: { type: 'scenario', name: scenario },
    facts: {},
  });
  const samples = joinSamples(sampler.samples, finished.timeline.table, pps);
  const judged = afterWarmUp(samples, WARM_UP_MS);
  const figures = (Object.keys(RULES) as SoakFigure[]).map((figure) =>
    judge(
      RULES[figure],
      judged.map((sample) => sample[figure]),
    ),
  );
  const failedChecks = result.audit.filter(({ ok }) => !ok);
  return { samples, figures, failedChecks, packets: result.packets.injected };
}

function planOf(request: SoakRequest, sampleMs: number): ReplayPlan {
  return makePlan({
    designs: [designLabel(request.choice)],
    build: 'probed',
    workers: request.workers,
    pacing: { mode: 'pps', pps: request.pps },
    loops: null,
    durationMs: request.durationMs,
    warmupPackets: 1000,
    timelineMs: sampleMs,
    seed: request.seed,
    config: withSettings(DEFAULT_CONFIG, request),
  });
}

/** Takes a sample now and then. */
class Sampler {
  readonly samples: ProcessSample[] = [];
  readonly startedAt = Date.now();
  readonly #intervalMs: number;
  readonly #onSample: (sample: ProcessSample) => void;
  #startMs: number | null = null;

  constructor(intervalMs: number, onSample: (sample: ProcessSample) => void) {
    this.#intervalMs = intervalMs;
    this.#onSample = onSample;
  }

  /** The run has come so far. */
  see(packets: number): void {
    const nowMs = performance.now();
    this.#startMs ??= nowMs;
    const tMs = nowMs - this.#startMs;
    const last = this.samples.at(-1);
    if (last !== undefined && tMs - last.tMs < this.#intervalMs) return;
    const sample = sampleProcess(tMs, packets);
    this.samples.push(sample);
    this.#onSample(sample);
  }
}
