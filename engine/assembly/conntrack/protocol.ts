/**
 * Which state machine a connection runs, by protocol number alone: number 1 is ICMP and 58 is ICMPv6 also in the other IP
 * version, where their keys have no ids (spec §1.3.5).
 */
import { CO_KEY } from '../records/connection';
import { K_PROTO } from '../records/key';
import { PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP } from '../wire/ipv4';
import { Context, contextKey } from './context';
import { icmpCanCreate, icmpInit, icmpUpdate } from './icmp';
import { otherInit, otherUpdate } from './other';
import { tcpCanCreate, tcpInit, tcpUpdate } from './tcp';

/** Whether the packet in progress (Context, extracted) may open a connection. */
export function protocolCanCreate(): bool {
  const protocol = <u32>load<u8>(contextKey(), K_PROTO);
  if (protocol == PROTO_TCP) return tcpCanCreate();
  if (protocol != PROTO_ICMP && protocol != PROTO_ICMPV6) return true;
  return Context.l4Size > 0 && icmpCanCreate(load<u8>(Context.l4), protocol == PROTO_ICMPV6);
}

/** Sets the protocol state of a connection that the packet in progress opens; returns its first timeout class. */
export function protocolInit(conn: usize): u32 {
  const protocol = <u32>load<u8>(contextKey(), K_PROTO);
  if (protocol == PROTO_TCP) return tcpInit(conn);
  if (protocol == PROTO_ICMP || protocol == PROTO_ICMPV6) return icmpInit(conn);
  return otherInit(conn);
}

/**
 * Advances the protocol state of `conn` by the packet in progress. Returns an UPDATE_* code and sets Context.timeoutClass to
 * the class to refresh to, or TM_NONE; with UPDATE_INVALID also Context.reason. Precondition: conn's lock is held.
 */
// @ts-ignore: decorator
@inline
export function protocolUpdate(conn: usize, reply: bool): u32 {
  const protocol = <u32>load<u8>(conn, CO_KEY + K_PROTO);
  if (protocol == PROTO_TCP) return tcpUpdate(conn, reply);
  if (protocol == PROTO_ICMP || protocol == PROTO_ICMPV6) return icmpUpdate(conn, reply);
  return otherUpdate(conn, reply);
}
