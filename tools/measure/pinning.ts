/**
 * Pinning threads to CPUs. Node has no call for it; `taskset` of util-linux has, and a thread is pinned from outside by
 * its kernel id.
 */
import { readThreadAffinity } from './schedstat.js';
import { parseCpuList, readLine, type SystemFiles } from './system-files.js';

/** Whether a thread was pinned. */
export type PinResult =
  | { readonly pinned: true; readonly threadId: number; readonly cpu: number }
  | {
      readonly pinned: false;
      readonly threadId: number;
      readonly cpu: number;
      /** What went wrong and what to do about it. */
      readonly reason: string;
    };

/** Runs a program; resolves with its standard output, rejects when it cannot be started or exits other than 0. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>;

/** Runs a program of the system, for at most five seconds. Loads what starts programs only now: most runs pin nothing. */
const runProgram: RunProgram = async (program, args) => {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: 5000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(error, { message: stderr.trim() === '' ? error.message : stderr.trim() }));
    });
  });
};

/**
 * Pins one thread of this process to one CPU with `taskset -cp`, and reads back whether it is so. Never throws: a run
 * without pinning is still a run, and the result says why.
 * @param threadId kernel id of the thread
 */
export async function pinThread(
  threadId: number,
  cpu: number,
  { files, run = runProgram }: { readonly files: SystemFiles; readonly run?: RunProgram },
): Promise<PinResult> {
  const failed = (reason: string): PinResult => ({ pinned: false, threadId, cpu, reason });
  try {
    await run('taskset', ['-cp', String(cpu), String(threadId)]);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      return failed('taskset is not installed; install util-linux, or run without --pin');
    return failed(`taskset could not pin thread ${threadId} to CPU ${cpu}: ${message}`);
  }
  const allowed = readThreadAffinity(files, threadId);
  if (allowed === null)
    return failed(`the system does not report where thread ${threadId} may run (no /proc)`);
  if (allowed.length !== 1 || allowed[0] !== cpu) {
    return failed(
      `thread ${threadId} may still run on CPUs ${allowed.join(',')}; something else set its affinity`,
    );
  }
  return { pinned: true, threadId, cpu };
}

/** CPUs that share a core with `cpu`, itself included; null where the system does not report it. */
export function coreSiblings(files: SystemFiles, cpu: number): number[] | null {
  return parseCpuList(readLine(files, `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`));
}

/** Whether two of these CPUs are hyper-threads of one core. */
export function shareCores(
  cpus: readonly number[],
  siblingsOf: (cpu: number) => readonly number[] | null,
): boolean {
  const distinct = [...new Set(cpus)];
  const cores = distinct.map((cpu) => Math.min(cpu, ...(siblingsOf(cpu) ?? [])));
  return new Set(cores).size < distinct.length;
}

/** A CPU for each worker. */
export interface PinPlan {
  /** One CPU per worker, in worker order. */
  readonly cpus: readonly number[];
  /** True when two workers have one CPU: there are fewer CPUs than workers. */
  readonly shared: boolean;
  /** True when two workers have CPUs of one core (hyper-threads). */
  readonly sharedCores: boolean;
}

/**
 * Chooses CPUs for workers: first one per physical core, then the remaining hyper-threads, then around again.
 * @param allowed CPUs that may be used, ascending
 * @param siblingsOf see {@link coreSiblings}
 * @throws RangeError when no CPU is allowed or the number of workers is not at least 1
 */
export function planPins(
  workers: number,
  allowed: readonly number[],
  siblingsOf: (cpu: number) => readonly number[] | null,
): PinPlan {
  if (!Number.isInteger(workers) || workers < 1) {
    throw new RangeError(`pinning: ${workers} workers; give a whole number of at least 1`);
  }
  if (allowed.length === 0) throw new RangeError('pinning: no CPU is allowed');
  const coreOf = (cpu: number): number => Math.min(cpu, ...(siblingsOf(cpu) ?? []));
  const firstOfCore = allowed.filter(
    (cpu, index) => allowed.findIndex((candidate) => coreOf(candidate) === coreOf(cpu)) === index,
  );
  const order = [...firstOfCore, ...allowed.filter((cpu) => !firstOfCore.includes(cpu))];
  return {
    cpus: Array.from({ length: workers }, (_, worker) => order[worker % order.length] as number),
    shared: workers > order.length,
    sharedCores: workers > firstOfCore.length,
  };
}
