/** Packet builders for tests: the synth builders, and the few packets that nearly every tracker test needs. */
import { buildFrame } from '../../tools/synth/packet-builder.js';
import type { FrameSpec, TcpSpec, UdpSpec } from '../../tools/synth/packet-builder.js';

export { buildFrame, quoteOf } from '../../tools/synth/packet-builder.js';
export type { FrameSpec, IcmpSpec, TcpSpec } from '../../tools/synth/packet-builder.js';
export { fragmentRanges, writeFragment } from '../../tools/synth/fragmenter.js';
export * from '../../tools/synth/headers.js';
export { Random } from '../../tools/random/random.js';

/** What the short builders take besides ports: addresses (IPv6 when they hold a colon), tags, payload. */
export interface Endpoints {
  src?: string;
  dst?: string;
  vlans?: FrameSpec['vlans'];
  payload?: Uint8Array | string;
  badChecksums?: FrameSpec['badChecksums'];
}

const CLIENT4 = '10.1.1.1';
const SERVER4 = '10.1.1.2';

function layers({ src = CLIENT4, dst = SERVER4, vlans, payload, badChecksums }: Endpoints): FrameSpec {
  return {
    ...(src.includes(':') ? { ipv6: { src, dst } } : { ipv4: { src, dst } }),
    ...(vlans ? { vlans } : {}),
    ...(payload === undefined ? {} : { payload }),
    ...(badChecksums ? { badChecksums } : {}),
  };
}

/** A TCP frame from 10.1.1.1:40000 to 10.1.1.2:80 unless told otherwise; flags as letters of `FSRPAU`. */
export function tcpFrame(options: Endpoints & Partial<TcpSpec> = {}): Uint8Array {
  return buildFrame({ ...layers(options), tcp: { srcPort: 40000, dstPort: 80, ...options } });
}

/** A UDP frame from 10.1.1.1:40000 to 10.1.1.2:53 unless told otherwise. */
export function udpFrame(options: Endpoints & Partial<UdpSpec> = {}): Uint8Array {
  return buildFrame({ ...layers(options), udp: { srcPort: 40000, dstPort: 53, ...options } });
}

/** An ICMP or ICMPv6 echo request, or its reply, by the address family of `src`. */
export function echoFrame(
  options: Endpoints & { id?: number; seq?: number; reply?: boolean } = {},
): Uint8Array {
  const { id = 1, seq = 1, reply = false } = options;
  const frame = layers(options);
  if (frame.ipv6) return buildFrame({ ...frame, icmpv6: { type: reply ? 129 : 128, id, seq } });
  return buildFrame({ ...frame, icmp: { type: reply ? 0 : 8, id, seq } });
}
