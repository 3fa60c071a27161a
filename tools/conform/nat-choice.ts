import { formatAddress } from '../../engine/host/addresses.js';
import type { ExecRequest, NatRequest } from '../../engine/host/exec-params.js';
import { dissect, emptyDissection } from '../wire/dissect.js';
import type { PacketOutcome } from './conform-run.js';

/**
 * Which address and port of a range a new connection gets depends on a hash with a random basis, so that two trackers
 * choose differently, and so would one tracker twice. Where Open vSwitch has translated a new connection, ours is
 * asked for the very tuple that the switch chose: it has to find it free. Where the switch found none, ours is asked
 * for the whole range, and has to find none either. A choice outside the range is not taken over, and so shows.
 * What has no ports is known by its address alone.
 */
export function takeChoice(request: ExecRequest, packetIndex: number, there: PacketOutcome): ExecRequest {
  const { nat } = request;
  if (nat === undefined || nat.type === 'none' || isSingle(nat)) return request;
  const bit = nat.type === 'src' ? 'snat' : 'dnat';
  const output = there.outputs.find((each) => each.packetIndex === packetIndex);
  if (output === undefined || !/\bnew\b/.test(output.state) || !output.state.includes(bit)) return request;
  const chosen = endpoint(output.frame, nat.type);
  if (chosen === null) return request;
  const { address } = chosen;
  const atAddress = { ...nat, minAddress: address, maxAddress: address };
  if (nat.ports === undefined) return { ...request, nat: atAddress };
  // A later fragment has no ports; they are in the first, which came out with it.
  const port = chosen.port ?? there.outputs.map(({ frame }) => endpoint(frame, nat.type)?.port).find(isPort);
  if (!isPort(port)) return { ...request, nat: atAddress };
  if (port < nat.ports[0] || port > nat.ports[1]) return request;
  return { ...request, nat: { ...atAddress, ports: [port, port] } };
}

/** Reason for packets about whose translation nothing can be said. */
export const UNKNOWN_ADDRESS =
  'no translation was found at an address that the random hash of Open vSwitch chose, which is not known';

/**
 * Whether Open vSwitch gave a new packet no translation where it has several addresses to choose from. It tries one, by the
 * hash, and that it was taken there does not say that it is taken where ours tries.
 */
export function isAddressUnknown({ nat }: ExecRequest, packetIndex: number, there: PacketOutcome): boolean {
  if (nat === undefined || nat.type === 'none') return false;
  if (nat.maxAddress === undefined || nat.maxAddress === nat.minAddress) return false;
  const output = there.outputs.find((each) => each.packetIndex === packetIndex);
  return output !== undefined && /\bnew\b/.test(output.state) && !/\b[sd]nat\b/.test(output.state);
}

function isPort(port: number | null | undefined): port is number {
  return port !== null && port !== undefined;
}

function isSingle(nat: Exclude<NatRequest, { type: 'none' }>): boolean {
  const oneAddress = nat.maxAddress === undefined || nat.maxAddress === nat.minAddress;
  return oneAddress && (nat.ports === undefined || nat.ports[0] === nat.ports[1]);
}

const layers = emptyDissection();

/** Source or destination of a frame; the port is null when it has none. */
function endpoint(frame: Uint8Array, which: 'src' | 'dst'): { address: string; port: number | null } | null {
  dissect(frame, layers);
  const { ipVersion, addressesAt, addressBytes, l4, protocol } = layers;
  if (ipVersion === null) return null;
  const at = addressesAt + (which === 'src' ? 0 : addressBytes);
  const bytes = new Uint8Array(16);
  bytes.set(frame.subarray(at, at + addressBytes));
  const hasPort = l4 !== null && (protocol === 6 || protocol === 17) && l4 + 4 <= frame.length;
  const portAt = (l4 ?? 0) + (which === 'src' ? 0 : 2);
  return {
    address: formatAddress(ipVersion, bytes),
    port: hasPort ? new DataView(frame.buffer, frame.byteOffset).getUint16(portAt) : null,
  };
}
