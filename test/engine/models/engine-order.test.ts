/**
 * The engine comes by the steps of its protocols in the order in which the models make them. Both run in one given order of threads:
 * the engine's other thread acts inside the hook of a step, whole; the model follows the same script.
 */
import { describe, expect, it } from 'vitest';
import { globalValue } from '../../../engine/host/constants.js';
import type { MemoryNeeds } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { EngineRun } from '../../../engine/host/run-memory.js';
import { EngineThread, type EngineExports } from '../../../engine/host/thread.js';
import { primitiveRun, type Primitives } from '../shm/primitive-threads.js';
import { epochModel, type EpochAct } from './epoch-model.js';
import { follow, type Stretch } from './explore.js';
import { listModel } from './list-model.js';
import { mapModel, type Entry, type MapOptions } from './map-model.js';
import { mutexModel } from './mutex-model.js';
import type { Model } from './program.js';
import { slabModel } from './slab-model.js';

type Thread = EngineExports & Primitives;

/** Two threads of the torture flavour, whose steps are written down. */
class SteppedEngine {
  /** `thread step`, in order. */
  steps: string[] = [];
  readonly threads: readonly [Thread, Thread];
  /** Attached and not written down: for what comes before. */
  readonly main: Thread;
  readonly run: EngineRun;
  readonly #names = new Map<number, string>();
  #interruption: { readonly thread: number; readonly step: string; readonly act: () => void } | null = null;

  constructor(needs: Partial<MemoryNeeds> = {}) {
    const { run, main } = primitiveRun(loadEngine('rculist-sweep', 'torture'), 2, needs);
    this.run = run;
    this.main = main.exports as Thread;
    for (const [name, exported] of Object.entries(main.exports)) {
      if (name.startsWith('S_')) this.#names.set(globalValue(exported) ?? -1, name);
    }
    const thread = (index: number): Thread =>
      new EngineThread(run, index, () => 0, { step: (step) => this.#reached(index, step) }).exports as Thread;
    this.threads = [thread(0), thread(1)];
  }

  #reached(thread: number, id: number): void {
    const step = this.#names.get(id) ?? `step ${id}`;
    if (this.#interruption?.thread === thread && this.#interruption.step === step) {
      const { act } = this.#interruption;
      this.#interruption = null;
      act();
    }
    this.steps.push(`${thread} ${step}`);
  }

  /** The next time that the thread is about to make the step, `act` comes first. */
  before(thread: number, step: string, act: () => void): void {
    this.#interruption = { thread, step, act };
  }

  /** Seen words that a grace period looks at. */
  get blocks(): number {
    return this.run.plan.threads;
  }
}

function expectSameOrder(engine: SteppedEngine, model: Model, script: readonly Stretch[]): void {
  expect(engine.steps.length).toBeGreaterThan(0);
  expect(engine.steps).toEqual(follow(model, script));
}

describe('mutex: the order of the engine is that of the model', () => {
  it('when the lock is free', () => {
    const engine = new SteppedEngine();
    const lock = engine.run.plan.regions.packets;
    const [a] = engine.threads;
    a.testLock(lock, engine.run.engine.constants.LC_CT);
    a.testUnlock(lock, engine.run.engine.constants.LC_CT);
    expectSameOrder(engine, mutexModel({ threads: 1, rounds: 1, looks: 0 }), [{ thread: 0 }]);
  });

  it('when it is held, and released while the other goes to sleep', () => {
    const engine = new SteppedEngine();
    const lock = engine.run.plan.regions.packets;
    const { LC_CT } = engine.run.engine.constants;
    const [a, b] = engine.threads;
    b.testLock(lock, LC_CT);
    engine.before(0, 'S_SLEEP_WAIT', () => b.testUnlock(lock, LC_CT));
    a.testLock(lock, LC_CT);
    a.testUnlock(lock, LC_CT);
    // How often a waiter looks before it sleeps is a setting, not the protocol.
    const looks = engine.steps.filter((step) => step === '0 S_LOCK_LOOK').length;
    expect(looks).toBeGreaterThan(0);
    expectSameOrder(engine, mutexModel({ threads: 2, rounds: 1, looks }), [
      { thread: 1, until: 'S_UNLOCK' },
      { thread: 0, until: 'S_SLEEP_WAIT' },
      { thread: 1 },
      { thread: 0 },
    ]);
  });

  it('when it is released before the waiter says that it sleeps', () => {
    const engine = new SteppedEngine();
    const lock = engine.run.plan.regions.packets;
    const { LC_CT } = engine.run.engine.constants;
    const [a, b] = engine.threads;
    b.testLock(lock, LC_CT);
    engine.before(0, 'S_SLEEP_MARK', () => b.testUnlock(lock, LC_CT));
    a.testLock(lock, LC_CT);
    a.testUnlock(lock, LC_CT);
    const looks = engine.steps.filter((step) => step === '0 S_LOCK_LOOK').length;
    expectSameOrder(engine, mutexModel({ threads: 2, rounds: 1, looks }), [
      { thread: 1, until: 'S_UNLOCK' },
      { thread: 0, until: 'S_SLEEP_MARK' },
      { thread: 1 },
      { thread: 0 },
    ]);
  });
});

describe('epoch: the order of the engine is that of the model', () => {
  /** A record in the map, ready to be unlinked and retired. */
  function withRecord(): { engine: SteppedEngine; record: number } {
    const engine = new SteppedEngine({ slabSlots: 16, buckets: 16 });
    const record = engine.main.takeSlotLocked() >>> 0;
    engine.main.mapInsertLocked(record, 77);
    return { engine, record };
  }
  const retire = (thread: Thread, record: number): void => {
    thread.mapRemoveLocked(record);
    thread.retire(record);
  };
  const retires = (...more: EpochAct[]): EpochAct[] => ['online', { retire: 0 }, ...more];
  const reads = (...more: EpochAct[]): EpochAct[] => ['online', { read: 0 }, 'use', ...more];

  it('of a thread alone that retires and leaves', () => {
    const { engine, record } = withRecord();
    const [a] = engine.threads;
    a.goOnline();
    retire(a, record);
    a.goOffline();
    expectSameOrder(engine, epochModel({ threads: [retires('offline')], blocks: engine.blocks }), [
      { thread: 0 },
    ]);
  });

  it('of a thread alone that retires and passes quiescent points', () => {
    const { engine, record } = withRecord();
    const [a] = engine.threads;
    a.goOnline();
    retire(a, record);
    a.quiesce();
    a.quiesce();
    a.goOffline();
    const threads = [retires('quiesce', 'quiesce', 'offline')];
    expectSameOrder(engine, epochModel({ threads, blocks: engine.blocks }), [{ thread: 0 }]);
  });

  it('when a reader is online, goes on and leaves last', () => {
    const { engine, record } = withRecord();
    const [a, b] = engine.threads;
    b.goOnline();
    b.mapNext(record);
    b.mapNext(record);
    a.goOnline();
    retire(a, record);
    a.goOffline();
    b.quiesce();
    b.goOffline();
    const threads = [retires('offline'), reads('quiesce', 'offline')];
    expectSameOrder(engine, epochModel({ threads, blocks: engine.blocks }), [
      { thread: 1, until: 'S_QUIESCE_EPOCH' },
      { thread: 0 },
      { thread: 1 },
    ]);
  });

  it('when a reader leaves while the other has the orphans, and calls it', () => {
    const { engine, record } = withRecord();
    const [a, b] = engine.threads;
    b.goOnline();
    b.mapNext(record);
    b.mapNext(record);
    a.goOnline();
    retire(a, record);
    engine.before(0, 'S_ORPHANS_CLAIM', () => engine.before(0, 'S_ORPHANS_RELEASE', () => b.goOffline()));
    a.goOffline();
    expect(engine.steps).toContain('1 S_ORPHANS_CALL');
    const threads = [retires('offline'), reads('offline')];
    expectSameOrder(engine, epochModel({ threads, blocks: engine.blocks }), [
      { thread: 1, until: 'S_OFFLINE' },
      { thread: 0, until: 'S_ORPHANS_CLAIM' },
      { thread: 0, until: 'S_ORPHANS_RELEASE' },
      { thread: 1 },
      { thread: 0 },
    ]);
  });
});

describe('map: the order of the engine is that of the model', () => {
  /** A hash of the first bucket 0 and the second bucket `second`; `number` tells them apart. */
  const hashOf = (number: number, second: number): number => (number << 20) | (second << 16);
  const SLOTS = 7;

  /** The map of four buckets with entries put in one after the other; refs are those of the model. */
  function withEntries(hashes: readonly number[]): {
    engine: SteppedEngine;
    record: (index: number) => number;
  } {
    const engine = new SteppedEngine({ slabSlots: 64, buckets: 4 });
    const record = (index: number): number =>
      engine.run.plan.regions.slab + index * engine.run.engine.constants.CONN_SIZE;
    hashes.forEach((hash, index) => expect(engine.main.mapInsertLocked(record(index), hash)).not.toBe(0));
    return { engine, record };
  }

  const first = Array.from({ length: SLOTS }, (_, slot) => hashOf(slot + 1, 1));
  const second = Array.from({ length: SLOTS }, (_, slot) => hashOf(slot + 20, 1));
  const entry = (hash: number, index: number): Entry => ({ hash, ref: index + 1 });
  const reading = (content: MapOptions['content'], hash: number): Model =>
    mapModel({ slots: SLOTS, content, writer: [], readers: [[hash]], allowed: {} });
  const inFirst = first.map((hash, slot) => ({ ...entry(hash, slot), bucket: 0 as const, slot }));
  const inSecond = second.map((hash, slot) => ({ ...entry(hash, slot), bucket: 1 as const, slot }));

  it('of a look-up in the first bucket, in the second, and of what is not there', () => {
    for (const hash of [first[3] as number, second[4] as number, hashOf(40, 1)]) {
      const { engine } = withEntries([...first, ...second]);
      engine.threads[1].mapFind(hash);
      expectSameOrder(engine, reading([...inFirst, ...inSecond], hash), [{ thread: 1 }]);
    }
  });

  it('of an insertion that makes room, with a look-up of what moves before it has left', () => {
    // In a full pair of buckets one entry can go elsewhere: to bucket 2.
    const moves = hashOf(1, 2);
    const { engine, record } = withEntries([moves, ...first.slice(1), ...second]);
    const inserted = hashOf(50, 1);
    const [a, b] = engine.threads;
    let found = 0;
    engine.before(0, 'S_SLOT_CLOSE', () => (found = b.mapFind(moves) >>> 0));
    expect(a.mapInsertLocked(record(40), inserted)).not.toBe(0);
    expect(found).toBe(record(0));
    const from = { bucket: 0, slot: 0 } as const;
    const model = mapModel({
      slots: SLOTS,
      // The model's second bucket is the one that the moving entry goes to.
      content: [{ ...entry(moves, 0), ...from }, ...inFirst.slice(1)],
      writer: ['link', { move: from, to: { bucket: 1, slot: 0 } }, { insert: entry(inserted, 40), at: from }],
      readers: [[moves]],
      allowed: {},
    });
    expectSameOrder(engine, model, [{ thread: 0, until: 'S_SLOT_CLOSE' }, { thread: 1 }, { thread: 0 }]);
  });

  it('of an insertion after which the map takes buckets into use, with a look-up of what moves before it is taken out', () => {
    const engine = new SteppedEngine({ slabSlots: 64, buckets: 16 });
    const record = (index: number): number =>
      engine.run.plan.regions.slab + index * engine.run.engine.constants.CONN_SIZE;
    // Four buckets are in use. What moves on to bucket 4 is in bucket 0; what is in buckets 2 and 3 stays there.
    const moves = (1 << 20) | (1 << 16) | 4;
    const others = Array.from(
      { length: 14 },
      (_, i) => ((i + 2) << 20) | ((2 + (i % 2)) << 16) | (2 + (i % 2)),
    );
    [moves, ...others.slice(0, 13)].forEach((hash, index) =>
      expect(engine.main.mapInsertLocked(record(index), hash)).not.toBe(0),
    );
    const inserted = others[13] as number;
    const [a, b] = engine.threads;
    let found = 0;
    engine.before(0, 'S_GROW_PUBLISH', () => (found = b.mapFind(moves) >>> 0));
    // More than half of the slots of four buckets.
    expect(a.mapInsertLocked(record(14), inserted)).not.toBe(0);
    expect(found).toBe(record(0));
    for (const [index, hash] of [moves, ...others].entries())
      expect(engine.main.mapFind(hash) >>> 0).toBe(record(index));
    // The model knows the bucket that something moves from; the inserted one goes to another, the same for it as the second one.
    const model = mapModel({
      slots: SLOTS,
      content: [{ ...entry(moves, 0), bucket: 0, slot: 0 }],
      writer: [
        'link',
        { insert: entry(inserted, 14), at: { bucket: 1, slot: 6 } },
        { grow: [0] },
        ...Array.from({ length: 7 }, () => ({ grow: [] })),
      ],
      readers: [[moves]],
      movesOn: [moves],
      allowed: {},
    });
    expectSameOrder(engine, model, [{ thread: 0, until: 'S_GROW_PUBLISH' }, { thread: 1 }, { thread: 0 }]);
  });

  it('of a removal', () => {
    const { engine, record } = withEntries(first);
    expect(engine.threads[0].mapRemoveLocked(record(2))).not.toBe(0);
    const model = mapModel({
      slots: SLOTS,
      content: inFirst,
      writer: [{ remove: { bucket: 0, slot: 2 } }],
      readers: [],
      allowed: {},
    });
    expectSameOrder(engine, model, [{ thread: 0 }]);
  });
});

describe('list: the order of the engine is that of the model', () => {
  it('of pushes and removals, with a walk before an element is unlinked', () => {
    const engine = new SteppedEngine();
    const head = engine.run.plan.regions.packets;
    const link = (element: number): number => head + element * 16;
    const [a, b] = engine.threads;
    engine.main.listInit(head);
    for (const element of [1, 2, 3]) engine.main.listPushBack(head, link(element));
    const walk = (): void => {
      for (let at = b.listNext(head) >>> 0; at !== head; at = b.listNext(at) >>> 0);
    };
    a.listPushFront(head, link(4));
    engine.before(0, 'S_LIST_UNLINK', walk);
    a.listRemove(link(1));
    a.listPushBack(head, link(5));
    const model = listModel({
      content: [1, 2, 3],
      elements: 5,
      writer: [{ pushFront: 4 }, { remove: 1 }, { pushBack: 5 }],
      readers: 1,
    });
    expectSameOrder(engine, model, [{ thread: 0, until: 'S_LIST_UNLINK' }, { thread: 1 }, { thread: 0 }]);
  });
});

describe('slab: the order of the engine is that of the model', () => {
  it('of slots returned and taken again', () => {
    const engine = new SteppedEngine({ slabSlots: 2, buckets: 16 });
    const [a, b] = engine.threads;
    const slots = [1, 2].map(() => engine.main.takeSlotLocked() >>> 0);
    for (const slot of slots) {
      b.goOnline();
      b.retire(slot);
      b.goOffline();
    }
    for (let take = 0; take < 3; take++) a.takeSlotLocked();
    // The rest of these steps are the epoch's.
    const isSlab = (step: string): boolean => / S_(RETURN|TAKE)_/.test(step);
    const model = slabModel({ returners: [[1, 2]], takes: 3 });
    expect(engine.steps.filter(isSlab)).toEqual(follow(model, [{ thread: 1 }, { thread: 0 }]));
  });
});
