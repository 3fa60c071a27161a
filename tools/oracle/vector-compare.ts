import { isDeepStrictEqual } from 'node:util';
import type { Vary, Vector } from './vector-format.js';

/** Keys whose list is a multiset. */
const MULTISETS = new Set(['entries', 'expectations']);

/**
 * Compares what a step gave with what it has to give: every key of `expected`, and that nothing came back changed, held
 * or in several pieces unless `expected` says so.
 * @param distinct values seen so far per label of the constraint form; grows
 * @returns what differs, or null
 */
export function compareStep(
  expected: Readonly<Record<string, unknown>>,
  got: Readonly<Record<string, unknown>>,
  vector: Vector,
  distinct: Map<string, Set<number>>,
): string | null {
  for (const [key, value] of Object.entries(expected)) {
    const difference = compareKey(key, value, { expected, got, vector, distinct });
    if (difference !== null) return difference;
  }
  if ('state' in expected || 'out' in expected || 'consumed' in expected) return compareShape(expected, got);
  return null;
}

function compareShape(
  expected: Readonly<Record<string, unknown>>,
  got: Readonly<Record<string, unknown>>,
): string | null {
  if ('consumed' in got && !('consumed' in expected)) return 'the packet was held, but should have come back';
  if ('out' in got && !('out' in expected)) return 'several packets came back instead of one';
  if ('pkt' in got && 'state' in expected && !('pkt' in expected))
    return 'the frame was changed, but should not have been';
  return null;
}

/** A step's expected and actual outcome, and what was seen in the vector so far. */
interface Comparison {
  readonly expected: Readonly<Record<string, unknown>>;
  readonly got: Readonly<Record<string, unknown>>;
  readonly vector: Vector;
  readonly distinct: Map<string, Set<number>>;
}

function compareKey(
  key: string,
  value: unknown,
  { expected, got, vector, distinct }: Comparison,
): string | null {
  if (key === 'vary') return null;
  if (key === 'out') return compareOut(value as Output[], got['out'], vector);
  if (key === 'pkt') {
    const frame = resolveFrame(value as string, vector);
    const vary = expected['vary'] as Vary | undefined;
    return vary === undefined
      ? equal('pkt', frame, got['pkt'])
      : compareVarying(frame, got['pkt'], vary, distinct);
  }
  if (MULTISETS.has(key)) return compareMultiset(key, value as unknown[], (got[key] ?? []) as unknown[]);
  return equal(key, value, got[key]);
}

interface Output {
  readonly state: string;
  readonly mark?: number;
  readonly pkt?: string;
}

function compareOut(expected: readonly Output[], got: unknown, vector: Vector): string | null {
  if (!Array.isArray(got)) return `out: ${expected.length} packets should have come back`;
  const outputs = got as Output[];
  if (outputs.length !== expected.length) {
    return `out: ${expected.length} packets should have come back, not ${outputs.length}`;
  }
  for (const [index, each] of expected.entries()) {
    const own = outputs[index];
    for (const key of Object.keys(each) as (keyof Output)[]) {
      const wanted = key === 'pkt' ? resolveFrame(each.pkt ?? '', vector) : each[key];
      const difference = equal(`out[${index}].${key}`, wanted, own?.[key]);
      if (difference !== null) return difference;
    }
  }
  return null;
}

/** Hex of a frame, or of the packet of the step that `@k` names. */
function resolveFrame(text: string, vector: Vector): string {
  if (!text.startsWith('@')) return text;
  const step = vector.steps[Number(text.slice(1))];
  if (step?.op !== 'pkt') throw new Error(`vector ${vector.name}: ${text} names no packet`);
  return step.hex;
}

/** The constraint form: one 16-bit field may hold any value of a range, different in all steps of one label. */
function compareVarying(
  frame: string,
  got: unknown,
  vary: Vary,
  distinct: Map<string, Set<number>>,
): string | null {
  if (typeof got !== 'string') return 'pkt: the frame should have been changed';
  const from = vary.offset * 2;
  const masked = `${got.slice(0, from)}0000${got.slice(from + 4)}`;
  const difference = equal('pkt (varying field taken as 0)', frame, masked);
  if (difference !== null) return difference;
  const value = Number.parseInt(got.slice(from, from + 4), 16);
  if (value < vary.lo || value > vary.hi)
    return `pkt: the field at ${vary.offset} is ${value}, not ${vary.lo} to ${vary.hi}`;
  if (vary.distinct === undefined) return null;
  const seen = distinct.get(vary.distinct) ?? new Set<number>();
  distinct.set(vary.distinct, seen);
  if (seen.has(value)) return `pkt: the field at ${vary.offset} is ${value} again`;
  seen.add(value);
  return null;
}

function compareMultiset(key: string, expected: readonly unknown[], got: readonly unknown[]): string | null {
  const left = [...got];
  const missing: unknown[] = [];
  for (const each of expected) {
    const at = left.findIndex((candidate) => isDeepStrictEqual(candidate, each));
    if (at < 0) missing.push(each);
    else left.splice(at, 1);
  }
  if (missing.length === 0 && left.length === 0) return null;
  const parts = [
    ...missing.map((each) => `missing ${JSON.stringify(each)}`),
    ...left.map((each) => `unexpected ${JSON.stringify(each)}`),
  ];
  return `${key}: ${parts.join('; ')}`;
}

function equal(key: string, expected: unknown, got: unknown): string | null {
  if (isDeepStrictEqual(expected, got)) return null;
  return `${key}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`;
}
