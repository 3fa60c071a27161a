/**
 * Where a worker's packets come from: the packet store, which holds all of them, or a ring that a feeder fills. Both show the
 * next packets of the loop, at most a batch, in arrays: the replay loop is the same for both.
 */
import { RECORD_LOOP_END, RingReader, type RingPlace } from './feed-ring.js';
import type { WorkerPackets } from './packet-store.js';

/** Packets to come. The arrays hold what `look` found, the next packet first. */
export abstract class PacketSupply {
  /** Addresses of their places. */
  readonly addresses: Uint32Array;
  /** Places in the whole traffic of a loop, counting from 0. */
  readonly indexes: Float64Array;
  /** Places on the schedule, in its units; of a staged supply only where they are asked for. */
  readonly units: Float64Array;
  /** Capture times, nanoseconds since the first packet of the traffic; likewise. */
  readonly timesNs: Float64Array;

  constructor(batch: number) {
    this.addresses = new Uint32Array(batch);
    this.indexes = new Float64Array(batch);
    this.units = new Float64Array(batch);
    this.timesNs = new Float64Array(batch);
  }

  /** Place of the first packet shown among the worker's packets of a loop; only of packets that lie in the store. */
  abstract readonly position: number;
  /** Packets shown in the arrays: 0 at the end of the loop, or when the run was stopped while waiting. */
  abstract look(): number;
  /** The first `count` packets are done with. */
  abstract release(count: number): void;
  /** Starts a loop; false when this worker will never have a packet. */
  abstract startLoop(): boolean;
  /** Shows up to `limit` of the first packets in batches, for a warm-up; takes none. Yields how many are shown. */
  abstract warmUp(limit: number): Iterable<number>;
}

/** Packets that lie in the store. */
export class StagedSupply extends PacketSupply {
  readonly #packets: WorkerPackets;
  readonly #unitsOf: Float64Array | null;
  readonly #timesOf: Float64Array;
  readonly #batch: number;
  readonly #showsTimes: boolean;
  #at = 0;

  /**
   * @param times of each packet of the traffic: its place on the schedule, or null when its index is the place; its capture time, none at
   *   all where nothing goes by it; and whether they are asked for, which at top speed with the wall clock nobody does, and reading them
   *   would be a share of the throughput
   */
  constructor(
    packets: WorkerPackets,
    {
      units,
      timesNs,
      areShown,
    }: { readonly units: Float64Array | null; readonly timesNs: Float64Array; readonly areShown: boolean },
    batch: number,
  ) {
    super(batch);
    this.#packets = packets;
    this.#unitsOf = units;
    this.#timesOf = timesNs;
    this.#showsTimes = areShown;
    this.#batch = batch;
  }

  get position(): number {
    return this.#at;
  }

  look(): number {
    const { addresses, indexes } = this.#packets;
    const count = Math.min(this.#batch, addresses.length - this.#at);
    for (let i = 0, at = this.#at; i < count; i++, at++) {
      this.addresses[i] = addresses[at] as number;
      this.indexes[i] = indexes[at] as number;
    }
    if (this.#showsTimes) this.#showTimes(count);
    return count;
  }

  #showTimes(count: number): void {
    for (let i = 0; i < count; i++) {
      const index = this.indexes[i] as number;
      this.units[i] = this.#unitsOf === null ? index : (this.#unitsOf[index] as number);
    }
    if (this.#timesOf.length === 0) return;
    for (let i = 0; i < count; i++) this.timesNs[i] = this.#timesOf[this.indexes[i] as number] as number;
  }

  release(count: number): void {
    this.#at += count;
  }

  startLoop(): boolean {
    this.#at = 0;
    return this.#packets.addresses.length > 0;
  }

  *warmUp(limit: number): Iterable<number> {
    const { addresses, indexes } = this.#packets;
    const total = Math.min(limit, addresses.length);
    for (let at = 0; at < total; at += this.#batch) {
      const count = Math.min(this.#batch, total - at);
      for (let i = 0; i < count; i++) {
        this.addresses[i] = addresses[at + i] as number;
        this.indexes[i] = indexes[at + i] as number;
      }
      yield count;
    }
  }
}

/** What the place of a streamed packet on the schedule is. */
export type StreamPlace = 'index' | 'bits' | 'time';

/** How a worker's packets reach it when they are streamed. */
export interface StreamInput {
  readonly ring: RingPlace;
  readonly place: StreamPlace;
}

/** What a streamed supply needs from its worker. */
export interface StreamHooks {
  /** Whether to wait for whole batches: without a schedule, so that batches do not depend on how fast the feeder is. */
  readonly wholeBatches: boolean;
  readonly now: () => number;
  readonly isStopped: () => boolean;
  /** Called around a wait: the worker is offline meanwhile, or nothing could be freed. */
  readonly onWait: (waiting: boolean) => void;
  /** When a packet is due on the run's clock, by its place on the schedule; negative infinity when it is due at once. */
  readonly dueNs: (units: number) => number;
}

/** How often the source was too slow: a packet was due, and its ring was empty. */
export interface SourceLag {
  readonly waits: number;
  readonly waitNs: number;
}

/** A sleep is never longer: the end of the run is looked for in between. */
const WAIT_MS = 50;

/** Packets that a feeder writes while they are replayed. */
export class StreamSupply extends PacketSupply {
  readonly position = 0;
  readonly #ring: RingReader;
  readonly #place: StreamPlace;
  readonly #batch: number;
  readonly #hooks: StreamHooks;
  /** Ring position behind each packet that is shown. */
  readonly #ends: Float64Array;
  #held = 0;
  #loopEnded = false;
  #loopEnd = 0;
  #waits = 0;
  #waitNs = 0;

  constructor(memory: ArrayBufferLike, { ring, place }: StreamInput, batch: number, hooks: StreamHooks) {
    super(batch);
    this.#ring = new RingReader(memory, ring);
    this.#place = place;
    this.#batch = batch;
    this.#hooks = hooks;
    this.#ends = new Float64Array(batch);
  }

  get lag(): SourceLag {
    return { waits: this.#waits, waitNs: this.#waitNs };
  }

  look(): number {
    const wanted = this.#hooks.wholeBatches ? this.#batch : 1;
    this.#take();
    if (this.#held < wanted && !this.#loopEnded && !this.#waitFor(wanted)) return 0;
    return this.#held;
  }

  release(count: number): void {
    this.#ring.release(this.#ends[count - 1] as number);
    this.#held -= count;
    if (this.#held === 0) return;
    for (const shown of [this.addresses, this.indexes, this.units, this.timesNs, this.#ends]) {
      shown.copyWithin(0, count);
    }
  }

  startLoop(): boolean {
    if (this.#loopEnded) this.#ring.release(this.#loopEnd);
    this.#loopEnded = false;
    return true;
  }

  *warmUp(limit: number): Iterable<number> {
    const start = this.#ring.mark();
    for (let seen = 0; seen < limit;) {
      this.#held = 0;
      this.#take(Math.min(this.#batch, limit - seen));
      if (this.#held === 0) break;
      seen += this.#held;
      yield this.#held;
    }
    this.#held = 0;
    this.#loopEnded = false;
    this.#ring.rewind(start);
  }

  /** Takes in what is published, up to the end of the loop. */
  #take(most = this.#batch): void {
    const ring = this.#ring;
    while (this.#held < most && !this.#loopEnded && ring.next()) {
      if (ring.kind === RECORD_LOOP_END) {
        this.#loopEnded = true;
        this.#loopEnd = ring.position;
        return;
      }
      const i = this.#held++;
      this.addresses[i] = ring.address;
      this.indexes[i] = ring.index;
      this.units[i] =
        this.#place === 'index' ? ring.index : this.#place === 'bits' ? ring.units : ring.timeNs;
      this.timesNs[i] = ring.timeNs;
      this.#ends[i] = ring.position;
    }
  }

  /** Waits for packets or the end of the loop; false when the run was stopped meanwhile. */
  #waitFor(wanted: number): boolean {
    const { now, isStopped, onWait, dueNs, wholeBatches } = this.#hooks;
    const had = this.#held;
    const from = now();
    onWait(true);
    while (this.#held < wanted && !this.#loopEnded && !isStopped()) {
      // A batch at a time, a sleep would cost more than its packets; what is due is not waited for any longer than it takes.
      this.#ring.waitForMore(WAIT_MS, wholeBatches);
      this.#take();
    }
    onWait(false);
    if (this.#held > had) {
      // Only what is past the due time is the source's fault.
      const lateNs = now() - Math.max(from, dueNs(this.units[had] as number));
      if (lateNs > 0) {
        this.#waits++;
        this.#waitNs += lateNs;
      }
    }
    return this.#held >= wanted || this.#loopEnded;
  }
}
