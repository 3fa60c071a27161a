/** The tuple of a frame as it stands in its headers, in text: what a trace shows before and after the tracker. */
import { formatAddress } from '../../engine/host/addresses.js';
import { dissect, emptyDissection } from '../wire/dissect.js';
import { PROTOCOLS_WITH_PORTS } from '../wire/protocols.js';

const dissection = emptyDissection();

/** `10.0.0.1:80>10.0.0.2:1234 tcp` or the like; null for a frame without IP. */
export function frameTuple(frame: Uint8Array): string | null {
  dissect(frame, dissection);
  const { ipVersion, addressesAt, addressBytes, protocol, l4 } = dissection;
  if (ipVersion === null) return null;
  const address = (at: number): string => {
    const padded = new Uint8Array(16);
    padded.set(frame.subarray(at, at + addressBytes));
    return formatAddress(ipVersion, padded);
  };
  const src = address(addressesAt);
  const dst = address(addressesAt + addressBytes);
  const ports =
    protocol !== null && PROTOCOLS_WITH_PORTS.has(protocol) && l4 !== null && l4 + 4 <= frame.length;
  const end = (text: string, at: number): string => {
    const host = ipVersion === 6 ? `[${text}]` : text;
    return ports ? `${host}:${((frame[at] as number) << 8) | (frame[at + 1] as number)}` : host;
  };
  const name = protocol === null ? '?' : (PROTOCOL_NAMES[protocol] ?? `proto-${protocol}`);
  return `${end(src, l4 ?? 0)}>${end(dst, (l4 ?? 0) + 2)} ${name}`;
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  50: 'esp',
  58: 'icmp6',
  132: 'sctp',
};
