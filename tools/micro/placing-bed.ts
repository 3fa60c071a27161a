/** Loaded packets and an engine's memory to place them in, over and over. */
import { DEFAULT_DESIGN } from '../../engine/host/designs.js';
import { planMemory } from '../../engine/host/memory-plan.js';
import { loadEngine } from '../../engine/host/module.js';
import { createRun } from '../../engine/host/run-memory.js';
import { EngineThread } from '../../engine/host/thread.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { assignPackets, type Assignment } from '../replay/packet-choice.js';
import type { PacketSource } from '../replay/packet-source.js';
import { loadPackets, packetStoreBytes } from '../replay/packet-store.js';
import { releaseMemory } from '../replay/release-memory.js';
import { MicroError } from './micro-error.js';

const WORKERS = 2;

/** What is there while it is open. */
interface Bed {
  readonly traffic: PacketSource;
  readonly thread: EngineThread;
}

export class PlacingBed {
  readonly #load: () => Promise<PacketSource>;
  #bed: Bed | null = null;

  /** @param load loads the packets, all of which must fit */
  constructor(load: () => Promise<PacketSource>) {
    this.#load = load;
  }

  async open(): Promise<void> {
    if (this.#bed !== null) return;
    const traffic = await this.#load();
    const engine = loadEngine(DEFAULT_DESIGN, 'bare');
    const { constants } = engine;
    const plan = planMemory(constants, {
      threads: 1,
      maxConns: 1,
      nat: false,
      packetStoreBytes: packetStoreBytes(traffic, constants, assigned(traffic)),
      histogramBytes: 0,
    });
    const run = createRun(engine, plan, { seed: 1, hashBasis: 1, preset: 0 });
    this.#bed = { traffic, thread: new EngineThread(run, 0, () => 0) };
  }

  /**
   * Decides about all packets and places them.
   * @returns how many
   */
  place(): number {
    const { traffic, thread } = this.#open;
    const shares = loadPackets(thread, traffic, assigned(traffic));
    return shares.reduce((sum, { addresses }) => sum + addresses.length, 0);
  }

  /** Gives the memory back. */
  close(): void {
    this.#bed = null;
    releaseMemory();
  }

  get #open(): Bed {
    if (this.#bed === null) throw new MicroError('capture/place: nothing was loaded');
    return this.#bed;
  }
}

/** Decided anew: what is known of traffic is known under the same rules only. */
function assigned(traffic: PacketSource): Assignment {
  return assignPackets(traffic, createRules(DEFAULT_CONFIG), 'flow', WORKERS);
}
