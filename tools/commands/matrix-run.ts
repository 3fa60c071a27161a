/**
 * A matrix run from a command: progress on standard error, what Ctrl-C does, sessions in processes of their own, the folder that it
 * writes to. `bench`, `scale`, `advise` and `replay --trials` differ in what they measure, not in this.
 */
import type { MatrixResult } from '../bench/matrix-result.js';
import type { Shard } from '../bench/matrix-plan.js';
import type { MatrixSpec } from '../bench/matrix-spec.js';
import { runMatrixBench, type MatrixBenchOptions } from '../bench/run-matrix.js';
import { compiledFile } from '../captures/compiled-file.js';
import { clearOutFolder, dropEmptyFolder, freshFolder, prepareOutFolder } from '../report/out-folder.js';
import { loadInput } from './matrix-input.js';
import { MatrixProgress, StopOnSignal } from './matrix-progress.js';
import { ShortRunNotice } from './short-run-notice.js';
import { UsageError } from './usage-error.js';

/** File of the process that a session runs in. */
export const SESSION_FILE = compiledFile('tools/commands/session-entry.js');

/** How a run is shown. */
interface Watching {
  /** Whether notices go to standard error. */
  readonly isForPeople: boolean;
  /** Whether a line tells which trial runs; default: as the notices. */
  readonly showsProgress?: boolean;
  /** What a session is called. */
  readonly sessionWord?: string;
  /** Sessions that it may come to; default: those of the matrix. */
  readonly mostSessions?: number;
  /** Whether a signal ends it after the trial in progress; default: it does. */
  readonly hearsSignals?: boolean;
  /** Called once, when the first trials are measured and before anything is written. */
  readonly onFirst?: () => void;
  /** What is said of a run that a signal ends. */
  readonly stopAdvice?: string;
}

/**
 * Runs a matrix with progress, and ends it after the trial in progress when a signal comes.
 * @throws what {@link runMatrixBench} throws
 */
export async function runWatchedMatrix(
  options: Omit<MatrixBenchOptions, 'hooks' | 'onMeasured' | 'sessionFile'>,
  watching: Watching,
): Promise<MatrixResult> {
  const { isForPeople, showsProgress = isForPeople, sessionWord, mostSessions } = watching;
  const stop = watching.hearsSignals === false ? null : new StopOnSignal(watching.stopAdvice);
  const sessions = {
    fewest: options.spec.sessions,
    ...(mostSessions === undefined ? {} : { most: mostSessions }),
  };
  const progress = new MatrixProgress(showsProgress, sessions, sessionWord);
  const notice = new ShortRunNotice(isForPeople, () => progress.finish());
  let hasMeasured = false;
  try {
    return await runMatrixBench({
      ...options,
      sessionFile: SESSION_FILE,
      hooks: { isInterrupted: () => stop?.requested === true, onTrial: progress.onTrial },
      onMeasured: (cases) => {
        if (!hasMeasured) watching.onFirst?.();
        hasMeasured = true;
        notice.onMeasured(cases);
      },
    });
  } finally {
    progress.finish();
    stop?.disarm();
  }
}

/** Flags of a command that runs a matrix into a folder. */
export interface MatrixFolderFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** @throws UsageError for --resume without the folder to go on from */
export function requireFolderToResume({ resume, out }: MatrixFolderFlags): void {
  if (resume !== true || out !== undefined) return;
  throw new UsageError('--resume needs --out: the folder of the run to go on from');
}

/**
 * Runs a matrix into the folder that the flags name, or one in results/; with --json and no --out into none. A folder in which
 * nothing was written is taken away again.
 * @param name of a fresh folder, after its time
 * @throws UsageError when the folder holds another result, and what {@link runMatrixBench} throws
 */
export async function measureMatrix(
  { spec, shard, name }: { readonly spec: MatrixSpec; readonly shard: Shard | null; readonly name: string },
  flags: MatrixFolderFlags,
  commandLine: readonly string[],
): Promise<{ readonly result: MatrixResult; readonly folder: string | null }> {
  const folder = flags.out ?? (flags.json === true ? null : freshFolder(`bench ${name}`, new Date()));
  const resume = flags.resume === true;
  const isFolderMade =
    folder !== null && !resume && (await prepareOutFolder(folder, flags.force === true, true));
  const isForPeople = flags.quiet !== true && flags.json !== true;
  try {
    const replaces = flags.force === true;
    const request = { spec, shard, folder, resume, replaces, load: loadInput, commandLine };
    const onFirst = (): void => {
      if (folder !== null && !resume) clearOutFolder(folder);
    };
    return { result: await runWatchedMatrix(request, { isForPeople, onFirst }), folder };
  } catch (error) {
    if (isFolderMade && folder !== null) await dropEmptyFolder(folder);
    throw error;
  }
}
