/**
 * State machine of ICMP and ICMPv6 queries (spec §4): one byte of protocol state, FIRST until an answer was seen, then REPLY.
 */
import { CO_PROTO_STATE, TM_ICMP_FIRST, UPDATE_VALID, UPDATE_VALID_NEW } from '../records/connection';
import { Context } from './context';

const FIRST: u32 = 0;
const REPLY: u32 = 1;

/** Whether a message of this type opens a connection: echo, timestamp and information requests. */
export function icmpCanCreate(type: u32, version6: bool): bool {
  return version6 ? type == 128 : type == 8 || type == 13 || type == 15;
}

/** Sets the state of a new connection; returns its timeout class. */
export function icmpInit(conn: usize): u32 {
  store<u8>(conn, <u8>FIRST, CO_PROTO_STATE);
  return TM_ICMP_FIRST;
}

/** Advances the state by one packet; the refresh class goes to Context.timeoutClass. Precondition: conn's lock is held. */
export function icmpUpdate(conn: usize, reply: bool): u32 {
  let state = <u32>load<u8>(conn, CO_PROTO_STATE);
  let result = UPDATE_VALID;
  if (state == FIRST) {
    if (reply) {
      state = REPLY;
      store<u8>(conn, <u8>REPLY, CO_PROTO_STATE);
    } else {
      result = UPDATE_VALID_NEW;
    }
  }
  Context.timeoutClass = TM_ICMP_FIRST + state;
  return result;
}
