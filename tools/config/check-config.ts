/** What the shape of a configuration alone does not say: addresses, ranges, filters, names that have to exist. */
import { compareAddresses, parseAddress } from '../../engine/host/addresses.js';
import { compiledDesigns, manifestOf } from '../../engine/host/design-traits.js';
import { compileDissectedFilter, FilterError } from '../rewrite/filter.js';
import { parseSubnet } from '../rewrite/subnet.js';
import { toMasked } from './masked.js';
import { DEFAULT_POLICY } from './policies.js';
import type { ConfigFile, RuleEntry } from './schema.js';
import { PROTOCOLS_WITH_PORTS } from '../wire/protocols.js';
import { protocolNumber } from './match.js';
import type { Path, YamlPlace } from './yaml-place.js';

/**
 * Checks a configuration of the right shape.
 * @throws ConfigError for the first fault
 */
export function checkConfig(config: ConfigFile, place: YamlPlace): void {
  checkZones(config, place);
  checkPolicies(config, place);
  checkPreset(config, place);
  config.rules?.forEach((rule, index) => checkRule(rule, ['rules', index], config, place));
}

function checkZones(config: ConfigFile, place: YamlPlace): void {
  for (const part of ['zoneLimits', 'zonePolicies'] as const) {
    const zones = part === 'zoneLimits' ? config.zoneLimits?.zones : config.zonePolicies;
    for (const zone of Object.keys(zones ?? {})) {
      const path = part === 'zoneLimits' ? [part, 'zones', zone] : [part, zone];
      requirePlainNumber(zone, 'zone', path, place);
      if (Number(zone) > 65535) throw place.keyError(path, `zone ${zone} is above 65535`);
    }
  }
  if (typeof config.zone === 'object' && config.zone.from === 'subnet') checkSubnets(config.zone, place);
}

/** The same network in two spellings would have two zones, of which one is never used. */
function checkSubnets(
  { subnets }: { readonly subnets: Readonly<Record<string, number>> },
  place: YamlPlace,
): void {
  const known = new Map<string, string>();
  for (const text of Object.keys(subnets)) {
    const path = ['zone', 'subnets', text];
    const { bytes, prefixBits } = attempt(
      () => parseSubnet(text),
      (reason) => place.keyError(path, reason),
    );
    const network = `${bytes.join('.')}/${prefixBits}`;
    const before = known.get(network);
    if (before !== undefined) throw place.keyError(path, `'${text}' is the network '${before}' once more`);
    known.set(network, text);
  }
}

/** `01` beside 1 would be a second entry, and one alone would never be found. */
function requirePlainNumber(key: string, what: string, path: Path, place: YamlPlace): void {
  if (/^0\d+$/.test(key)) throw place.keyError(path, `${what} '${key}' begins with 0; write ${BigInt(key)}`);
}

/** A design without presets runs as it is, so that a preset which none has would go unheard there. */
function checkPreset({ sweep }: ConfigFile, place: YamlPlace): void {
  if (sweep?.preset === undefined) return;
  const known = [...new Set(compiledDesigns().flatMap((design) => Object.keys(manifestOf(design).presets)))];
  if (known.length === 0 || known.includes(sweep.preset)) return;
  throw place.error(['sweep', 'preset'], `'${sweep.preset}' is none of ${known.join(', ')}`);
}

function checkPolicies(config: ConfigFile, place: YamlPlace): void {
  const names = Object.keys(config.timeoutPolicies ?? {});
  for (const name of names) requirePlainNumber(name, 'policy id', ['timeoutPolicies', name], place);
  if (names.includes('0') && names.includes(DEFAULT_POLICY)) {
    throw place.keyError(['timeoutPolicies', '0'], `policy 0 is also defined as '${DEFAULT_POLICY}'`);
  }
  const tooLarge = names.find((name) => /^\d+$/.test(name) && Number(name) > 0xffff_ffff);
  if (tooLarge !== undefined) {
    throw place.keyError(['timeoutPolicies', tooLarge], `policy id ${tooLarge} is above 4294967295`);
  }
  for (const [zone, name] of Object.entries(config.zonePolicies ?? {})) {
    requirePolicy(config, String(name), ['zonePolicies', zone], place);
  }
}

function requirePolicy(config: ConfigFile, name: string, path: Path, place: YamlPlace): void {
  const names = Object.keys(config.timeoutPolicies ?? {});
  if (names.includes(name) || name === DEFAULT_POLICY) return;
  const known =
    names.length === 0 ? 'timeoutPolicies defines none' : `timeoutPolicies has ${names.join(', ')}`;
  throw place.error(path, `there is no timeout policy '${name}'; ${known}`);
}

function checkRule(rule: RuleEntry, path: Path, config: ConfigFile, place: YamlPlace): void {
  const at = (...more: Path): Path => [...path, ...more];
  checkMatch(rule.match, at('match'), place);
  if (rule.timeoutPolicy !== undefined) {
    requirePolicy(config, String(rule.timeoutPolicy), at('timeoutPolicy'), place);
  }
  checkNat(rule, path, place);
  if (rule.force === true && rule.commit !== true) throw place.error(at('force'), 'force needs commit: true');
  for (const [key, bits] of [
    ['mark', 32],
    ['label', 128],
  ] as const) {
    const entry = rule[key];
    if (entry === undefined) continue;
    attempt(
      () => toMasked(entry, bits),
      (reason) => place.error(at(key), reason),
    );
  }
}

function checkMatch(match: RuleEntry['match'], path: Path, place: YamlPlace): void {
  if (match === undefined) return;
  if (typeof match === 'string') {
    checkFilter(match, path, place);
    return;
  }
  for (const side of ['src', 'dst'] as const) {
    const text = match[side];
    if (text === undefined) continue;
    attempt(
      () => parseSubnet(text),
      (reason) => place.error([...path, side], reason),
    );
  }
  for (const side of ['sport', 'dport'] as const) {
    if (match[side] === undefined) continue;
    requireAscending(match[side], [...path, side], place);
    if (match.proto === undefined || PROTOCOLS_WITH_PORTS.has(protocolNumber(match.proto) ?? -1)) continue;
    throw place.error([...path, side], `protocol ${match.proto} has no ports, so that no packet would match`);
  }
  if (match.filter !== undefined) checkFilter(match.filter, [...path, 'filter'], place);
}

function checkFilter(expression: string, path: Path, place: YamlPlace): void {
  try {
    compileDissectedFilter(expression);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw place.errorWithin(path, error.offset, error.message);
  }
}

function checkNat({ nat, commit }: RuleEntry, path: Path, place: YamlPlace): void {
  if (nat === undefined || nat.type === 'none') return;
  const at = (key: string): Path => [...path, 'nat', key];
  const address = (key: 'addr' | 'addrMax', text: string) =>
    attempt(
      () => parseAddress(text),
      (reason) => place.error(at(key), reason),
    );
  const first = address('addr', nat.addr);
  if (nat.addrMax !== undefined) {
    const last = address('addrMax', nat.addrMax);
    if (first.family !== last.family) {
      throw place.error(at('addrMax'), `the range ${nat.addr} to ${nat.addrMax} mixes IP versions`);
    }
    if (compareAddresses(first, last) > 0) {
      throw place.error(at('addrMax'), `the range ${nat.addr} to ${nat.addrMax} runs backwards`);
    }
  }
  requireAscending(nat.port, at('port'), place);
  if (commit !== true) {
    throw place.error(at('type'), `nat ${nat.type} chooses tuples of new connections: it needs commit: true`);
  }
}

function requireAscending(range: number | [number, number] | undefined, path: Path, place: YamlPlace): void {
  if (Array.isArray(range) && range[0] > range[1]) {
    throw place.error(path, `the range ${range[0]} to ${range[1]} runs backwards`);
  }
}

/** Runs an action whose RangeError becomes an error with a place. */
function attempt<T>(action: () => T, placed: (reason: string) => Error): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof RangeError) throw placed(`${error.message}.`);
    throw error;
  }
}
