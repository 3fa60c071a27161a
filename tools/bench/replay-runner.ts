/** Running a trial for real: a cell's design over its input, through the replay. */
import { resolveDesigns } from '../../engine/host/designs.js';
import { withSettings } from '../config/apply-config.js';
import { checksumConfig, ignoresChecksums } from '../config/checksum-handling.js';
import { configOf } from '../config/suggested.js';
import { requireRightChecksums } from '../replay/checksum-check.js';
import type { LoadedInput } from '../replay/packet-source.js';
import { makePlan, type ReplayPlan } from '../replay/replay-plan.js';
import { measureCase } from '../replay/session.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { AuditCheck, ResultCase } from '../result/schema.js';
import { isSourceBound } from '../result/throughput.js';
import type { SuggestedConfig } from '../synth/scenario.js';
import {
  latencyOf,
  MATRIX_TIMELINE_MS,
  MatrixError,
  type InputSpec,
  type MatrixSpec,
} from './matrix-spec.js';
import { valuesOf } from './metrics.js';
import type { Cell } from './matrix-plan.js';
import { UnusableInputError, type CellRunner, type TrialMeasurement } from './trial.js';

/** Loads an input; the seed is the matrix's, so all cells and trials replay the same packets. */
export type InputLoader = (input: InputSpec, seed: number) => Promise<LoadedInput>;

/** Runs cells through the replay. Keeps the traffic of one input at a time. */
export class ReplayCellRunner implements CellRunner {
  readonly #spec: MatrixSpec;
  readonly #load: InputLoader;
  readonly #machine: MachineAtStart;
  #loaded: { readonly name: string; readonly input: LoadedInput } | null = null;

  /** @param machine the machine as calibrated before the matrix */
  constructor(spec: MatrixSpec, load: InputLoader, machine: MachineAtStart) {
    this.#spec = spec;
    this.#load = load;
    this.#machine = machine;
  }

  /** @throws ReplayFailure, EngineError, UnusableInputError */
  async run(cell: Cell, trialSeed: number): Promise<TrialMeasurement> {
    if (this.#loaded?.name !== cell.inputName) {
      this.#loaded = null;
      const loading = (): Promise<LoadedInput> => this.#load(cell.input, this.#spec.seed);
      this.#loaded = { name: cell.inputName, input: await UnusableInputError.during(loading) };
    }
    const { traffic, input, suggested } = this.#loaded.input;
    const [choice] = resolveDesigns(cell.design);
    if (choice === undefined) throw new MatrixError(`there is no design '${cell.design}'`);
    const plan = this.#plan(cell, trialSeed, suggested);
    await UnusableInputError.during(() =>
      requireRightChecksums(traffic, input, ignoresChecksums(plan.config)),
    );
    const made = await measureCase({
      traffic,
      input: { ...input, name: cell.inputName },
      choice,
      plan,
      id: cell.id,
      machine: this.#machine,
    });
    const entry: ResultCase = {
      ...made,
      design: cell.design,
      kind: 'bench',
      ...(cell.role === 'control' ? { control: true } : {}),
      audit: [...made.audit, ...sourceChecks(made)],
    };
    return { values: valuesOf(entry), case: entry };
  }

  #plan(cell: Cell, trialSeed: number, suggested: SuggestedConfig | null): ReplayPlan {
    const spec = this.#spec;
    const { input } = cell;
    const config = checksumConfig(withSettings(configOf(input.config, suggested), input), input);
    return makePlan({
      designs: [cell.design],
      build: spec.build,
      workers: cell.workers,
      pacing: cell.rate,
      burst: input.burst,
      steer: spec.steer,
      batch: spec.batch,
      loops: input.loop ?? (input.durationMs === undefined ? 1 : null),
      durationMs: input.durationMs ?? null,
      uniqueIpLoops: input.sameAddresses === true ? null : (input.uniqueIpLoops ?? 1),
      clock: input.clock,
      timeScale: input.timeScale,
      latency: cell.role === 'untimed' ? { mode: 'off' } : latencyOf(spec),
      warmupPackets: spec.warmupPackets,
      timelineMs: input.timelineMs ?? MATRIX_TIMELINE_MS,
      mutex: spec.mutex,
      touchAhead: spec.touchAhead,
      pin: spec.pin,
      seed: trialSeed,
      config,
    });
  }
}

/**
 * A matrix compares designs, so a rate that is that of the packets' source is no measurement of a cell. Inputs of a matrix are kept in
 * memory, where no packet comes late; this holds for every runner all the same.
 */
export function sourceChecks(entry: ResultCase): AuditCheck[] {
  if (entry.input.streamed == null) return [];
  const ok = !isSourceBound(entry);
  return [
    {
      name: 'source-kept-up',
      ok,
      expected: 'no packet that came late from its source',
      actual: `${entry.input.streamed.waits} waits for packets`,
      advice: ok ? null : 'the cell has the rate of its source: use an input that fits the memory (limit)',
    },
  ];
}
