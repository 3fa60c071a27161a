/** A matrix from start to result.json: plan, go on from an earlier run, measure, write. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readMachine, reportMachine, type MachineAtStart } from '../replay/machine.js';
import { identityDifferences, inputDifferences } from '../result/identity.js';
import { ResultFileError, RESULT_FILE, readResult, writeResult } from '../result/result-file.js';
import type { Result, ResultCase } from '../result/schema.js';
import { toolVersion } from '../result/tool-version.js';
import { collectWarnings } from '../measure/warnings.js';
import { fingerprint, resumeTrials } from './bench-record.js';
import { driveMatrix, type MatrixHooks, type MatrixOutcome, type MatrixState } from './drive-matrix.js';
import { failureRemarks, InProcessSessions, type SessionRunner } from './session.js';
import { ForkedSessions } from './session-process.js';
import { matrixResult, withWarnings, type MatrixResult, type ResultFrame } from './matrix-result.js';
import { MatrixError, type MatrixSpec } from './matrix-spec.js';
import type { IsCompared } from './metrics.js';
import { sessionSeed } from './order.js';
import { planMatrix, type Group, type Shard } from './matrix-plan.js';
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
  /** Whether a result in the folder is replaced, where it is not gone on from; absent = it is an error. */
  readonly replaces?: boolean;
  readonly load: InputLoader;
  readonly commandLine: readonly string[];
  readonly hooks?: Pick<MatrixHooks, 'onTrial' | 'isInterrupted'>;
  /** Told of all cases so far, as they arrive. */
  readonly onMeasured?: (cases: readonly ResultCase[]) => void;
  /** File of the process that a session runs in; without one, or for a single session of a matrix, all run in this process. */
  readonly sessionFile?: string;
  /** What that process is to do other than a matrix: its arguments. */
  readonly sessionArgs?: readonly string[];
  /** What designs are compared by; absent = what every matrix compares. */
  readonly isCompared?: IsCompared;
  /**
   * Asked of each group when the sessions of the matrix are done, so many of this group: how many more of it to run; absent = none. Of a
   * matrix of several sessions.
   */
  readonly moreSessions?: (soFar: MatrixResult, group: Group, sessions: number) => number;
  /** Every option in force, for the result; absent = the matrix. */
  readonly configuration?: Result['configuration'];
  /** For tests; default: the replay. */
  readonly makeRunner?: (machine: MachineAtStart, session: number) => CellRunner;
}

/** Writing takes at most about this share of the time. */
const WRITE_SHARE = 0.05;

/**
 * Runs a matrix and returns its result; writes result.json on the way. Groups that were finished are always on disk;
 * within a group it is written as often as takes a twentieth of the time.
 * @throws MatrixError when it cannot be run or resumed as asked, or a resumed one reads other traffic than before, TrialError or SessionError when a trial or a session's process fails
 *   (what was measured is written)
 */
export async function runMatrixBench(options: MatrixBenchOptions): Promise<MatrixResult> {
  const { spec, shard, folder } = options;
  let groups: readonly Group[] = planMatrix(spec, availableParallelism(), shard);
  const print = fingerprint(spec, groups, shard);
  const machine = readMachine();
  const earlier = await readEarlier(options);
  const state: MatrixState = { trials: [], cases: [], failures: [] };
  if (earlier !== null && folder !== null) {
    const file = join(folder, RESULT_FILE);
    checkMachine(earlier, machine, file);
    checkTool(earlier, file);
    const { bench } = earlier as Partial<MatrixResult>;
    state.trials.push(...resumeTrials(bench, { fingerprint: print, spec }, groups, file));
    const kept = new Set(state.trials.map((trial) => `${trial.block} ${trial.cell}`));
    state.cases.push(
      ...earlier.cases.filter((entry) => kept.has(`${entry.trial} ${entry.id}`)).map(withWarnings),
    );
  }
  const checkNew = sameAsKept(state.cases, folder);
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
      isCompared: options.isCompared,
    });
  let nextWriteMs = 0;
  const save = async (_state: MatrixState, groupDone: boolean): Promise<void> => {
    checkNew(state.cases);
    options.onMeasured?.(state.cases);
    if (folder === null || state.trials.length === 0) return;
    if (!groupDone && performance.now() < nextWriteMs) return;
    const start = performance.now();
    await writeResult(folder, build([]));
    const end = performance.now();
    nextWriteMs = end + (end - start) / WRITE_SHARE;
  };
  let outcome: MatrixOutcome;
  for (;;) {
    outcome = await driveMatrix(groups, spec, sessionsOf(options, machine), state, {
      ...options.hooks,
      save,
    });
    if (outcome.interrupted || options.moreSessions === undefined) break;
    const soFar = build([]);
    const longer = groups.map((group) => longerGroup(group, soFar, options));
    if (longer.every((group, index) => group === groups[index])) break;
    groups = longer;
  }
  const result = build([...outcome.remarks, ...failureRemarks(state.failures ?? [])]);
  if (folder !== null) await writeResult(folder, result);
  return result;
}

/**
 * Holds what a resumed matrix measures against what it goes on from: a file of the same name may hold something else by now.
 * @param kept cases of the earlier run
 * @returns takes all cases so far; throws MatrixError naming what a new one differs in, before it is written
 */
function sameAsKept(
  kept: readonly ResultCase[],
  folder: string | null,
): (cases: readonly ResultCase[]) => void {
  const byCell = new Map(kept.map((entry) => [entry.id, entry]));
  const byInput = new Map(kept.map((entry) => [entry.input.name, entry]));
  let checked = kept.length;
  return (cases) => {
    for (const entry of cases.slice(checked)) {
      const twin = byCell.get(entry.id);
      const relative = byInput.get(entry.input.name);
      const differences =
        twin !== undefined
          ? identityDifferences(twin, entry)
          : relative === undefined
            ? []
            : inputDifferences(relative.input, entry.input);
      if (differences.length > 0) {
        throw new MatrixError(
          `${folder ?? 'the matrix'}: ${entry.id} is not what was measured before under this name: it differs in ${differences.join('; ')}. ` +
            'Put the former files back, or start anew with another --out',
        );
      }
    }
    checked = cases.length;
  };
}

/** The group with as many sessions as are wanted of it; the same one where there are no more. */
function longerGroup(
  group: Group,
  soFar: MatrixResult,
  { spec, moreSessions }: Pick<MatrixBenchOptions, 'spec' | 'moreSessions'>,
): Group {
  const sessions = group.sessions ?? spec.sessions;
  const more = moreSessions?.(soFar, group, sessions) ?? 0;
  return more === 0 ? group : { ...group, sessions: sessions + more };
}

function sessionsOf(options: MatrixBenchOptions, machine: MachineAtStart): SessionRunner {
  const { spec, shard, load, makeRunner, sessionFile, sessionArgs } = options;
  if (spec.sessions > 1 && sessionFile !== undefined && makeRunner === undefined) {
    return new ForkedSessions({ spec, shard, cores: availableParallelism() }, sessionFile, sessionArgs);
  }
  const make =
    makeRunner ??
    ((at: MachineAtStart, session: number): CellRunner =>
      new ReplayCellRunner({ ...spec, seed: sessionSeed(spec.seed, session) }, load, at));
  return new InProcessSessions(spec, (session) => make(machine, session));
}

async function readEarlier({ folder, resume, replaces }: MatrixBenchOptions): Promise<Result | null> {
  if (folder === null || (!resume && replaces === true)) return null;
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

/** Nor do trials of two builds. */
function checkTool(earlier: Result, file: string): void {
  const version = ({ version: number, commit }: Result['tool']): string =>
    commit === null || commit === undefined ? number : `${number} (${commit.slice(0, 12)})`;
  const [before, now] = [earlier.tool, toolVersion()];
  if (before.version === now.version && (before.commit ?? null) === (now.commit ?? null)) return;
  throw new MatrixError(
    `${file}: was measured with ctreplay ${version(before)}, and this is ${version(now)}; start anew with another --out`,
  );
}

function frameOf(options: MatrixBenchOptions, machine: MachineAtStart, createdAt: string): ResultFrame {
  const report = reportMachine(machine, options.spec.pin ? true : null);
  return {
    tool: toolVersion(),
    createdAt,
    commandLine: [...options.commandLine],
    environment: report.environment,
    configuration:
      options.configuration ?? (JSON.parse(JSON.stringify(options.spec)) as Result['configuration']),
    seed: options.spec.seed,
    warnings: collectWarnings(report.facts),
  };
}
