import { CT_STATE_BITS, CT_STATE_COUNT } from './ct-state.js';
import { familyOf, type ConformPlan, type CtRule, type NatRequest } from './conform-plan.js';

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
const FIRST_STATE_PORT = 100;

/** The port by which packets with this ct_state leave. */
export function statePort(bits: number): BridgePort {
  return { name: `st${bits}`, number: FIRST_STATE_PORT + bits };
}

const CT_TABLE = 0;
const STATE_TABLE = 1;

/**
 * The flows that run a plan: table 0 picks the first rule that matches and executes `ct()`; table 1 sends each
 * combination of ct_state bits out of a port of its own.
 * @returns one flow a line, in the syntax of ovs-ofctl(8)
 */
export function planToFlows(plan: ConformPlan): string[] {
  const flows = [
    `table=${CT_TABLE},priority=65535,dl_type=${hex(MARKER_ETHERTYPE)},actions=output:${LOG_PORT.number}`,
    `table=${CT_TABLE},priority=0,actions=output:${UNTRACKED_PORT.number},output:${LOG_PORT.number}`,
  ];
  plan.rules.forEach((rule, index) => {
    const priority = 60_000 - index;
    for (const match of ruleToMatches(rule)) {
      flows.push(`table=${CT_TABLE},priority=${priority},${match},actions=${ruleToAction(rule)}`);
    }
  });
  // An IP packet that no rule selects is not tracked; the trackers under comparison treat it alike.
  for (let bits = 0; bits < CT_STATE_COUNT; bits++) {
    const match = CT_STATE_BITS.map(
      (name, index) => `${(bits & (1 << index)) === 0 ? '-' : '+'}${name}`,
    ).join('');
    const actions = `output:${statePort(bits).number},output:${LOG_PORT.number}`;
    flows.push(`table=${STATE_TABLE},priority=10,ct_state=${match},actions=${actions}`);
  }
  return flows;
}

/** One OpenFlow match for each IP version that the rule can meet. */
function ruleToMatches(rule: CtRule): string[] {
  const { match } = rule;
  const address = match.src ?? match.dst;
  let families: (4 | 6)[] = address === undefined ? [4, 6] : [familyOf(address)];
  if (match.proto === 'icmp') families = families.filter((family) => family === 4);
  if (match.proto === 'icmpv6') families = families.filter((family) => family === 6);
  return families.map((family) => {
    const field = family === 4 ? 'nw' : 'ipv6';
    const parts = [protocolMatch(match.proto, family)];
    if (match.src !== undefined) parts.push(`${field}_src=${match.src}`);
    if (match.dst !== undefined) parts.push(`${field}_dst=${match.dst}`);
    if (match.sport !== undefined) parts.push(`tp_src=${match.sport}`);
    if (match.dport !== undefined) parts.push(`tp_dst=${match.dport}`);
    return parts.join(',');
  });
}

function protocolMatch(proto: CtRule['match']['proto'], family: 4 | 6): string {
  const ip = family === 4 ? 'ip' : 'ipv6';
  if (proto === undefined) return ip;
  if (typeof proto === 'number') return `${ip},nw_proto=${proto}`;
  if (proto === 'icmp') return 'icmp';
  if (proto === 'icmpv6') return 'icmp6';
  return family === 4 ? proto : `${proto}6`;
}

function ruleToAction(rule: CtRule): string {
  const parts = [`zone=${rule.zone}`, `table=${STATE_TABLE}`];
  if (rule.commit) parts.push('commit');
  if (rule.force) parts.push('force');
  if (rule.nat !== null) parts.push(natToAction(rule.nat));
  if (rule.helper !== null) parts.push(`alg=${rule.helper}`);
  if (rule.mark !== null)
    parts.push(`exec(set_field:${hex(rule.mark.value)}/${hex(rule.mark.mask)}->ct_mark)`);
  return `ct(${parts.join(',')})`;
}

function natToAction(nat: NatRequest): string {
  if (nat.type === 'none') return 'nat';
  const [lo, hi] = nat.addr;
  const addresses = lo === hi ? bracket(lo) : `${bracket(lo)}-${bracket(hi)}`;
  if (nat.port === null) return `nat(${nat.type}=${addresses})`;
  const ports = nat.port[0] === nat.port[1] ? `${nat.port[0]}` : `${nat.port[0]}-${nat.port[1]}`;
  return `nat(${nat.type}=${addresses}:${ports})`;
}

/** An IPv6 address stands in brackets, so that a port can follow. */
function bracket(address: string): string {
  return familyOf(address) === 6 ? `[${address}]` : address;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
