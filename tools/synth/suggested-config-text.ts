/** A suggested configuration in words, for the terminal and for documentation. */
import type { SuggestedConfig, SuggestedNat } from './scenario.js';

/** One line per setting, the reason first. */
export function describeSuggestedConfig(config: SuggestedConfig): string[] {
  const lines = [config.reason];
  for (const rule of config.nat ?? []) {
    lines.push(translationText(rule));
  }
  if (config.helper !== undefined) lines.push(`helper: ${config.helper}`);
  if (config.zoneFrom !== undefined) lines.push('zone: the VLAN id of the packet');
  for (const policy of config.policies ?? []) {
    const attributes = Object.entries(policy.attributes).map(([name, seconds]) => `${name}=${seconds} s`);
    const zones = (config.zonePolicies ?? []).filter((entry) => entry.policyId === policy.id);
    const where = zones.length === 0 ? '' : ` (zones ${zones.map((z) => z.zone).join(', ')})`;
    lines.push(`timeout policy ${policy.id}${where}: ${attributes.join(', ')}`);
  }
  return lines;
}

function translationText({ type, addr, port, between, policyId, helper }: SuggestedNat): string {
  const parts = [`commit with ${type === 'src' ? 'source' : 'destination'} ${addr}`];
  if (port !== null) parts.push(`ports ${port[0]}-${port[1]}`);
  if (between !== undefined) parts.push(`from ${between.clients} to ${between.servers}`);
  if (policyId !== undefined) parts.push(`timeout policy ${policyId}`);
  if (helper !== undefined) parts.push(`helper ${helper}`);
  return `NAT: ${parts.join(', ')}`;
}
