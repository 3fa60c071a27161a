/** One round of one cell: a workload, a number of threads, a design. Throughput and contention come from runs of their own. */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { LoadedInput } from '../replay/packet-source.js';
import { runOvsBenchmark } from '../replay/ovs-benchmark.js';
import { caseId } from '../replay/case-id.js';
import { measureRun } from '../replay/session.js';
import type { ResultCase } from '../result/schema.js';
import { lockRound, longestHoldPerCleanedNs, meanHoldPerCleanedNs, type LockRound } from './lock-figures.js';
import { planOf, type RunRequest, type Workload } from './workload.js';

/** Figures of one round. */
export interface CellRound extends LockRound {
  readonly packets: number;
  readonly pps: number;
  readonly meanHoldPerCleanedNs: number | null;
  readonly longestHoldPerCleanedNs: number | null;
}

/** Called with every replayed run, to look at its checks. */
export type OnCase = (each: ResultCase) => void;

/** A workload whose traffic, if it has any, is in memory. */
export type ReadyWorkload =
  | Extract<Workload, { kind: 'ovs-benchmark' }>
  | (Extract<Workload, { kind: 'replay' }> & { readonly loaded: LoadedInput });

/** What a cell is measured with. */
export interface CellContext {
  readonly threads: number;
  readonly choice: DesignChoice;
  readonly request: RunRequest;
  readonly machine: MachineAtStart;
  readonly onCase: OnCase;
}

/**
 * A bare run for the throughput, a probed one of the same packets for the contention, and, where connections expire, a probed one in
 * which they age faster for the sweeper's holds.
 * @throws ReplayFailure when a thread failed, EngineError when a design cannot run
 */
export async function measureCell(workload: ReadyWorkload, context: CellContext): Promise<CellRound> {
  return workload.kind === 'ovs-benchmark'
    ? measureOvsBenchmark(workload.packetsPerThread, context.threads, context.choice, context.request)
    : measureReplay(workload.loaded, workload.expires, context);
}

async function measureOvsBenchmark(
  packets: number,
  workers: number,
  choice: DesignChoice,
  { seed, mutex, touchAhead, wasmFolder }: RunRequest,
): Promise<CellRound> {
  const common = { workers, packets, batch: 32, change: true, seed, mutex, touchAhead, wasmFolder };
  const bare = await runOvsBenchmark(choice, { ...common, flavour: 'bare' });
  const probed = await runOvsBenchmark(choice, { ...common, flavour: 'probed' });
  return {
    packets: bare.packetsPerWorker * workers,
    pps: bare.pps,
    ...lockRound(probed.locks ?? [], probed.packetsPerWorker * workers),
    meanHoldPerCleanedNs: null,
    longestHoldPerCleanedNs: null,
  };
}

async function measureReplay(
  loaded: LoadedInput,
  expires: boolean,
  context: CellContext,
): Promise<CellRound> {
  const bare = await replayOnce(loaded, 'bare', 1, context);
  const probed = await replayOnce(loaded, 'probed', 1, context);
  const aged = expires ? await replayOnce(loaded, 'probed', context.request.timeScale, context) : null;
  const { injected } = probed.packets;
  return {
    packets: injected,
    pps: bare.pacing.achievedPps ?? 0,
    ...lockRound(probed.locks ?? [], injected),
    meanHoldPerCleanedNs: aged === null ? null : meanHoldPerCleanedNs(aged.sweeps ?? [], aged.locks ?? []),
    longestHoldPerCleanedNs:
      aged === null ? null : longestHoldPerCleanedNs(aged.sweeps ?? [], aged.locks ?? []),
  };
}

async function replayOnce(
  loaded: LoadedInput,
  build: 'bare' | 'probed',
  timeScale: number,
  { threads, choice, request, machine, onCase }: CellContext,
): Promise<ResultCase> {
  const plan = planOf(loaded, threads, choice, { build, timeScale }, request);
  const { traffic, input } = loaded;
  const id = caseId(input.name, designLabel(choice), plan);
  const { wasmFolder } = request;
  const made = await measureRun({ traffic, input, choice, plan, id, machine }, 'all', { wasmFolder });
  onCase(made);
  return made;
}
