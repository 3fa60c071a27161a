/** The configuration that a scenario expects, as if it had been written to a file: used when no --config is given. */
import type { SuggestedConfig } from '../synth/scenario.js';
import { DEFAULT_CONFIG, readConfig, type TrackerConfig } from './read-config.js';
import type { ConfigFile, RuleEntry } from './schema.js';

/** Any address of a family, as a network. */
const ANY = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/**
 * The configuration that a file gives; without one, that which the scenario expects.
 * @throws ConfigError
 */
export function configOf(file: string | undefined, suggested: SuggestedConfig | null): TrackerConfig {
  if (file !== undefined) return readConfig(file);
  return suggested === null ? DEFAULT_CONFIG : configFromSuggestion(suggested);
}

/** Turns a scenario's suggestion into a configuration. */
export function configFromSuggestion(suggested: SuggestedConfig): TrackerConfig {
  const entries: ConfigFile = { rules: suggestedRules(suggested) };
  if (suggested.zoneFrom === 'vlan') entries.zone = { from: 'vlan' };
  if (suggested.policies !== undefined) {
    entries.timeoutPolicies = Object.fromEntries(
      suggested.policies.map(({ id, attributes }) => [
        policyName(id),
        Object.fromEntries(
          Object.entries(attributes).map(([name, seconds]) => [name.toLowerCase(), seconds]),
        ),
      ]),
    );
  }
  if (suggested.zonePolicies !== undefined) {
    entries.zonePolicies = Object.fromEntries(
      suggested.zonePolicies.map(({ zone, policyId }) => [String(zone), policyName(policyId)]),
    );
  }
  return { file: null, entries };
}

function policyName(id: number): string {
  return `policy-${id}`;
}

function suggestedRules({ nat = [], helper }: SuggestedConfig): RuleEntry[] {
  const rules: RuleEntry[] = [];
  for (const { type, addr, between, helper: own } of nat) {
    // What comes back from (or for) the translated address is translated by its connection. With a helper it may also be an
    // expected data connection, which has to be committed.
    const back: RuleEntry = {
      match:
        type === 'src'
          ? { ...(between && { src: between.servers }), dst: addr }
          : { src: addr, ...(between && { dst: between.clients }) },
      nat: { type: 'none' },
      commit: own !== undefined,
    };
    rules.push(back);
  }
  for (const { type, addr, port, between, helper: own, policyId } of nat) {
    const src = between?.clients ?? ANY[addr.includes(':') ? 6 : 4];
    const translated = {
      commit: true,
      nat: { type, addr, ...(port === null ? {} : { port: [port[0], port[1]] as [number, number] }) },
      ...(policyId === undefined ? {} : { timeoutPolicy: policyName(policyId) }),
    };
    if (own !== undefined) rules.push({ match: { src, ...controlOf(own) }, helper: own, ...translated });
    rules.push({ match: { src }, ...translated });
  }
  if (helper !== undefined) rules.push({ match: controlOf(helper), commit: true, helper });
  rules.push({ commit: true });
  return rules;
}

/** The control connections of a helper, at its usual port. */
function controlOf(helper: 'ftp' | 'tftp'): { proto: 'tcp' | 'udp'; dport: number } {
  return helper === 'ftp' ? { proto: 'tcp', dport: 21 } : { proto: 'udp', dport: 69 };
}
