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
  const control = helper === undefined ? null : { proto: 'tcp' as const, dport: helper === 'ftp' ? 21 : 69 };
  const rules: RuleEntry[] = [];
  for (const { type, addr } of nat) {
    // What comes back from (or for) the translated address is translated by its connection. With a helper it may also be an
    // expected data connection, which has to be committed.
    const back: RuleEntry = {
      match: type === 'src' ? { dst: addr } : { src: addr },
      nat: { type: 'none' },
      commit: helper !== undefined,
    };
    rules.push(back);
  }
  for (const { type, addr, port } of nat) {
    const any = ANY[addr.includes(':') ? 6 : 4];
    const translated = {
      commit: true,
      nat: { type, addr, ...(port === null ? {} : { port: [port[0], port[1]] as [number, number] }) },
    };
    if (control !== null && helper !== undefined)
      rules.push({ match: { src: any, ...control }, helper, ...translated });
    rules.push({ match: { src: any }, ...translated });
  }
  if (nat.length === 0 && control !== null && helper !== undefined)
    rules.push({ match: control, commit: true, helper });
  rules.push({ commit: true });
  return rules;
}
