/** Which request to the tracker each packet makes. */
import type { ExecRequest } from '../../engine/host/exec-params.js';

/** The distinct requests of a configuration, and which of them a packet makes. */
export interface PacketRules {
  readonly requests: readonly ExecRequest[];
  /** Index in `requests` for a frame that goes to a worker. */
  choose(packet: { readonly frame: Uint8Array; readonly worker: number }): number;
}

/** The rules without configuration: every packet is committed in zone 0. */
export const COMMIT_ALL: PacketRules = {
  requests: [{ commit: true, zone: 0 }],
  choose: () => 0,
};

/** Whether the engine may rewrite packets under this request. */
export function mayRewrite(request: ExecRequest): boolean {
  return request.nat !== undefined || request.helper !== undefined;
}
