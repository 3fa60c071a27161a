/** What a torture thread is given for a round, and what it says. */
import type { EngineRun } from '../../../engine/host/run-memory.js';
import type { ByteOffset } from '../../../engine/host/quantities.js';
import type { RoundPlan } from './round-plan.js';
import type { LaidTraffic } from './traffic.js';

export interface ThreadInput {
  readonly run: EngineRun;
  readonly plan: RoundPlan;
  readonly thread: number;
  readonly control: SharedArrayBuffer;
  readonly traffic: LaidTraffic;
  /** Where this thread copies packets to: so many places of so many bytes. */
  readonly scratch: ByteOffset;
}

/** Bytes of one place of the scratch. */
export const STRIDE = 4096;

/** How a thread's lap ended. */
export type LapEnd =
  /** As planned. */
  | 'done'
  /** The thread died, as planned. */
  | 'died'
  /** The engine ended it because another one had died. */
  | 'ended'
  /** The engine trapped. */
  | 'trap';

export type ThreadMessage =
  | { readonly type: 'ready'; readonly thread: number }
  | {
      readonly type: 'lap';
      readonly thread: number;
      readonly end: LapEnd;
      readonly packets: number;
      readonly operations: number;
      readonly steps: number;
      /** What the thread saw that must not be; each with where. */
      readonly violations: readonly string[];
    };
