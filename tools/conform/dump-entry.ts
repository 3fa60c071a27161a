import type { ConnEntry, ConnTuple, TcpPeer } from '../../engine/host/connection-view.js';
import { protocolName } from '../../engine/host/dump-text.js';
import type { DumpEntry, DumpTcp, DumpTuple } from './dump-parse.js';

/** A connection of our table in the terms of Open vSwitch's `dpctl/dump-conntrack -m -s`. */
export function toDumpEntry(entry: ConnEntry): DumpEntry {
  return {
    proto: protocolName(entry.original.protocol),
    orig: toTuple(entry.original),
    reply: toTuple(entry.reply),
    zone: entry.zone,
    mark: entry.mark,
    labels: entry.label === 0n ? null : `0x${entry.label.toString(16)}`,
    timeoutS: entry.timeoutSeconds,
    helper: entry.helper,
    tcp: entry.tcp === null ? null : toTcp(entry.tcp),
    parent: entry.parent === null ? null : toTuple(entry.parent),
  };
}

function toTuple(tuple: ConnTuple): DumpTuple {
  const { src, dst } = tuple;
  return 'icmpId' in tuple
    ? { src, dst, ports: null, icmp: { id: tuple.icmpId, type: tuple.icmpType, code: tuple.icmpCode } }
    : { src, dst, ports: [tuple.srcPort, tuple.dstPort], icmp: null };
}

function toTcp([original, reply]: readonly [TcpPeer, TcpPeer]): DumpTcp {
  const scales: [number, number] = [original.windowScale, reply.windowScale];
  return {
    states: [original.state, reply.state],
    // The dump leaves the scales out when both are zero.
    wscales: scales.some((scale) => scale !== 0) ? scales : null,
    flags: [tcpFlags(original), tcpFlags(reply)],
  };
}

function tcpFlags(peer: TcpPeer): string {
  const flags = [];
  if (peer.windowScaleKnown) flags.push('WINDOW_SCALE');
  if (peer.liberal) flags.push('BE_LIBERAL');
  return flags.join('|');
}
