/** The configuration file: what may stand in it. docs/config.md explains every key; docs/schema/config.schema.json is made from here. */
import { z } from 'zod';
import { TIMEOUT_ATTRIBUTES } from '../../engine/host/timeout-attributes.js';
import { strictObject } from './strict-object.js';

const zoneNumber = z.int().min(0).max(65535);
const count32 = z.int().min(0).max(0xffff_ffff);
const port = z.int().min(0).max(65535);

/** An address, or a network as address/prefix. */
const network = z.string().min(1).describe('IPv4 or IPv6 address, or network as ADDRESS/PREFIX.');

/** One port, or a range with both ends. */
const ports = z.union([port, z.tuple([port, port])]).describe('A port, or [first, last].');

const matchSchema = strictObject({
  src: network.optional(),
  dst: network.optional(),
  proto: z
    .union([z.enum(['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'gre']), z.int().min(0).max(255)])
    .optional()
    .describe('IP protocol, by name or number.'),
  sport: ports.optional(),
  dport: ports.optional(),
  vlan: z.int().min(0).max(4095).optional().describe('Outermost VLAN id; 0 = untagged.'),
  zone: z
    .union([zoneNumber, z.array(zoneNumber).min(1)])
    .optional()
    .describe("The packet's zone: a number, or a list of them."),
  filter: z.string().min(1).optional().describe("Filter expression, such as 'tcp and port 21'."),
}).describe('Every condition given has to hold. A packet without ports (a later fragment) matches no port.');

const natSchema = z.discriminatedUnion('type', [
  strictObject({ type: z.literal('none') }).describe('Translate packets of known connections only.'),
  strictObject({
    type: z.enum(['src', 'dst']),
    addr: z.string().min(1).describe('Lowest address of the range, or the only one.'),
    addrMax: z.string().min(1).optional().describe('Highest address; default: addr.'),
    port: ports.optional().describe('Default: the windows around the original port.'),
  }),
]);

/** A number, or text for one: decimal, or hexadecimal behind 0x. Large numbers in YAML arrive as text. */
const wholeNumber = z.union([z.int().min(0), z.string().regex(/^(0x[0-9a-fA-F]+|\d+)$/, 'is no number')]);

/** A value, `value/mask`, or both by name. */
const maskedSchema = z.union([
  wholeNumber,
  z
    .string()
    .regex(
      /^(0x[0-9a-fA-F]+|\d+)\/(0x[0-9a-fA-F]+|\d+)$/,
      'is no number or VALUE/MASK, decimal or behind 0x hexadecimal',
    ),
  strictObject({ value: wholeNumber, mask: wholeNumber.optional() }),
]);

const helperName = z.enum(['ftp', 'tftp']);

/** YAML reads a name of digits as a number. */
const policyName = z.union([z.string().min(1), z.int().min(0)]);

const ruleSchema = strictObject({
  match: z
    .union([z.string().min(1), matchSchema])
    .optional()
    .describe("Conditions, or a filter expression such as 'tcp and port 21'. Absent: every packet."),
  zone: zoneNumber.optional().describe("Default: the packet's zone."),
  commit: z.boolean().optional().describe('Create connections; default false.'),
  force: z
    .boolean()
    .optional()
    .describe('With commit: a connection of the other direction is replaced; default false.'),
  nat: natSchema.optional(),
  helper: z
    .union([
      helperName,
      strictObject({
        name: helperName,
        port: z.int().min(1).max(65535).describe("The server's control port, in place of 21 or 69."),
      }),
    ])
    .optional(),
  mark: maskedSchema.optional().describe('ct_mark to set, 32 bits: VALUE, VALUE/MASK or {value, mask}.'),
  label: maskedSchema.optional().describe('ct_label to set, 128 bits: VALUE, VALUE/MASK or {value, mask}.'),
  timeoutPolicy: policyName.optional().describe('Timeout policy; default: that of the zone.'),
});

const attributes = Object.fromEntries(
  TIMEOUT_ATTRIBUTES.map((name) => [name, z.int().min(0).max(0xffff_fffe).optional()]),
) as Record<(typeof TIMEOUT_ATTRIBUTES)[number], z.ZodOptional<z.ZodInt>>;

export const configSchema = strictObject({
  zone: z
    .union([
      zoneNumber,
      z.discriminatedUnion('from', [
        strictObject({ from: z.literal('vlan'), default: zoneNumber.optional() }),
        strictObject({ from: z.literal('worker'), base: z.int().min(0).max(65_472).optional() }),
        strictObject({
          from: z.literal('subnet'),
          subnets: z.record(z.string(), zoneNumber),
          default: zoneNumber.optional(),
        }),
      ]),
    ])
    .optional()
    .describe(
      'How a packet gets its zone: a number, its VLAN id, its worker (base + worker), or its source network. Default 0.',
    ),
  zoneLimits: strictObject({
    default: count32.optional().describe('Limit of zones that have none of their own.'),
    zones: z.record(z.string().regex(/^\d+$/, 'is no zone number'), count32).optional(),
  })
    .optional()
    .describe('Connections per zone at most.'),
  timeoutPolicies: z
    .record(z.string(), strictObject(attributes))
    .optional()
    .describe(
      'By name, or by id as a number: seconds per attribute; attributes left out keep their default. The name default changes what connections without a policy get.',
    ),
  zonePolicies: z
    .record(z.string().regex(/^\d+$/, 'is no zone number'), policyName)
    .optional()
    .describe('Timeout policy of new connections per zone.'),
  rules: z
    .array(ruleSchema)
    .optional()
    .describe('The first rule that matches counts. Absent: commit everything.'),
  maxConns: z
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe('Connections in the table at most; default 3,000,000.'),
  tcpSeqCheck: z.boolean().optional().describe('TCP window check; default true.'),
  fragments: strictObject({
    ipv4: z.boolean().optional().describe('Reassemble IPv4; default true.'),
    ipv6: z.boolean().optional().describe('Reassemble IPv6; default true.'),
    minSizeV4: z
      .int()
      .min(400)
      .max(65535)
      .optional()
      .describe('Bytes of a fragment that is not the last; default 1200.'),
    minSizeV6: z.int().min(400).max(65535).optional().describe('As minSizeV4; default 1280.'),
    max: z.int().min(1).max(5000).optional().describe('Fragments held at most; default 1000.'),
  }).optional(),
  switches: strictObject({
    establishedAfterReply: z
      .boolean()
      .optional()
      .describe(
        'UDP and other protocols are established only after a reply (Open vSwitch 97211927f); default false.',
      ),
    defaultLimitPerZone: z
      .boolean()
      .optional()
      .describe('The default zone limit counts per zone (Open vSwitch b57c1da5c); default false.'),
    ftpIpv4Extended: z
      .boolean()
      .optional()
      .describe('FTP over IPv4 understands EPRT and EPSV (Open vSwitch 6e83dafc4); default false.'),
    bareNatZeroTuple: z
      .boolean()
      .optional()
      .describe(
        'A commit with nat: {type: none} gives a new connection a reply tuple that no reply meets (a defect of every revision ' +
          'of Open vSwitch); default false.',
      ),
    checksumsIgnored: z
      .boolean()
      .optional()
      .describe(
        'Checksums count as right without being looked at, as in Open vSwitch for packets that offload flags as good; ' +
          'default false. The option --checksums ignore sets it.',
      ),
  })
    .optional()
    .describe('Behaviour of Open vSwitch that ctreplay does not follow by default.'),
  sweep: strictObject({
    intervalMs: z.number().positive().optional().describe("Pause between sweeps; default: the design's own."),
    preset: z
      .string()
      .optional()
      .describe(
        'Preset of the designs that have presets; for rculist-sweep v6, v7, v7-fixed (default), upstream-main or one-hold.',
      ),
  }).optional(),
});

/** A configuration as it stands in the file. */
export type ConfigFile = z.infer<typeof configSchema>;
export type RuleEntry = z.infer<typeof ruleSchema>;
export type MaskedEntry = z.infer<typeof maskedSchema>;
export type MatchEntry = z.infer<typeof matchSchema>;

/** JSON schema (draft 2020-12) of the configuration file. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    $id: 'config.schema.json',
    title: 'ctreplay configuration',
    ...z.toJSONSchema(configSchema, { io: 'input' }),
  };
}
