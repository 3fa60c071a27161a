/** Threads of the ovs-benchmark workload, started through piscina. */
import { writeExecParams } from '../../engine/host/exec-params.js';
import { engineInjector, PendingFault } from './fault-injection.js';
import { eventLoopTurn } from './event-loop.js';
import { announceDeath } from './run-abort.js';
import { SharedState } from './shared-state.js';
import type { ThreadFailure, ThreadInput } from './worker-input.js';
import { TRACKER_EPOCH_MS } from './run-clock.js';
import { failThread, setUpThread } from './worker-setup.js';

export { sweeper } from './worker.js';

export interface OvsBenchmarkInput extends ThreadInput {
  /** Descriptors of the thread's batch. */
  readonly addresses: readonly number[];
  readonly packets: number;
  readonly warmUpBatches: number;
}

export interface OvsBenchmarkReport {
  /** Packets sent, whole batches. */
  readonly packets: number;
  /** On the run's clock, nanoseconds. */
  readonly endNs: number;
  /** ct_state bits of the batch's packets after the last call. */
  readonly lastStates: readonly number[];
  readonly failure: ThreadFailure | null;
}

/** Sends the batch until `packets` packets are out. Never throws: a failure is part of the report. */
export async function ovsBenchmarkWorker(input: OvsBenchmarkInput): Promise<OvsBenchmarkReport> {
  const state = new SharedState(input.state);
  let endNs = 0;
  let sent = 0;
  let lastStates: number[] = [];
  let failure: ThreadFailure | null = null;
  let inBatch = false;
  const c = input.run.engine.constants;
  const { buffer } = input.run.memory;
  const indexWord = new Uint32Array(
    buffer,
    input.run.plan.regions.threads + input.threadIndex * c.THREAD_SIZE + c.T_PACKET_INDEX,
    1,
  );
  const packetInProgress = (): number | null => (inBatch ? sent + (indexWord[0] as number) : null);
  const silence = announceDeath(input.run, state, input.threadIndex, packetInProgress);
  try {
    const { engine, clock } = await setUpThread(input);
    const fault = engineInjector(input.fault, 'worker', engine, state);
    fault?.at('set-up', 0);
    const { exports, view, packetsAt, paramsAt } = engine;
    const count = input.addresses.length;
    input.addresses.forEach((address, place) => view.setUint32(packetsAt + place * 4, address, true));
    writeExecParams(view, c, paramsAt, { commit: true, zone: 0 });
    exports.goOnline();
    fault?.at('warm-up', 0);
    for (let i = 0; i < input.warmUpBatches; i++) {
      exports.execute(packetsAt, count, paramsAt, TRACKER_EPOCH_MS);
      exports.dropCachedConnections(packetsAt, count);
    }
    exports.resetPackets(packetsAt, count);
    exports.detach();
    fault?.atBarrier();
    if (state.arriveAndWait()) {
      exports.goOnline();
      const now = TRACKER_EPOCH_MS;
      indexWord[0] = 0;
      inBatch = true;
      for (let i = 0; i < input.packets; i += count) {
        state.notePacket(input.threadIndex, sent);
        fault?.at('work', sent);
        exports.execute(packetsAt, count, paramsAt, now);
        exports.dropCachedConnections(packetsAt, count);
        sent += count;
      }
      endNs = clock.now();
      inBatch = false;
      state.notePacket(input.threadIndex, null);
      fault?.at('end', sent);
      exports.detach();
      lastStates = input.addresses.map((address) => view.getUint8(address + c.PK_CT_STATE));
    }
    await eventLoopTurn();
  } catch (error) {
    if (error instanceof PendingFault) await error.strike();
    failure = failThread(input, state, error, packetInProgress());
  }
  silence();
  return { packets: sent, endNs, lastStates, failure };
}
