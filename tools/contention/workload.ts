/** What contention is measured with: the loop of Open vSwitch's benchmark, or traffic that is replayed once. */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { configOf } from '../config/suggested.js';
import { makePlan, type ReplayPlan } from '../replay/replay-plan.js';
import type { LoadedInput } from '../replay/packet-source.js';

/** A workload by name. */
export type Workload =
  | {
      readonly kind: 'ovs-benchmark';
      readonly name: string;
      /** Packets that each thread sends. */
      readonly packetsPerThread: number;
    }
  | {
      readonly kind: 'replay';
      readonly name: string;
      readonly load: () => Promise<LoadedInput>;
      /** Connections expire when their ageing is sped up, so that the sweeper has something to clean. */
      readonly expires: boolean;
    };

/** What is common to all runs of a measurement. */
export interface RunRequest {
  readonly seed: number;
  /** How much faster connections age in the run that the sweeper's holds are taken from. */
  readonly timeScale: number;
  /** How waiters of a lock spin. */
  readonly mutex: MutexPolicy;
  /** Whether batches touch ahead. */
  readonly touchAhead: TouchAhead;
  readonly wasmFolder?: string | undefined;
}

/** How the traffic is replayed: once, at top speed, without a clock read a packet. */
export function planOf(
  { suggested }: LoadedInput,
  workers: number,
  choice: DesignChoice,
  changes: { readonly build: 'bare' | 'probed'; readonly timeScale: number },
  { seed, mutex, touchAhead }: RunRequest,
): ReplayPlan {
  return makePlan({
    ...changes,
    designs: [designLabel(choice)],
    workers,
    latency: { mode: 'off' },
    seed,
    mutex,
    touchAhead,
    config: configOf(undefined, suggested),
  });
}
