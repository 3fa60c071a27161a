/** A suggested configuration in words, for the terminal and for documentation. */
import type { SuggestedConfig } from './scenario.js';

/** One line per setting, the reason first. */
export function describeSuggestedConfig(config: SuggestedConfig): string[] {
  const lines = [config.reason];
  for (const rule of config.nat ?? []) {
    const ports = rule.port === null ? '' : `, ports ${rule.port[0]}-${rule.port[1]}`;
    lines.push(`NAT: commit with ${rule.type === 'src' ? 'source' : 'destination'} ${rule.addr}${ports}`);
  }
  if (config.helper !== undefined) lines.push(`helper: ${config.helper}`);
  if (config.zoneFrom !== undefined) lines.push('zone: the VLAN id of the packet');
  for (const policy of config.policies ?? []) {
    const attributes = Object.entries(policy.attributes).map(([name, seconds]) => `${name}=${seconds} s`);
    const zones = (config.zonePolicies ?? []).filter((entry) => entry.policyId === policy.id);
    lines.push(
      `timeout policy ${policy.id} (zones ${zones.map((z) => z.zone).join(', ')}): ${attributes.join(', ')}`,
    );
  }
  return lines;
}
