/** A runner with known distributions, and matrices for it. */
import { checkMatrix, type MatrixSpec, type MatrixSpecInput } from '../../../tools/bench/matrix-spec.js';
import type { Cell } from '../../../tools/bench/matrix-plan.js';
import { InProcessSessions, type SessionRunner } from '../../../tools/bench/session.js';
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
  /** Log standard deviation, between sessions, of what each cell gets from its session; default 0. */
  readonly sessionSigma?: number;
}

/** Records what it was asked, and answers with log-normal throughputs and latencies. */
export class FakeRunner implements CellRunner {
  readonly calls: { readonly cell: Cell; readonly trialSeed: number }[] = [];
  readonly #random: Random;
  readonly #behaviour: FakeBehaviour;
  readonly #fromSession = new Map<string, number>();

  constructor(behaviour: FakeBehaviour) {
    this.#behaviour = behaviour;
    this.#random = new Random(behaviour.seed);
  }

  /** A fresh process: every cell gets other luck with its memory and code. */
  beginSession(): this {
    this.#fromSession.clear();
    return this;
  }

  #luckOf(cell: Cell): number {
    const { sessionSigma = 0 } = this.#behaviour;
    const known = this.#fromSession.get(cell.id) ?? Math.exp(sessionSigma * normal(this.#random));
    this.#fromSession.set(cell.id, known);
    return known;
  }

  run(cell: Cell, trialSeed: number): Promise<TrialMeasurement> {
    const { speed = () => 1000, sigma = 0.03, machine = () => 1 } = this.#behaviour;
    const luck = this.#behaviour.sessionSigma === undefined ? 1 : this.#luckOf(cell);
    const factor = speed(cell) * machine(this.calls.length) * luck;
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
    { inputs: ['syn-flood'], designs: ['old', 'new'], probeCost: 'none', sessions: 1, ...overrides },
    'test',
  );
}

/** Sessions that follow each other in this process, on one fake machine. */
export function fakeSessions(spec: MatrixSpec, runner: FakeRunner): SessionRunner {
  return new InProcessSessions(spec, () => runner.beginSession());
}
