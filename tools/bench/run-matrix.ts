/** A matrix from start to result.json: plan, go on from an earlier run, measure, write. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readMachine, reportMachine, type MachineAtStart } from '../replay/machine.js';
import { ResultFileError, RESULT_FILE, readResult, writeResult } from '../report/result-file.js';
import type { Result } from '../report/schema.js';
import { toolVersion } from '../report/tool-version.js';
import { collectWarnings } from '../measure/warnings.js';
import { fingerprint, resumeTrials } from './bench-record.js';
import { driveMatrix, type MatrixHooks, type MatrixState } from './drive-matrix.js';
import { matrixResult, withWarnings, type MatrixResult, type ResultFrame } from './matrix-result.js';
import { MatrixError, type MatrixSpec } from './matrix-spec.js';
import { planMatrix, type Shard } from './plan.js';
import { ReplayCellRunner, type InputLoader } from './replay-runner.js';
import type { CellRunner } from './trial.js';

/** What a matrix run needs. */
export interface MatrixBenchOptions {
  readonly spec: MatrixSpec;
  readonly shard: Shard | null;
  /** Folder of result.json; null writes nothing. */
  readonly folder: string | null;
  /** Go on from the result.json in the folder, if there is one. */
  readonly resume: boolean;
  readonly load: InputLoader;
  readonly commandLine: readonly string[];
  readonly hooks?: Pick<MatrixHooks, 'onTrial' | 'isInterrupted'>;
  /** For tests; default: the replay. */
  readonly makeRunner?: (machine: MachineAtStart) => CellRunner;
}

/** Writing takes at most about this share of the time. */
const WRITE_SHARE = 0.05;

/**
 * Runs a matrix and returns its result; writes result.json on the way. Groups that were finished are always on disk;
 * within a group it is written as often as takes a twentieth of the time.
 * @throws MatrixError when it cannot be run or resumed as asked, TrialError when a trial fails (what was measured is written)
 */
export async function runMatrixBench(options: MatrixBenchOptions): Promise<MatrixResult> {
  const { spec, shard, folder } = options;
  const groups = planMatrix(spec, availableParallelism(), shard);
  const print = fingerprint(spec, groups, shard);
  const machine = readMachine();
  const earlier = await readEarlier(options);
  const state: MatrixState = { trials: [], cases: [] };
  if (earlier !== null && folder !== null) {
    const file = join(folder, RESULT_FILE);
    checkMachine(earlier, machine, file);
    state.trials.push(...resumeTrials((earlier as Partial<MatrixResult>).bench, print, groups, file));
    const kept = new Set(state.trials.map((trial) => `${trial.block} ${trial.cell}`));
    state.cases.push(...earlier.cases.filter((one) => kept.has(`${one.trial} ${one.id}`)).map(withWarnings));
  }
  const runner = (options.makeRunner ?? ((at) => new ReplayCellRunner(spec, options.load, at)))(machine);
  const createdAt = earlier?.createdAt ?? new Date().toISOString();
  const build = (remarks: readonly string[]): MatrixResult =>
    matrixResult({
      spec,
      groups,
      shard,
      fingerprint: print,
      state,
      frame: frameOf(options, machine, createdAt),
      remarks,
    });
  let nextWriteMs = 0;
  const outcome = await driveMatrix(groups, spec, runner, state, {
    ...options.hooks,
    save: async (_state, groupDone) => {
      if (folder === null || (!groupDone && performance.now() < nextWriteMs)) return;
      const start = performance.now();
      await writeResult(folder, build([]));
      const end = performance.now();
      nextWriteMs = end + (end - start) / WRITE_SHARE;
    },
  });
  const result = build(outcome.remarks);
  if (folder !== null) await writeResult(folder, result);
  return result;
}

async function readEarlier({ folder, resume }: MatrixBenchOptions): Promise<Result | null> {
  if (folder === null) return null;
  let found: Result;
  try {
    found = await readResult(folder);
  } catch (error) {
    const missing = error instanceof ResultFileError && error.message.includes('there is no such file');
    if (missing) return null;
    if (resume) throw error;
    throw new MatrixError(`${folder}: holds a ${RESULT_FILE} that cannot be read; choose another --out`);
  }
  if (resume) return found;
  throw new MatrixError(
    `${folder}: holds a result already; add --resume to go on from it, or choose another --out`,
  );
}

/** Trials of two machines do not belong in one cell. */
function checkMachine(earlier: Result, machine: MachineAtStart, file: string): void {
  const before = earlier.environment.machineId;
  const now = machine.figures.machineId;
  if (before === null || before === undefined || now === null || before === now) return;
  throw new MatrixError(
    `${file}: was measured on another machine (${earlier.environment.cpuModel ?? before}); start anew with another --out`,
  );
}

function frameOf(options: MatrixBenchOptions, machine: MachineAtStart, createdAt: string): ResultFrame {
  const report = reportMachine(machine, options.spec.pin ? true : null);
  return {
    tool: toolVersion(),
    createdAt,
    commandLine: [...options.commandLine],
    environment: report.environment,
    configuration: JSON.parse(JSON.stringify(options.spec)) as Result['configuration'],
    seed: options.spec.seed,
    warnings: collectWarnings(report.facts),
  };
}
