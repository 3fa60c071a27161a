import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { writeExecParams } from '../../../engine/host/exec-params.js';
import { loadEngine } from '../../../engine/host/module.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import type { ByteOffset } from '../../../engine/host/quantities.js';
import type { EngineRun } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { fragmentRanges, udpFrame, writeFragment } from '../../support/packets.js';
import { DESIGNS } from '../../support/tracker-bed.js';
import { primitiveRun } from '../shm/primitive-threads.js';

const NOW_MS = 1000;
const SLOTS = 24;

/** Several threads of one run, driven step by step from one. */
class Steps {
  readonly main: EngineThread;
  readonly run: EngineRun;
  readonly #store: PacketStore;

  constructor(design: string) {
    const engine = loadEngine(design, 'debug', process.env['CTREPLAY_RACE_WASM']);
    const { run, main } = primitiveRun(engine, 2, { slabSlots: SLOTS, buckets: 16 });
    this.run = run;
    this.main = main;
    const { regions, packetStoreBytes } = run.plan;
    this.#store = new PacketStore(regions.packets, packetStoreBytes, engine.constants.PACKET_SIZE);
  }

  thread(index: number): EngineThread {
    const thread = new EngineThread(this.run, index, () => 0);
    thread.exports.goOnline();
    return thread;
  }

  packet(thread: EngineThread, frame: Uint8Array): ByteOffset {
    const { constants } = this.run.engine;
    const { address } = new PacketHandle(thread.view, constants, this.#store.take(frame.length), frame);
    thread.exports.locatePacket(address);
    return address;
  }

  send(thread: EngineThread, packet: ByteOffset, request: ExecRequest = { commit: true }): void {
    writeExecParams(thread.view, this.run.engine.constants, thread.paramsAt, request);
    thread.view.setUint32(thread.packetsAt, packet, true);
    thread.exports.execute(thread.packetsAt, 1, thread.paramsAt, NOW_MS);
  }

  /** Sends the first packets of `count` flows. */
  create(thread: EngineThread, count: number, request: ExecRequest = { commit: true }): void {
    for (let i = 0; i < count; i++) {
      this.send(thread, this.packet(thread, udpFrame({ src: `10.0.${thread.index}.${i + 1}` })), request);
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

  /** What is there in the end when everybody uses the tracker and leaves. */
  useAndLeave(threads: readonly EngineThread[]): void {
    const { exports } = this.main;
    for (const thread of threads) {
      thread.exports.goOnline();
      this.create(thread, SLOTS);
    }
    const connections = this.connections();
    expect(new Set(connections).size, 'no slot twice').toBe(connections.length);
    expect(this.control('C_N_CONN')).toBe(connections.length);
    // A thread of narrow-insert keeps a slot ready.
    expect(connections.length).toBeGreaterThanOrEqual(SLOTS - threads.length);
    exports.goOnline();
    exports.flush(-1);
    for (const thread of threads) thread.exports.detach();
    exports.detach();
    expect(this.control('C_GRACE_PENDING')).toBe(0);
    expect(this.control('C_SLAB_IN_USE')).toBe(0);
  }
}

describe.each(DESIGNS)('initTracker: %s', (design) => {
  it('leaves nothing of slots that were retired or kept ready, whoever had them', () => {
    const steps = new Steps(design);
    const [a, b] = [steps.thread(0), steps.thread(1)] as const;
    // `b` leaves slots to whoever comes; `a` is online, so nobody may return them yet.
    steps.create(b, 4, { commit: true, nat: { type: 'src', minAddress: '192.0.2.1', ports: [1024, 2000] } });
    b.exports.flush(-1);
    b.exports.goOffline();
    // `a` has some retired of its own, some in the table, and spares.
    steps.create(a, 3);
    a.exports.flush(-1);
    steps.create(a, 2);
    expect(steps.control('C_GRACE_PENDING')).toBe(11);

    // It ends without a word.
    const { constants, regions } = { ...steps.run.engine, ...steps.run.plan };
    const seenAt = regions.threads + a.index * constants.THREAD_SIZE + constants.T_EPOCH_SEEN;
    steps.main.view.setUint32(seenAt, 0, true);
    steps.main.exports.initTracker();
    expect(steps.control('C_GRACE_PENDING')).toBe(0);
    expect(steps.control('C_SLAB_IN_USE')).toBe(0);
    steps.useAndLeave([a, b]);
  });

  it('takes the connections of packets away: a slot that is used again is not theirs', () => {
    const steps = new Steps(design);
    const a = steps.thread(0);
    const packet = steps.packet(a, udpFrame({ src: '10.9.0.1' }));
    const mark = (value: number): ExecRequest => ({ commit: true, mark: { value, mask: 0xff } });
    steps.send(a, packet, mark(1));
    steps.main.exports.initTracker();
    // The first slot again, for another flow.
    steps.send(a, steps.packet(a, udpFrame({ src: '10.9.0.2' })), mark(2));
    steps.send(a, packet, {});
    const { constants } = steps.run.engine;
    expect(a.view.getUint32(packet + constants.PK_CT_MARK, true)).toBe(0);
  });
});

describe.each(DESIGNS)('detach: %s', (design) => {
  it('gives back the slots of fragments that the thread put out last', () => {
    const steps = new Steps(design);
    // Room for one packet's fragments at a time: primitiveRun's store has four slots.
    const frame = udpFrame({ payload: 'x'.repeat(5000) });
    const fragments = (id: number): Uint8Array[] => {
      const ranges = fragmentRanges(frame.length - 34, 20, 1500);
      return ranges.map((range, index) => {
        const into = new Uint8Array(2000);
        return into.slice(0, writeFragment(into, 0, frame, range, id, index < ranges.length - 1));
      });
    };
    expect(fragments(1)).toHaveLength(4);
    for (const index of [0, 1, 0]) {
      const thread = steps.thread(index);
      for (const fragment of fragments(7)) steps.send(thread, steps.packet(thread, fragment));
      expect(thread.exports.outputCount()).toBe(4);
      thread.exports.detach();
    }
  });
});
