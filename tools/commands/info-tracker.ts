/** What a tracker makes of a capture's packets: part of `ctreplay info`. */
import { DEFAULT_DESIGN } from '../../engine/host/designs.js';
import { Tracker } from '../../engine/host/tracker.js';
import type { AnalysedPacket, AnalysisSection, ReportLine } from '../captures/analysis.js';
import { number } from '../captures/analysis-totals.js';
import { DEFAULT_CONFIG } from '../config/read-config.js';
import { COMMIT_ALL } from '../config/rules.js';
import { CHECKSUM_REMEDY, WARNING_LIMITS } from '../measure/warnings.js';
import { configuredTracker } from '../oracle/configured-tracker.js';

const DESIGN = { design: DEFAULT_DESIGN, preset: null };
/** The tracker's time at the first packet, in milliseconds. */
const FIRST_PACKET_MS = 1_000_000;
const NS_PER_MS = 1_000_000n;

interface Rejection {
  text: string;
  packets: number;
  /** Number in the capture of the first such packet, from 1. */
  firstPacket: number;
}

/**
 * Counts what a tracker with default settings says of each packet, on the capture's own clock, and why it rejects
 * (ct_state `inv`) the ones that it does. Connections that began before the capture show here as well: their packets in
 * mid-stream are accepted or not as the tracker would.
 */
export class TrackerSection implements AnalysisSection {
  readonly key = 'tracker';
  readonly #tracker: Tracker = configuredTracker(DESIGN, DEFAULT_CONFIG);
  readonly #request = COMMIT_ALL.requests[0]!;
  readonly #rejections = new Map<string, Rejection>();
  readonly #states = { new: 0, established: 0, reply: 0, related: 0, invalid: 0 };
  #judged = 0;
  #notReplayable = 0;
  #fragmentsHeld = 0;
  #firstNs: bigint | null = null;
  #nowMs = FIRST_PACKET_MS;
  #nextSweepMs = FIRST_PACKET_MS;

  add({ record, frame }: AnalysedPacket): void {
    if (frame === null) {
      this.#notReplayable += 1;
      return;
    }
    this.#moveClock(record.timestampNs);
    const tracker = this.#tracker;
    const handle = tracker.packet(frame);
    const { held, returned } = tracker.execute(handle, this.#request, this.#nowMs);
    if (held) this.#fragmentsHeld += 1;
    for (const each of returned) {
      if (each.handle !== handle) this.#fragmentsHeld -= 1;
      this.#count(
        each.state,
        each.reason?.name ?? 'unknown',
        each.reason?.text ?? 'no reason given',
        record.recordIndex,
      );
    }
    tracker.release(handle);
  }

  toJson(): Record<string, unknown> {
    return {
      design: DESIGN.design,
      packetsByState: { ...this.#states },
      rejected: Object.fromEntries(this.#largestFirst()),
      packetsNotReplayable: this.#notReplayable,
      fragmentsNeverComplete: this.#fragmentsHeld,
      connectionsAtEnd: this.#tracker.connCount,
    };
  }

  toLines(): ReportLine[] {
    const states = this.#states;
    const lines: ReportLine[] = [
      [
        'Tracker says',
        `new ${number(states.new)}, established ${number(states.established)} (replies ${number(states.reply)}), ` +
          `related ${number(states.related)}, invalid ${number(states.invalid)}; ` +
          `${number(this.#tracker.connCount)} connections at the end`,
      ],
    ];
    for (const [, { text, packets, firstPacket }] of this.#largestFirst()) {
      lines.push(['Rejected', `${number(packets)}: ${text} (first: packet ${number(firstPacket)})`]);
    }
    if (this.#hasManyWrongChecksums()) lines.push(['Checksums', CHECKSUM_REMEDY]);
    if (this.#notReplayable > 0) {
      lines.push(['Not replayable', `${number(this.#notReplayable)} packets of other link types`]);
    }
    if (this.#fragmentsHeld > 0) {
      lines.push(['Fragments held', `${number(this.#fragmentsHeld)}, whose packets never complete`]);
    }
    return lines;
  }

  /** A fragment counts with the packet that completed it. */
  #count(state: string, reasonName: string, reasonText: string, packetNumber: number): void {
    const words = state.split('|');
    this.#judged += 1;
    if (words.includes('new')) this.#states.new += 1;
    if (words.includes('est')) this.#states.established += 1;
    if (words.includes('rpl')) this.#states.reply += 1;
    if (words.includes('rel')) this.#states.related += 1;
    if (!words.includes('inv')) return;
    this.#states.invalid += 1;
    const known = this.#rejections.get(reasonName);
    if (known === undefined) {
      this.#rejections.set(reasonName, { text: reasonText, packets: 1, firstPacket: packetNumber });
    } else {
      known.packets += 1;
    }
  }

  /** Whether the capture looks like one from the sender or loopback. */
  #hasManyWrongChecksums(): boolean {
    const wrong = [...this.#rejections].filter(([name]) => name.endsWith('-checksum'));
    const packets = wrong.reduce((sum, [, rejection]) => sum + rejection.packets, 0);
    return packets > this.#judged * WARNING_LIMITS.wrongChecksumShare;
  }

  #largestFirst(): [string, Rejection][] {
    return [...this.#rejections].toSorted(
      ([nameA, a], [nameB, b]) => b.packets - a.packets || (nameA < nameB ? -1 : 1),
    );
  }

  /**
   * Time follows the timestamps, never backwards. However far it jumps, one pass cleans up: what decides a packet's
   * state is whether its connection has expired, not when it was removed.
   */
  #moveClock(timestampNs: bigint): void {
    this.#firstNs ??= timestampNs;
    const ms = FIRST_PACKET_MS + Number((timestampNs - this.#firstNs) / NS_PER_MS);
    if (ms <= this.#nowMs) return;
    this.#nowMs = ms;
    if (ms < this.#nextSweepMs) return;
    const { delayMs } = this.#tracker.sweep(ms);
    this.#nextSweepMs = ms + Math.max(1, delayMs);
  }
}
