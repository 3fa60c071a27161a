/** A runner with known distributions, and matrices for it. */
import { checkMatrix, type MatrixSpec, type MatrixSpecInput } from '../../../tools/bench/matrix-spec.js';
import type { Cell } from '../../../tools/bench/plan.js';
import type { CellRunner, TrialMeasurement, TrialValues } from '../../../tools/bench/trial.js';
import { normal, Random } from '../stats/samples.js';

/** How the fake machine and the fake designs behave. */
export interface FakeBehaviour {
  readonly seed: number;
  /** Throughput of a design, times a thousand packets/s; default 1000. */
  readonly speed?: (cell: Cell) => number;
  /** Log standard deviation of single trials; default 0.03. */
  readonly sigma?: number;
  /** Factor on the speed by the number of trials run so far: drift, warm-up, disturbances. */
  readonly machine?: (trial: number) => number;
}

/** Records what it was asked, and answers with log-normal throughputs and latencies. */
export class FakeRunner implements CellRunner {
  readonly calls: { readonly cell: Cell; readonly trialSeed: number }[] = [];
  readonly #random: Random;
  readonly #behaviour: FakeBehaviour;

  constructor(behaviour: FakeBehaviour) {
    this.#behaviour = behaviour;
    this.#random = new Random(behaviour.seed);
  }

  run(cell: Cell, trialSeed: number): Promise<TrialMeasurement> {
    const { speed = () => 1000, sigma = 0.03, machine = () => 1 } = this.#behaviour;
    const factor = speed(cell) * machine(this.calls.length);
    this.calls.push({ cell, trialSeed });
    const pps = factor * 1000 * Math.exp(sigma * normal(this.#random));
    const values: TrialValues = {
      pps,
      'service.p50Ns': (1e9 / pps) * Math.exp(sigma * normal(this.#random)),
      ...(cell.rate.mode === 'topspeed' ? {} : { 'response.p50Ns': 5e9 / pps }),
    };
    return Promise.resolve({ values, case: null });
  }
}

/** A matrix of one scenario and two designs unless said otherwise. */
export function matrix(overrides: MatrixSpecInput | Partial<MatrixSpecInput> = {}): MatrixSpec {
  return checkMatrix(
    { inputs: ['syn-flood'], designs: ['old', 'new'], probeCost: 'none', resamples: 200, ...overrides },
    'test',
  );
}
