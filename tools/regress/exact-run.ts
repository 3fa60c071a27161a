/**
 * Level 1: one design over one input, on one thread, with a seed and a clock that follows the timestamps. Nothing in it depends
 * on the machine, so its figures are compared without tolerance.
 */
import { createHash } from 'node:crypto';
import { LOCK_CLASSES } from '../../engine/host/counters.js';
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import type { TouchAhead } from '../../engine/host/run-memory.js';
import { stateText } from '../../engine/host/state-text.js';
import { Tracker } from '../../engine/host/tracker.js';
import { applyConfig, configSettings } from '../config/apply-config.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { CaptureRun, type InputPacket } from '../oracle/capture-run.js';

/** Packets of an input, with the configuration that they are tracked under. */
export interface ExactInput {
  readonly name: string;
  readonly packets: readonly InputPacket[];
  readonly config: TrackerConfig;
  /** Whether batches touch ahead, which no figure shows; absent = auto, which never does in batches of one. */
  readonly touchAhead?: TouchAhead | undefined;
}

/** Everything that is compared. Maps hold only what is not zero, in order of their keys. */
export interface ExactFigures {
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
  /** Counts of work by name: list moves, bucket probes, bytes copied, … */
  readonly work: Readonly<Record<string, number>>;
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
  const settings = configSettings(input.config);
  const { presets } = loadEngine(choice.design, 'probed', wasmFolder);
  const tracker = Tracker.create({
    design: choice.design,
    preset: choice.preset ?? (Object.keys(presets).length === 0 ? null : (settings.preset ?? null)),
    flavour: 'probed',
    slabSlots: SLAB_SLOTS,
    seed,
    hashBasis: Math.imul(seed + 1, 0x9e3779b1) >>> 0,
    connLimit: settings.connLimit,
    tcpSeqCheck: settings.tcpSeqCheck,
    switches: settings.switches,
    fragments: settings.fragments,
    sweepIntervalMs: settings.sweepIntervalMs,
    touchAhead: input.touchAhead,
    wasmFolder,
  });
  applyConfig(tracker, input.config);
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
    verdicts: sorted([...counters.verdicts].map(([bits, count]) => [stateText(bits), count])),
    reasons: sorted(
      [...counters.reasons].map(([code, count]) => [tracker.reason(code)?.name ?? `reason-${code}`, count]),
    ),
    locks: sorted(LOCK_CLASSES.map((name) => [name, counters.locks[name].acquisitions])),
    work: sorted(Object.entries(counters.work)),
  };
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

function sorted(entries: readonly (readonly [string, number])[]): Record<string, number> {
  const kept = entries.filter(([, count]) => count !== 0);
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
