/**
 * One build of a design with its own memory and traffic, driven pass by pass in this thread. Two of them take turns: what the
 * machine does meets both alike.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DesignChoice } from '../../engine/host/designs.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine, type EngineModule } from '../../engine/host/module.js';
import { createRun } from '../../engine/host/run-memory.js';
import { EngineThread, MAX_BATCH } from '../../engine/host/thread.js';
import { applyConfig, threadTarget } from '../config/apply-config.js';
import { engineSettings } from '../config/engine-settings.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { assignPackets } from '../replay/packet-choice.js';
import { FRAME_SHIFT, openBatch, placesDescriptors } from '../replay/packet-place.js';
import { framesOf, type PacketSource } from '../replay/packet-source.js';
import { loadPackets, packetStoreBytes, type WorkerPackets } from '../replay/packet-store.js';

/** What both sides have in common. */
export interface SideOptions {
  readonly choice: DesignChoice;
  readonly traffic: PacketSource;
  readonly config: TrackerConfig;
  /** For the engine's random choices and its hash; the same on both sides. */
  readonly seed: number;
  /** Monotonic nanoseconds. */
  readonly clock: () => number;
}

/** Tracker time at the start, milliseconds. */
const START_MS = 1_000_000;
/** Between two passes, milliseconds of tracker time. */
const PASS_GAP_MS = 1000;

/** An engine that can run the traffic again and again. */
export class EngineSide {
  readonly #thread: EngineThread;
  readonly #packets: WorkerPackets;
  readonly #batch: Uint32Array;
  /** Nanoseconds since the first packet, per packet. */
  readonly #timesNs: Float64Array;
  readonly #clock: () => number;
  /** Least nanoseconds that each batch took in any pass. */
  readonly #least: Float64Array;
  #passStartMs = START_MS;
  #nextSweepMs = START_MS;

  /**
   * @param wasmFolder where the build lies
   * @throws EngineError, ConfigError
   */
  constructor(wasmFolder: string, options: SideOptions) {
    const { choice, traffic, config, seed } = options;
    const engine = freshlyCompiled(loadEngine(choice.design, 'bare', wasmFolder), wasmFolder);
    const assignment = assignPackets(traffic, createRules(config), 'single', 1);
    const plan = planMemory(engine.constants, {
      threads: 1,
      maxConns: traffic.packets,
      nat: true,
      packetStoreBytes: packetStoreBytes(traffic, engine.constants, assignment),
      histogramBytes: 0,
    });
    const run = createRun(engine, plan, engineSettings(engine, choice, config, seed));
    this.#clock = options.clock;
    this.#timesNs = framesOf(traffic).timesNs;
    this.#thread = new EngineThread(run, 0, options.clock);
    this.#thread.guard(() => {
      this.#thread.exports.initTracker();
      this.#thread.exports.goOnline();
    });
    applyConfig(threadTarget(this.#thread), config);
    this.#packets = loadPackets(this.#thread, traffic, assignment)[0] as WorkerPackets;
    this.#least = new Float64Array(Math.ceil(traffic.packets / MAX_BATCH)).fill(Number.POSITIVE_INFINITY);
    this.#batch = new Uint32Array(run.memory.buffer, this.#thread.packetsAt, MAX_BATCH);
  }

  /**
   * Nanoseconds inside the engine per packet: every batch at the least it took in any pass so far. The work of a batch is the same
   * in every pass, so whatever it took longer was the machine's doing. Filling batches, sweeping and emptying are not part of it.
   */
  get leastNsPerPacket(): number {
    return this.#least.reduce((sum, ns) => sum + ns, 0) / this.#packets.addresses.length;
  }

  /** Forgets the passes so far. */
  forget(): void {
    this.#least.fill(Number.POSITIVE_INFINITY);
  }

  /**
   * Runs all packets once on an empty table and empties it again.
   * @throws EngineError when the engine stops
   */
  pass(): void {
    const { exports, packetsAt, paramsAt } = this.#thread;
    const { addresses } = this.#packets;
    const total = addresses.length;
    this.#thread.guard(() => {
      for (let at = 0; at < total; at += MAX_BATCH) {
        const count = Math.min(MAX_BATCH, total - at);
        this.#fill(at, count);
        const nowMs = this.#passStartMs + Math.floor((this.#timesNs[at] as number) / 1e6);
        if (nowMs >= this.#nextSweepMs) {
          exports.sweep(nowMs);
          this.#nextSweepMs = nowMs + Math.max(1, Number(exports.sweepDelayMs()));
        }
        const start = this.#clock();
        exports.execute(packetsAt, count, paramsAt, nowMs);
        const index = at / MAX_BATCH;
        this.#least[index] = Math.min(this.#least[index] as number, this.#clock() - start);
        exports.quiesce();
      }
      exports.flush(-1);
      exports.quiesce();
    });
    this.#passStartMs += Math.ceil((this.#timesNs[total - 1] as number) / 1e6) + PASS_GAP_MS;
  }

  #fill(at: number, count: number): void {
    const { addresses } = this.#packets;
    for (let i = 0; i < count; i++) this.#batch[i] = addresses[at + i] as number;
    if (placesDescriptors(this.#thread.run.engine.constants)) this.#fillOlder(count);
    else openBatch(this.#thread, this.#packets, count);
  }

  /** For engines whose packets lie behind their descriptors. */
  #fillOlder(count: number): void {
    const { descriptorsAt, descriptorStride, copies } = this.#packets;
    if (copies) {
      for (let i = 0; i < count; i++) {
        const to = descriptorsAt + i * descriptorStride;
        copyPacket(this.#thread, this.#batch[i] as number, to, descriptorStride);
        this.#batch[i] = to;
      }
    }
    this.#thread.exports.resetPackets(this.#thread.packetsAt, count);
  }
}

/** Copies descriptor and frame to a place of `placeBytes`, where the frame may grow: the engine then leaves the original as it is. */
function copyPacket({ run, view, bytes }: EngineThread, from: number, to: number, placeBytes: number): void {
  const { PACKET_SIZE, PK_FRAME, PK_LENGTH, PK_CAPACITY } = run.engine.constants;
  const frame = view.getUint32(from + PK_FRAME, true);
  const length = view.getUint32(from + PK_LENGTH, true);
  const frameTo = to + PACKET_SIZE + FRAME_SHIFT;
  bytes.copyWithin(to, from, from + PACKET_SIZE);
  bytes.copyWithin(frameTo, frame, frame + length);
  view.setUint32(to + PK_FRAME, frameTo, true);
  view.setUint32(to + PK_CAPACITY, placeBytes - PACKET_SIZE - FRAME_SHIFT, true);
}

let compilations = 0;

/**
 * The module compiled once more. Where the compiler puts the code decides over several per cent of its speed, so a build has to be
 * measured in many places. V8 keeps one compilation per content; a custom section of its own makes each content another.
 */
function freshlyCompiled(engine: EngineModule, wasmFolder: string): EngineModule {
  const bytes = readFileSync(join(wasmFolder, `${engine.design}.${engine.flavour}.wasm`));
  compilations += 1;
  // Id 0, size 6, a name of one letter, and four bytes of content.
  const section = Buffer.from([0, 6, 1, 0x23, 0, 0, 0, 0]);
  section.writeUInt32LE(compilations, 4);
  return { ...engine, module: new WebAssembly.Module(Buffer.concat([bytes, section])) };
}
