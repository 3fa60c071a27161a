import { isIP } from 'node:net';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import { ConformPlanError } from './conform-error.js';

/** Which packets a rule is for; an absent field matches all. */
export interface RuleMatch {
  /** Source address or prefix (`10.1.1.0/24`). */
  readonly src?: string | undefined;
  readonly dst?: string | undefined;
  /** `tcp`, `udp`, `icmp`, `icmpv6` or a protocol number. */
  readonly proto?: string | number | undefined;
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
}

/** What to translate: `none` is the bare request that only applies what is known already. */
export type NatRequest =
  | { readonly type: 'none' }
  | {
      readonly type: 'src' | 'dst';
      /** First and last address. */
      readonly addr: readonly [string, string];
      /** First and last port; null leaves the choice to the tracker's default windows. */
      readonly port: readonly [number, number] | null;
    };

/** One call of the tracker: what a packet that the match selects is executed with. */
export interface CtRule {
  readonly match: RuleMatch;
  readonly zone: number;
  readonly commit: boolean;
  readonly force: boolean;
  readonly nat: NatRequest | null;
  readonly helper: 'ftp' | 'tftp' | null;
  readonly mark: { readonly value: number; readonly mask: number } | null;
}

/** Timeout policy of a zone: attribute name in lower case (`udp_first`) to seconds. */
export interface ZoneTimeouts {
  readonly zone: number;
  readonly attrs: Readonly<Record<string, number>>;
}

/** All that both trackers are told: settings, and the rules of which the first that matches a packet applies. */
export interface ConformPlan {
  readonly rules: readonly CtRule[];
  readonly zoneLimits: readonly { readonly zone: number; readonly limit: number }[];
  readonly timeouts: readonly ZoneTimeouts[];
  /** Connection limit; null leaves the tracker's default. */
  readonly maxConns: number | null;
  readonly tcpSeqCheck: boolean;
  readonly fragments: {
    readonly minV4: number | null;
    readonly minV6: number | null;
    readonly max: number | null;
  };
}

/** Commit everything in zone 0 without translation: what `ovstest test-conntrack pcap` does. */
export const PLAIN_COMMIT_PLAN: ConformPlan = {
  rules: [{ match: {}, zone: 0, commit: true, force: false, nat: null, helper: null, mark: null }],
  zoneLimits: [],
  timeouts: [],
  maxConns: null,
  tcpSeqCheck: true,
  fragments: { minV4: null, minV6: null, max: null },
};

const port = z.int().min(0).max(65535);
const u32 = z.int().min(0).max(0xffff_ffff);
const zone = z.int().min(0).max(65535);
const address = z.string().refine((text) => isIP(text) !== 0, 'not an IP address');
const prefix = z.string().refine(isPrefix, 'not an IP address or prefix');
const protocol = z.union([z.enum(['tcp', 'udp', 'icmp', 'icmpv6']), z.int().min(0).max(255)]);

const ruleSchema = z.strictObject({
  match: z
    .strictObject({
      src: prefix.optional(),
      dst: prefix.optional(),
      proto: protocol.optional(),
      sport: port.optional(),
      dport: port.optional(),
    })
    .default({}),
  zone: zone.default(0),
  commit: z.boolean().default(false),
  force: z.boolean().default(false),
  nat: z
    .strictObject({
      type: z.enum(['none', 'src', 'dst']),
      addr: z.union([address, z.tuple([address, address])]).optional(),
      port: z.union([port, z.tuple([port, port])]).optional(),
    })
    .optional(),
  helper: z.enum(['ftp', 'tftp']).optional(),
  mark: z.strictObject({ value: u32, mask: u32.default(0xffff_ffff) }).optional(),
});

const planSchema = z.strictObject({
  rules: z.array(ruleSchema).min(1),
  zone_limits: z.array(z.strictObject({ zone: z.int().min(-1).max(65535), limit: u32 })).default([]),
  timeouts: z
    .array(z.strictObject({ zone, attrs: z.record(z.string().regex(/^[a-z0-9_]+$/), u32) }))
    .default([]),
  max_conns: z.int().min(0).max(0xffff_ffff).optional(),
  tcp_seq_check: z.boolean().default(true),
  fragments: z
    .strictObject({ min_v4: u32.optional(), min_v6: u32.optional(), max: u32.optional() })
    .default({}),
});

/**
 * Reads a plan from YAML.
 * @param where name of the file, for messages
 * @throws ConformPlanError naming the field at fault
 */
export function parseConformPlan(text: string, where: string): ConformPlan {
  let data: unknown;
  try {
    data = parseYaml(text);
  } catch (error) {
    throw new ConformPlanError(where, (error as Error).message);
  }
  const parsed = planSchema.safeParse(data);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ConformPlanError(
      where,
      `${issue?.path.join('.') || 'document'}: ${issue?.message ?? 'not a plan'}`,
    );
  }
  const plan = parsed.data;
  return {
    rules: plan.rules.map((rule, index) => toRule(rule, `${where}: rules.${index}`)),
    zoneLimits: plan.zone_limits,
    timeouts: plan.timeouts,
    maxConns: plan.max_conns ?? null,
    tcpSeqCheck: plan.tcp_seq_check,
    fragments: {
      minV4: plan.fragments.min_v4 ?? null,
      minV6: plan.fragments.min_v6 ?? null,
      max: plan.fragments.max ?? null,
    },
  };
}

function toRule(rule: z.infer<typeof ruleSchema>, where: string): CtRule {
  const { match } = rule;
  if (
    (match.sport !== undefined || match.dport !== undefined) &&
    match.proto !== 'tcp' &&
    match.proto !== 'udp'
  ) {
    throw new ConformPlanError(where, "sport and dport need 'proto: tcp' or 'proto: udp'");
  }
  const families = new Set([match.src, match.dst].filter((text) => text !== undefined).map(familyOf));
  if (families.size > 1) throw new ConformPlanError(where, 'src and dst are of different IP versions');
  const expected = rule.helper === 'ftp' ? 'tcp' : rule.helper === 'tftp' ? 'udp' : undefined;
  if (expected !== undefined && match.proto !== expected) {
    throw new ConformPlanError(where, `helper ${rule.helper} needs 'proto: ${expected}' in the match`);
  }
  if (rule.helper !== undefined && !rule.commit) {
    throw new ConformPlanError(where, `helper ${rule.helper} needs 'commit: true'`);
  }
  if (rule.mark !== undefined && !rule.commit) throw new ConformPlanError(where, "mark needs 'commit: true'");
  return {
    match,
    zone: rule.zone,
    commit: rule.commit,
    force: rule.force,
    nat: toNat(rule.nat, rule.commit, where),
    helper: rule.helper ?? null,
    mark: rule.mark ?? null,
  };
}

function toNat(nat: z.infer<typeof ruleSchema>['nat'], commit: boolean, where: string): NatRequest | null {
  if (nat === undefined) return null;
  if (nat.type === 'none') {
    if (nat.addr !== undefined || nat.port !== undefined) {
      throw new ConformPlanError(where, 'nat type none takes neither addr nor port');
    }
    return { type: 'none' };
  }
  if (!commit) throw new ConformPlanError(where, `nat type ${nat.type} needs 'commit: true'`);
  if (nat.addr === undefined) throw new ConformPlanError(where, `nat type ${nat.type} needs addr`);
  const addr: [string, string] = typeof nat.addr === 'string' ? [nat.addr, nat.addr] : nat.addr;
  if (familyOf(addr[0]) !== familyOf(addr[1]))
    throw new ConformPlanError(where, 'nat addr mixes IP versions');
  const ports: [number, number] | null =
    nat.port === undefined ? null : typeof nat.port === 'number' ? [nat.port, nat.port] : nat.port;
  if (ports !== null && ports[0] > ports[1])
    throw new ConformPlanError(where, 'nat port range runs backwards');
  return { type: nat.type, addr, port: ports };
}

/** 4 or 6, of an address or prefix that is known to be well-formed. */
export function familyOf(text: string): 4 | 6 {
  return text.includes(':') ? 6 : 4;
}

function isPrefix(text: string): boolean {
  const [base = '', bits, ...rest] = text.split('/');
  const version = isIP(base);
  if (version === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
