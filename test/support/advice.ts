/** Advice on simulated designs: trials drawn around known figures, and everything else as in a measured run. */
import { adviceOf, openAdvice } from '../../tools/advise/advice.js';
import { isAdviceCompared } from '../../tools/advise/criteria.js';
import { driveMatrix, type MatrixState } from '../../tools/bench/drive-matrix.js';
import { matrixResult, type ResultFrame } from '../../tools/bench/matrix-result.js';
import { planMatrix, type Cell, type Group } from '../../tools/bench/matrix-plan.js';
import { InProcessSessions } from '../../tools/bench/session.js';
import type { CellRunner, TrialMeasurement, TrialValues } from '../../tools/bench/trial.js';
import type { Advice, CriterionName, Result, ResultCase } from '../../tools/result/schema.js';
import { normal, Random } from '../tools/stats/samples.js';
import { matrix } from '../tools/bench/fake-runner.js';

/** What a simulated design is like. */
export interface SimulatedDesign {
  readonly pps: number;
  readonly p99Ns: number;
  /** Null: nothing expires. */
  readonly lagNs: number | null;
  readonly cpuShare: number;
  readonly invalidShare?: number;
}

/** What is advised on, and how. */
export interface SimulatedRun {
  readonly designs: Readonly<Record<string, SimulatedDesign>>;
  readonly current: string;
  readonly prefer?: CriterionName;
  readonly seed?: number;
  readonly trials?: number;
  /** As many more while the advice hangs on what is open, up to this; absent = none. */
  readonly maxTrials?: number;
  /** Log standard deviation of a trial, and that of its throughput where it is another. */
  readonly sigma?: number;
  readonly throughputSigma?: number;
  /** Packets that the machine interrupts, of response times. */
  readonly interruptedShare?: number;
  /** Of service times as well. */
  readonly interruptsService?: boolean;
  readonly bytes?: Readonly<Record<string, number>>;
}

const FRAME: ResultFrame = {
  tool: { name: 'ctreplay', version: '0.1.0', commit: null },
  createdAt: '2026-11-28T00:00:00.000Z',
  commandLine: ['advise'],
  environment: { node: 'v20', clock: {} },
  configuration: {},
  seed: 1,
  warnings: [],
};

const PACKETS = 100_000;
const PACED_PPS = 400_000;

/** A run with its advice. */
export async function simulatedAdvice(run: SimulatedRun): Promise<{ result: Result; advice: Advice | null }> {
  const { designs, current, prefer = null, trials = 7, maxTrials = trials, bytes = {} } = run;
  const spec = matrix({
    inputs: ['syn-flood'],
    designs: Object.keys(designs),
    rates: ['topspeed', `${PACED_PPS}`],
    sessions: trials,
    trials: 1,
    warmupBlocks: 0,
    control: 'none',
  });
  let groups: readonly Group[] = planMatrix(spec, 2);
  const state: MatrixState = { trials: [], cases: [], failures: [] };
  const runner = new SimulatedRunner(run);
  const bytesPerConnection = new Map(Object.keys(designs).map((name) => [name, bytes[name] ?? 400]));
  const request = { current, prefer, bytesPerConnection };
  for (;;) {
    await driveMatrix(groups, spec, new InProcessSessions(spec, () => runner), state);
    const parts = { spec, groups, shard: null, fingerprint: 'f'.repeat(64), state, frame: FRAME };
    const result = matrixResult({ ...parts, isCompared: isAdviceCompared });
    const open = openAdvice(result, request);
    // As the command does it.
    const longer = groups.map((group) => {
      const sessions = group.sessions ?? trials;
      const isTop = group.cells[0]?.rate.mode === 'topspeed';
      const areWanted = open.some((criterion) => (criterion === 'throughput') === isTop);
      return areWanted && sessions < maxTrials
        ? { ...group, sessions: Math.min(sessions + trials, maxTrials) }
        : group;
    });
    if (longer.every((group, index) => group === groups[index]))
      return { result, advice: adviceOf(result, request) };
    groups = longer;
  }
}

class SimulatedRunner implements CellRunner {
  readonly #run: SimulatedRun;
  readonly #random: Random;

  constructor(run: SimulatedRun) {
    this.#run = run;
    this.#random = new Random(run.seed ?? 1);
  }

  run(cell: Cell): Promise<TrialMeasurement> {
    const design = this.#run.designs[cell.design] as SimulatedDesign;
    const isTop = cell.rate.mode === 'topspeed';
    const values = isTop ? { pps: this.#around(design.pps, this.#run.throughputSigma) } : this.#paced(design);
    const one = caseOf(cell, design, values);
    const view = (interruptedShare: number) => ({ overall: { count: PACKETS, interruptedShare } });
    const { service, response } = this.#interrupted;
    const latency = isTop ? null : { service: view(service), response: view(response) };
    return Promise.resolve({ values, case: { ...one, latency } });
  }

  get #interrupted(): { service: number; response: number } {
    const { interruptedShare: response = 0, interruptsService } = this.#run;
    return { response, service: interruptsService === true ? response : 0 };
  }

  #paced({ p99Ns, lagNs, cpuShare }: SimulatedDesign): TrialValues {
    return {
      pps: PACED_PPS,
      'service.p99Ns': this.#around(p99Ns),
      'response.p99Ns': this.#around(3 * p99Ns),
      'service.interruptedShare': this.#interrupted.service,
      'response.interruptedShare': this.#interrupted.response,
      ...(lagNs === null ? {} : { 'expiry.lag.p99Ns': this.#around(lagNs) }),
      'sweeper.cpuShare': this.#around(cpuShare),
    };
  }

  #around(value: number, sigma = this.#run.sigma ?? 0.03): number {
    return value * Math.exp(sigma * normal(this.#random));
  }
}

function caseOf(cell: Cell, { invalidShare = 0 }: SimulatedDesign, values: TrialValues): ResultCase {
  const isTop = cell.rate.mode === 'topspeed';
  const pps = values['pps'] as number;
  const elapsedNs = (PACKETS / pps) * 1e9;
  const invalid = Math.round(PACKETS * invalidShare);
  return {
    id: cell.id,
    trial: 0,
    kind: 'replay',
    design: cell.design,
    build: isTop ? 'bare' : 'probed',
    input: { type: 'scenario', name: cell.inputName },
    workers: cell.workers,
    pacing: isTop
      ? { mode: 'topspeed', achievedPps: pps }
      : { mode: 'pps', targetPps: PACED_PPS, achievedPps: PACED_PPS },
    batch: 32,
    steer: 'rss',
    clock: 'wall',
    elapsedNs,
    throughput: { build: isTop ? 'bare' : 'probed', timed: !isTop, pps, packets: PACKETS, elapsedNs },
    packets: {
      injected: PACKETS,
      verdicts: { 'new|trk': PACKETS - invalid, ...(invalid === 0 ? {} : { 'inv|trk': invalid }) },
      rejectedByReason: {},
    },
    audit: [{ name: 'verdict-sum', ok: true }],
  };
}
