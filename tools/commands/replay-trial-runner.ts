/** A round of `replay --trials`, in a process of its own. A file of its own, because a session loads it, and nothing of what commands print. */
import { resolveDesigns } from '../../engine/host/designs.js';
import type { MatrixSpec } from '../bench/matrix-spec.js';
import { valuesOf } from '../bench/metrics.js';
import type { Cell } from '../bench/matrix-plan.js';
import { rateText } from '../bench/rate.js';
import { UnusableInputError, type CellRunner, type TrialMeasurement } from '../bench/trial.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { LoadedInput } from '../replay/packet-source.js';
import type { ReplayPlan } from '../replay/replay-plan.js';
import { measureCase } from '../replay/session.js';
import { silenceNotices } from './notices.js';
import { loadInput } from './replay-input.js';
import { storeOf } from './replay-request.js';
import { UsageError } from './usage-error.js';

/** First argument of the process that runs a round. */
export const REPLAY_SESSION = 'replay-session';

/** Runs a round of designs: reads the traffic of the plan once. */
export class ReplayTrialRunner implements CellRunner {
  readonly #spec: MatrixSpec;
  readonly #machine: MachineAtStart;
  readonly #plans: readonly ReplayPlan[];
  #loaded: Promise<LoadedInput> | null = null;

  /**
   * @param spec with the seed of the session
   * @param plans one for each rate of the matrix; they are alike in what traffic is read
   */
  constructor(spec: MatrixSpec, machine: MachineAtStart, plans: readonly ReplayPlan[]) {
    this.#spec = spec;
    this.#machine = machine;
    this.#plans = plans;
  }

  /** @throws ReplayFailure, EngineError, UnusableInputError */
  async run(cell: Cell): Promise<TrialMeasurement> {
    const plan = this.#plans.find(({ pacing }) => rateText(pacing) === rateText(cell.rate));
    if (plan === undefined)
      throw new RangeError(`${cell.id}: no plan has its rate; this is a fault of ctreplay`);
    // What there is to say of the traffic has been said by the process that started this one.
    silenceNotices();
    // Rings of streamed traffic are as large for each plan: those of the last are for the build that takes more.
    const last = this.#plans.at(-1) as ReplayPlan;
    this.#loaded ??= loadInput(last, storeOf(last, resolveDesigns(last.designs.join(','))));
    const loaded = this.#loaded;
    const { traffic, input } = await UnusableInputError.during(() => loaded);
    const [choice] = resolveDesigns(cell.design);
    if (choice === undefined) throw new UsageError(`there is no design '${cell.design}'`);
    // The packets stay those of --seed; what the engine chooses by chance is another in each round.
    const entry = await measureCase({
      traffic,
      input,
      choice,
      plan: { ...plan, seed: this.#spec.seed },
      id: cell.id,
      machine: this.#machine,
    });
    return { values: valuesOf(entry), case: { ...entry, design: cell.design } };
  }
}
