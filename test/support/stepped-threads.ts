/** Several threads of one run, driven step by step from one thread of the test: for what depends on who is online. */
import { writeExecParams, type ExecRequest } from '../../engine/host/exec-params.js';
import type { MemoryNeeds } from '../../engine/host/memory-plan.js';
import { loadEngine } from '../../engine/host/module.js';
import { PacketHandle } from '../../engine/host/packet-handle.js';
import { PacketStore } from '../../engine/host/packet-store.js';
import type { ByteOffset } from '../../engine/host/quantities.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { primitiveRun } from '../engine/shm/primitive-threads.js';
import { udpFrame } from './packets.js';

export const NOW_MS = 1000;

/** Several threads of one run, driven step by step from one. */
export class SteppedThreads {
  readonly main: EngineThread;
  readonly run: EngineRun;
  readonly #store: PacketStore;

  /** Threads 0 and 1 can attach; main is attached, and offline. */
  constructor(design: string, needs: Partial<MemoryNeeds>) {
    const engine = loadEngine(design, 'debug', process.env['CTREPLAY_RACE_WASM']);
    const { run, main } = primitiveRun(engine, 2, needs);
    this.run = run;
    this.main = main;
    const { regions, packetStoreBytes } = run.plan;
    this.#store = new PacketStore(regions.packets, packetStoreBytes, engine.constants.PACKET_SIZE);
  }

  /** Attaches thread `index`, online. */
  thread(index: number): EngineThread {
    const thread = new EngineThread(this.run, index, () => 0);
    thread.exports.goOnline();
    return thread;
  }

  /** Puts a frame into the store. */
  packet(thread: EngineThread, frame: Uint8Array): ByteOffset {
    const { constants } = this.run.engine;
    const { address } = new PacketHandle(thread.view, constants, this.#store.take(frame.length), frame);
    thread.exports.locatePacket(address);
    return address;
  }

  /** Runs a packet; the thread stays online and passes no quiescent point. */
  send(thread: EngineThread, packet: ByteOffset, request: ExecRequest = { commit: true }): void {
    writeExecParams(thread.view, this.run.engine.constants, thread.paramsAt, request);
    thread.view.setUint32(thread.packetsAt, packet, true);
    thread.exports.execute(thread.packetsAt, 1, thread.paramsAt, NOW_MS);
  }

  /** Sends the first packets of `count` flows; `net` tells flows of several calls apart. */
  create(thread: EngineThread, count: number, request: ExecRequest = { commit: true }, net = 0): void {
    const packet = this.packet(thread, udpFrame());
    const frame = thread.view.getUint32(packet + this.run.engine.constants.PK_FRAME, true);
    for (let i = 0; i < count; i++) {
      const src = `10.${net}.${thread.index * 64 + (i >> 8)}.${i & 255}`;
      thread.bytes.set(udpFrame({ src }), frame);
      thread.exports.resetPacketState(packet);
      this.send(thread, packet, request);
    }
  }

  control(name: 'C_GRACE_PENDING' | 'C_SLAB_IN_USE' | 'C_N_CONN' | 'C_N_EXPECTATIONS'): number {
    const { constants } = this.run.engine;
    return this.main.view.getUint32(constants.CONTROL + constants[name], true);
  }

  /** Addresses of the connections in the table. */
  connections(): number[] {
    const { exports } = this.main;
    const found: number[] = [];
    for (let at = exports.dumpNext(1, NOW_MS); at !== 0; at = exports.dumpNext(0, NOW_MS)) found.push(at);
    return found;
  }
}
