/** Reads packet sources to the end for tests. */
import { createHash } from 'node:crypto';
import { openScenario } from '../../../../tools/synth/registry.js';
import type { PacketGenerator } from '../../../../tools/synth/scenario.js';

export interface CollectedPacket {
  frame: Uint8Array;
  timestampNs: number;
  flowIndex: number;
}

/** All packets of a scenario, copied out. */
export function collect(
  name: string,
  parameters: Record<string, string | number>,
  seed = 1,
): CollectedPacket[] {
  const { source } = openScenario(name, parameters, seed);
  const packets: CollectedPacket[] = [];
  forEachPacket(source, (frame) => {
    packets.push({ frame: frame.slice(), timestampNs: source.timestampNs, flowIndex: source.flowIndex });
  });
  return packets;
}

/** Calls back with each frame; it is valid only during the call. */
export function forEachPacket(source: PacketGenerator, use: (frame: Uint8Array) => void): void {
  const buffer = new Uint8Array(source.maxFrameLength);
  for (let length = source.next(buffer, 0); length > 0; length = source.next(buffer, 0)) {
    use(buffer.subarray(0, length));
  }
}

/** One hash over every byte, time and flow number of a scenario. */
export function fingerprint(name: string, parameters: Record<string, string | number>, seed: number): string {
  const hash = createHash('sha256');
  for (const { frame, timestampNs, flowIndex } of collect(name, parameters, seed)) {
    hash.update(frame).update(`${frame.length}/${timestampNs}/${flowIndex}`);
  }
  return hash.digest('hex');
}
