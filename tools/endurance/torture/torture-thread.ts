/** Entry of a torture thread: does one round after the other as the main thread sends them. */
import { parentPort } from 'node:worker_threads';
import { EngineThread, type EngineExports } from '../../../engine/host/thread.js';
import { globalValue } from '../../../engine/host/constants.js';
import { Control } from './control.js';
import { PlannedDeathError, StepHook } from './step-hook.js';
import { FAULTS, type RoundPlan } from './round-plan.js';
import { type LapEnd, type ThreadInput, type ThreadMessage } from './thread-input.js';
import { TortureWork } from './torture-work.js';

type TortureExports = EngineExports & {
  plantFault(fault: number): void;
  setSleepNs(ns: number): void;
} & Readonly<Record<string, unknown>>;

/** Where nobody dies a waiter sleeps until it is woken: a lost wake-up stands still and is noticed. */
const UNTIL_WOKEN_NS = 3.6e12;
const ABORT_POLL_NS = 20e6;

function post(message: ThreadMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads of one process have no origins
  parentPort?.postMessage(message);
}

function sleepOf({ mode, death }: RoundPlan): number {
  if (mode === 'serial') return 0;
  return death === null ? UNTIL_WOKEN_NS : ABORT_POLL_NS;
}

function runRound(input: ThreadInput): void {
  const { run, plan, thread } = input;
  const control = new Control(plan.threads, input.control);
  const hook = new StepHook(control, plan, thread);
  // A clock of its own: nothing that a round does depends on the machine's.
  const engine = new EngineThread(run, thread, () => hook.steps, { step: hook.reached });
  const exports = engine.exports as TortureExports;
  hook.learn(exports);
  exports.setSleepNs(sleepOf(plan));
  if (plan.fault !== null) exports.plantFault(globalValue(exports[FAULTS[plan.fault]]) ?? 0);
  const work = new TortureWork(input, engine, control, hook);
  post({ type: 'ready', thread });
  for (let lap = 1; control.awaitLap(lap); lap++) {
    const { steps } = hook;
    work.beginLap();
    const end = runLap(input, control, hook, lap, work);
    const { packets, operations, violations } = work;
    post({ type: 'lap', thread, end, packets, operations, steps: hook.steps - steps, violations });
    if (end !== 'done') return;
  }
}

function runLap(
  { run, plan, thread }: ThreadInput,
  control: Control,
  hook: StepHook,
  lap: number,
  work: TortureWork,
): LapEnd {
  const { death, mode } = plan;
  const dies = death !== null && death.kind === 'step' && death.lap + 1 === lap && death.thread === thread;
  if (mode === 'serial') control.awaitTurn(thread);
  hook.begin(dies ? death.after : null);
  try {
    work.lap(lap);
    return 'done';
  } catch (error) {
    control.arrive();
    const { CONTROL, C_ABORT } = run.engine.constants;
    const before = Atomics.compareExchange(
      new Int32Array(run.memory.buffer),
      (CONTROL + C_ABORT) / 4,
      0,
      thread + 1,
    );
    if (error instanceof PlannedDeathError) return 'died';
    if (error instanceof WebAssembly.RuntimeError && before !== 0) return 'ended';
    work.note(`it stopped: ${(error as Error).stack ?? String(error)}`);
    return 'trap';
  } finally {
    hook.end();
    if (mode === 'serial') control.leaveTurns(thread);
  }
}

parentPort?.on('message', runRound);
