import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as z from 'zod';
import { parseJson } from '../text/json-text.js';
import { traitsOf } from '../../engine/host/design-traits.js';
import { OracleError } from './oracle-error.js';

/**
 * Conformance vectors: scripts with the expected ct_states, packets, tables and timeouts under each design, one
 * JSON object a line. What the fields mean is written in FORMAT.md beside the vectors.
 */

const u16 = z.int().min(0).max(0xffff);
const u32 = z.int().min(0).max(0xffff_ffff);
const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/, 'not lower-case hexadecimal bytes');
const zone = z.int();

const nat = z.strictObject({
  type: z.enum(['none', 'src', 'dst']),
  addr: z.string().optional(),
  port: z.union([u16, z.tuple([u16, u16])]).optional(),
});

const execute = {
  zone: u16.optional(),
  commit: z.boolean().optional(),
  force: z.boolean().optional(),
  nat: nat.optional(),
  helper: z.enum(['ftp', 'tftp']).optional(),
  tp: u32.optional(),
  mark: z.strictObject({ value: u32, mask: u32 }).optional(),
  slot: z.int().min(0).optional(),
};

const tuple = z.strictObject({
  src: z.string(),
  dst: z.string(),
  proto: z.int().min(0).max(255),
  sport: u16.optional(),
  dport: u16.optional(),
  id: u16.optional(),
  type: z.int().min(0).max(255).optional(),
  code: z.int().min(0).max(255).optional(),
});

const vary = z.strictObject({
  offset: z.int().min(0),
  lo: u16,
  hi: u16,
  distinct: z.string().optional(),
});

const frameText = z.union([hex, z.string().regex(/^@\d+$/)]);
const packetResult = z.strictObject({
  state: z.string().optional(),
  mark: u32.optional(),
  pkt: frameText.optional(),
  vary: vary.optional(),
  orig: z.string().optional(),
  consumed: z.boolean().optional(),
  out: z
    .array(z.strictObject({ state: z.string(), mark: u32.optional(), pkt: frameText.optional() }))
    .optional(),
});

const entry = z.record(z.string(), z.unknown());

const designNames = ['timeout-lists', 'rculist-sweep'] as const;

/** One expectation for both designs, or one for each. */
function expected<T extends z.ZodType>(shape: T) {
  return z.union([z.strictObject({ 'timeout-lists': shape, 'rculist-sweep': shape }), shape]).optional();
}

const rc = z.strictObject({ rc: z.int() });

const step = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('now'), ms: z.int() }),
  z.strictObject({ op: z.literal('pkt'), hex, ...execute, expect: expected(packetResult) }),
  z.strictObject({
    op: z.literal('again'),
    cache: z.enum(['keep', 'clear']),
    ...execute,
    expect: expected(packetResult),
  }),
  z.strictObject({
    op: z.literal('sweep'),
    expect: expected(
      z.strictObject({
        n_conn: z.int().optional(),
        wake: z.union([z.int(), z.literal('immediate')]).optional(),
      }),
    ),
  }),
  z.strictObject({ op: z.literal('dump'), expect: expected(z.strictObject({ entries: z.array(entry) })) }),
  z.strictObject({
    op: z.literal('count'),
    expect: expected(z.strictObject({ n_conn: z.int().optional(), table: z.int().optional() })),
  }),
  z.strictObject({ op: z.literal('limit'), zone, limit: u32, expect: expected(rc) }),
  z.strictObject({ op: z.literal('unlimit'), zone, expect: expected(rc) }),
  z.strictObject({
    op: z.literal('getlimit'),
    zone,
    expect: expected(z.strictObject({ zone: z.int(), limit: z.int(), count: z.int() })),
  }),
  z.strictObject({ op: z.literal('tp'), id: u32, attrs: z.record(z.string(), u32), expect: expected(rc) }),
  z.strictObject({ op: z.literal('deltp'), id: u32, expect: expected(rc) }),
  z.strictObject({ op: z.literal('maxconns'), n: u32 }),
  z.strictObject({ op: z.literal('seqchk'), on: z.boolean() }),
  z.strictObject({ op: z.literal('flush'), zone: zone.optional() }),
  z.strictObject({ op: z.literal('flush-tuple'), tuple, zone: u16.optional(), expect: expected(rc) }),
  z.strictObject({
    op: z.literal('expectations'),
    expect: expected(z.strictObject({ expectations: z.array(entry) })),
  }),
]);

const vectorSchema = z.strictObject({
  name: z.string().min(1),
  tags: z.array(z.string()),
  designs: z.array(z.enum(designNames)).optional(),
  steps: z.array(step).min(1),
});

export type Vector = z.infer<typeof vectorSchema>;
export type Step = z.infer<typeof step>;
export type PacketStep = Extract<Step, { op: 'pkt' | 'again' }>;
export type Vary = z.infer<typeof vary>;
export type VectorDesign = (typeof designNames)[number];

/**
 * Which of the two recorded designs says what packets see under a design: the old one takes a connection that is ended (force, TCP
 * reuse) out of the table at once, the new one leaves it there until a sweep.
 */
export function recordedDesign(design: string): VectorDesign {
  return traitsOf(design).expireRemoves ? 'timeout-lists' : 'rculist-sweep';
}

/** Whether a vector says anything about a design. */
export function appliesTo(vector: Vector, design: string): boolean {
  return vector.designs === undefined || vector.designs.includes(recordedDesign(design));
}

/** What a step has to give under a design, or null when it is not compared. */
export function expectationOf(each: Step, design: string): Record<string, unknown> | null {
  if (!('expect' in each) || each.expect === undefined) return null;
  const expectation: Record<string, unknown> = each.expect;
  const own = expectation[recordedDesign(design)];
  return own === undefined ? expectation : (own as Record<string, unknown>);
}

/** Whether the recorded pass of a step stopped at its limit, so that it may have left what had expired. */
export function stoppedAtLimit(each: Step, design: string): boolean {
  return each.op === 'sweep' && expectationOf(each, design)?.['wake'] === 'immediate';
}

/**
 * Reads the vectors of a file.
 * @throws OracleError naming file, line and field of what is no vector, or when the file holds none
 */
export function readVectors(file: string): Vector[] {
  let text: string;
  try {
    const bytes = readFileSync(file);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    text = (isGzip ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (cause) {
    throw new OracleError({
      file,
      reason: (cause as Error).message,
      advice: 'Give a readable file of vectors, as it is or gzipped.',
      cause,
    });
  }
  const vectors: Vector[] = [];
  text.split('\n').forEach((line, index) => {
    if (line.trim() !== '') vectors.push(parseVector(line, file, index + 1));
  });
  if (vectors.length === 0) {
    throw new OracleError({
      file,
      reason: 'the file holds no vectors',
      advice: 'Give a file of JSON lines, one vector each.',
    });
  }
  return vectors;
}

function parseVector(line: string, file: string, lineNumber: number): Vector {
  let data: unknown;
  try {
    data = parseJson(line);
  } catch (cause) {
    throw new OracleError({
      file,
      line: lineNumber,
      reason: `the line ${(cause as Error).message}`,
      advice: 'Each line has to be one JSON object.',
      cause,
    });
  }
  const parsed = vectorSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new OracleError({
    file,
    line: lineNumber,
    reason: `${issue?.path.join('.') || 'vector'}: ${issue?.message ?? 'not a vector'}`,
    advice: 'FORMAT.md beside the conformance vectors describes the fields.',
  });
}
