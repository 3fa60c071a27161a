/** The configuration that a scenario suggests, as rules of packets and settings of the tracker. */
import { attributeValues } from '../../engine/host/timeout-attributes.js';
import type { ExecRequest, NatRequest } from '../../engine/host/exec-params.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { COMMIT_ALL, type PacketRules } from '../config/rules.js';
import type { SuggestedConfig, SuggestedNat } from '../synth/scenario.js';

/** What a suggested configuration comes to. */
export interface ScenarioSettings {
  readonly rules: PacketRules;
  readonly configure: (thread: EngineThread) => void;
}

const ETHERNET_TYPE_AT = 12;
const VLAN_TYPES = new Set([0x8100, 0x88a8]);

/** Rules and settings; without a suggestion, every packet is committed in zone 0. */
export function scenarioSettings(suggested: SuggestedConfig | null): ScenarioSettings {
  if (suggested === null) return { rules: COMMIT_ALL, configure: () => {} };
  return { rules: rulesOf(suggested), configure: (thread) => setPolicies(thread, suggested) };
}

/** One request per zone that can occur and address family. */
function rulesOf(suggested: SuggestedConfig): PacketRules {
  const requests: ExecRequest[] = [];
  const byKey = new Map<number, number>();
  const policyOf = new Map((suggested.zonePolicies ?? []).map(({ zone, policyId }) => [zone, policyId]));
  const zoned = suggested.zoneFrom === 'vlan';
  const add = (zone: number, family: 4 | 6): number => {
    const nat = (suggested.nat ?? []).find((rule) => rule.addr.includes(':') === (family === 6));
    const policy = policyOf.get(zone);
    requests.push({
      commit: true,
      zone,
      ...(nat === undefined ? {} : { nat: natRequest(nat) }),
      ...(suggested.helper === undefined ? {} : { helper: suggested.helper }),
      ...(policy === undefined ? {} : { timeoutPolicy: policy }),
    });
    return requests.length - 1;
  };
  // The engine copies requests before the traffic starts, so all that can occur are made up front.
  const zones = zoned ? new Set([0, ...policyOf.keys()]) : new Set([0]);
  for (const zone of zones)
    for (const family of [4, 6] as const) byKey.set(zone * 8 + family, add(zone, family));
  return {
    requests,
    choose({ frame }) {
      const { vlan, ethernetType } = outerTag(frame);
      const family = ethernetType === 0x86dd ? 6 : 4;
      const zone = zoned && zones.has(vlan) ? vlan : 0;
      return byKey.get(zone * 8 + family) as number;
    },
  };
}

function natRequest(rule: SuggestedNat): NatRequest {
  return {
    type: rule.type,
    minAddress: rule.addr,
    ...(rule.port === null ? {} : { ports: rule.port }),
  };
}

/** VLAN id of the outer tag (0 without one) and the type after all tags. */
function outerTag(frame: Uint8Array): { vlan: number; ethernetType: number } {
  const u16 = (at: number): number => ((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0);
  let at = ETHERNET_TYPE_AT;
  let vlan: number | null = null;
  while (VLAN_TYPES.has(u16(at)) && at + 4 < frame.length) {
    vlan ??= u16(at + 2) & 0x0fff;
    at += 4;
  }
  return { vlan: vlan ?? 0, ethernetType: u16(at) };
}

function setPolicies(thread: EngineThread, suggested: SuggestedConfig): void {
  for (const policy of suggested.policies ?? []) {
    const values = attributeValues(policy.attributes);
    new Uint32Array(thread.run.memory.buffer, thread.attributesAt, values.length).set(values);
    thread.exports.setPolicy(policy.id, thread.attributesAt);
  }
}
