/**
 * State machine of UDP and of every protocol without one of its own (spec §4): one byte of protocol state. FIRST, then
 * MULTIPLE with the second packet of the original direction, then BIDIR with the first reply.
 *
 * The original calls a connection established from the third packet on even when no reply was seen. SWITCH_EST_AFTER_REPLY
 * selects the later behaviour: every packet before the first reply is new.
 */
import { CO_PROTO_STATE, TM_OTHER_FIRST, UPDATE_VALID, UPDATE_VALID_NEW } from '../records/connection';
import { SWITCH_EST_AFTER_REPLY, switches } from '../records/memory-map';
import { Context } from './context';

const FIRST: u32 = 0;
const MULTIPLE: u32 = 1;
const BIDIR: u32 = 2;

/** Sets the state of a new connection; returns its timeout class. */
export function otherInit(conn: usize): u32 {
  store<u8>(conn, <u8>FIRST, CO_PROTO_STATE);
  return TM_OTHER_FIRST;
}

/** Advances the state by one packet; the refresh class goes to Context.timeoutClass. Precondition: conn's lock is held. */
// @ts-ignore: decorator
@inline
export function otherUpdate(conn: usize, reply: bool): u32 {
  let state = <u32>load<u8>(conn, CO_PROTO_STATE);
  let result = UPDATE_VALID;
  if (reply) {
    if (state != BIDIR) {
      state = BIDIR;
      store<u8>(conn, <u8>BIDIR, CO_PROTO_STATE);
    }
  } else if (state == FIRST) {
    state = MULTIPLE;
    store<u8>(conn, <u8>MULTIPLE, CO_PROTO_STATE);
    result = UPDATE_VALID_NEW;
  } else if (state == MULTIPLE && switches & SWITCH_EST_AFTER_REPLY) {
    result = UPDATE_VALID_NEW;
  }
  Context.timeoutClass = TM_OTHER_FIRST + state;
  return result;
}
