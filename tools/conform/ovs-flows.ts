import type { ExecRequest, NatRequest } from '../../engine/host/exec-params.js';
import { STATE_BITS } from '../../engine/host/state-text.js';
import { ConformSetupError } from './conform-error.js';
import { TRACKED_STATES } from './ct-state.js';
import { requestMac } from './frame-number.js';

/** Ethertype of the frames that mark the end of a packet's output (IEEE 802, local experimental 1). */
export const MARKER_ETHERTYPE = 0x88b5;

/** A port of the bridge: interface name and OpenFlow port number. */
export interface BridgePort {
  readonly name: string;
  readonly number: number;
}

/** Where packets come in. */
export const INPUT_PORT: BridgePort = { name: 'in', number: 1 };
/** Everything that leaves the bridge also leaves here, so that its capture holds the order over all ports. */
export const LOG_PORT: BridgePort = { name: 'log', number: 2 };
/** Frames that are not IP and so cannot be given to `ct()`. */
export const UNTRACKED_PORT: BridgePort = { name: 'untracked', number: 3 };
/** Packets with a ct_state that no tracked packet should have. */
export const UNEXPECTED_PORT: BridgePort = { name: 'unexpected', number: 4 };
const FIRST_STATE_PORT = 100;

/** The port by which packets with this ct_state leave. */
export function statePort(bits: number): BridgePort {
  return { name: `st${bits}`, number: FIRST_STATE_PORT + bits };
}

const CT_TABLE = 0;
const STATE_TABLE = 1;
const MAX_REQUESTS = 0xffff;

/**
 * The flows that execute requests: in table 0 the source address of a frame names its request (see frame-number.ts),
 * which becomes a `ct()` action; table 1 sends each ct_state out of a port of its own.
 * @returns one flow a line, in the syntax of ovs-ofctl(8)
 * @throws ConformSetupError for a request that OpenFlow has no words for
 */
export function requestsToFlows(requests: readonly ExecRequest[]): string[] {
  if (requests.length > MAX_REQUESTS) {
    throw new ConformSetupError(
      'rules',
      `${requests.length} different requests; at most ${MAX_REQUESTS} are supported`,
    );
  }
  const flows = [
    `table=${CT_TABLE},priority=100,dl_type=${hex(MARKER_ETHERTYPE)},actions=output:${LOG_PORT.number}`,
    `table=${CT_TABLE},priority=0,actions=output:${UNTRACKED_PORT.number},output:${LOG_PORT.number}`,
    `table=${STATE_TABLE},priority=0,actions=output:${UNEXPECTED_PORT.number},output:${LOG_PORT.number}`,
    ...requests.flatMap((request, index) => requestFlows(request, index)),
  ];
  for (const bits of TRACKED_STATES) {
    const match = STATE_BITS.map((name, index) => `${(bits & (1 << index)) === 0 ? '-' : '+'}${name}`).join(
      '',
    );
    const actions = `output:${statePort(bits).number},output:${LOG_PORT.number}`;
    flows.push(`table=${STATE_TABLE},priority=10,ct_state=${match},actions=${actions}`);
  }
  return flows;
}

function requestFlows(request: ExecRequest, index: number): string[] {
  const families = natFamily(request.nat) ?? [4, 6];
  return families.flatMap((family) => {
    const suffix = family === 4 ? '' : '6';
    const from = `dl_src=${requestMac(index)}`;
    const flow = (priority: number, match: string, actions: string): string =>
      `table=${CT_TABLE},priority=${priority},${match},${from},actions=${actions}`;
    const plain = flow(10, family === 4 ? 'ip' : 'ipv6', ctAction({ ...request, helper: undefined }));
    if (request.helper === undefined) return [plain];
    const protocol = request.helper === 'ftp' ? 'tcp' : 'udp';
    // The switch passes the ports of the cached flow to the tracker. Reading them makes the cache match them exactly,
    // so that they are those of the packet and not of whichever packet came first.
    const readPorts = ['SRC', 'DST'].map(
      (end, register) => `move:NXM_OF_${protocol.toUpperCase()}_${end}[]->NXM_NX_REG${register}[0..15]`,
    );
    const helped = flow(20, `${protocol}${suffix}`, [...readPorts, ctAction(request)].join(','));
    return [helped, plain];
  });
}

function ctAction(request: ExecRequest): string {
  const { nat, mark, label, helper } = request;
  const parts = [`zone=${request.zone ?? 0}`, `table=${STATE_TABLE}`];
  for (const [name, given] of [
    ['mark', mark],
    ['label', label],
    ['helper', helper],
    ['nat src or dst', nat?.type === 'none' ? undefined : nat],
    ['force', request.force === true ? true : undefined],
  ] as const) {
    if (given !== undefined && request.commit !== true) {
      throw new ConformSetupError('rules', `Open vSwitch takes ${name} only together with commit`);
    }
  }
  if (request.commit === true) parts.push('commit');
  if (request.force === true) parts.push('force');
  if (nat !== undefined) parts.push(natAction(nat));
  if (helper !== undefined) parts.push(`alg=${helper}`);
  const sets: string[] = [];
  if (mark !== undefined) sets.push(`set_field:${hex(mark.value)}/${hex(mark.mask)}->ct_mark`);
  if (label !== undefined) sets.push(`set_field:${hex(label.value)}/${hex(label.mask)}->ct_label`);
  if (sets.length > 0) parts.push(`exec(${sets.join(',')})`);
  return `ct(${parts.join(',')})`;
}

function natAction(nat: NatRequest): string {
  if (nat.type === 'none') return 'nat';
  const low = nat.minAddress;
  const high = nat.maxAddress ?? low;
  const addresses = low === high ? bracket(low) : `${bracket(low)}-${bracket(high)}`;
  if (nat.ports === undefined) return `nat(${nat.type}=${addresses})`;
  const [first, last] = nat.ports;
  return `nat(${nat.type}=${addresses}:${first === last ? first : `${first}-${last}`})`;
}

/** The IP versions that a request's translation is for; null when it is for both. */
function natFamily(nat: NatRequest | undefined): (4 | 6)[] | null {
  if (nat === undefined || nat.type === 'none') return null;
  return [isIpv6(nat.minAddress) ? 6 : 4];
}

/** An IPv6 address stands in brackets, so that a port can follow. */
function bracket(address: string): string {
  return isIpv6(address) ? `[${address}]` : address;
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
