import type { DumpEntry } from './dump-parse.js';

/** Reason for packets that the switch does not give to its tracker. */
export const NOT_IP = 'not IP';

/** A packet on its way out of a tracker. */
export interface OutputPacket {
  /** Index of the input packet that it was; a fragment comes out later than it went in. */
  readonly packetIndex: number;
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
  /** Why it cannot be compared, such as that it never reached the tracker; null when it can. */
  readonly notCompared: string | null;
}

/** All that is compared: every packet, and the table at the time of the last packet. */
export interface ConformRun {
  readonly packets: readonly PacketOutcome[];
  readonly table: readonly DumpEntry[];
}
