/**
 * The replay loop of one worker: wait until packets are due, run a batch through the engine, pass a quiescent point.
 *
 * Everything that is not the tracker's work (making descriptors, giving packets the addresses of their loop, copying those
 * that may be rewritten, computing due times) happens between batches, before the engine reads its clock.
 */
import { LoopAddresses } from '../rewrite/loop-addresses.js';
import { DepartureRecorder, SETTLED_AFTER_NS, type Departures } from './departure.js';
import type { FaultInjector } from './fault-injection.js';
import { makeDue, waitUntil, type WaitPolicy } from './pace.js';
import { loopCount, loopsPerChange, scheduleEndNs } from './plan-loops.js';
import { RecordedTotal } from './recorded-total.js';
import { SpinPause } from '../measure/spin-pause.js';
import { calibrateThread, type ThreadTiming } from './thread-timing.js';
import { TimeAccount, type TimeAccountFigures } from './time-account.js';
import { headBytes, openBatch } from './packet-place.js';
import { StagedSupply, StreamSupply, type PacketSupply, type SourceLag } from './packet-supply.js';
import type { RunThread } from './worker-setup.js';
import type { SweepRecord, WorkerInput } from './worker-input.js';
import { TRACKER_EPOCH_MS } from './run-clock.js';
import { SweepRunner } from './sweep-runner.js';

/**
 * Without per-packet times, smaller batches than this are not timed either: the reads would be a share of the throughput that
 * such a run is made for.
 */
const LEAST_TIMED_BATCH = 8;

/** Runs one worker's packets. Built per run; `run` is called once. */
export class WorkerLoop {
  readonly #input: WorkerInput;
  readonly #thread: RunThread;
  readonly #supply: PacketSupply;
  readonly #stream: StreamSupply | null;
  /** Views on the engine's call arguments. */
  readonly #batchAddresses: Uint32Array;
  readonly #batchDue: Float64Array;
  readonly #intervalWord: number;
  /** Where the engine says which packet of a batch it works on. */
  readonly #packetIndexWord: number;
  readonly #departure: DepartureRecorder | null;
  readonly #sweeper: SweepRunner | null;
  /** Null where every loop has the same addresses, or the feeder writes those of each loop. */
  readonly #loopAddresses: LoopAddresses | null;
  readonly #due: (loop: number, units: number) => number;
  readonly #waiting: WaitPolicy;
  readonly #account: TimeAccount | null;
  readonly #recorded: RecordedTotal;
  /** The latest reading of the clock: the end of the batch before, or of a wait. */
  #latestNs = 0;
  #waitingSinceNs = 0;
  /** When the latest batch was handed to the engine. */
  #departedNs = 0;
  readonly #fault: FaultInjector | null;
  readonly #loopCount: number;
  /** On the run's clock: packets that are due from then on are not sent. Infinity where the run goes on until it is stopped. */
  #endNs = Number.POSITIVE_INFINITY;
  #interval = -1;
  #inBatch = false;
  /** Packets run and recorded. */
  packets = 0;
  loops = 0;

  constructor(input: WorkerInput, thread: RunThread, fault: FaultInjector | null) {
    this.#input = input;
    this.#thread = thread;
    this.#fault = fault;
    this.#waiting = { spin: input.spin, pause: new SpinPause() };
    const { engine } = thread;
    const { buffer } = input.run.memory;
    const { batch, latency } = input.plan;
    this.#loopCount = loopCount(input.plan);
    this.#batchAddresses = new Uint32Array(buffer, engine.packetsAt, batch);
    this.#batchDue = new Float64Array(buffer, engine.dueAt, batch);
    const c = input.run.engine.constants;
    const block = input.run.plan.regions.threads + input.threadIndex * c.THREAD_SIZE;
    this.#intervalWord = block + c.T_INTERVAL_HISTOGRAM;
    this.#packetIndexWord = block + c.T_PACKET_INDEX;
    this.#departure = input.schedule.paced ? new DepartureRecorder() : null;
    this.#due = makeDue(input.schedule);
    const perChange = loopsPerChange(input.plan);
    this.#loopAddresses = perChange === null || input.stream !== null ? null : this.#openAddresses(perChange);
    this.#account = latency.mode !== 'off' || batch >= LEAST_TIMED_BATCH ? new TimeAccount() : null;
    this.#recorded = new RecordedTotal(input.run, input.threadIndex);
    this.#sweeper = input.sweepsInline ? new SweepRunner(thread) : null;
    this.#stream = input.stream === null ? null : this.#openStream(input.stream);
    this.#supply = this.#stream ?? this.#openStore();
  }

  /** How often packets came too late from their source; null when they were all there. */
  get sourceLag(): SourceLag | null {
    return this.#stream?.lag ?? null;
  }

  /** Where the time went; null when it was not measured. */
  get account(): TimeAccountFigures | null {
    return this.#account?.figures() ?? null;
  }

  /** Place in the traffic of the packet that the engine was given last, while it works on it; null otherwise. */
  get packetInProgress(): number | null {
    if (!this.#inBatch) return null;
    const place = this.#thread.engine.view.getUint32(this.#packetIndexWord, true);
    return this.#supply.indexes[place] ?? null;
  }

  get departure(): Departures | null {
    return this.#departure?.figures() ?? null;
  }

  get sweeps(): readonly SweepRecord[] {
    return this.#sweeper?.records ?? [];
  }

  /** Passes of this worker and the time in them, recorded or not. */
  get swept(): { readonly count: number; readonly totalNs: number } {
    return this.#sweeper ?? { count: 0, totalNs: 0 };
  }

  /**
   * Unrecorded passes over the first packets, so that the engine is compiled and the caches have seen it. Then tells what timing
   * costs on this thread.
   */
  warmUp(): ThreadTiming {
    const { engine, clock } = this.#thread;
    engine.exports.goOnline();
    this.#fault?.at('warm-up', 0);
    let batches = 0;
    for (const count of this.#supply.warmUp(this.#input.plan.warmupPackets)) {
      this.#fill(count, 0);
      this.#beginBatch();
      this.#batchDue.fill(clock.now());
      this.#execute(count, TRACKER_EPOCH_MS, (batches++ * this.#input.plan.batch) % 2 === 0);
      this.#endBatch();
      engine.exports.quiesce();
    }
    const timing = calibrateThread(this.#thread);
    engine.exports.detach();
    return timing;
  }

  /** Waits for t0, when every thread begins, whether there is a schedule or not. */
  waitForStart(): void {
    const { state, clock } = this.#thread;
    waitUntil(
      state.t0Ns,
      clock.now,
      (ms) => state.sleep(ms),
      () => state.stopped !== 0,
      this.#waiting,
    );
  }

  /** Replays until the loops are done or the run is stopped. */
  run(): void {
    const { state, engine, clock } = this.#thread;
    engine.exports.goOnline();
    this.#recorded.take();
    this.#endNs = state.t0Ns + scheduleEndNs(this.#input.plan);
    this.#latestNs = clock.now();
    for (this.loops = 0; this.loops < this.#loopCount && state.stopped === 0; this.loops++) {
      if (!this.#supply.startLoop()) break;
      if (!this.#runLoop(this.loops)) break;
    }
    this.#fault?.at('end', this.packets);
    engine.exports.detach();
  }

  /** One pass over the worker's packets; false when it was stopped inside. */
  #runLoop(loop: number): boolean {
    const { schedule } = this.#input;
    const { state, engine } = this.#thread;
    for (;;) {
      if (state.stopped !== 0) return false;
      const available = this.#supply.look();
      if (available === 0) return state.stopped === 0;
      const count = schedule.paced ? this.#waitForDue(available, loop) : available;
      if (count === 0) return false;
      this.#fill(count, loop);
      if (this.#account === null) this.#departedNs = this.#latestNs = this.#thread.clock.now();
      const nowMs = this.#trackerNow(loop);
      this.#fault?.at('pass', this.packets);
      if (this.#sweeper?.sweepIfDue(nowMs) === true) this.#noteSweep(this.#sweeper.lastDurationNs);
      this.#enterInterval();
      this.#beginBatch();
      this.#fault?.at('work', this.packets);
      this.#executeAccounted(count, nowMs, this.#isTimed());
      this.#endBatch();
      engine.exports.quiesce();
      this.packets += count;
      this.#supply.release(count);
      // Booked after the batch, by the reading before it: booking is not part of anybody's latency.
      this.#departure?.note(this.#batchDue, count, this.#departedNs, state.t0Ns + SETTLED_AFTER_NS);
      this.#departure?.settle();
    }
  }

  /** A pass of this worker's own lies before the batch that it has filled. */
  #noteSweep(durationNs: number): void {
    if (this.#account === null) this.#departedNs = this.#thread.clock.now();
    else this.#account.swept(durationNs);
  }

  /** From here on the engine works on a packet: should the thread end, it is known on which. */
  #beginBatch(): void {
    const { state, engine } = this.#thread;
    engine.view.setUint32(this.#packetIndexWord, 0, true);
    state.notePacket(this.#input.threadIndex, this.#supply.indexes[0] as number);
    this.#inBatch = true;
  }

  #endBatch(): void {
    this.#inBatch = false;
    this.#thread.state.notePacket(this.#input.threadIndex, null);
  }

  #isTimed(): boolean {
    const { latency, batch } = this.#input.plan;
    if (latency.mode === 'off') return false;
    if (latency.mode === 'all') return true;
    return Math.floor(this.packets / batch) % latency.interval === 0;
  }

  /** Runs the batch between two readings of the clock; the second also serves as the time of what comes next. */
  #executeAccounted(count: number, nowMs: number, timed: boolean): void {
    if (this.#account === null) {
      this.#execute(count, nowMs, timed);
      return;
    }
    const { clock } = this.#thread;
    const startNs = clock.now();
    this.#execute(count, nowMs, timed);
    this.#latestNs = clock.now();
    this.#departedNs = startNs;
    this.#account.executed(this.#latestNs - startNs, timed, timed ? this.#recorded.take() : 0);
  }

  #execute(count: number, nowMs: number, timed: boolean): void {
    const { engine } = this.#thread;
    const { exports, packetsAt, paramsAt, dueAt } = engine;
    if (timed)
      exports.executeTimed(packetsAt, count, paramsAt, nowMs, this.#input.schedule.paced ? dueAt : 0);
    else exports.execute(packetsAt, count, paramsAt, nowMs);
  }

  /** Readies the batch: the loop's IP addresses, then descriptors with nothing attached, of copies where packets may be rewritten. */
  #fill(count: number, loop: number): void {
    const { addresses } = this.#supply;
    if (loop > 0) this.#loopAddresses?.apply(this.#supply.position, count, loop);
    for (let i = 0; i < count; i++) this.#batchAddresses[i] = addresses[i] as number;
    openBatch(this.#thread.engine, this.#input.packets, count);
  }

  /**
   * Waits until the first packet shown is due and tells how many of the following are due by then; fills their due times.
   * 0 = stopped while waiting, or the schedule ends before. The thread is offline while it waits, or nothing could be freed meanwhile.
   */
  #waitForDue(available: number, loop: number): number {
    const { engine, clock, state } = this.#thread;
    const { units } = this.#supply;
    const dueOf = (place: number): number => state.t0Ns + this.#due(loop, units[place] as number);
    const first = dueOf(0);
    const untilNs = Math.min(first, this.#endNs);
    let time = clock.now();
    const fromNs = time;
    if (time < untilNs) {
      engine.exports.goOffline();
      this.#fault?.at('asleep', this.packets);
      time = waitUntil(
        untilNs,
        clock.now,
        (ms) => state.sleep(ms),
        () => state.stopped !== 0,
        this.#waiting,
      );
      engine.exports.goOnline();
      this.#account?.waited(time - fromNs);
    }
    if (first >= this.#endNs || (state.stopped !== 0 && time < first)) {
      // Who had nothing to send when the schedule ended is in no arrears, however late it comes back from its wait.
      this.#departure?.stoppedBeforeDue(fromNs < untilNs ? clock.now() : this.#endNs);
      return 0;
    }
    this.#departure?.begin(fromNs, time, first);
    this.#batchDue[0] = first;
    let count = 1;
    while (count < available) {
      const due = dueOf(count);
      if (due > time || due >= this.#endNs) break;
      this.#batchDue[count++] = due;
    }
    this.#latestNs = clock.now();
    return count;
  }

  /** Tracker time of the batch in milliseconds; the latest reading of the clock is microseconds old at most. */
  #trackerNow(loop: number): number {
    const { trackerClock } = this.#input;
    const { state } = this.#thread;
    if (trackerClock.mode === 'wall') {
      return TRACKER_EPOCH_MS + Math.floor(((this.#latestNs - state.t0Ns) / 1e6) * trackerClock.scale);
    }
    const timeMs = (this.#supply.timesNs[0] as number) / 1e6 + loop * trackerClock.loopMs;
    const nowMs = TRACKER_EPOCH_MS + Math.floor(timeMs);
    state.advanceTo(nowMs);
    return nowMs;
  }

  /** Points the engine at the interval histogram of the present interval; the main thread reads the one before. */
  #enterInterval(): void {
    const { state, engine } = this.#thread;
    const { plan, run, threadIndex } = this.#input;
    if (plan.latency.mode === 'off') return;
    const interval = Math.floor((this.#latestNs - state.t0Ns) / (plan.timelineMs * 1e6));
    if (interval === this.#interval) return;
    this.#interval = interval;
    const c = run.engine.constants;
    const base = run.plan.regions.histograms + threadIndex * run.plan.histogramStride + c.H_INTERVAL;
    engine.view.setUint32(this.#intervalWord, base + (Math.max(interval, 0) % 4) * c.COARSE_BYTES, true);
  }

  /** Finds out, before the barrier, what of the worker's packets changes from loop to loop. */
  #openAddresses(perChange: number): LoopAddresses {
    const { packets, run } = this.#input;
    const { view } = this.#thread.engine;
    const c = run.engine.constants;
    return new LoopAddresses(
      run.memory.buffer,
      packets.addresses.length,
      (index) => {
        const place = packets.addresses[index] as number;
        return { at: place + headBytes(c), length: view.getUint32(place + c.PL_LENGTH, true) };
      },
      perChange,
    );
  }

  #openStore(): StagedSupply {
    const { packets, units, timesNs, schedule, trackerClock, plan } = this.#input;
    const areShown = schedule.paced || trackerClock.mode !== 'wall';
    return new StagedSupply(packets, { units, timesNs, areShown }, plan.batch);
  }

  #openStream(stream: NonNullable<WorkerInput['stream']>): StreamSupply {
    const { schedule, plan, run } = this.#input;
    const { clock, state } = this.#thread;
    return new StreamSupply(run.memory.buffer, stream, plan.batch, {
      wholeBatches: !schedule.paced,
      now: clock.now,
      isStopped: () => state.stopped !== 0,
      onWait: (waiting) => this.#noteSourceWait(waiting),
      dueNs: (units) =>
        schedule.paced ? state.t0Ns + this.#due(this.loops, units) : Number.NEGATIVE_INFINITY,
    });
  }

  /** Around a wait for the source: offline meanwhile, or nothing could be freed. */
  #noteSourceWait(waiting: boolean): void {
    const { clock, engine } = this.#thread;
    if (waiting) {
      this.#waitingSinceNs = clock.now();
      engine.exports.goOffline();
      this.#fault?.at('asleep', this.packets);
      return;
    }
    engine.exports.goOnline();
    this.#latestNs = clock.now();
    this.#account?.waited(this.#latestNs - this.#waitingSinceNs);
  }
}
