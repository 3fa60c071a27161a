import type { DumpEntry } from './dump-parse.js';

/** A packet on its way into a tracker. */
export interface InputPacket {
  /** Ethernet frame without FCS. */
  readonly frame: Uint8Array;
  /** Milliseconds on any scale that does not run backwards; only differences matter. */
  readonly timestampMs: number;
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

/**
 * The tracker that is compared with Open vSwitch, as plain data. The caller's rules decide what a packet is executed
 * with, and are the same {@link import('./conform-plan.js').ConformPlan} that the other side was given.
 */
export interface TrackerUnderTest {
  /**
   * Executes one packet.
   * @returns what came out, in order; null when no rule selects the packet or it is not IP
   */
  execute(frame: Uint8Array, timestampMs: number): readonly OutputPacket[] | null;
  /** One full clean-up pass of expired connections, at this time. */
  sweep(timestampMs: number): void;
  /** The table at this time. */
  dump(timestampMs: number): readonly DumpEntry[];
}

/**
 * Runs packets through a tracker under test on the schedule that {@link import('./ovs-run.js').runThroughOvs} keeps:
 * the clock moves only between packets, and every move is followed by one clean-up pass.
 */
export function runThroughTracker(tracker: TrackerUnderTest, packets: readonly InputPacket[]): TrackerRun {
  let nowMs = packets[0]?.timestampMs ?? 0;
  const outcomes = packets.map((packet): PacketOutcome => {
    if (packet.timestampMs > nowMs) {
      nowMs = packet.timestampMs;
      tracker.sweep(nowMs);
    }
    const outputs = tracker.execute(packet.frame, nowMs);
    return outputs === null ? { outputs: [], notTracked: NOT_SELECTED } : { outputs, notTracked: null };
  });
  return { packets: outcomes, table: tracker.dump(nowMs) };
}

/** Reason for packets that are not IP, or that no rule selects. */
export const NOT_SELECTED = 'not IP, or selected by no rule';
