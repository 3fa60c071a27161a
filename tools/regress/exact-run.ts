/**
 * Level 1: one design over one input, on one thread, with a seed and a clock that follows the timestamps. Nothing in it depends
 * on the machine, so its figures are compared without tolerance.
 *
 * The input runs twice: through the probed build for locks and work, and through the traced one for cache lines and loops, which
 * runs what the bare build does.
 */
import { createHash } from 'node:crypto';
import { LOCK_CLASSES } from '../../engine/host/counters.js';
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import type { EngineTrace, Flavour } from '../../engine/host/module.js';
import type { EngineRun, TouchAhead } from '../../engine/host/run-memory.js';
import { stateText } from '../../engine/host/state-text.js';
import type { Tracker } from '../../engine/host/tracker.js';
import { hashBasisOf } from '../config/engine-settings.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { CaptureRun, type InputPacket } from '../oracle/capture-run.js';
import { configuredTracker } from '../oracle/configured-tracker.js';
import { lagDistribution } from '../replay/collect-lag.js';
import { sortedCounts, WorkTrace, type TracedWork } from './work-trace.js';

/** Packets of an input, with the configuration that they are tracked under. */
export interface ExactInput {
  readonly name: string;
  readonly packets: readonly InputPacket[];
  readonly config: TrackerConfig;
  /** Whether batches touch ahead, which no figure shows; absent = auto, which never does in batches of one. */
  readonly touchAhead?: TouchAhead | undefined;
}

/** Everything that is compared. Maps hold only what is not zero, in order of their keys. */
export interface ExactFigures extends Partial<TracedWork> {
  readonly packets: number;
  /** SHA-256 over ct_state, mark, zone, reason and rewritten frame of every packet, in order of output. */
  readonly verdictHash: string;
  /** SHA-256 over the table at the end. */
  readonly tableHash: string;
  readonly connections: number;
  /** Packets by ct_state text. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Packets by reason. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Acquisitions by lock class. */
  readonly locks: Readonly<Record<string, number>>;
  /** Counts of work by name: list moves, bucket probes, bytes copied, … and the slots in use at the end. */
  readonly work: Readonly<Record<string, number>>;
  /** Connections that were removed after their time, and how long after it, in milliseconds of tracker time. */
  readonly lagMs?: Readonly<Record<string, number>>;
}

/** Records that the table has room for. */
const SLAB_SLOTS = 1 << 18;

/**
 * Runs the input through the design.
 * @param wasmFolder where the compiled designs lie; absent = the package's own
 * @throws EngineError, ConfigError
 */
export function runExact(
  choice: DesignChoice,
  input: ExactInput,
  seed: number,
  wasmFolder?: string,
): ExactFigures {
  return {
    ...runProbed(trackerOf({ choice, input, seed, flavour: 'probed', wasmFolder }), input),
    ...runTraced(choice, input, seed, wasmFolder),
  };
}

/** What an exact run's tracker is made for. */
interface TrackedRun {
  readonly choice: DesignChoice;
  readonly input: ExactInput;
  readonly seed: number;
  readonly flavour: Flavour;
  readonly wasmFolder: string | undefined;
  readonly trace?: (run: EngineRun) => EngineTrace;
}

function trackerOf({ choice, input, seed, flavour, wasmFolder, trace }: TrackedRun): Tracker {
  return configuredTracker(choice, input.config, {
    flavour,
    slabSlots: SLAB_SLOTS,
    seed,
    hashBasis: hashBasisOf(seed),
    // What a hint loads would be counted with the accesses that the packets need.
    touchAhead: flavour === 'traced' ? 'off' : input.touchAhead,
    wasmFolder,
    trace,
  });
}

function runProbed(tracker: Tracker, input: ExactInput): ExactFigures {
  const run = new CaptureRun(tracker, createRules(input.config), 'capture');
  const hash = createHash('sha256');
  for (const packet of input.packets) {
    for (const { packetNumber, returned, zone, frameAfter } of run.run(packet)) {
      hash.update(
        `${packetNumber} ${returned.stateBits} ${returned.mark} ${zone} ${returned.reason?.name ?? ''}\n`,
      );
      if (returned.frameChanged) hash.update(frameAfter);
    }
  }
  const counters = tracker.counters();
  return {
    packets: input.packets.length,
    verdictHash: hash.digest('hex'),
    tableHash: tableHash(tracker, run.nowMs),
    connections: tracker.connCount,
    verdicts: sortedCounts([...counters.verdicts].map(([bits, count]) => [stateText(bits), count])),
    reasons: sortedCounts(
      [...counters.reasons].map(([code, count]) => [tracker.reason(code)?.name ?? `reason-${code}`, count]),
    ),
    locks: sortedCounts(LOCK_CLASSES.map((name) => [name, counters.locks[name].acquisitions])),
    work: sortedCounts([...Object.entries(counters.work), ['slotsInUse', tracker.slotsInUse]]),
    lagMs: lagFigures(tracker),
  };
}

const NS_PER_MS = 1e6;

function lagFigures(tracker: Tracker): Record<string, number> {
  const lag = lagDistribution(tracker.engineRun, 0);
  if (lag === null) return {};
  const ms = (ns: number | null | undefined): number => Math.round((ns ?? 0) / NS_PER_MS);
  return sortedCounts([
    ['removed', lag.count],
    ['p50', ms(lag.p50Ns)],
    ['p99', ms(lag.p99Ns)],
    ['max', ms(lag.maxNs)],
  ]);
}

/** Work by the ct_state that a packet got, of sweeps, and of a flush at the end. */
function runTraced(choice: DesignChoice, input: ExactInput, seed: number, wasmFolder?: string): TracedWork {
  const traces: WorkTrace[] = [];
  const tracker = trackerOf({
    choice,
    input,
    seed,
    flavour: 'traced',
    wasmFolder,
    trace: (traced) => {
      const made = new WorkTrace(traced);
      traces.push(made);
      return made;
    },
  });
  const [trace] = traces as [WorkTrace];
  const run = new CaptureRun(tracker, createRules(input.config), 'capture');
  for (const packet of input.packets) {
    trace.begin();
    run.moveTo(packet);
    trace.end('sweep');
    trace.begin();
    const [first] = run.run(packet);
    trace.end(first === undefined ? 'held' : first.returned.state);
  }
  trace.begin();
  tracker.flush();
  trace.end('flush');
  return trace.work();
}

/** `syn-flood/rculist-sweep`. */
export function exactName(choice: DesignChoice, input: ExactInput): string {
  return `${input.name}/${designLabel(choice)}`;
}

function tableHash(tracker: Tracker, nowMs: number): string {
  const lines = tracker.dump(nowMs).map((entry) => JSON.stringify(entry, plainValue));
  const hash = createHash('sha256');
  for (const line of lines.toSorted()) hash.update(`${line}\n`);
  return hash.digest('hex');
}

/** JSON knows neither big integers nor maps. */
function plainValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Map ? [...value] : value;
}
