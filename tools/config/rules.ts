/** Which request to the tracker each packet makes. */
import type { ExecRequest, Masked, NatRequest } from '../../engine/host/exec-params.js';
import { dissect, emptyDissection, type Dissection } from '../captures/dissect.js';
import { addressTest, compileMatch, type FrameTest } from './match.js';
import type { TrackerConfig } from './read-config.js';
import type { ConfigFile, RuleEntry } from './schema.js';

/** The distinct requests of a configuration, and which of them a packet makes. */
export interface PacketRules {
  /** Grows as packets with new zones are met. */
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

/** Timeout policy ids by name: 1 and up in the order of the file; 0 is the tracker's default. */
export function policyIds(entries: ConfigFile): ReadonlyMap<string, number> {
  return new Map(Object.keys(entries.timeoutPolicies ?? {}).map((name, index) => [name, index + 1]));
}

/**
 * Compiles a configuration's rules. The first rule that matches a packet counts; one that none matches is tracked in its zone without
 * being committed. Without rules everything is committed.
 */
export function createRules(config: TrackerConfig): PacketRules {
  const { entries } = config;
  const rules = entries.rules ?? [{ commit: true }];
  const matches = rules.map((rule) => compileMatch(rule.match));
  const zoneOf = compileZone(entries.zone);
  const policies = policyIds(entries);
  const requests: ExecRequest[] = [];
  const known = new Map<string, number>();
  const layers = emptyDissection();
  return {
    requests,
    choose({ frame, worker }) {
      dissect(frame, layers);
      const ruleIndex = matches.findIndex((test) => test(frame, layers));
      const rule = rules[ruleIndex];
      const zone = rule?.zone ?? zoneOf(frame, layers, worker);
      const key = `${ruleIndex}/${zone}`;
      const existing = known.get(key);
      if (existing !== undefined) return existing;
      const index = requests.push(toRequest(rule, zone, entries, policies)) - 1;
      known.set(key, index);
      return index;
    },
  };
}

type ZoneOf = (frame: Uint8Array, layers: Dissection, worker: number) => number;

function compileZone(zone: ConfigFile['zone']): ZoneOf {
  if (zone === undefined) return () => 0;
  if (typeof zone === 'number') return () => zone;
  if (zone.from === 'worker') return (_frame, _layers, worker) => (zone.base ?? 0) + worker;
  if (zone.from === 'vlan') return (_frame, layers) => layers.vlanIds[0] ?? zone.default ?? 0;
  const tests = Object.entries(zone.subnets)
    // The longest prefix counts, as in a routing table.
    .toSorted(([a], [b]) => prefixOf(b) - prefixOf(a))
    .map(([network, number]): [FrameTest, number] => [addressTest(network, 0), number]);
  return (frame, layers) => tests.find(([test]) => test(frame, layers))?.[1] ?? zone.default ?? 0;
}

function prefixOf(network: string): number {
  return Number(network.split('/')[1] ?? 128);
}

function toRequest(
  rule: RuleEntry | undefined,
  zone: number,
  entries: ConfigFile,
  policies: ReadonlyMap<string, number>,
): ExecRequest {
  if (rule === undefined) return { zone };
  const policy = rule.timeoutPolicy ?? entries.zonePolicies?.[String(zone)];
  return {
    zone,
    commit: rule.commit ?? false,
    force: rule.force ?? false,
    ...(rule.nat === undefined ? {} : { nat: toNat(rule.nat) }),
    ...(rule.helper === undefined ? {} : { helper: rule.helper }),
    ...(rule.mark === undefined ? {} : { mark: toMark(rule.mark) }),
    ...(rule.label === undefined ? {} : { label: toLabel(rule.label) }),
    ...(policy === undefined ? {} : { timeoutPolicy: policies.get(policy) ?? 0 }),
  };
}

function toNat(nat: NonNullable<RuleEntry['nat']>): NatRequest {
  if (nat.type === 'none') return nat;
  const ports = typeof nat.port === 'number' ? ([nat.port, nat.port] as const) : nat.port;
  return { type: nat.type, minAddress: nat.addr, maxAddress: nat.addrMax, ports };
}

function toMark(mark: NonNullable<RuleEntry['mark']>): Masked<number> {
  return typeof mark === 'number' ? { value: mark, mask: 0xffff_ffff } : mark;
}

const ALL_128_BITS = (1n << 128n) - 1n;

function toLabel(label: NonNullable<RuleEntry['label']>): Masked<bigint> {
  const number = (text: string): bigint => BigInt(text.startsWith('0x') ? text : `0x${text}`);
  return { value: number(label.value), mask: label.mask === undefined ? ALL_128_BITS : number(label.mask) };
}
