/** Which request to the tracker each packet makes. */
import { parseAddress } from '../../engine/host/addresses.js';
import type { ExecRequest, NatRequest } from '../../engine/host/exec-params.js';
import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import { toMasked } from './masked.js';
import { compileMatch, portOf, type FrameTest } from './match.js';
import { compileZone } from './packet-zone.js';
import { policyIds } from './policies.js';
import type { TrackerConfig } from './read-config.js';
import type { ConfigFile, RuleEntry } from './schema.js';

/** What rules look at. */
export interface PacketToChoose {
  readonly frame: Uint8Array;
  readonly worker: number;
  /** Length on the wire where the frame was cut; absent = the frame's. */
  readonly wireBytes?: number | undefined;
  /** What `dissect` finds in it; absent = it is looked for here. */
  readonly headers?: Dissection;
}

/** The distinct requests of a configuration, and which of them a packet makes. */
export interface PacketRules {
  /** Grows as packets with new zones are met. */
  readonly requests: readonly ExecRequest[];
  /** Whether every packet makes the same request; absent = no. */
  readonly uniform?: boolean;
  /** Index in `requests` for a frame that goes to a worker. */
  choose(packet: PacketToChoose): number;
}

/** The rules without configuration: every packet is committed in zone 0. */
export const COMMIT_ALL: PacketRules = {
  requests: [{ commit: true, zone: 0 }],
  uniform: true,
  choose: () => 0,
};

/** Whether the engine may rewrite packets under this request. */
export function mayRewrite(request: ExecRequest): boolean {
  return request.nat !== undefined || request.helper !== undefined;
}

/**
 * Compiles a configuration's rules. The first rule that matches a packet counts; one that none matches is tracked in its zone without
 * being committed. A rule that translates to addresses of one IP version is for packets of that version only. Without
 * rules everything is committed.
 */
export function createRules(config: TrackerConfig): PacketRules {
  const { entries } = config;
  const rules = entries.rules ?? [{ commit: true }];
  const matches = rules.map(compileRuleMatch);
  const zoneOf = compileZone(entries.zone);
  const policies = policyIds(entries);
  const requests: ExecRequest[] = [];
  const known = new Map<string, number>();
  const located = emptyDissection();
  const uniform =
    entries.rules === undefined && (entries.zone === undefined || typeof entries.zone === 'number');
  return {
    requests,
    uniform,
    choose({ frame, worker, wireBytes, headers: layers = located }) {
      if (uniform && requests.length > 0) return 0;
      if (layers === located) dissect(frame, located, wireBytes);
      const packetZone = zoneOf(frame, layers, worker);
      const ruleIndex = matches.findIndex((test) => test(frame, layers, packetZone));
      const rule = rules[ruleIndex];
      const zone = rule?.zone ?? packetZone;
      const ports = helperPorts(rule, frame, layers);
      const key = `${ruleIndex}/${zone}/${ports?.tpSrc ?? 0}/${ports?.tpDst ?? 0}`;
      const existing = known.get(key);
      if (existing !== undefined) return existing;
      const index = requests.push({ ...toRequest(rule, zone, entries, policies), ...ports }) - 1;
      known.set(key, index);
      return index;
    },
  };
}

const compiled = new WeakMap<TrackerConfig, PacketRules>();

/** As `createRules`, compiled once: everything that runs under a configuration finds the same requests. */
export function rulesOf(config: TrackerConfig): PacketRules {
  const known = compiled.get(config) ?? createRules(config);
  compiled.set(config, known);
  return known;
}

function compileRuleMatch({ match, nat }: RuleEntry): FrameTest {
  const test = compileMatch(match);
  if (nat === undefined || nat.type === 'none') return test;
  const { family } = parseAddress(nat.addr);
  return (frame, layers, zone) => layers.ipVersion === family && test(frame, layers, zone);
}

/** Ports that tell the tracker which end of a packet is the helper's server (spec §8.1). */
function helperPorts(
  rule: RuleEntry | undefined,
  frame: Uint8Array,
  layers: Dissection,
): { tpSrc?: number; tpDst?: number } | null {
  if (typeof rule?.helper !== 'object') return null;
  const { port } = rule.helper;
  if (portOf(frame, layers, 1) === port) return { tpDst: port };
  return portOf(frame, layers, 0) === port ? { tpSrc: port } : null;
}

function toRequest(
  rule: RuleEntry | undefined,
  zone: number,
  entries: ConfigFile,
  policies: ReadonlyMap<string, number>,
): ExecRequest {
  if (rule === undefined) return { zone };
  const { helper, mark, label } = rule;
  const policy = rule.timeoutPolicy ?? entries.zonePolicies?.[String(zone)];
  return {
    zone,
    commit: rule.commit ?? false,
    force: rule.force ?? false,
    ...(rule.nat === undefined ? {} : { nat: toNat(rule.nat) }),
    ...(helper === undefined ? {} : { helper: typeof helper === 'string' ? helper : helper.name }),
    ...(mark === undefined ? {} : { mark: toMark(mark) }),
    ...(label === undefined ? {} : { label: toMasked(label, 128) }),
    ...(policy === undefined ? {} : { timeoutPolicy: policies.get(String(policy)) ?? 0 }),
  };
}

function toNat(nat: NonNullable<RuleEntry['nat']>): NatRequest {
  if (nat.type === 'none') return nat;
  const ports = typeof nat.port === 'number' ? ([nat.port, nat.port] as const) : nat.port;
  return { type: nat.type, minAddress: nat.addr, maxAddress: nat.addrMax, ports };
}

function toMark(mark: NonNullable<RuleEntry['mark']>): ExecRequest['mark'] {
  const { value, mask } = toMasked(mark, 32);
  return { value: Number(value), mask: Number(mask) };
}
