/**
 * Two creations, the one whole inside the other, at each of the other's steps: what a creation has decided must hold whatever another
 * thread creates meanwhile, unless a lock makes that one wait. With the engine's own steps, so no order is left to chance.
 */
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { globalValue } from '../../../engine/host/constants.js';
import { writeExecParams, type ExecRequest } from '../../../engine/host/exec-params.js';
import { loadEngine } from '../../../engine/host/module.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import type { ByteOffset } from '../../../engine/host/quantities.js';
import type { EngineRun, RunSettings } from '../../../engine/host/run-memory.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { brokenInvariants } from '../../../tools/endurance/table-check.js';
import { udpFrame } from '../../support/packets.js';
import { DESIGNS } from '../../support/tracker-bed.js';
import { primitiveRun } from '../shm/primitive-threads.js';

const NOW_MS = 1000;
/** Those that decide something before they lock; in the others a creation is one hold of ct_lock from end to end. */
const NARROW = DESIGNS.filter(
  (design) => process.env['CTREPLAY_LONG'] !== undefined || traitsOf(design).createsNarrowly,
);

interface Situation {
  readonly name: string;
  readonly request: ExecRequest;
  /** Sources of the flows of the outer and the inner creation. */
  readonly sources: readonly [string, string];
  readonly settings?: Partial<RunSettings>;
  readonly prepare?: (main: EngineThread) => void;
  /** Connections that there are in the end, and why a packet that has none has none. */
  readonly connections: number;
  readonly reason: 'R_LOST_RACE' | 'R_CONN_LIMIT' | 'R_ZONE_LIMIT' | 'R_NAT_EXHAUSTED' | null;
}

const TWO: readonly [string, string] = ['10.0.0.1', '10.0.0.2'];
const translated = (last: number): ExecRequest => ({
  commit: true,
  nat: { type: 'src', minAddress: '192.0.2.1', ports: [5000, last] },
});

const SITUATIONS: readonly Situation[] = [
  {
    name: 'of one flow make one connection',
    request: { commit: true },
    sources: ['10.0.0.1', '10.0.0.1'],
    connections: 1,
    reason: 'R_LOST_RACE',
  },
  {
    name: 'of one flow that is translated make one connection',
    request: translated(5003),
    sources: ['10.0.0.1', '10.0.0.1'],
    connections: 1,
    reason: 'R_LOST_RACE',
  },
  {
    name: 'that want one tuple of one do not both get it',
    request: translated(5000),
    sources: TWO,
    connections: 1,
    reason: 'R_NAT_EXHAUSTED',
  },
  {
    name: 'that want a tuple of two get one each',
    request: translated(5001),
    sources: TWO,
    connections: 2,
    reason: null,
  },
  {
    name: 'do not exceed the connection limit',
    request: { commit: true },
    sources: TWO,
    settings: { connLimit: 1 },
    connections: 1,
    reason: 'R_CONN_LIMIT',
  },
  {
    name: 'do not exceed the limit of a zone',
    request: { commit: true, zone: 3 },
    sources: TWO,
    prepare: (main) => void main.exports.setZoneLimit(3, 1),
    connections: 1,
    reason: 'R_ZONE_LIMIT',
  },
  {
    name: 'do not exceed the default limit of a zone whose count they begin',
    request: { commit: true, zone: 3 },
    sources: TWO,
    settings: { switches: { defaultLimitPerZone: true } },
    prepare: (main) => void main.exports.setZoneLimit(-1, 1),
    connections: 1,
    reason: 'R_ZONE_LIMIT',
  },
];

/** The inner creation has to wait. */
class Waits extends Error {}

interface Outcome {
  readonly run: EngineRun;
  readonly main: EngineThread;
  readonly threads: readonly [EngineThread, EngineThread];
  readonly packets: readonly [ByteOffset, ByteOffset];
  /** Steps of the outer creation. */
  readonly steps: number;
  readonly waited: boolean;
}

/** Runs the outer creation, and the inner one before its step `at`. */
function interleave(design: string, situation: Situation, at: number): Outcome {
  const engine = loadEngine(design, 'torture', process.env['CTREPLAY_RACE_WASM']);
  const needs = { slabSlots: 64, buckets: 32, packetStoreBytes: 1 << 16 };
  const { run, main } = primitiveRun(engine, 2, needs, situation.settings);
  situation.prepare?.(main);
  const { constants: c } = engine;
  // Sleeping for a lock, and looking again at a bucket that is being changed.
  const waits = ['S_SLEEP_WAIT', 'S_FIND_AWAIT'].map((name) =>
    globalValue((main.exports as unknown as WebAssembly.Exports)[name]),
  );
  const store = new PacketStore(run.plan.regions.packets, run.plan.packetStoreBytes, c.PACKET_SIZE);
  const packets = situation.sources.map((src): ByteOffset => {
    const frame = udpFrame({ src });
    const { address } = new PacketHandle(main.view, c, store.take(frame.length), frame);
    main.exports.locatePacket(address);
    return address;
  }) as [ByteOffset, ByteOffset];
  const create = (thread: EngineThread): void => {
    writeExecParams(thread.view, c, thread.paramsAt, situation.request);
    thread.view.setUint32(thread.packetsAt, packets[thread.index] as ByteOffset, true);
    thread.exports.execute(thread.packetsAt, 1, thread.paramsAt, NOW_MS);
  };

  let steps = 0;
  let waited = false;
  let isOuter = false;
  const inner = new EngineThread(run, 1, () => 0, {
    step: (id) => {
      if (isOuter && waits.includes(id)) throw new Waits();
    },
  });
  const outer = new EngineThread(run, 0, () => 0, {
    step: () => {
      if (!isOuter || steps++ !== at) return;
      try {
        create(inner);
      } catch (error) {
        if (!(error instanceof Waits)) throw error;
        waited = true;
      }
    },
  });
  outer.exports.goOnline();
  inner.exports.goOnline();
  isOuter = true;
  create(outer);
  isOuter = false;
  return { run, main, threads: [outer, inner], packets, steps, waited };
}

/** What must be there once both are done. */
function expectSettled(situation: Situation, { run, main, threads, packets }: Outcome, where: string): void {
  const { constants: c } = run.engine;
  const reasons = packets.map((packet) => main.view.getUint8(packet + c.PK_REASON));
  const wanted = situation.reason === null ? null : c[situation.reason];
  // A packet that found the other's connection itself has lost no race.
  for (const reason of reasons) expect([0, wanted], `${where}: reasons ${reasons.join()}`).toContain(reason);
  expect(main.exports.connCount(), where).toBe(situation.connections);
  if (situation.connections === 1 && wanted !== c.R_LOST_RACE)
    expect(
      reasons.filter((reason) => reason === wanted),
      where,
    ).toHaveLength(1);
  threads.forEach((thread) => thread.exports.detach());
  main.exports.reclaimNow();
  expect(
    brokenInvariants({ run, checker: main, threads: 2, injected: null, noDuplicates: true }),
    where,
  ).toEqual([]);
}

describe.each(NARROW)('creations inside one another: %s', (design) => {
  it.each(SITUATIONS)('$name', (situation) => {
    const { steps } = interleave(design, situation, -1);
    expect(steps).toBeGreaterThan(10);
    let settled = 0;
    for (let at = 0; at < steps; at++) {
      const outcome = interleave(design, situation, at);
      if (outcome.waited) continue;
      settled++;
      expectSettled(situation, outcome, `the other before step ${at} of ${steps}`);
    }
    // Before the outer one holds anything, and after it has given everything back.
    expect(settled).toBeGreaterThan(1);
    expect(settled).toBeLessThan(steps);
  });
});
