/**
 * A capture through one tracker, packet by packet, on a clock that follows the timestamps or stands still: what trace, dump and
 * diff are made of. Clean-up passes run when they are due on that clock, before the packet that finds them due, so the
 * outcome is the same on every run and machine.
 */
import type { Tracker, ReturnedPacket } from '../../engine/host/tracker.js';
import type { RecordPlace } from '../captures/output-file.js';
import { openCapture, readingNotes, requireRecords, type CaptureReading } from '../captures/reader.js';
import { ethernetOriginalLength, toEthernetFrame } from '../captures/link-type.js';
import type { PacketRules } from '../config/rules.js';
import { fixChecksums } from '../wire/frame-checksums.js';
import { SweepSchedule } from './sweep-schedule.js';

/** Whether tracker time follows the timestamps. */
export type TraceClock = 'capture' | 'frozen';

/** One packet of the capture. */
export interface InputPacket {
  /** Number in the capture, from 1, packets that are not tracked included; over several captures it goes on. */
  readonly packetNumber: number;
  readonly timestampNs: bigint;
  readonly frame: Uint8Array;
  /** Bytes that were on the wire behind the frame, cut off by the capture's snap length; absent = none. */
  readonly missingBytes?: number;
  /** Length on the wire where it is not the frame's, in bytes. */
  readonly wireBytes?: number;
}

/** A packet that was read, and which record of which file it was. */
export interface ReadPacket extends InputPacket {
  readonly origin: RecordPlace;
}

/** How captures are read, and who hears what was odd about them. */
export interface PacketReading extends CaptureReading {
  /** Wrong checksums are made right; absent = no. */
  readonly fixChecksums?: boolean;
  readonly tell?: (file: string, notes: readonly string[]) => void;
}

const NS_PER_MS = 1_000_000n;

/** Tracker time at the first packet, milliseconds: not 0, so that an expiration of 0 keeps its meaning. */
export const FIRST_PACKET_MS = 1_000_000;

/**
 * Reads captures, one after the other, as Ethernet frames; packets of link types that are not tracked are left out.
 * @throws CaptureError after every packet before the fault was handed out, or when a capture holds no packet
 */
export async function* readPackets(
  files: readonly string[],
  { tell, fixChecksums: fixes = false, ...reading }: PacketReading = {},
): AsyncGenerator<ReadPacket> {
  let packetsBefore = 0;
  for (const file of files) {
    const reader = await openCapture(file, { ...reading, trackable: true });
    try {
      for await (const record of reader) {
        const missingBytes = record.originalLength - record.frame.length;
        let frame = toEthernetFrame(record, file);
        if (fixes) {
          // The reader's bytes are not to be changed.
          frame = Uint8Array.from(frame);
          fixChecksums(frame, frame.length + missingBytes);
        }
        yield {
          packetNumber: packetsBefore + record.recordIndex,
          timestampNs: record.timestampNs,
          frame,
          origin: { file, recordIndex: record.recordIndex, offset: record.fileOffset },
          ...(missingBytes > 0 ? { missingBytes } : {}),
          ...(missingBytes === 0 ? {} : { wireBytes: ethernetOriginalLength(record, frame) }),
        };
      }
      requireRecords(reader);
      packetsBefore += reader.recordCount + reader.skippedCount;
    } finally {
      tell?.(file, readingNotes(reader));
      await reader.close();
    }
  }
}

/** A packet that came out of the tracker. */
export interface TrackedPacket {
  /** Number of the packet in the capture. A reassembled fragment comes out later than it went in. */
  readonly packetNumber: number;
  readonly timestampNs: bigint;
  readonly returned: ReturnedPacket;
  readonly frameBefore: Uint8Array;
  readonly frameAfter: Uint8Array;
  readonly missingBytes: number;
  readonly zone: number;
}

/** Drives a tracker with packets in order. */
export class CaptureRun {
  readonly #tracker: Tracker;
  readonly #rules: PacketRules;
  readonly #clock: TraceClock;
  readonly #sweeps: SweepSchedule;
  readonly #held = new Map<number, InputPacket>();
  #firstNs: bigint | null = null;
  /** Tracker time of the latest packet, milliseconds. */
  nowMs = FIRST_PACKET_MS;

  constructor(tracker: Tracker, rules: PacketRules, clock: TraceClock) {
    this.#tracker = tracker;
    this.#rules = rules;
    this.#clock = clock;
    this.#sweeps = new SweepSchedule(tracker, FIRST_PACKET_MS);
  }

  /** Runs one packet; returns what came out, in order: nothing for a fragment that is held. */
  run(packet: InputPacket): TrackedPacket[] {
    this.moveTo(packet);
    const tracker = this.#tracker;
    const handle = tracker.packet(packet.frame);
    const request = this.#rules.requests[this.#rules.choose({ ...packet, worker: 0 })] ?? {};
    this.#held.set(handle.address, packet);
    const outcome = tracker.execute(handle, request, this.nowMs);
    const out = outcome.returned.map((returned): TrackedPacket => {
      const from = this.#held.get(returned.handle.address) ?? packet;
      this.#held.delete(returned.handle.address);
      return {
        packetNumber: from.packetNumber,
        timestampNs: from.timestampNs,
        returned,
        frameBefore: from.frame,
        frameAfter: returned.handle.copyFrame(),
        missingBytes: from.missingBytes ?? 0,
        zone: returned.handle.view.zone,
      };
    });
    tracker.release(handle);
    return out;
  }

  /** Moves tracker time on without a packet, running the passes that are due by then. */
  advanceTo(nowMs: number): void {
    this.#sweeps.advanceTo(nowMs);
    this.nowMs = Math.max(this.nowMs, nowMs);
  }

  /** Moves tracker time to a packet's, running the passes that are due by then; `run` does it too. */
  moveTo({ timestampNs }: InputPacket): void {
    this.#firstNs ??= timestampNs;
    if (this.#clock === 'frozen') return;
    // Whole milliseconds before it becomes a number: decades in nanoseconds are more than a number holds exactly.
    const ms = Number((timestampNs - this.#firstNs) / NS_PER_MS);
    // Captures may run backwards by a little; the tracker's clock does not.
    if (FIRST_PACKET_MS + ms > this.nowMs) this.advanceTo(FIRST_PACKET_MS + ms);
  }
}
