/** Captures as they are taken where packets are sent: checksums that the network card was still to complete. */
import { PcapWriter } from '../../tools/captures/pcap-writer.js';
import { udpFrame } from './packets.js';

/** Writes a capture of so many UDP packets, each of a connection of its own, the first of them with wrong checksums. */
export function writeOffloaded(path: string, wrong: number, packets: number): void {
  const writer = new PcapWriter(path);
  for (let index = 0; index < packets; index++) {
    const frame = udpFrame({
      srcPort: 1000 + index,
      payload: 'x',
      ...(index < wrong ? { badChecksums: ['udp'] as const } : {}),
    });
    writer.write({ timestampNs: BigInt(index), frame });
  }
  writer.close();
}
