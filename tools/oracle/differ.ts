/**
 * Two designs on one trace with a virtual clock: where they first differ, and whether the designs explain it.
 *
 * What a design may explain is that it keeps connections which have expired: until it sweeps, they take tuples, zone counts
 * and slots. So the trace runs twice. First as it is. If that shows a divergence, again with everything expired removed from
 * both trackers before each packet: what still diverges there is no matter of expiration, with one exception. A connection that one packet
 * re-opens (TCP reuse, force) goes at once in timeout-lists, while rculist-sweep only marks it, so that its translated
 * tuple is still taken while that same packet chooses one (spec §6.2). Then the tuple is flushed on both sides, and
 * the comparison goes on.
 */
import type { ConnEntry } from '../../engine/host/connection-view.js';
import { dumpLine } from '../../engine/host/dump-text.js';
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import type { Tracker } from '../../engine/host/tracker.js';
import { applyConfig } from '../config/apply-config.js';
import { createRules } from '../config/rules.js';
import type { TrackerConfig } from '../config/read-config.js';
import { CaptureRun, type InputPacket, type TrackedPacket } from './capture-run.js';
import { configuredTracker } from './configured-tracker.js';
import { frameTuple } from './frame-tuple.js';

/** What differs at one packet, or in the table behind the last one. */
export interface Divergence {
  /** Packet number in the capture; null for the final table. */
  readonly packetNumber: number | null;
  readonly what: 'state' | 'frame' | 'mark' | 'outputs' | 'table';
  /** Text per design, in their order. */
  readonly values: readonly [string, string];
}

/** Outcome of a comparison. */
export interface DiffReport {
  readonly designs: readonly [string, string];
  readonly packets: number;
  /** On the trace as it is; null when the designs agree throughout. */
  readonly first: Divergence | null;
  /** Divergences that the designs explain: at most a hundred are listed. */
  readonly explained: readonly (Divergence & { readonly explanation: string })[];
  /** The first that nothing explains. */
  readonly unexplained: Divergence | null;
}

const EXPIRED_PRESENT = 'an expired connection that one design has removed and the other has not';
const REOPENED_TUPLE =
  'a re-opened connection keeps its translated tuple until the sweep in one design and not in the other';

const MAX_LISTED = 100;
const SLAB_SLOTS = 1 << 15;

/** Compares two designs; reusable for many traces, for minimisation and generated ones. */
export class Differ {
  readonly #config: TrackerConfig;
  readonly #trackers: readonly [Tracker, Tracker];
  readonly #choices: readonly [DesignChoice, DesignChoice];
  readonly #reopenCodes: ReadonlySet<string> = new Set(['reopened', 'forced']);

  constructor(choices: readonly [DesignChoice, DesignChoice], config: TrackerConfig, seed = 1) {
    this.#choices = choices;
    this.#config = config;
    const make = (choice: DesignChoice): Tracker =>
      configuredTracker(choice, config, { flavour: 'debug', seed, slabSlots: SLAB_SLOTS });
    this.#trackers = [make(choices[0]), make(choices[1])];
  }

  /** Runs the comparison. */
  compare(packets: readonly InputPacket[]): DiffReport {
    const designs = [designLabel(this.#choices[0]), designLabel(this.#choices[1])] as const;
    const first = this.#run(packets, false).unexplained;
    if (first === null) return { designs, packets: packets.length, first, explained: [], unexplained: null };
    const swept = this.#run(packets, true);
    const explained =
      swept.unexplained === null && swept.explained.length === 0
        ? [{ ...first, explanation: EXPIRED_PRESENT }]
        : swept.explained;
    return { designs, packets: packets.length, first, explained, unexplained: swept.unexplained };
  }

  #run(packets: readonly InputPacket[], swept: boolean): Pick<DiffReport, 'explained' | 'unexplained'> {
    const runs = this.#trackers.map((tracker) => {
      resetTracker(tracker, this.#config);
      return new CaptureRun(tracker, createRules(this.#config), 'capture');
    }) as [CaptureRun, CaptureRun];
    const explained: (Divergence & { explanation: string })[] = [];
    for (const packet of packets) {
      if (swept) {
        for (const run of runs) run.moveTo(packet);
        this.#removeExpired(runs);
      }
      const before = this.#reopened();
      const outputs = [runs[0].run(packet), runs[1].run(packet)] as const;
      const divergence = compareOutputs(packet.packetNumber, outputs);
      if (divergence === null) continue;
      if (!swept || this.#reopened() === before) return { explained, unexplained: divergence };
      if (explained.length < MAX_LISTED) explained.push({ ...divergence, explanation: REOPENED_TUPLE });
      this.#forget(runs, outputs);
    }
    if (swept) this.#removeExpired(runs);
    const table = this.#compareTables(runs, swept);
    return { explained, unexplained: table };
  }

  #removeExpired(runs: readonly [CaptureRun, CaptureRun]): void {
    this.#trackers.forEach((tracker, index) => tracker.removeExpired((runs[index] as CaptureRun).nowMs));
  }

  /** Connections re-opened or forced so far, over both. */
  #reopened(): number {
    let count = 0;
    for (const tracker of this.#trackers) {
      for (const [code, times] of tracker.counters().reasons) {
        if (this.#reopenCodes.has(tracker.reason(code)?.name ?? '')) count += times;
      }
    }
    return count;
  }

  /** Removes the connections that the packet belongs to from both, by every tuple it had, so that they agree again. */
  #forget(
    runs: readonly [CaptureRun, CaptureRun],
    outputs: readonly [readonly TrackedPacket[], readonly TrackedPacket[]],
  ): void {
    const zones = new Set(outputs.flat().map((output) => output.zone));
    this.#trackers.forEach((tracker, index) => {
      const { nowMs } = runs[index] as CaptureRun;
      tracker.removeExpired(nowMs);
      // Tuples of one zone share NAT pools: what one side chose decides what the other finds free.
      for (const zone of zones) tracker.flush(zone);
    });
  }

  #compareTables(runs: readonly [CaptureRun, CaptureRun], swept: boolean): Divergence | null {
    const nowMs = runs[0].nowMs;
    const lines = this.#trackers.map((tracker) => tableLines(tracker.dump(nowMs), nowMs, swept)) as [
      string[],
      string[],
    ];
    const only = (mine: readonly string[], other: readonly string[]): string =>
      mine.filter((line) => !other.includes(line)).join('\n');
    const values = [only(lines[0], lines[1]), only(lines[1], lines[0])] as const;
    if (lines[0].join('\n') === lines[1].join('\n')) return null;
    return { packetNumber: null, what: 'table', values };
  }
}

function resetTracker(tracker: Tracker, config: TrackerConfig): void {
  tracker.reset();
  applyConfig(tracker, config);
}

function tableLines(entries: readonly ConnEntry[], nowMs: number, swept: boolean): string[] {
  // Designs show expired connections or not; that is how a table is shown, not what is in it.
  const live = entries.filter((entry) => swept || entry.expirationMs > nowMs);
  return live.map(dumpLine).toSorted();
}

function compareOutputs(
  packetNumber: number,
  [a, b]: readonly [readonly TrackedPacket[], readonly TrackedPacket[]],
): Divergence | null {
  if (a.length !== b.length) {
    return { packetNumber, what: 'outputs', values: [`${a.length} packets`, `${b.length} packets`] };
  }
  for (const [index, mine] of a.entries()) {
    const other = b[index] as TrackedPacket;
    const at = mine.packetNumber;
    const difference = (
      what: Divergence['what'],
      of: (packet: TrackedPacket) => string,
    ): Divergence | null =>
      of(mine) === of(other) ? null : { packetNumber: at, what, values: [of(mine), of(other)] };
    const found =
      difference('state', (packet) => packet.returned.state) ??
      difference('frame', (packet) => describeFrame(packet.frameAfter)) ??
      difference('mark', (packet) => String(packet.returned.mark));
    if (found !== null) return found;
  }
  return null;
}

function describeFrame(frame: Uint8Array): string {
  return `${frameTuple(frame) ?? 'not IP'} ${Buffer.from(frame).toString('hex')}`;
}
