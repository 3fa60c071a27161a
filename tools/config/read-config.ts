/** Reading the configuration file: YAML, validated, with every error at its line and column. */
import { readFileSync } from 'node:fs';
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { parseAddress } from '../../engine/host/addresses.js';
import { nearestName } from '../synth/nearest-name.js';
import { ConfigError } from './config-error.js';
import { parseNetwork } from './network.js';
import { configSchema, matchSchema, ruleSchema, type ConfigFile } from './schema.js';

/** A configuration, checked. */
export interface TrackerConfig {
  /** Where it came from; null for the built-in one. */
  readonly file: string | null;
  readonly entries: ConfigFile;
}

/** No file: everything committed in zone 0. */
export const DEFAULT_CONFIG: TrackerConfig = { file: null, entries: {} };

/**
 * Reads a configuration file.
 * @throws ConfigError
 */
export function readConfig(path: string): TrackerConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(
      path,
      null,
      null,
      missing ? 'there is no such file. Check --config.' : String(error),
    );
  }
  return parseConfig(text, path);
}

/**
 * Checks the text of a configuration.
 * @param file for error messages
 * @throws ConfigError
 */
export function parseConfig(text: string, file: string): TrackerConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntax] = document.errors;
  if (syntax !== undefined) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw new ConfigError(file, line, col, `not valid YAML: ${syntax.message}.`);
  }
  const place = new Place(document, lines, file);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias without an anchor is only noticed here.
    throw place.error([], `not valid YAML: ${(error as Error).message}.`);
  }
  if (value === null || value === undefined) {
    throw new ConfigError(file, 1, 1, 'the file is empty. Write at least one key, or leave --config out.');
  }
  const checked = configSchema.safeParse(value);
  if (!checked.success) {
    const [path, reason] = explain(checked.error.issues[0] as z.core.$ZodIssue);
    throw reason.startsWith('unknown key') ? place.keyError(path, reason) : place.error(path, reason);
  }
  checkMeaning(checked.data, place);
  return { file, entries: checked.data };
}

/** Finds where in the text a place of the tree stands. */
class Place {
  constructor(
    private readonly document: Document,
    private readonly lines: LineCounter,
    private readonly file: string,
  ) {}

  /** As `error`, at the key itself instead of its value. */
  keyError(path: readonly PropertyKey[], reason: string): ConfigError {
    const parent = this.document.getIn(path.slice(0, -1), true) ?? this.document.contents;
    const key = path.at(-1);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
    if (pair === undefined || !isScalar(pair.key) || pair.key.range == null) return this.error(path, reason);
    const { line, col } = this.lines.linePos(pair.key.range[0]);
    return new ConfigError(this.file, line, col, `${formatPath(path)}: ${reason}`);
  }

  error(path: readonly PropertyKey[], reason: string): ConfigError {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.document.contents : this.document.getIn(path.slice(0, length), true);
      if (!isNode(node) || node.range == null) continue;
      const { line, col } = this.lines.linePos(node.range[0]);
      const where = path.length === 0 ? '' : `${formatPath(path)}: `;
      return new ConfigError(this.file, line, col, `${where}${reason}`);
    }
    return new ConfigError(this.file, null, null, reason);
  }
}

function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`,
    )
    .join('');
}

/** Path and sentence of a fault; of alternatives that all fail, the one that got furthest. */
function explain(issue: z.core.$ZodIssue): [PropertyKey[], string] {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branches = issue.errors
      .flatMap((errors) => errors.slice(0, 1))
      .toSorted((a, b) => b.path.length - a.path.length);
    const [furthest] = branches;
    if (furthest !== undefined && (furthest.path.length > 0 || furthest.code === 'unrecognized_keys')) {
      const [path, reason] = explain(furthest);
      return [[...issue.path, ...path], reason];
    }
    const wanted = [...new Set(branches.map((branch) => branch.message))].join('; or ');
    return [[...issue.path], `${wanted}.`];
  }
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const near = nearestName(key, KNOWN_KEYS);
    const hint = near === null ? 'docs/config.md lists the keys' : `did you mean ${near}?`;
    return [[...issue.path, key], `unknown key '${key}'; ${hint}`];
  }
  return [[...issue.path], `${issue.message}.`];
}

/** Every key that occurs anywhere, for the nearest name. */
const KNOWN_KEYS = [
  ...Object.keys(configSchema.shape),
  ...Object.keys(ruleSchema.shape),
  ...Object.keys(matchSchema.shape),
  'type addr addrMax port value mask from base subnets default zones ipv4 ipv6 minSizeV4 minSizeV6 max'.split(
    ' ',
  ),
  'establishedAfterReply defaultLimitPerZone ftpIpv4Extended intervalMs preset'.split(' '),
].flat();

/** What the shape alone does not say: addresses, ranges, names that have to exist. */
function checkMeaning(config: ConfigFile, place: Place): void {
  const policies = Object.keys(config.timeoutPolicies ?? {});
  const requirePolicy = (name: string, path: PropertyKey[]): void => {
    if (policies.includes(name)) return;
    const known =
      policies.length === 0 ? 'timeoutPolicies defines none' : `timeoutPolicies has ${policies.join(', ')}`;
    throw place.error(path, `there is no timeout policy '${name}'; ${known}`);
  };
  const attempt = (path: PropertyKey[], action: () => unknown): void => {
    try {
      action();
    } catch (error) {
      throw place.error(path, `${(error as Error).message}.`);
    }
  };
  for (const [zone, name] of Object.entries(config.zonePolicies ?? {})) {
    requireZone(zone, ['zonePolicies', zone], place);
    requirePolicy(name, ['zonePolicies', zone]);
  }
  for (const zone of Object.keys(config.zoneLimits?.zones ?? {}))
    requireZone(zone, ['zoneLimits', 'zones', zone], place);
  if (typeof config.zone === 'object' && config.zone.from === 'subnet') {
    for (const subnet of Object.keys(config.zone.subnets)) {
      attempt(['zone', 'subnets', subnet], () => parseNetwork(subnet));
    }
  }
  config.rules?.forEach((rule, index) => {
    const at = (...path: PropertyKey[]): PropertyKey[] => ['rules', index, ...path];
    for (const side of ['src', 'dst'] as const) {
      const text = rule.match?.[side];
      if (text !== undefined) attempt(at('match', side), () => parseNetwork(text));
    }
    for (const side of ['sport', 'dport'] as const)
      requireAscending(rule.match?.[side], at('match', side), place);
    if (rule.timeoutPolicy !== undefined) requirePolicy(rule.timeoutPolicy, at('timeoutPolicy'));
    const { nat } = rule;
    if (nat !== undefined && nat.type !== 'none') {
      attempt(at('nat', 'addr'), () => parseAddress(nat.addr));
      if (nat.addrMax !== undefined) attempt(at('nat', 'addrMax'), () => parseAddress(nat.addrMax as string));
      requireAscending(nat.port, at('nat', 'port'), place);
      if (rule.commit !== true) {
        throw place.error(
          at('nat', 'type'),
          `nat ${nat.type} chooses tuples of new connections: it needs commit: true`,
        );
      }
    }
    if (rule.force === true && rule.commit !== true)
      throw place.error(at('force'), 'force needs commit: true');
    if (rule.label !== undefined) {
      for (const part of ['value', 'mask'] as const) {
        const text = rule.label[part];
        if (text !== undefined && !/^(0x)?[0-9a-fA-F]{1,32}$/.test(text)) {
          throw place.error(at('label', part), `'${text}' is no hexadecimal number of up to 128 bits`);
        }
      }
    }
  });
}

function requireZone(text: string, path: PropertyKey[], place: Place): void {
  if (Number(text) > 65535) throw place.error(path, `zone ${text} is above 65535`);
}

function requireAscending(
  range: number | [number, number] | undefined,
  path: PropertyKey[],
  place: Place,
): void {
  if (Array.isArray(range) && range[0] > range[1]) {
    throw place.error(path, `the range ${range[0]} to ${range[1]} runs backwards`);
  }
}
