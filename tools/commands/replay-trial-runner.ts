/** A round of `replay --trials`, in a process of its own. A file of its own, because a session loads it, and nothing of what commands print. */
import { resolveDesigns } from '../../engine/host/designs.js';
import type { MatrixSpec } from '../bench/matrix-spec.js';
import { valuesOf } from '../bench/metrics.js';
import type { Cell } from '../bench/matrix-plan.js';
import type { CellRunner, TrialMeasurement } from '../bench/trial.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { ReplayPlan } from '../replay/replay-plan.js';
import { measureCase } from '../replay/session.js';
import type { ReplayTraffic } from '../replay/traffic-source.js';
import { silenceNotices } from './notices.js';
import { loadInput, type ReplayInput } from './replay-input.js';
import { storeOf } from './replay-request.js';
import { UsageError } from './usage-error.js';

/** First argument of the process that runs a round. */
export const REPLAY_SESSION = 'replay-session';

/** Runs a round of designs: reads the traffic of the plan once. */
export class ReplayTrialRunner implements CellRunner {
  readonly #spec: MatrixSpec;
  readonly #machine: MachineAtStart;
  readonly #plan: ReplayPlan;
  #loaded: Promise<ReplayInput<ReplayTraffic>> | null = null;

  /** @param spec with the seed of the session */
  constructor(spec: MatrixSpec, machine: MachineAtStart, plan: ReplayPlan) {
    this.#spec = spec;
    this.#machine = machine;
    this.#plan = plan;
  }

  /** @throws ReplayFailure, EngineError, or what loading the traffic throws */
  async run(cell: Cell): Promise<TrialMeasurement> {
    const plan = this.#plan;
    // What there is to say of the traffic has been said by the process that started this one.
    silenceNotices();
    this.#loaded ??= loadInput(plan, storeOf(plan, resolveDesigns(plan.designs.join(','))));
    const { traffic, input } = await this.#loaded;
    const [choice] = resolveDesigns(cell.design);
    if (choice === undefined) throw new UsageError(`there is no design '${cell.design}'`);
    // The packets stay those of --seed; what the engine chooses by chance is another in each round.
    const one = await measureCase({
      traffic,
      input,
      choice,
      plan: { ...plan, seed: this.#spec.seed },
      id: cell.id,
      machine: this.#machine,
    });
    return { values: valuesOf(one), case: { ...one, design: cell.design } };
  }
}
