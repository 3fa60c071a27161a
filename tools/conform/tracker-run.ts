import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { ConformSetup } from './conform-setup.js';
import type { DumpEntry } from './dump-parse.js';
import { asOvsExecutes } from './ovs-request.js';

/** A packet on its way into a tracker. */
export interface InputPacket {
  /** Ethernet frame without FCS. */
  readonly frame: Uint8Array;
  /** Milliseconds on any scale that does not run backwards; only differences matter. */
  readonly timestampMs: number;
  /** Index of its request in the setup's rules. */
  readonly requestIndex: number;
}

/** A packet on its way out of a tracker. */
export interface OutputPacket {
  /** ct_state in text form. */
  readonly state: string;
  /** The frame as the tracker left it. */
  readonly frame: Uint8Array;
}

/** What executing one input packet put out. */
export interface PacketOutcome {
  /**
   * The packets put out by this step, in order: usually the input itself; nothing when it was held (a fragment);
   * several when it completed a fragmented packet.
   */
  readonly outputs: readonly OutputPacket[];
  /** Why the packet never reached the tracker; null when it did. */
  readonly notTracked: string | null;
}

/** All that is compared: every packet, and the table at the time of the last packet. */
export interface TrackerRun {
  readonly packets: readonly PacketOutcome[];
  readonly table: readonly DumpEntry[];
}

/** The tracker that is compared with Open vSwitch, as plain data; it has been set up already. */
export interface TrackerUnderTest {
  /** Executes one packet and returns what came out, in order. */
  execute(frame: Uint8Array, request: ExecRequest, timestampMs: number): readonly OutputPacket[];
  /** One full clean-up pass of expired connections, at this time. */
  sweep(timestampMs: number): void;
  /** The table at this time. */
  dump(timestampMs: number): readonly DumpEntry[];
}

/**
 * Runs packets through a tracker on the schedule that Open vSwitch keeps here: the clock moves only between packets,
 * and every move is followed by one clean-up pass.
 */
export function runThroughTracker(
  tracker: TrackerUnderTest,
  setup: ConformSetup,
  packets: readonly InputPacket[],
): TrackerRun {
  let nowMs = packets[0]?.timestampMs ?? 0;
  const outcomes = packets.map(({ frame, timestampMs, requestIndex }): PacketOutcome => {
    if (timestampMs > nowMs) {
      nowMs = timestampMs;
      tracker.sweep(nowMs);
    }
    const request = asOvsExecutes(setup.requests[requestIndex]!, frame);
    return { outputs: tracker.execute(frame, request, nowMs), notTracked: null };
  });
  return { packets: outcomes, table: tracker.dump(nowMs) };
}

/** Reason for packets that the switch does not give to its tracker. */
export const NOT_IP = 'not IP (or not of the IP version that the translation is for)';
