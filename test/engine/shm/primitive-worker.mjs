/**
 * One thread of a test of a single structure: does the task it is given until told to stop, and says what it saw. Plain
 * JavaScript, because a worker thread starts outside the test runner.
 */
// oxlint-disable unicorn/require-post-message-target-origin -- threads of one process have no origins
import { parentPort, workerData } from 'node:worker_threads';

const { module, memory, threadIndex, threads, endlessThreads, task, options, c, control } = workerData;
const view = new DataView(memory.buffer);
const words = new Int32Array(memory.buffer);
const shared = new Int32Array(control);
const START = 0;
const STOP = 1;
const ARRIVED = 2;
/** From here on, a word for each thread: the passes it has made. */
const PASSES = 3;
/** Nanoseconds: real ones, or what a test has written into shared memory. */
function clock() {
  if (options.clockAt === undefined) return performance.now() * 1e6;
  return Number(Atomics.load(new BigInt64Array(memory.buffer, options.clockAt, 1), 0));
}
const { exports: engine } = new WebAssembly.Instance(module, {
  env: { memory, clock },
});

let state = (options.seed + threadIndex * 7919) | 0 || 1;
function random(bound) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}
const violations = [];
function violation(text) {
  if (violations.length < 10) violations.push(`thread ${threadIndex}: ${text}`);
}
const stopped = () => Atomics.load(shared, STOP) !== 0;

/**
 * Waits until every thread is here. `meeting` counts the meetings from 1. Spins first, so that threads leave together; sleeps
 * when another is not running at all.
 */
function meet(meeting) {
  const all = meeting * threads;
  if (Atomics.add(shared, ARRIVED, 1) + 1 === all) Atomics.notify(shared, ARRIVED);
  let spins = 0;
  for (
    let here = Atomics.load(shared, ARRIVED);
    here < all && !stopped();
    here = Atomics.load(shared, ARRIVED)
  ) {
    if (++spins > 5_000) Atomics.wait(shared, ARRIVED, here, 1);
  }
}

/** An endless task has come round once more. */
function passed() {
  Atomics.add(shared, PASSES + threadIndex, 1);
  Atomics.notify(shared, PASSES + threadIndex);
}

/**
 * Called in every round of a task that ends: sixteen times over its rounds it waits until each endless task has come round
 * again, so that a machine with other things to do cannot run the tasks one after the other.
 */
function overlap(round, rounds) {
  if (round % Math.ceil(rounds / 16) !== 0) return;
  for (const other of endlessThreads) {
    const before = Atomics.load(shared, PASSES + other);
    while (Atomics.load(shared, PASSES + other) === before && !stopped())
      Atomics.wait(shared, PASSES + other, before, 10);
  }
}

const TASKS = {
  /** Adds to a plain counter that only the lock protects. */
  mutex() {
    const { lock, counter, rounds } = options;
    for (let i = 0; i < rounds; i++) {
      engine.testLock(lock, 0);
      const before = view.getUint32(counter, true);
      if (engine.lockOwner(lock) !== threadIndex)
        violation(`owner is ${engine.lockOwner(lock)} while I hold it`);
      // Long enough at times that others go to sleep on it.
      if (random(500) === 0) Atomics.wait(shared, STOP, 0, 1);
      view.setUint32(counter, before + 1, true);
      engine.testUnlock(lock, 0);
    }
    return rounds;
  },

  /** Takes a lock that somebody holds. */
  waiter() {
    engine.testLock(options.lock, options.lockClass);
    engine.testUnlock(options.lock, options.lockClass);
    return 1;
  },

  /** Leaves with a slot that it has retired. */
  leaver() {
    engine.goOnline();
    engine.retire(engine.takeSlotLocked());
    engine.goOffline();
    return 1;
  },

  /** Looks records up that are always in the map. */
  mapReader() {
    let lookups = 0;
    while (!stopped()) {
      for (let i = 0; i < 2000; i++) {
        const { record, hash } = options.pinned[random(options.pinned.length)];
        let found = engine.mapFind(hash) >>> 0;
        while (found !== 0 && found !== record) found = engine.mapNext(found) >>> 0;
        if (found !== record) violation(`record ${record} of hash ${hash} was not found`);
        lookups++;
      }
      passed();
    }
    return lookups;
  },

  /** Inserts and removes others, near the map's capacity, so that entries move to make room. */
  mapWriter() {
    const { loose, rounds, lock } = options;
    const inside = new Set();
    let full = 0;
    for (let i = 0; i < rounds; i++) {
      overlap(i, rounds);
      const each = loose[random(loose.length)];
      engine.testLock(lock, 0);
      if (inside.has(each)) {
        // Seldom, so that the map stays near its capacity.
        if (random(4) !== 0) {
          engine.testUnlock(lock, 0);
          continue;
        }
        if (engine.mapRemoveLocked(each.record) === 0)
          violation(`record ${each.record} was not there to remove`);
        inside.delete(each);
      } else if (engine.mapInsertLocked(each.record, each.hash) !== 0) {
        inside.add(each);
      } else full++;
      engine.testUnlock(lock, 0);
    }
    if (full === 0) violation('the map was never full: nothing was tested');
    return rounds;
  },

  /** Puts all of them in, each under the lock. */
  mapFiller() {
    const { loose, lock } = options;
    loose.forEach(({ record, hash }, i) => {
      overlap(i, loose.length);
      engine.testLock(lock, 0);
      if (engine.mapInsertLocked(record, hash) === 0) violation(`no room for record ${record}`);
      engine.testUnlock(lock, 0);
    });
    return loose.length;
  },

  /** Walks the list: every walk ends, meets each fixed link once and in order, and nothing that is not a link. */
  listReader() {
    const { head, fixed } = options;
    let walks = 0;
    while (!stopped()) {
      let expected = 0;
      let steps = 0;
      for (let link = engine.listNext(head) >>> 0; link !== head; link = engine.listNext(link) >>> 0) {
        if (++steps > 100_000) {
          violation('a walk does not end');
          Atomics.store(shared, STOP, 1);
          return walks;
        }
        if (link === fixed[expected]) expected++;
        else if (fixed.includes(link)) violation(`link ${link} out of order`);
        else if (!options.loose.includes(link)) violation(`the walk met ${link}, which is no link`);
      }
      if (expected !== fixed.length) violation(`a walk met ${expected} of ${fixed.length} fixed links`);
      walks++;
      passed();
    }
    return walks;
  },

  /**
   * Puts links in before and behind the fixed ones and takes some out again. A link that was removed is not used again:
   * that would be inside a grace period.
   */
  listWriter() {
    const { loose, head, rounds } = options;
    const inside = [];
    const outside = [...loose];
    for (let i = 0; i < rounds; i++) {
      overlap(i, rounds);
      if (outside.length > 0 && (inside.length === 0 || random(2) === 0)) {
        const link = outside.pop();
        if (random(2) === 0) engine.listPushFront(head, link);
        else engine.listPushBack(head, link);
        inside.push(link);
      } else if (inside.length > 0) {
        const [link] = inside.splice(random(inside.length), 1);
        engine.listRemove(link);
      }
    }
    return rounds;
  },

  /**
   * Threads go offline at nearly the same moment, the first of them with slots that it has retired. Then nobody is left who would
   * return them, so they must have been returned. Returns the rounds in which they were not.
   */
  leaveTogether() {
    const { rounds, lock, orphanCount } = options;
    let left = 0;
    for (let round = 0; round < rounds && !stopped(); round++) {
      engine.goOnline();
      if (threadIndex === 0) {
        engine.testLock(lock, 0);
        const slot = engine.takeSlotLocked() >>> 0;
        engine.testUnlock(lock, 0);
        if (slot === 0) violation(`round ${round}: the slab is full`);
        else engine.retire(slot);
      }
      // A moment apart, another one in each round: what the first does takes a few hundred nanoseconds.
      const apart = threadIndex === 0 ? 0 : random(options.apart);
      meet(round * 2 + 1);
      for (let i = 0; i < apart; i++) Atomics.load(shared, START);
      engine.goOffline();
      meet(round * 2 + 2);
      if (threadIndex === 0 && view.getUint32(c.CONTROL + orphanCount, true) !== 0) left++;
    }
    return left;
  },

  /** All threads send the first packet of one flow at once; afterwards there is one connection. */
  createOnce() {
    const { rounds, packets, list, params } = options;
    let created = 0;
    engine.goOnline();
    for (let round = 0; round < rounds && !stopped(); round++) {
      const packet = packets[threadIndex];
      engine.resetPacketState(packet);
      view.setUint32(list[threadIndex], packet, true);
      meet(round * 3 + 1);
      engine.execute(list[threadIndex], 1, params, 1000);
      const verdict = view.getUint8(packet + c.PK_CT_STATE);
      const reason = view.getUint8(packet + c.PK_REASON);
      meet(round * 3 + 2);
      const legal = verdict & c.ST_NEW || verdict & c.ST_EST || reason === c.R_LOST_RACE;
      if (!legal) violation(`round ${round}: verdict 0x${verdict.toString(16)}, reason ${reason}`);
      if (verdict & c.ST_NEW) created++;
      if (threadIndex === 0 && engine.connCount() !== 1) {
        violation(`round ${round}: ${engine.connCount()} connections of one flow`);
      }
      meet(round * 3 + 3);
      // And all remove it at once.
      engine.flush(-1);
      engine.quiesce();
    }
    engine.detach();
    return created;
  },
};

if (engine.attach(threadIndex) === 0) throw new Error(`thread ${threadIndex} cannot attach`);
parentPort.postMessage('attached');
Atomics.wait(shared, START, 0);
let trap = null;
let done = 0;
try {
  done = TASKS[task]();
} catch (error) {
  trap = `thread ${threadIndex} stopped in ${task}: ${error.stack}`;
  Atomics.compareExchange(words, (c.CONTROL + c.C_ABORT) >> 2, 0, threadIndex + 1);
  Atomics.store(shared, STOP, 1);
}
parentPort.postMessage({ task, done, problems: trap === null ? violations : [trap, ...violations] });
