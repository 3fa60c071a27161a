/** Puts a scenario's packets into a capture writer. */
import { ScenarioError } from './parameters.js';
import type { OpenedScenario } from './registry.js';
import type { PacketGenerator } from './scenario.js';

/**
 * Time of the first packet in a file: 2026-01-01 00:00:00 UTC. A constant, so that the same seed gives the same file,
 * byte for byte.
 */
export const CAPTURE_START_NS = 1_767_225_600_000_000_000n;

/** Seconds after the first packet that pcap, whose seconds have 32 bits, can still stamp. */
const MAX_DURATION_S = 2 ** 32 - 1 - Number(CAPTURE_START_NS / 1_000_000_000n);

/** Takes a frame that stays valid only during the call. */
export type FrameSink = (record: { timestampNs: bigint; frame: Uint8Array }) => void;

export interface WrittenTotals {
  packets: number;
  /** Bytes of frames, without file headers. */
  bytes: number;
  /** From the first packet's time to the last one's. */
  durationNs: number;
}

/** Packets between two turns of the event loop: some milliseconds. */
const PACKETS_PER_TURN = 16_384;

/**
 * Before anything is written: whether a capture can hold the times of all packets.
 * @throws ScenarioError
 */
export function requireTimes({ scenario, parameters, source }: OpenedScenario): void {
  const seconds = (source.packetCount - 1) / parameters.number('pps');
  if (seconds < MAX_DURATION_S) return;
  throw new ScenarioError(
    `scenario ${scenario.name}: --packets ${source.packetCount} at --pps ${parameters.number('pps')} take ${seconds} s, ` +
      `and the times of a pcap file end ${MAX_DURATION_S} s (in 2106) after its first packet; raise --pps or lower --packets`,
  );
}

/** Drains `source` into `sink`, with absolute times. */
export function drainSource(source: PacketGenerator, sink: FrameSink): WrittenTotals {
  const parts = drainInParts(source, sink);
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}

/**
 * As drainSource, for as many packets as may be wanted: a signal is heard meanwhile.
 * @param turn lets the event loop turn
 */
export async function drainSourceInTurns(
  source: PacketGenerator,
  sink: FrameSink,
  turn: () => Promise<void>,
): Promise<WrittenTotals> {
  const parts = drainInParts(source, sink);
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
    await turn();
  }
}

function* drainInParts(source: PacketGenerator, sink: FrameSink): Generator<void, WrittenTotals> {
  const buffer = new Uint8Array(source.maxFrameLength);
  const totals: WrittenTotals = { packets: 0, bytes: 0, durationNs: 0 };
  for (;;) {
    const length = source.next(buffer, 0);
    if (length === 0) return totals;
    sink({ timestampNs: CAPTURE_START_NS + BigInt(source.timestampNs), frame: buffer.subarray(0, length) });
    totals.packets++;
    totals.bytes += length;
    totals.durationNs = source.timestampNs;
    if (totals.packets % PACKETS_PER_TURN === 0) yield;
  }
}
