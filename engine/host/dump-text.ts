import { type ConnEntry, type ConnTuple, type TcpState, TCP_STATES } from './connection-view.js';

/** Protocol names as Open vSwitch prints them; any other is its number. */
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [2, 'igmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

export function protocolName(protocol: number): string {
  return PROTOCOL_NAMES.get(protocol) ?? String(protocol);
}

/**
 * One line of a table dump, in the form of `ovs-appctl dpctl/dump-conntrack -s` (its userspace datapath, which keeps
 * neither counters nor timestamps): parts that are zero are left out, but the timeout.
 */
export function dumpLine(entry: ConnEntry): string {
  const parts = [
    protocolName(entry.original.protocol),
    `orig=(${tupleText(entry.original)})`,
    `reply=(${tupleText(entry.reply)})`,
  ];
  if (entry.zone !== 0) parts.push(`zone=${entry.zone}`);
  parts.push(`timeout=${entry.timeoutSeconds}`);
  if (entry.mark !== 0) parts.push(`mark=${entry.mark}`);
  if (entry.label !== 0n) parts.push(`labels=0x${entry.label.toString(16)}`);
  if (entry.tcp !== null) {
    const [original, reply] = entry.tcp;
    parts.push(`protoinfo=(state=${coalescedState(original.state, reply.state)})`);
  }
  if (entry.helper !== null) parts.push(`helper=${entry.helper}`);
  return parts.join(',');
}

function tupleText(tuple: ConnTuple): string {
  const addresses = `src=${tuple.src},dst=${tuple.dst}`;
  return 'icmpId' in tuple
    ? `${addresses},id=${tuple.icmpId},type=${tuple.icmpType},code=${tuple.icmpCode}`
    : `${addresses},sport=${tuple.srcPort},dport=${tuple.dstPort}`;
}

/** One state for two ends: the later one, named as the kernel's tracker would (spec §9). */
export function coalescedState(original: TcpState, reply: TcpState): TcpState {
  const later = TCP_STATES.indexOf(original) > TCP_STATES.indexOf(reply) ? original : reply;
  if (later === 'FIN_WAIT_2') return 'TIME_WAIT';
  return later === 'SYN_RECV' ? 'ESTABLISHED' : later;
}

/** One end-to-end tuple as the conformance vectors write it. */
export function bracketTuple(tuple: ConnTuple): string {
  return 'icmpId' in tuple
    ? `[${tuple.src}]>[${tuple.dst}] id=${tuple.icmpId} type=${tuple.icmpType} code=${tuple.icmpCode}`
    : `[${tuple.src}]:${tuple.srcPort}>[${tuple.dst}]:${tuple.dstPort}`;
}
