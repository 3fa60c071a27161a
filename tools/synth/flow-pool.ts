/**
 * Decides, packet by packet, which of many conversations speaks next, so that three rates hold independently:
 * packets per second (the caller's: one call is one packet slot), new connections per second, and connections open
 * at once. Memory is bounded by the last, never by how many conversations there are in all.
 */
import { ScenarioError } from './parameters.js';
import type { Picker } from '../random/picker.js';

/** Where a conversation stands between two of its packets. */
export const PHASE = {
  /** Over; its slot is free. */
  closed: 0,
  /** Handshake not complete. */
  opening: 1,
  /** Open: may speak whenever it is picked. */
  open: 2,
  /** Asked to close: finishes its exchange, then its closing packets, before others speak. */
  closing: 3,
} as const;

/** Conversations of one protocol in numbered slots: the state machines that a pool drives. */
export interface FlowTable {
  /** Slots there are. */
  readonly capacity: number;
  readonly maxFrameLength: number;
  /** Packets of the shortest conversation, from first to last; where kinds of conversations have shares, the mean of their shortest. */
  readonly minPacketsPerFlow: number;
  /** Makes the slot conversation number `flowIndex`; its first packet comes from the next `emit`. */
  begin(slot: number, flowIndex: number): void;
  /** Writes the slot's next packet at `at` and returns its length in bytes. */
  emit(slot: number, into: Uint8Array, at: number): number;
  /** One of {@link PHASE}. */
  phase(slot: number): number;
  /** Lets an open conversation end after its current exchange. */
  askToClose(slot: number): void;
  flowIndex(slot: number): number;
}

export interface FlowPoolOptions {
  scenarioName: string;
  /** Packet slots per second. */
  pps: number;
  /**
   * New connections per second; null starts one whenever fewer than `activeFlows` are open, so that the rate follows
   * from the length of the conversations.
   */
  cps: number | null;
  /** Connections to hold open at once: beyond it the oldest is closed. */
  activeFlows: number;
}

/** Slots beyond `activeFlows` that a pool needs for conversations that are closing. */
export function poolCapacity(activeFlows: number): number {
  return activeFlows + 1024 + (activeFlows >>> 3);
}

/** Handshakes in progress at once when no rate is asked for: enough to interleave, too few to look like a flood. */
const HANDSHAKES_AT_ONCE = 16;

/** Without the digits that binary fractions add. */
function rounded(value: number): number {
  return Number(value.toPrecision(9));
}

export class FlowPool {
  flowIndex = 0;
  /** Conversations begun so far. */
  started = 0;
  /** Conversations begun and neither closing nor closed. */
  active = 0;
  #packetIndex = 0;
  readonly #free: Int32Array;
  #freeCount: number;
  /** Opening and closing conversations, first come first served. */
  readonly #urgent: Int32Array;
  #urgentHead = 0;
  #urgentCount = 0;
  /** Open conversations, unordered; `openIndex` finds a slot's place. */
  readonly #open: Int32Array;
  readonly #openIndex: Int32Array;
  #openCount = 0;
  /** Active conversations from oldest to newest, linked through the slots. */
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = -1;
  #newest = -1;

  readonly #table: FlowTable;
  readonly #options: FlowPoolOptions;
  readonly #pick: Picker;

  constructor(table: FlowTable, options: FlowPoolOptions, pick: Picker) {
    this.#table = table;
    this.#options = options;
    this.#pick = pick;
    const { cps, pps, scenarioName } = options;
    const needed = (cps ?? 0) * table.minPacketsPerFlow;
    if (needed > pps * (1 + 1e-9)) {
      throw new ScenarioError(
        `scenario ${scenarioName}: --cps ${cps} needs at least ${rounded(needed)} packets/s ` +
          `(${rounded(table.minPacketsPerFlow)} packets a connection), but has ${rounded(pps)}; raise --pps or lower --cps`,
      );
    }
    const slots = table.capacity;
    this.#free = Int32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#freeCount = slots;
    this.#urgent = new Int32Array(slots);
    this.#open = new Int32Array(slots);
    this.#openIndex = new Int32Array(slots).fill(-1);
    this.#older = new Int32Array(slots).fill(-1);
    this.#newer = new Int32Array(slots).fill(-1);
  }

  /** Writes the packet of the next slot in time; returns its length in bytes. */
  write(into: Uint8Array, at: number): number {
    const slot = this.#choose();
    this.#packetIndex++;
    this.flowIndex = this.#table.flowIndex(slot);
    const wasActive = this.#table.phase(slot) !== PHASE.closing;
    const length = this.#table.emit(slot, into, at);
    this.#settle(slot, wasActive);
    return length;
  }

  #choose(): number {
    if (this.#startIsDue() && this.#freeCount > 0) return this.#start();
    if (this.#urgentCount > 0) return this.#takeUrgent();
    if (this.#openCount > 0) return this.#open[this.#pick(this.#openCount)]!;
    // Nothing to say in any conversation: the packet rate goes before the connection rate.
    return this.#start();
  }

  #startIsDue(): boolean {
    const { cps, pps, activeFlows } = this.#options;
    if (cps === null) return this.active < activeFlows && this.#urgentCount < HANDSHAKES_AT_ONCE;
    return this.started < Math.floor((this.#packetIndex * cps) / pps) + 1;
  }

  #start(): number {
    const slot = this.#free[--this.#freeCount]!;
    this.#table.begin(slot, this.started++);
    this.#linkNewest(slot);
    this.active++;
    if (this.active > this.#options.activeFlows) this.#retire(this.#oldest);
    return slot;
  }

  /** Asks the oldest conversation to close and lets it do so before others speak. */
  #retire(slot: number): void {
    this.#table.askToClose(slot);
    this.#deactivate(slot);
    const index = this.#openIndex[slot]!;
    if (index >= 0) {
      this.#removeOpen(index);
      // A conversation without closing packets, between two exchanges, is simply over.
      if (this.#table.phase(slot) === PHASE.closed) this.#free[this.#freeCount++] = slot;
      else this.#pushUrgent(slot);
    }
  }

  /** Puts a conversation where its new phase belongs. */
  #settle(slot: number, wasActive: boolean): void {
    const phase = this.#table.phase(slot);
    const index = this.#openIndex[slot]!;
    if (phase === PHASE.open) {
      if (index < 0) {
        this.#openIndex[slot] = this.#openCount;
        this.#open[this.#openCount++] = slot;
      }
      return;
    }
    if (index >= 0) this.#removeOpen(index);
    if (wasActive && phase !== PHASE.opening) this.#deactivate(slot);
    if (phase === PHASE.closed) this.#free[this.#freeCount++] = slot;
    else this.#pushUrgent(slot);
  }

  #pushUrgent(slot: number): void {
    this.#urgent[(this.#urgentHead + this.#urgentCount++) % this.#urgent.length] = slot;
  }

  #takeUrgent(): number {
    const slot = this.#urgent[this.#urgentHead]!;
    this.#urgentHead = (this.#urgentHead + 1) % this.#urgent.length;
    this.#urgentCount--;
    return slot;
  }

  #removeOpen(index: number): void {
    const last = this.#open[--this.#openCount]!;
    this.#openIndex[this.#open[index]!] = -1;
    if (index < this.#openCount) {
      this.#open[index] = last;
      this.#openIndex[last] = index;
    }
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = -1;
    if (this.#newest >= 0) this.#newer[this.#newest] = slot;
    else this.#oldest = slot;
    this.#newest = slot;
  }

  #deactivate(slot: number): void {
    this.active--;
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    if (older >= 0) this.#newer[older] = newer;
    else this.#oldest = newer;
    if (newer >= 0) this.#older[newer] = older;
    else this.#newest = older;
  }
}
