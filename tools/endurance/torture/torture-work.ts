/** What a torture thread does in a lap, at random, and what it checks on the way. */
import type { EngineConstants } from '../../../engine/host/constants.js';
import type { ByteOffset } from '../../../engine/host/quantities.js';
import type { EngineThread } from '../../../engine/host/thread.js';
import { Random } from '../../random/random.js';
import type { Control } from './control.js';
import type { StepHook } from './step-hook.js';
import type { Focus } from './round-plan.js';
import { STRIDE, type ThreadInput } from './thread-input.js';
import { CHANGING_POLICY, LIMITED_ZONE, ZONES, type LaidFlow, type LaidRule } from './traffic.js';

/** A packet of a batch. */
interface Sent {
  readonly packet: number;
  readonly flow: LaidFlow;
  readonly rule: LaidRule;
}

/** A connection that a packet carries: its slot must not be reused before this thread's next quiescent point. */
interface Held {
  readonly conn: number;
  readonly generation: number;
  readonly key: Uint8Array;
}

const MOST_VIOLATIONS = 5;
const MOST_HELD = 16;
/** Entries that move may be met again, so a walk has no exact length; this bound says that it ends. */
const LONGEST_WALK = 100_000;

export class TortureWork {
  readonly #input: ThreadInput;
  readonly #engine: EngineThread;
  readonly #control: Control;
  readonly #hook: StepHook;
  readonly #random: Random;
  readonly #c: EngineConstants;
  #held: Held[] = [];
  /** Of the thread's own flows: number of flushes after which it was in the table; absent = it may not be. */
  readonly #present = new Map<number, number>();
  #doing = 'nothing';
  packets = 0;
  operations = 0;
  violations: string[] = [];

  constructor(input: ThreadInput, engine: EngineThread, control: Control, hook: StepHook) {
    this.#input = input;
    this.#engine = engine;
    this.#control = control;
    this.#hook = hook;
    this.#random = new Random(input.plan.randomSeed).derive(`thread ${input.thread}`);
    this.#c = input.run.engine.constants;
  }

  beginLap(): void {
    this.#held = [];
    this.#present.clear();
    this.packets = 0;
    this.operations = 0;
    this.violations = [];
  }

  /** Writes down what must not be, with the step. */
  note(what: string): void {
    if (this.violations.length >= MOST_VIOLATIONS) return;
    const { thread, plan } = this.#input;
    const step =
      plan.mode === 'serial'
        ? `step ${this.#control.steps} of the round`
        : `step ${this.#hook.steps} of the thread`;
    this.violations.push(`thread ${thread}, ${step}, in ${this.#doing}: ${what}`);
  }

  /**
   * @param lap its number: in every second one threads leave together
   * @throws what the engine or the step hook throws
   */
  lap(lap: number): void {
    const { exports } = this.#engine;
    const { thread, plan } = this.#input;
    const { batchesPerLap, operationPercent, ownPackets, mode, focus } = plan;
    this.#doing = 'goOnline';
    exports.goOnline();
    // It finds what is there and so waits for no lock: others are seen in the middle of their changes.
    const onlyLooks = focus === 'map' && thread === 0;
    for (let batch = 0; batch < batchesPerLap && !this.#control.stopped; batch++) {
      const own = focus === 'map' && !onlyLooks ? 0 : this.#random.below(ownPackets + 1);
      for (let sent = 0; sent < own; sent++) this.#runOwn();
      if (!onlyLooks) this.#runBatch();
      if (!onlyLooks && this.#chance(operationPercent)) this.#operate();
      if (this.#chance(60)) {
        this.#atQuiescentPoint();
        exports.quiesce();
      }
      if (this.violations.length > 0) break;
    }
    this.#atQuiescentPoint();
    if (lap % 2 === 0) this.#control.meet(thread, mode === 'serial');
    this.#doing = 'detach';
    exports.detach();
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }

  // ---- Packets -------------------------------------------------------------------------------------------------------
  /** Copies a packet to the thread's scratch and to place `place` of its list. */
  #load(place: number, from: number, params: ByteOffset): number {
    const { view, bytes, packetsAt } = this.#engine;
    const c = this.#c;
    const to = this.#input.scratch + place * STRIDE;
    const frame = view.getUint32(from + c.PK_FRAME, true);
    const length = view.getUint32(from + c.PK_LENGTH, true);
    bytes.copyWithin(to, from, from + c.PACKET_SIZE);
    bytes.copyWithin(to + c.PACKET_SIZE + 2, frame, frame + length);
    view.setUint32(to + c.PK_FRAME, to + c.PACKET_SIZE + 2, true);
    view.setUint32(to + c.PK_PARAMS, params, true);
    view.setUint32(packetsAt + place * 4, to, true);
    return to;
  }

  #execute(count: number): void {
    const { exports, packetsAt } = this.#engine;
    const params = (this.#input.traffic.rules[0] as LaidRule).params;
    exports.execute(packetsAt, count, params, this.#control.nowMs);
    this.packets += count;
  }

  #runBatch(): void {
    const { rules, flows } = this.#input.traffic;
    const { exports, packetsAt } = this.#engine;
    const count = 1 + this.#random.below(this.#input.plan.mostPackets);
    const batch: Sent[] = [];
    for (let place = 0; place < count; place++) {
      const rule = this.#pick(rules);
      const flow = this.#pick(flows[rule.flows]);
      const packet = this.#load(place, this.#pick(flow.packets), rule.params);
      batch.push({ packet, flow, rule });
    }
    exports.resetPackets(packetsAt, count);
    this.#doing = 'execute';
    this.#execute(count);
    for (const sent of batch) {
      this.#checkState(sent);
      this.#remember(sent.packet);
    }
    if (this.#chance(25)) this.#runAgain(batch);
  }

  #setParams(packet: number, rule: LaidRule): void {
    this.#engine.view.setUint32(packet + this.#c.PK_PARAMS, rule.params, true);
  }

  /** The same packets once more: translated ones come back as replies, others with the connection they carry. */
  #runAgain(batch: readonly Sent[]): void {
    const { exports, view } = this.#engine;
    const c = this.#c;
    if (this.#chance(50)) {
      this.#atQuiescentPoint();
      exports.quiesce();
    }
    for (const { packet, rule } of batch) {
      const isHeld = this.#isHeld(packet);
      const isTranslated = (view.getUint8(packet + c.PK_CT_STATE) & (c.ST_SNAT | c.ST_DNAT)) !== 0;
      if (rule.translates && isTranslated && !rule.helps && !isHeld) this.#turnRound(packet);
      else if (!isHeld) continue;
      exports.resetPacketState(packet);
      this.#setParams(packet, rule);
    }
    this.#doing = 'execute again';
    this.#execute(batch.length);
    for (const { packet } of batch) {
      if (this.#isHeld(packet)) continue;
      const ctState = view.getUint8(packet + c.PK_CT_STATE);
      if ((ctState & c.ST_TRK) === 0)
        this.note(`a packet run again became 0x${ctState.toString(16)}: not tracked`);
    }
  }

  #isHeld(packet: number): boolean {
    return this.#engine.view.getUint32(packet + this.#c.PK_CONSUMED, true) !== 0;
  }

  /** Turns an IPv4 frame round: addresses and ports swapped, which leaves every checksum as it is. */
  #turnRound(packet: number): void {
    const { view, bytes } = this.#engine;
    const c = this.#c;
    const header = view.getUint32(packet + c.PK_FRAME, true) + view.getUint16(packet + c.PK_L3, true);
    const swap = (at: number, size: number): void => {
      const first = bytes.slice(at, at + size);
      bytes.copyWithin(at, at + size, at + 2 * size);
      bytes.set(first, at + size);
    };
    swap(header + 12, 4);
    swap(header + 20, 2);
  }

  /** What a packet that came in clean can become. */
  #checkState({ packet, flow, rule }: Sent): void {
    if (this.#isHeld(packet)) return;
    const c = this.#c;
    const ctState = this.#engine.view.getUint8(packet + c.PK_CT_STATE);
    const has = (bit: number): boolean => (ctState & bit) !== 0;
    const wrong = (why: string): void =>
      this.note(`${flow.name} under '${rule.name}' became 0x${ctState.toString(16)}: ${why}`);
    if (!has(c.ST_TRK)) wrong('not tracked');
    if (has(c.ST_NEW) && has(c.ST_EST)) wrong('both new and established');
    if (has(c.ST_INV) && has(c.ST_NEW | c.ST_EST | c.ST_RPL)) wrong('invalid and something else');
    if (has(c.ST_RPL) && !has(c.ST_EST) && !has(c.ST_REL)) wrong('reply of no established connection');
    if (has(c.ST_REL) && rule.flows !== 'ftp') wrong('related, but nothing announced it');
    if (has(c.ST_SNAT | c.ST_DNAT) && !rule.translates) wrong('translated without being asked');
    if (has(c.ST_INV) && flow.neverInvalid && !rule.translates) wrong('invalid, but the packet is flawless');
  }

  #remember(packet: number): void {
    const { view, bytes } = this.#engine;
    const c = this.#c;
    const conn = this.#isHeld(packet) ? 0 : view.getUint32(packet + c.PK_CONN, true);
    if (conn === 0 || this.#held.length >= MOST_HELD) return;
    const generation = view.getUint32(packet + c.PK_CONN_GENERATION, true);
    if ((generation & 1) === 0) this.note(`a packet carries slot ${conn} of even generation ${generation}`);
    this.#held.push({
      conn,
      generation,
      key: bytes.slice(conn + c.CO_KEY, conn + c.CO_KEY + c.KEY_SIZE),
    });
  }

  /** Looks at what is held for the last time. */
  #atQuiescentPoint(): void {
    const { bytes } = this.#engine;
    const c = this.#c;
    const words = new Int32Array(bytes.buffer);
    for (const { conn, generation, key } of this.#held) {
      const now = Atomics.load(words, (conn + c.CO_GENERATION) >> 2) >>> 0;
      if (now !== generation && now !== generation + 1)
        this.note(`slot ${conn} went from generation ${generation} to ${now} inside a grace period`);
      else if (!key.every((byte, i) => byte === bytes[conn + c.CO_KEY + i]))
        this.note(
          `slot ${conn} was overwritten inside a grace period (generation ${generation}, now ${now})`,
        );
    }
    this.#held = [];
  }

  /**
   * A packet of a flow that no other thread sends, that does not expire and that only a flush of everything removes: while there is
   * none, a connection that was there is found. Nobody else creates one, so no creation of this thread can lose a race: one that does has
   * not found what was there.
   */
  #runOwn(): void {
    const { traffic, thread } = this.#input;
    const own = traffic.own[thread] as LaidOwn;
    const { exports, view, packetsAt } = this.#engine;
    const c = this.#c;
    const flow = this.#random.below(own.packets.length);
    const flushes = this.#control.flushes;
    const packet = this.#load(0, own.packets[flow] as number, own.params);
    exports.resetPackets(packetsAt, 1);
    view.setUint32(packet + c.PK_PARAMS, own.params, true);
    this.#doing = 'execute of an own flow';
    const before = this.#created;
    this.#execute(1);
    const isCreated = this.#created !== before;
    const ctState = view.getUint8(packet + c.PK_CT_STATE);
    const reason = view.getUint8(packet + c.PK_REASON);
    const text = `own flow ${flow} became 0x${ctState.toString(16)} (reason ${reason})`;
    const present = this.#present.get(flow);
    const begun = this.#control.flushesBegun;
    if ((ctState & (c.ST_NEW | c.ST_EST)) === 0) this.note(`${text}: neither new nor established`);
    else if (reason === c.R_LOST_RACE)
      this.note(`${text}: a look-up missed it, and the next one, under the lock, did not`);
    else if (present === begun && isCreated)
      this.note(`${text} and was created: it was in the table, and nobody has removed it`);
    if (reason === c.R_NONE && flushes === begun) this.#present.set(flow, begun);
    else this.#present.delete(flow);
  }

  /** Connections that this thread has created. */
  get #created(): number {
    const { run, index, view } = this.#engine;
    const block = run.plan.regions.threads + index * this.#c.THREAD_SIZE;
    return view.getUint32(block + this.#c.T_REASONS + this.#c.R_CREATED * 8, true);
  }

  // ---- Operations ----------------------------------------------------------------------------------------------------
  #operate(): void {
    const name = this.#pick(OPERATION_NAMES[this.#input.plan.focus]);
    this.#doing = name;
    this.operations++;
    this.#operations[name]();
  }

  #sweep(): void {
    const { clockStepMs } = this.#input.plan;
    if (clockStepMs > 0) this.#control.moveClock(this.#random.below(clockStepMs));
    this.#engine.exports.sweep(this.#control.nowMs);
  }

  /** Walks the table as a dump does while others change it. */
  #dump(): void {
    const { exports, run } = this.#engine;
    const now = this.#control.nowMs;
    const { slab } = run.plan.regions;
    const end = slab + run.plan.slabSlots * this.#c.CONN_SIZE;
    let count = 0;
    for (let at = exports.dumpNext(1, now) >>> 0; at !== 0; at = exports.dumpNext(0, now) >>> 0) {
      if (at < slab || at >= end || (at - slab) % this.#c.CONN_SIZE !== 0)
        return this.note(`the walk left the slab: ${at}`);
      if (++count > LONGEST_WALK) return this.note('a walk does not end');
    }
  }

  #flushTuple(): void {
    const { exports, bytes, keyAt } = this.#engine;
    const key = this.#pick(this.#input.traffic.keys);
    bytes.copyWithin(keyAt, key, key + this.#c.KEY_SIZE);
    exports.flushTuple(keyAt, this.#control.nowMs);
  }

  #flushAll(): void {
    this.#control.beginFlush();
    this.#engine.exports.flush(-1);
    this.#control.endFlush();
  }

  #offline(): void {
    const { exports } = this.#engine;
    this.#atQuiescentPoint();
    exports.goOffline();
    if (this.#input.plan.mode === 'parallel' && this.#chance(30)) this.#control.sleep(this.#input.thread, 1);
    exports.goOnline();
  }

  /** As a thread that has nothing to do for a while. */
  #leave(): void {
    const { exports } = this.#engine;
    this.#atQuiescentPoint();
    exports.detach();
    exports.goOnline();
  }

  readonly #operations: Readonly<Record<OperationName, () => void>> = {
    sweep: () => this.#sweep(),
    dump: () => this.#dump(),
    countExpired: () => void this.#engine.exports.countExpired(BigInt(this.#control.nowMs)),
    flushAll: () => this.#flushAll(),
    flushZone: () => this.#engine.exports.flush(this.#random.below(ZONES)),
    flushTuple: () => this.#flushTuple(),
    setZoneLimit: () => void this.#engine.exports.setZoneLimit(LIMITED_ZONE, this.#random.below(12)),
    setDefaultLimit: () => void this.#engine.exports.setZoneLimit(-1, 4 + this.#random.below(12)),
    deleteZoneLimit: () => void this.#engine.exports.deleteZoneLimit(this.#chance(50) ? LIMITED_ZONE : -1),
    setConnLimit: () => this.#engine.exports.setConnLimit(4 + this.#random.below(80)),
    setPolicy: () =>
      void this.#engine.exports.setPolicy(CHANGING_POLICY, this.#pick(this.#input.traffic.attributes)),
    deletePolicy: () => void this.#engine.exports.deletePolicy(CHANGING_POLICY),
    setSeqCheck: () => this.#engine.exports.setSeqCheck(this.#random.below(2)),
    offline: () => this.#offline(),
    leave: () => this.#leave(),
  };
}

type LaidOwn = ThreadInput['traffic']['own'][number];

const EVERYTHING = [
  'sweep',
  'sweep',
  'sweep',
  'dump',
  'countExpired',
  'flushAll',
  'flushZone',
  'flushTuple',
  'flushTuple',
  'setZoneLimit',
  'setDefaultLimit',
  'deleteZoneLimit',
  'setConnLimit',
  'setConnLimit',
  'setPolicy',
  'deletePolicy',
  'setSeqCheck',
  'offline',
  'offline',
  'leave',
] as const;
type OperationName = (typeof EVERYTHING)[number];

/** By how often they come. */
const OPERATION_NAMES: Readonly<Record<Focus, readonly OperationName[]>> = {
  everything: EVERYTHING,
  map: ['flushTuple', 'flushTuple', 'flushZone', 'dump', 'sweep', 'sweep', 'sweep'],
  leave: ['flushTuple', 'flushTuple', 'sweep', 'flushZone', 'offline', 'offline', 'leave'],
};
