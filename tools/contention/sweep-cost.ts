/**
 * What a clean-up pass and a flush cost a connection, with and without probes: what the instrument adds to them. One thread,
 * nothing else at work.
 */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import type { Flavour } from '../../engine/host/module.js';
import { Tracker } from '../../engine/host/tracker.js';
import { HOLD_INTERVAL } from '../replay/run-layout.js';
import { median } from '../stats/sample.js';
import { buildFrame } from '../synth/packet-builder.js';
import type { SweepRow } from './contention-result.js';
import { ratiosOf, spreadOfAll } from './spread.js';

export interface SweepRequest {
  readonly designs: readonly DesignChoice[];
  readonly connections: number;
  readonly rounds: number;
  readonly seed: number;
  /** Monotonic nanoseconds. */
  readonly now: () => number;
  readonly onCell: (text: string) => void;
  readonly wasmFolder?: string | undefined;
}

/** Raised when the passes did not do what was to be timed. */
export class SweepCostError extends Error {
  constructor(design: string, reason: string) {
    super(`${design}: ${reason}: the figure would be of something else`);
    this.name = 'SweepCostError';
  }
}

const START_MS = 1_000_000;
/** Longer than any connection lives. */
const LIFE_MS = 3_600_000;
/** Connections swept before the rounds that count, in two rounds or more: the engine is compiled then and its pages are there. */
const WARM_UP_CONNECTIONS = 50_000;
/** A connection limit of this many times the connections: no pass of any design stops at its limit. */
const LIMIT_FACTOR = 128;
/** Passes over live connections in a round; the one in the middle counts, since one takes so little time that any interruption shows. */
const LOOKS = 5;
const STORE_BYTES = 1 << 20;

/** Nanoseconds a connection; `lookedNs` is null for a design that does not look at live ones. */
interface SweepRound {
  readonly cleanedNs: number;
  readonly lookedNs: number | null;
  readonly flushedNs: number;
}

/** One packet of each flow, end to end; all are of the same length. */
function flowFrames(flows: number): Uint8Array[] {
  const { length } = flowFrame(0);
  const bytes = new Uint8Array(flows * length);
  return Array.from({ length: flows }, (_, i) => {
    bytes.set(flowFrame(i), i * length);
    return bytes.subarray(i * length, (i + 1) * length);
  });
}

/** A packet of the i-th flow. */
function flowFrame(i: number): Uint8Array {
  return buildFrame({
    ipv4: { src: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, dst: '192.0.2.1' },
    udp: { srcPort: 40_000, dstPort: 53 },
    payload: new Uint8Array(18),
  });
}

function makeTracker(
  { design, preset }: DesignChoice,
  flavour: Flavour,
  { connections, seed, now, wasmFolder }: SweepRequest,
): Tracker {
  return Tracker.create({
    design,
    preset,
    flavour,
    slabSlots: connections + 64,
    connLimit: connections * LIMIT_FACTOR,
    packetStoreBytes: STORE_BYTES,
    holdInterval: flavour === 'bare' ? 0 : HOLD_INTERVAL,
    clock: now,
    seed,
    hashBasis: seed + 1,
    wasmFolder,
  });
}

/**
 * One design in one build, with a table to fill and sweep, and another to fill and flush: a flush gives slots back in the order of the
 * hash, and the lists of the next table would lead through memory in that order.
 */
class SweepBed {
  readonly label: string;
  readonly rounds: SweepRound[] = [];
  readonly #swept: Tracker;
  readonly #flushed: Tracker;
  readonly #connections: number;
  readonly #frames: readonly Uint8Array[];
  readonly #now: () => number;
  /** The trackers' time, which only moves on: a design may count on that. */
  #trackerMs = START_MS;

  constructor(choice: DesignChoice, flavour: Flavour, frames: readonly Uint8Array[], request: SweepRequest) {
    this.label = designLabel(choice);
    this.#connections = request.connections;
    this.#frames = frames;
    this.#now = request.now;
    this.#swept = makeTracker(choice, flavour, request);
    this.#flushed = makeTracker(choice, flavour, request);
  }

  /** Fills a table, sweeps it while all live, and again when all have expired; fills the other and flushes it. */
  run(): SweepRound {
    this.#fill(this.#swept);
    const lookedNs = this.#look();
    this.#trackerMs += LIFE_MS;
    const clean = this.#sweep();
    if (clean.cleaned !== this.#connections) {
      throw new SweepCostError(this.label, `a sweep removed ${clean.cleaned} of ${this.#connections}`);
    }
    return {
      cleanedNs: clean.elapsedNs / this.#connections,
      lookedNs,
      flushedNs: this.#flush(),
    };
  }

  #flush(): number {
    this.#fill(this.#flushed);
    const start = this.#now();
    this.#flushed.flush();
    const elapsedNs = this.#now() - start;
    const left = this.#flushed.connCount;
    if (left !== 0) throw new SweepCostError(this.label, `a flush left ${left} connections`);
    return elapsedNs / this.#connections;
  }

  /** Passes over live connections; null where one stops at the first of each list and has looked at a handful. */
  #look(): number | null {
    const passesNs: number[] = [];
    for (let pass = 0; pass < LOOKS; pass++) {
      const look = this.#sweep();
      if (look.cleaned !== 0) {
        throw new SweepCostError(this.label, `a sweep removed ${look.cleaned} live connections`);
      }
      if (look.checked !== this.#connections) return null;
      passesNs.push(look.elapsedNs);
    }
    return median(passesNs) / this.#connections;
  }

  #fill(tracker: Tracker): void {
    for (const frame of this.#frames) {
      const packet = tracker.packet(frame);
      tracker.execute(packet, { commit: true }, this.#trackerMs);
      tracker.release(packet);
    }
    const count = tracker.connCount;
    if (count !== this.#connections) {
      throw new SweepCostError(this.label, `the table holds ${count} connections, not ${this.#connections}`);
    }
  }

  #sweep(): { checked: number; cleaned: number; elapsedNs: number } {
    const start = this.#now();
    const { checked, cleaned } = this.#swept.sweep(this.#trackerMs);
    return { checked, cleaned, elapsedNs: this.#now() - start };
  }
}

/**
 * Times passes over a full table, and flushes of it, in both builds of each design, in turns.
 * @throws SweepCostError when a pass did something else; EngineError when the memory does not fit
 */
export function measureSweeps(request: SweepRequest): SweepRow[] {
  const frames = flowFrames(request.connections);
  const pairs = request.designs.map((choice) => ({
    bare: new SweepBed(choice, 'bare', frames, request),
    probed: new SweepBed(choice, 'probed', frames, request),
  }));
  const beds = pairs.flatMap(({ bare, probed }) => [bare, probed]);
  const warmUpRounds = Math.max(2, Math.ceil(WARM_UP_CONNECTIONS / request.connections));
  for (let round = -warmUpRounds; round < request.rounds; round++) {
    request.onCell(`sweeps, round ${Math.max(round + 1, 0)} of ${request.rounds}`);
    for (const bed of round % 2 === 0 ? beds : beds.toReversed()) {
      const figures = bed.run();
      if (round >= 0) bed.rounds.push(figures);
    }
  }
  return pairs.flatMap(({ bare, probed }) => rowsOf(bare, probed, request.connections));
}

function rowsOf(bare: SweepBed, probed: SweepBed, connections: number): SweepRow[] {
  const row = (
    operation: SweepRow['operation'],
    figure: (round: SweepRound) => number | null,
  ): SweepRow[] => {
    const known = (bed: SweepBed): number[] => bed.rounds.map(figure).filter((value) => value !== null);
    const bareNs = known(bare);
    const probedNs = known(probed);
    if (bareNs.length === 0) return [];
    return [
      {
        design: bare.label,
        operation,
        connections,
        bareNs: spreadOfAll(bareNs),
        probedNs: spreadOfAll(probedNs),
        probedOverBare: ratiosOf(probedNs, bareNs),
      },
    ];
  };
  return [
    ...row('cleaned', (round) => round.cleanedNs),
    ...row('looked-at', (round) => round.lookedNs),
    ...row('flushed', (round) => round.flushedNs),
  ];
}
