/** What must hold of a whole tracker at rest, whatever threads did to it. */
import { readCounters, sumCounters } from '../../engine/host/counters.js';
import { traitsOf } from '../../engine/host/design-traits.js';
import type { EngineRun } from '../../engine/host/run-memory.js';
import { shardLocks } from '../../engine/host/shard-locks.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { layoutConstants } from './layout-constants.js';

/** A tracker that no thread uses now. */
export interface RestingTracker {
  readonly run: EngineRun;
  /** A thread of its own that is offline, for looking at it: the one behind the others. */
  readonly checker: EngineThread;
  /** Those that have used it: threads 0 to this less one. All have left (`detach`). */
  readonly threads: number;
  /** Packets that they ran, which the counts of ct_states must add up to; null where fragments make that another number. */
  readonly injected: number | null;
  /** Also no two connections of one tuple and zone: where nothing expires and nothing is forced out. */
  readonly noDuplicates: boolean;
}

/** A record of the map. */
interface TableRecord {
  readonly at: number;
  readonly isCompanion: boolean;
  /** Companion or annex; 0 = neither. */
  readonly peer: number;
  readonly isTranslated: boolean;
}

/** Checks everything that holds at rest, and then that a flush leaves nothing; returns what does not hold, in sentences. */
export function brokenInvariants(tracker: RestingTracker): string[] {
  return new TableCheck(tracker).problems();
}

class TableCheck {
  readonly #result: RestingTracker;
  readonly #view: DataView;
  readonly #c: Readonly<Record<string, number>>;
  readonly #found: string[] = [];

  constructor(result: RestingTracker) {
    this.#result = result;
    this.#view = new DataView(result.run.memory.buffer);
    this.#c = { ...result.run.engine.constants, ...layoutNumbers() };
  }

  problems(): string[] {
    const { checker, noDuplicates } = this.#result;
    this.#atRest();
    checker.exports.goOnline();
    const records = this.#records();
    // What is wrong with the map may lead anything that walks it in a circle.
    if (this.#found.length > 0) return this.#found;
    const connections = records.filter(({ isCompanion }) => !isCompanion);
    this.#peers(records);
    this.#lists(connections.map(({ at }) => at));
    this.#counts(records.length, connections.length);
    this.#zones(connections.map(({ at }) => at));
    this.#slab(this.#reachable(records));
    this.#expectations();
    this.#fragments();
    if (noDuplicates) this.#duplicates(connections.map(({ at }) => at));
    if (this.#found.length > 0) return this.#found;
    this.#pass(connections.map(({ at }) => at));
    checker.exports.flush(-1);
    checker.exports.quiesce();
    this.#empty();
    checker.exports.goOffline();
    return this.#found;
  }

  #constant(name: string): number {
    const value = this.#c[name];
    if (value === undefined) throw new Error(`no constant ${name}`);
    return value;
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  #control(name: string): number {
    return this.#u32(this.#constant('CONTROL') + this.#constant(name));
  }

  #expect(what: string, actual: number, expected: number): void {
    if (actual !== expected) this.#found.push(`${what} is ${actual}, not ${expected}`);
  }

  /** No lock held, nobody online, nothing waiting for a grace period. */
  #atRest(): void {
    const { run, threads } = this.#result;
    for (const lock of ['C_CT_LOCK', 'C_RESOURCES_LOCK', 'C_FRAGMENT_LOCK'])
      this.#expect(lock, this.#control(lock), 0);
    shardLocks(run).forEach((at, shard) => this.#expect(`the lock of shard ${shard}`, this.#u32(at), 0));
    this.#expect('the count of sweeps in progress', this.#control('C_SWEEPING'), 0);
    this.#expect('the count of slots in a grace period', this.#control('C_GRACE_PENDING'), 0);
    this.#expect('the count of orphans', this.#control('C_ORPHAN_COUNT'), 0);
    for (let thread = 0; thread < threads; thread++) {
      const block = run.plan.regions.threads + thread * this.#constant('THREAD_SIZE');
      for (const word of [
        'T_EPOCH_SEEN',
        'T_LOCKS_HELD',
        'T_RETIRED',
        'T_WAITING',
        'T_SPARE_SLOTS',
        'T_RESERVED_SLOTS',
      ]) {
        this.#expect(`${word} of thread ${thread}`, this.#u32(block + this.#constant(word)), 0);
      }
    }
  }

  /** Every record of the map, each found under its own key too. */
  #records(): TableRecord[] {
    const exports = this.#result.checker.exports as unknown as Walker;
    const seen = new Set<number>();
    const records: TableRecord[] = [];
    exports.walkStart();
    for (let at = exports.walkNext() >>> 0; at !== 0; at = exports.walkNext() >>> 0) {
      if (seen.has(at)) {
        this.#found.push(`record ${at} is in the map twice`);
        break;
      }
      seen.add(at);
      if (exports.isReachable(at) === 0) this.#found.push(`record ${at} is not found under its key`);
      this.#expect(
        `parity of the generation of record ${at}`,
        this.#u32(at + this.#constant('CO_GENERATION')) & 1,
        1,
      );
      const flags = this.#flags(at);
      const isCompanion = (flags & this.#constant('CONN_UN_NAT')) !== 0;
      const peer = this.#u32(at + this.#constant('CO_PEER'));
      if (!isCompanion) {
        this.#expect(`lock of record ${at}`, this.#u32(at + this.#constant('CO_LOCK')), 0);
        this.#expect(`reclaimed flag of record ${at}`, this.#u32(at + this.#constant('CO_RECLAIMED')) & 1, 0);
      }
      records.push({
        at,
        isCompanion,
        peer,
        isTranslated: (flags & this.#constant('CONN_TRANSLATED')) !== 0,
      });
    }
    return records;
  }

  #flags(record: number): number {
    return this.#view.getUint8(record + this.#constant('CO_FLAGS'));
  }

  /** Each companion belongs to exactly one connection of the map, and leads back to it; so does each annex, which is in no map. */
  #peers(records: readonly TableRecord[]): void {
    const owners = new Map<number, number>();
    for (const { at, peer, isCompanion, isTranslated } of records) {
      if (isCompanion || peer === 0) continue;
      this.#expect(`peer of the peer of connection ${at}`, this.#u32(peer + this.#constant('CO_PEER')), at);
      if (isTranslated) owners.set(peer, at);
      else this.#expect(`flags of annex ${peer}`, this.#flags(peer), this.#constant('CONN_ANNEX'));
    }
    for (const { at, isCompanion } of records) {
      if (isCompanion && !owners.delete(at)) this.#found.push(`companion ${at} belongs to no connection`);
    }
    for (const [companion, owner] of owners) {
      this.#found.push(`companion ${companion} of connection ${owner} is not in the map`);
    }
  }

  /** Slots of the table: records of the map, and annexes of connections. */
  #reachable(records: readonly TableRecord[]): number[] {
    const annexes = records.filter(
      ({ isCompanion, isTranslated, peer }) => !isCompanion && !isTranslated && peer !== 0,
    );
    return [...records.map(({ at }) => at), ...annexes.map(({ peer }) => peer)];
  }

  #key(at: number): string {
    const bytes = new Uint8Array(this.#view.buffer).slice(at, at + this.#constant('KEY_SIZE'));
    return Buffer.from(bytes).toString('hex');
  }

  /** The reverse key of a connection: its companion's, or its own with the ends swapped. */
  #reverseKey(conn: number): string {
    if ((this.#flags(conn) & this.#constant('CONN_TRANSLATED')) !== 0) {
      return this.#key(this.#u32(conn + this.#constant('CO_PEER')) + this.#constant('CO_KEY'));
    }
    const key = this.#key(conn + this.#constant('CO_KEY'));
    const part = (from: number, bytes: number): string => key.slice(2 * from, 2 * (from + bytes));
    return part(16, 16) + part(0, 16) + part(36, 4) + part(32, 4) + part(40, 8);
  }

  /** The expiration lists, where the design has any, hold each connection of the map once, and nothing else; both directions agree. */
  #lists(connections: readonly number[]): void {
    const { lists, listsAt, listIsClass } = traitsOf(this.#result.run.engine.design);
    if (lists === 0) return;
    const base = this.#result.run.plan.regions.expiry + listsAt;
    const unlisted = new Set(connections);
    for (let list = 0; list < lists; list++) {
      const head = base + list * this.#constant('LINK_SIZE');
      let previous = head;
      for (let link = this.#u32(head + 4); link !== head; link = this.#u32(link + 4)) {
        const conn = link - this.#constant('CO_LINK');
        if (!unlisted.delete(conn)) {
          this.#found.push(`list ${list} holds ${conn}, which is not in the map, or in two lists`);
          break;
        }
        if (this.#u32(link) !== previous) this.#found.push(`prev of ${conn} does not lead back`);
        if (listIsClass) {
          const own = this.#view.getUint8(conn + this.#constant('CO_TIMEOUT_CLASS'));
          if (own !== list) this.#found.push(`connection ${conn} of class ${own} is in list ${list}`);
        }
        previous = link;
      }
    }
    for (const conn of unlisted) this.#found.push(`connection ${conn} is in no expiration list`);
  }

  /**
   * A pass leaves nothing that has expired by then, where passes are not those that were recorded, flaws included. At the time when the
   * first connection expires: what was shortened most must not have been forgotten.
   */
  #pass(connections: readonly number[]): void {
    const { run, checker } = this.#result;
    if (traitsOf(run.engine.design).recordedSweeps !== 'none') return;
    const expirationsMs = connections
      .map((conn) => Number(this.#view.getBigInt64(conn + this.#constant('CO_EXPIRATION'), true)))
      .filter((ms) => ms > 0);
    if (expirationsMs.length === 0) return;
    const nowMs = Math.min(...expirationsMs);
    do checker.exports.sweep(nowMs);
    while (checker.exports.sweepWasImmediate() !== 0);
    this.#expect(
      'the count of expired connections after a pass',
      checker.exports.countExpired(BigInt(nowMs)),
      0,
    );
  }

  /** The counters tell the same as the table. */
  #counts(records: number, connections: number): void {
    const { run, threads, injected, checker } = this.#result;
    this.#expect('n_conn', this.#control('C_N_CONN'), connections);
    this.#expect('the table count', checker.exports.tableCount(), records);
    if (run.engine.flavour === 'bare') return;
    // The checker's too: it may have flushed before.
    const counted = Array.from({ length: threads + 1 }, (_, thread) => readCounters(run, thread));
    const total = sumCounters(counted);
    const { work, verdicts, reasons } = total;
    this.#expect('created less removed', (work['created'] ?? 0) - (work['removed'] ?? 0), connections);
    this.#expect('reason "created"', reasons.get(this.#constant('R_CREATED')) ?? 0, work['created'] ?? 0);
    const sum = [...verdicts.values()].reduce((all, count) => all + count, 0);
    if (injected !== null) this.#expect('the sum of verdicts', sum, injected);
    for (const [name, figures] of Object.entries(total.locks)) {
      if (figures.contended > figures.acquisitions)
        this.#found.push(`${name} was contended more often than taken`);
    }
  }

  /** Each zone's count is that of the connections that its present entry admitted. */
  #zones(connections: readonly number[]): void {
    const { zones } = this.#result.run.plan.regions;
    const admitted = new Map<number, number>();
    for (const conn of connections) {
      const zone = this.#admissionZone(conn);
      if (zone === null) continue;
      const entry = zones + (zone + 1) * this.#constant('ZONE_ENTRY_SIZE');
      const { slab, side } = this.#result.run.plan.regions;
      const index = (conn - slab) / this.#constant('CONN_SIZE');
      const sequence = this.#u32(side + index * this.#constant('SIDE_SIZE') + this.#constant('SD_ZONE_SEQ'));
      if (this.#u32(entry) === 0 || this.#u32(entry + this.#constant('Z_SEQUENCE')) !== sequence) continue;
      admitted.set(zone, (admitted.get(zone) ?? 0) + 1);
    }
    for (let zone = -1; zone < 16; zone++) {
      const entry = zones + (zone + 1) * this.#constant('ZONE_ENTRY_SIZE');
      if (this.#u32(entry) === 0) continue;
      this.#expect(
        `the count of zone ${zone}`,
        this.#u32(entry + this.#constant('Z_COUNT')),
        admitted.get(zone) ?? 0,
      );
    }
  }

  /** Zone of the limit that counts a connection, -1 the default one; null = none does. */
  #admissionZone(conn: number): number | null {
    const flags = this.#flags(conn);
    if ((flags & this.#constant('CONN_ADMITTED_DEFAULT')) !== 0) return -1;
    if ((flags & this.#constant('CONN_ADMITTED_ZONE')) === 0) return null;
    return this.#view.getUint16(conn + this.#constant('CO_KEY') + this.#constant('K_ZONE'), true);
  }

  /** Every slot is reachable, free, or was never used: none lost, none in two places. */
  #slab(reachable: readonly number[]): void {
    const { plan } = this.#result.run;
    const free = new Set<number>();
    for (const start of ['C_SLAB_FREE', 'C_SLAB_RETURNED']) {
      for (
        let slot = this.#control(start);
        slot !== 0;
        slot = this.#u32(slot + this.#constant('NEXT_SLOT'))
      ) {
        if (free.has(slot)) {
          this.#found.push(`slot ${slot} is free twice`);
          break;
        }
        free.add(slot);
        this.#expect(
          `parity of the generation of free slot ${slot}`,
          this.#u32(slot + this.#constant('CO_GENERATION')) & 1,
          0,
        );
      }
    }
    for (const slot of reachable)
      if (free.has(slot)) this.#found.push(`slot ${slot} is free and in the table`);
    const end = plan.regions.slab + plan.slabSlots * this.#constant('CONN_SIZE');
    const unused = (end - this.#control('C_SLAB_NEXT')) / this.#constant('CONN_SIZE');
    this.#expect('the count of slots in use', this.#control('C_SLAB_IN_USE'), reachable.length);
    this.#expect('reachable, free and unused slots', reachable.length + free.size + unused, plan.slabSlots);
  }

  /** Every expectation is found by its key and by its parent's, once each, and they are as many as are counted. */
  #expectations(): void {
    const { expectationSlots, regions } = this.#result.run.plan;
    const c = this.#result.run.engine.constants;
    const slots = Array.from(
      { length: expectationSlots },
      (_, index) => regions.expectations + index * c.EXPECTATION_SIZE,
    );
    const used = slots.filter((slot) => this.#u32(slot + this.#constant('EX_USED')) !== 0);
    this.#expect('the count of expectations', this.#control('C_N_EXPECTATIONS'), used.length);
    for (const [head, next] of [
      ['HEAD_BY_KEY', 'NEXT_BY_KEY'],
      ['HEAD_BY_PARENT', 'NEXT_BY_PARENT'],
    ] as const) {
      const unseen = new Set(used);
      for (const start of slots) {
        let slot = this.#u32(start + this.#constant(head));
        while (slot !== 0 && unseen.delete(slot)) slot = this.#u32(slot + this.#constant(next));
        if (slot !== 0) this.#found.push(`expectation ${slot} is in two chains of ${head}, or is free`);
      }
      for (const slot of unseen) this.#found.push(`expectation ${slot} is in no chain of ${head}`);
    }
  }

  /** As many fragments are held as are counted. */
  #fragments(): void {
    const exports = this.#result.checker.exports as unknown as Walker;
    const counted = exports.fragmentsHeld();
    let held = 0;
    for (let at = exports.heldFragmentNext(1); at !== 0 && held <= counted; at = exports.heldFragmentNext(0))
      held++;
    this.#expect('the number of fragments held', held, counted);
  }

  #duplicates(connections: readonly number[]): void {
    const seen = new Map<string, number>();
    for (const conn of connections) {
      const forward = this.#key(conn + this.#constant('CO_KEY'));
      const other = seen.get(forward) ?? seen.get(this.#reverseKey(conn));
      if (other !== undefined) this.#found.push(`connections ${other} and ${conn} have one tuple`);
      seen.set(forward, conn);
    }
  }

  /** After a flush by the only thread left, everything is as at the start. */
  #empty(): void {
    this.#expect('n_conn after the flush', this.#control('C_N_CONN'), 0);
    this.#expect('the table count after the flush', this.#result.checker.exports.tableCount(), 0);
    this.#expect('slots in use after the flush', this.#control('C_SLAB_IN_USE'), 0);
    this.#expect('slots in a grace period after the flush', this.#control('C_GRACE_PENDING'), 0);
    this.#zones([]);
    this.#lists([]);
    this.#slab([]);
  }
}

interface Walker {
  walkStart(): void;
  walkNext(): number;
  isReachable(record: number): number;
  fragmentsHeld(): number;
  heldFragmentNext(first: number): number;
}

let layout: Record<string, number> | null = null;
function layoutNumbers(): Record<string, number> {
  layout ??= layoutConstants([
    'C_ORPHAN_COUNT',
    'C_SLAB_FREE',
    'C_SLAB_RETURNED',
    'CO_LINK',
    'CO_LOCK',
    'CO_RECLAIMED',
    'CONN_ADMITTED_DEFAULT',
    'CONN_ADMITTED_ZONE',
    'SD_ZONE_SEQ',
    'EX_USED',
    'HEAD_BY_KEY',
    'HEAD_BY_PARENT',
    'LINK_SIZE',
    'NEXT_BY_KEY',
    'NEXT_BY_PARENT',
    'NEXT_SLOT',
    'T_RESERVED_SLOTS',
    'T_RETIRED',
    'T_SPARE_SLOTS',
    'T_WAITING',
    'Z_COUNT',
    'Z_SEQUENCE',
  ]);
  return layout;
}
