import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { FragmentSettings } from '../../engine/host/run-memory.js';
import type { TimeoutSeconds } from '../../engine/host/timeout-attributes.js';
import type { LayerOffsets } from '../captures/layer-offsets.js';

/** Which request to the tracker each packet makes (the shape of the replay's rules). */
export interface ConformRules {
  readonly requests: readonly ExecRequest[];
  /** Index in `requests`. */
  requestOf(frame: Uint8Array, layers: LayerOffsets): number;
}

/** All that both trackers are told; what is absent keeps the tracker's default. */
export interface ConformSetup {
  readonly rules: ConformRules;
  readonly connLimit?: number | undefined;
  readonly tcpSeqCheck?: boolean | undefined;
  readonly fragments?: FragmentSettings | undefined;
  /** Zone -1 is the default entry. */
  readonly zoneLimits?: readonly { readonly zone: number; readonly limit: number }[] | undefined;
  /** By policy id. */
  readonly timeoutPolicies?: ReadonlyMap<number, TimeoutSeconds> | undefined;
}

/** Commit everything in zone 0 without translation: what `ovstest test-conntrack pcap` does. */
export const COMMIT_EVERYTHING: ConformSetup = {
  rules: { requests: [{ commit: true, zone: 0 }], requestOf: () => 0 },
};
