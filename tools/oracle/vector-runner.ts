import type { ConnEntry, ConnTuple } from '../../engine/host/connection-view.js';
import { traitsOf } from '../../engine/host/design-traits.js';
import type { Flavour } from '../../engine/host/module.js';
import { designLabel, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { bracketTuple } from '../../engine/host/dump-text.js';
import type { ExecRequest, NatRequest } from '../../engine/host/exec-params.js';
import type { Expectation } from '../../engine/host/expectation-view.js';
import type { PacketHandle } from '../../engine/host/packet-handle.js';
import { recordedTupleText } from '../../engine/host/packet-view.js';
import type { TouchAhead } from '../../engine/host/run-memory.js';
import { Tracker, type ExecOutcome } from '../../engine/host/tracker.js';
import { compareStep } from './vector-compare.js';
import {
  expectationOf,
  recordedDesign,
  stoppedAtLimit,
  type PacketStep,
  type Step,
  type Vector,
} from './vector-format.js';

/** One step that gave something else than expected. */
export interface VectorFailure {
  readonly vector: string;
  readonly design: string;
  /** Index of the step, from 0. */
  readonly step: number;
  readonly op: string;
  readonly expected: unknown;
  readonly got: unknown;
  /** What differs, in words. */
  readonly difference: string;
}

/** What a step gave, in the terms of its `expect`. */
export type StepResult = Record<string, unknown>;

/**
 * Runs vectors on one design. The tracker is made as new for each vector in one memory, so that thousands run quickly.
 *
 * A design whose passes are its own (trait RECORDED_SWEEPS) is not asked for the wake-ups that were recorded, but that a pass leaves
 * nothing expired. And once a recorded pass has stopped at its limit, what it left counts against limits and holds NAT tuples, in the
 * record and not under such a design. From there on the expectation is what the recorded design gives here when its passes have no limit.
 *
 * A preset other than the recorded one differs from it in what a pass does, in wake-ups and where a pass that stopped goes on. It is
 * not asked for wake-ups, and a vector ends for it before the first pass that stopped.
 */
export class VectorRunner {
  /** With its preset, if it was named with one. */
  readonly design: string;
  readonly #choice: DesignChoice;
  /** Runs as a preset that was not recorded. */
  readonly #isVariant: boolean;
  readonly #tracker: Tracker;
  #recorded: Tracker | null = null;
  readonly #touchAhead: TouchAhead | undefined;
  readonly #wasmFolder: string | undefined;

  /**
   * @param design perhaps with a preset, as `rculist-sweep@v6`; without one it runs as the one that was recorded
   * @param flavour `debug` by default, whose lock-order checks trap
   * @param wasmFolder where the compiled designs lie; default the package's own
   * @param touchAhead whether calls touch ahead, on which no vector depends
   * @throws EngineError when the design was not built
   */
  constructor(design: string, flavour: Flavour = 'debug', wasmFolder?: string, touchAhead?: TouchAhead) {
    this.#choice = resolveDesigns(design)[0] as DesignChoice;
    this.design = designLabel(this.#choice);
    const { recordedPreset } = traitsOf(this.#choice.design, wasmFolder);
    this.#isVariant = this.#choice.preset !== null && this.#choice.preset !== recordedPreset;
    this.#touchAhead = touchAhead;
    this.#wasmFolder = wasmFolder;
    this.#tracker = newTracker(this.#choice.design, flavour, wasmFolder);
  }

  /**
   * Runs a vector to its first failing step; null when it passes.
   * @param seed for the engine's random choices: the expectations hold for every seed
   */
  run(vector: Vector, seed = 1): VectorFailure | null {
    const execution = this.#start(this.#tracker, seed);
    const { design } = this.#choice;
    const ownPasses = traitsOf(design).recordedSweeps === 'none';
    const firstLimited = vector.steps.findIndex((step) => stoppedAtLimit(step, design));
    const reference = ownPasses && firstLimited >= 0 ? this.#reference(seed) : null;
    for (const [index, step] of vector.steps.entries()) {
      if (this.#isVariant && index === firstLimited) break;
      const result = execution.step(step);
      const without = reference?.step(step);
      let expected = expectationOf(step, design);
      if (expected === null) continue;
      if (without !== undefined && index >= firstLimited) expected = without;
      if (ownPasses && step.op === 'sweep') {
        const { wake: _wake, ...rest } = expected;
        expected = { n_conn: execution.living, ...rest };
      } else if (this.#isVariant && step.op === 'sweep') {
        const { wake: _wake, ...rest } = expected;
        expected = rest;
      }
      const difference = compareStep(expected, result, vector, execution.distinct);
      if (difference !== null) {
        return {
          vector: vector.name,
          design: this.design,
          step: index,
          op: step.op,
          expected,
          got: result,
          difference,
        };
      }
    }
    return null;
  }

  #start(tracker: Tracker, seed: number, completePasses = false): Execution {
    tracker.reset({
      seed,
      hashBasis: Math.imul(seed, 0x9e3779b1) >>> 0,
      touchAhead: this.#touchAhead,
      preset:
        tracker === this.#tracker && this.#isVariant
          ? this.#choice.preset
          : traitsOf(tracker.engine.design).recordedPreset,
    });
    return new Execution(tracker, completePasses);
  }

  /** The recorded design, with passes that leave nothing. */
  #reference(seed: number): Execution {
    this.#recorded ??= newTracker(
      recordedDesign(this.#choice.design),
      this.#tracker.engine.flavour,
      this.#wasmFolder,
    );
    return this.#start(this.#recorded, seed, true);
  }
}

function newTracker(design: string, flavour: Flavour, wasmFolder: string | undefined): Tracker {
  return Tracker.create({
    design,
    flavour,
    wasmFolder,
    slabSlots: 4096,
    packetStoreBytes: 4 * 1024 ** 2,
  });
}

/** The state of one run of one vector: clock and packet objects. */
class Execution {
  /** Values seen so far per `distinct` label. */
  readonly distinct = new Map<string, Set<number>>();
  readonly #tracker: Tracker;
  readonly #completePasses: boolean;
  readonly #slots = new Map<number, PacketHandle>();
  #nowMs = 0;

  /** @param completePasses a pass removes everything expired, in place of what the design's own does */
  constructor(tracker: Tracker, completePasses: boolean) {
    this.#tracker = tracker;
    this.#completePasses = completePasses;
  }

  /** Connections that have not expired. */
  get living(): number {
    return this.#tracker.dump(this.#nowMs).filter(({ expirationMs }) => expirationMs > this.#nowMs).length;
  }

  step(step: Step): StepResult {
    const tracker = this.#tracker;
    switch (step.op) {
      case 'now':
        this.#nowMs = step.ms;
        return {};
      case 'pkt':
      case 'again':
        return this.#packet(step);
      case 'sweep': {
        if (this.#completePasses) {
          tracker.removeExpired(this.#nowMs);
          return { n_conn: tracker.connCount };
        }
        const { wakeMs, immediate } = tracker.sweep(this.#nowMs);
        return { n_conn: tracker.connCount, wake: immediate ? 'immediate' : wakeMs };
      }
      case 'dump':
        return { entries: tracker.dump(this.#nowMs).map(vectorEntry) };
      case 'count':
        return { n_conn: tracker.connCount, table: tracker.tableCount };
      case 'limit':
        return { rc: tracker.setZoneLimit(step.zone, step.limit) };
      case 'unlimit':
        return { rc: tracker.deleteZoneLimit(step.zone) };
      case 'getlimit':
        return { ...tracker.zoneLimit(step.zone) };
      case 'tp':
        return { rc: tracker.setTimeoutPolicy(step.id, step.attrs) };
      case 'deltp':
        return { rc: tracker.deleteTimeoutPolicy(step.id) };
      case 'maxconns':
        tracker.connLimit = step.n;
        return {};
      case 'seqchk':
        tracker.setTcpSeqCheck(step.on);
        return {};
      case 'flush':
        tracker.flush(step.zone);
        return {};
      case 'flush-tuple':
        return { rc: tracker.flushTuple(vectorTuple(step.tuple), step.zone ?? 0, this.#nowMs) };
      case 'expectations':
        return { expectations: tracker.expectations().map(vectorExpectation) };
    }
  }

  #packet(step: PacketStep): StepResult {
    const slot = step.slot ?? 0;
    let handle: PacketHandle;
    if (step.op === 'pkt') {
      const previous = this.#slots.get(slot);
      if (previous !== undefined) this.#tracker.release(previous);
      handle = this.#tracker.packet(Buffer.from(step.hex, 'hex'));
      this.#slots.set(slot, handle);
    } else {
      const existing = this.#slots.get(slot);
      if (existing === undefined) throw new Error(`slot ${slot} holds no packet to run again`);
      handle = existing;
      if (step.cache === 'clear') handle.view.clearCache();
    }
    const before = hexOf(handle);
    const outcome = this.#tracker.execute(handle, requestOf(step), this.#nowMs);
    return packetResult(outcome, before);
  }
}

/** What the recorder printed for a packet without a recorded tuple. */
const NO_TUPLE_TEXT = '[0.0.0.0]:0>[0.0.0.0]:0 proto=0';

function packetResult(outcome: ExecOutcome, before: string): StepResult {
  const { returned } = outcome;
  if (returned.length === 0) return { consumed: true };
  if (returned.length > 1) {
    return { out: returned.map((each) => ({ state: each.state, mark: each.mark, pkt: hexOf(each.handle) })) };
  }
  const [only] = returned;
  if (only === undefined) return { consumed: true };
  const after = hexOf(only.handle);
  const original = only.handle.view.originalTuple;
  return {
    state: only.state,
    mark: only.mark,
    ...(after === before ? {} : { pkt: after }),
    orig: original === null ? NO_TUPLE_TEXT : recordedTupleText(original),
  };
}

function hexOf(handle: PacketHandle): string {
  return Buffer.from(handle.copyFrame()).toString('hex');
}

function requestOf(step: PacketStep): ExecRequest {
  return {
    zone: step.zone,
    commit: step.commit,
    force: step.force,
    nat: step.nat === undefined ? undefined : natOf(step.nat),
    helper: step.helper,
    timeoutPolicy: step.tp,
    mark: step.mark,
  };
}

function natOf(nat: NonNullable<PacketStep['nat']>): NatRequest {
  if (nat.type === 'none' || nat.addr === undefined) return { type: 'none' };
  const ports = typeof nat.port === 'number' ? ([nat.port, nat.port] as const) : nat.port;
  return { type: nat.type, minAddress: nat.addr, ports };
}

function vectorTuple(tuple: Extract<Step, { op: 'flush-tuple' }>['tuple']): ConnTuple {
  const family = tuple.src.includes(':') ? 6 : 4;
  const base = { family, src: tuple.src, dst: tuple.dst, protocol: tuple.proto } as const;
  return tuple.id === undefined
    ? { ...base, srcPort: tuple.sport ?? 0, dstPort: tuple.dport ?? 0 }
    : { ...base, icmpId: tuple.id, icmpType: tuple.type ?? 0, icmpCode: tuple.code ?? 0 };
}

/** A connection in the form of `dump` expectations. */
function vectorEntry(entry: ConnEntry): Record<string, unknown> {
  return {
    proto: entry.original.protocol,
    orig: bracketTuple(entry.original),
    reply: bracketTuple(entry.reply),
    zone: entry.zone,
    mark: entry.mark,
    ...(entry.helper === null ? {} : { helper: entry.helper }),
    ...(entry.tcp === null
      ? {}
      : {
          tcp: entry.tcp.map((peer) => peer.state),
          wscale: entry.tcp.map((peer) => peer.windowScale),
          tcp_flags: entry.tcp.map((peer) =>
            [peer.windowScaleKnown ? 'WINDOW_SCALE' : '', peer.liberal ? 'BE_LIBERAL' : '']
              .filter(Boolean)
              .join('|'),
          ),
        }),
    timeout: entry.timeoutSeconds,
  };
}

function vectorExpectation(each: Expectation): Record<string, unknown> {
  const { expected } = each;
  return {
    proto: expected.protocol,
    zone: each.zone,
    dport: expected.dstPort,
    action: each.action,
    ...(expected.family === 4 ? { src: expected.src, dst: expected.dst, replacement: each.replacement } : {}),
  };
}
