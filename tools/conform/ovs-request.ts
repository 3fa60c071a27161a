import type { ExecRequest } from '../../engine/host/exec-params.js';
import { dissect, emptyDissection } from '../wire/dissect.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.js';

/** The transport protocol that a helper is for: OpenFlow takes `alg=` only in a flow that matches it. */
const HELPER_PROTOCOL = { ftp: PROTOCOL_TCP, tftp: PROTOCOL_UDP } as const;

const dissection = emptyDissection();

/**
 * A packet's request as Open vSwitch executes it, so that another tracker can be asked the very same: a helper applies
 * only to packets of its protocol, and the switch then passes the ports of the packet along (spec §8.1, `tp_src` and
 * `tp_dst`), whatever the rule says.
 */
export function asOvsExecutes(request: ExecRequest, frame: Uint8Array): ExecRequest {
  if (request.helper === undefined) return request;
  dissect(frame, dissection);
  const { l4, protocol } = dissection;
  if (protocol !== HELPER_PROTOCOL[request.helper]) return { ...request, helper: undefined };
  if (l4 === null || l4 + 4 > frame.length) return request;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return { ...request, tpSrc: view.getUint16(l4), tpDst: view.getUint16(l4 + 2) };
}
