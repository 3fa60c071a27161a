import { emptyLayerOffsets, locateLayers } from '../captures/layer-offsets.js';
import { toEthernetFrame } from '../captures/link-type.js';
import { openCapture, requireRecords } from '../captures/reader.js';
import type { ConformRules } from './conform-setup.js';
import type { InputPacket } from './tracker-run.js';

const NS_PER_MS = 1_000_000n;

/** What drives the trackers' time: the capture's timestamps, or nothing. */
export type ConformClock = 'capture' | 'frozen';

/**
 * Reads a capture as packets for the trackers, each with its request, at times in whole milliseconds since the first
 * packet. A timestamp before the one before it is taken as equal to it.
 * @param limit most packets to take
 * @throws CaptureError when the capture cannot be read, is empty, or holds a link type without an Ethernet form
 */
export async function loadPackets(
  path: string,
  rules: ConformRules,
  clock: ConformClock,
  limit = Infinity,
): Promise<InputPacket[]> {
  const reader = await openCapture(path);
  const packets: InputPacket[] = [];
  const layers = emptyLayerOffsets();
  let firstNs: bigint | null = null;
  let lastMs = 0;
  try {
    for await (const record of reader) {
      if (packets.length >= limit) break;
      firstNs ??= record.timestampNs;
      lastMs = clock === 'frozen' ? 0 : Math.max(lastMs, Number((record.timestampNs - firstNs) / NS_PER_MS));
      const frame = toEthernetFrame(record, path);
      locateLayers(frame, layers);
      packets.push({ frame, timestampMs: lastMs, requestIndex: rules.requestOf(frame, layers) });
    }
    requireRecords(reader);
  } finally {
    await reader.close();
  }
  return packets;
}
