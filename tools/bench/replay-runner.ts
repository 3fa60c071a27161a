/** Running a trial for real: a cell's design over its input, through the replay. */
import { resolveDesigns } from '../../engine/host/designs.js';
import { applyConfig, configSettings, threadTarget } from '../config/apply-config.js';
import { checksumSwitches } from '../config/checksum-handling.js';
import { DEFAULT_CONFIG, readConfig, type TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { configFromSuggestion } from '../config/suggested.js';
import { requireRightChecksums } from '../replay/checksum-check.js';
import { measureCase, type ReplayOptions } from '../replay/session.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { StagedTraffic } from '../replay/staging.js';
import { STEER_MODES, type SteerMode } from '../replay/steer.js';
import type { LatencyMode } from '../replay/worker-input.js';
import type { AuditCheck, ResultCase } from '../result/schema.js';
import { isSourceBound } from '../result/throughput.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import { latencyOf, MatrixError, type InputSpec, type MatrixSpec } from './matrix-spec.js';
import { valuesOf } from './metrics.js';
import type { Cell } from './plan.js';
import type { CellRunner, TrialMeasurement } from './trial.js';

/** An input ready to be replayed. */
export interface LoadedInput {
  readonly traffic: StagedTraffic;
  readonly input: ResultCase['input'];
  readonly suggested: SuggestedConfig | null;
}

/** Loads an input; the seed is the matrix's, so all cells and trials replay the same packets. */
export type InputLoader = (input: InputSpec, seed: number) => Promise<LoadedInput>;

/** Length of an interval of the timeline, ms. Short, since trials are. */
const TIMELINE_MS = 50;

/** Runs cells through the replay. Keeps the traffic of one input at a time. */
export class ReplayCellRunner implements CellRunner {
  readonly #spec: MatrixSpec;
  readonly #load: InputLoader;
  readonly #machine: MachineAtStart;
  readonly #steer: SteerMode;
  #loaded: { readonly name: string; readonly input: LoadedInput } | null = null;

  /**
   * @param machine the machine as calibrated before the matrix
   * @throws MatrixError for an unknown steering mode
   */
  constructor(spec: MatrixSpec, load: InputLoader, machine: MachineAtStart) {
    const steer = STEER_MODES.find((mode) => mode === spec.steer);
    if (steer === undefined) {
      throw new MatrixError(`steer is '${spec.steer}', not one of ${STEER_MODES.join(', ')}`);
    }
    this.#spec = spec;
    this.#load = load;
    this.#machine = machine;
    this.#steer = steer;
  }

  /** @throws ReplayFailure, EngineError, WrongChecksumsError, or what loading the input throws */
  async run(cell: Cell, trialSeed: number): Promise<TrialMeasurement> {
    if (this.#loaded?.name !== cell.inputName) {
      this.#loaded = null;
      this.#loaded = { name: cell.inputName, input: await this.#load(cell.input, this.#spec.seed) };
    }
    const { traffic, input, suggested } = this.#loaded.input;
    const [choice] = resolveDesigns(cell.design);
    if (choice === undefined) throw new MatrixError(`there is no design '${cell.design}'`);
    const options = this.#options(cell, trialSeed, suggested);
    requireRightChecksums(traffic, input, options.switches?.checksumsIgnored === true);
    const made = await measureCase({
      traffic,
      input: { ...input, name: cell.inputName },
      choice,
      options,
      id: cell.id,
      machine: this.#machine,
    });
    const one: ResultCase = {
      ...made,
      design: cell.design,
      kind: 'bench',
      ...(cell.role === 'control' ? { control: true } : {}),
      audit: [...made.audit, ...sourceChecks(made)],
    };
    return { values: valuesOf(one), case: one };
  }

  #options(cell: Cell, trialSeed: number, suggested: SuggestedConfig | null): ReplayOptions {
    const spec = this.#spec;
    const { input } = cell;
    const config = configOf(input, suggested);
    const settings = configSettings(config);
    return {
      flavour: spec.build === 'bare' ? 'bare' : 'probed',
      bareThroughput: spec.build === 'both',
      workers: cell.workers,
      pacing: cell.rate,
      steer: this.#steer,
      batch: spec.batch,
      loops: input.loop ?? (input.durationMs === undefined ? 1 : Number.POSITIVE_INFINITY),
      durationMs: input.durationMs ?? null,
      sameAddresses: input.sameAddresses === true,
      uniqueIpLoops: input.uniqueIpLoops ?? null,
      clock: input.clock ?? 'wall',
      timeScale: input.timeScale ?? 1,
      maxConns: input.maxConns ?? settings.connLimit ?? null,
      preset: settings.preset ?? null,
      sweepIntervalMs: input.sweepIntervalMs ?? settings.sweepIntervalMs ?? null,
      latency: cell.role === 'untimed' ? { mode: 'off' } : latencyMode(latencyOf(spec)),
      warmupPackets: spec.warmupPackets,
      timelineMs: TIMELINE_MS,
      mutex: spec.mutex,
      touchAhead: spec.touchAhead,
      pin: spec.pin,
      seed: trialSeed,
      rules: createRules(config),
      config,
      configure: (thread) => applyConfig(threadTarget(thread), config),
      tcpSeqCheck: settings.tcpSeqCheck,
      switches: checksumSwitches(settings.switches, input),
      fragments: settings.fragments,
    };
  }
}

/**
 * A matrix compares designs, so a rate that is that of the packets' source is no measurement of a cell. Inputs of a matrix are kept in
 * memory, where no packet comes late; this holds for every runner all the same.
 */
export function sourceChecks(one: ResultCase): AuditCheck[] {
  if (one.input.streamed == null) return [];
  const ok = !isSourceBound(one);
  return [
    {
      name: 'source-kept-up',
      ok,
      expected: 'no packet that came late from its source',
      actual: `${one.input.streamed.waits} waits for packets`,
      advice: ok
        ? null
        : 'the cell has the rate of its source: use an input that fits the memory (limit), or ctreplay prep',
    },
  ];
}

/** The input's own configuration, or the one that its scenario expects. */
function configOf(input: InputSpec, suggested: SuggestedConfig | null): TrackerConfig {
  if (input.config !== undefined) return readConfig(input.config);
  return suggested === null ? DEFAULT_CONFIG : configFromSuggestion(suggested);
}

function latencyMode(text: string): LatencyMode {
  if (text === 'all' || text === 'off') return { mode: text };
  return { mode: 'sample', interval: Number(text.slice('sample='.length)) };
}
