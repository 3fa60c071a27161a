import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules } from '../config/rules.js';
import { FIRST_PACKET_MS, readPackets, type PacketReading, type TraceClock } from '../oracle/capture-run.js';

const NS_PER_MS = 1_000_000n;

/** A packet on its way into a tracker. */
export interface InputPacket {
  /** Ethernet frame without FCS. */
  readonly frame: Uint8Array;
  /** Tracker time in milliseconds; never runs backwards. */
  readonly timestampMs: number;
  /** Index in the input's requests. */
  readonly requestIndex: number;
}

/** What both trackers are given: how to be set up, and packets with what to do with each. */
export interface ConformInput {
  readonly config: TrackerConfig;
  /** The distinct requests that the packets make. */
  readonly requests: readonly ExecRequest[];
  readonly packets: readonly InputPacket[];
}

/**
 * Reads captures, one after the other, as packets for the trackers. A timestamp before the one before it is taken as
 * equal to it.
 * @param clock what drives the trackers' time: the timestamps, or nothing
 * @throws CaptureError when a capture cannot be read, is empty, or holds a link type without an Ethernet form
 */
export async function readConformInput(
  captures: readonly string[],
  config: TrackerConfig,
  clock: TraceClock,
  reading: PacketReading = {},
): Promise<ConformInput> {
  const rules = createRules(config);
  const packets: InputPacket[] = [];
  let firstNs: bigint | null = null;
  let timestampMs = FIRST_PACKET_MS;
  for await (const { frame, timestampNs, wireBytes } of readPackets(captures, reading)) {
    firstNs ??= timestampNs;
    if (clock === 'capture') {
      timestampMs = Math.max(timestampMs, FIRST_PACKET_MS + Number((timestampNs - firstNs) / NS_PER_MS));
    }
    packets.push({ frame, timestampMs, requestIndex: rules.choose({ frame, worker: 0, wireBytes }) });
  }
  return { config, requests: rules.requests, packets };
}
