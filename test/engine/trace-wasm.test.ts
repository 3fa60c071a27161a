/** The traced build: what it tells, and that it does what the bare build does. */
import binaryen from 'assemblyscript/binaryen';
import { describe, expect, it } from 'vitest';
import { traceModule, traceText } from '../../engine/trace-wasm.mjs';
import { NO_TRACE } from '../../engine/host/module.js';

type Told = readonly [what: string, ...numbers: number[]];

/** Runs `run` of a module that is traced on its way through its binary form, as a design is. */
async function trace(body: string, memory = ''): Promise<Told[]> {
  const module = binaryen.parseText(
    `(module (import "env" "memory" (memory $m 1 1 shared)) ${memory} (func (export "run") (result i32) ${body}))`,
  );
  module.setFeatures(binaryen.Features.All);
  const bare = module.emitBinary();
  const calls: Told[] = [];
  const env = {
    memory: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
    ...NO_TRACE,
    touch: (kind: number, bytes: number, offset: number, address: number) => {
      calls.push(['touch', kind, bytes, offset, address]);
      return address;
    },
    touchTo: (address: number) => {
      calls.push(['to', address]);
      return address;
    },
    touchFrom: (address: number) => {
      calls.push(['from', address]);
      return address;
    },
    touchLength: (length: number) => {
      calls.push(['length', length]);
      return length;
    },
    turn: () => calls.push(['turn']),
    ran: (count: number) => calls.push(['ran', count]),
  };
  const run = (bytes: Uint8Array): number => {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), { env });
    return (instance.exports['run'] as () => number)();
  };
  const expected = run(bare);
  expect(calls).toEqual([]);
  env.memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  expect(run(await traceModule(bare))).toBe(expected);
  return calls;
}

/** The same without what tells of instructions. */
async function accesses(body: string): Promise<Told[]> {
  return (await trace(body)).filter(([what]) => what !== 'ran');
}

/** Instructions that `run` ran, in the runs between branches. */
async function instructions(body: string, functions = ''): Promise<number[]> {
  const calls = await trace(body, functions);
  return calls.flatMap(([what, count = 0]) => (what === 'ran' ? [count] : []));
}

describe('a traced module', () => {
  it.each<[string, number, number, number, number]>([
    ['(i32.load offset=8 (i32.const 100))', 1, 4, 8, 100],
    ['(i32.load8_u (i32.const 5))', 1, 1, 0, 5],
    ['(i32.wrap_i64 (i64.load16_s offset=2 (i32.const 4)))', 1, 2, 2, 4],
    ['(i32.wrap_i64 (i64.load (i32.const 64)))', 1, 8, 0, 64],
    ['(i32.atomic.load (i32.const 4))', 5, 4, 0, 4],
    ['(i32.atomic.rmw.add offset=4 (i32.const 8) (i32.const 1))', 7, 4, 4, 8],
    ['(i32.atomic.rmw8.xchg_u (i32.const 9) (i32.const 1))', 7, 1, 0, 9],
    ['(i32.wrap_i64 (i64.atomic.rmw.cmpxchg (i32.const 16) (i64.const 0) (i64.const 7)))', 7, 8, 0, 16],
    ['(memory.atomic.notify (i32.const 32) (i32.const 1))', 5, 4, 0, 32],
    ['(i32x4.extract_lane 0 (v128.load offset=16 (i32.const 0)))', 1, 16, 16, 0],
    ['(i32x4.extract_lane 0 (v128.load8x8_u (i32.const 24)))', 1, 8, 0, 24],
    ['(i32x4.extract_lane 0 (v128.load32_splat (i32.const 24)))', 1, 4, 0, 24],
  ])('tells %s', async (body, ...touch) => {
    expect(await accesses(body)).toEqual([['touch', ...touch]]);
  });

  it('tells stores, in the order in which addresses are computed', async () => {
    const calls = await accesses(
      '(i32.store offset=4 (i32.load (i32.const 0)) (i32.const 7)) (i64.store8 (i32.const 12) (i64.const 1)) (i32.atomic.store (i32.const 20) (i32.const 1)) (i32.const 0)',
    );
    expect(calls).toEqual([
      ['touch', 1, 4, 0, 0],
      ['touch', 2, 4, 4, 0],
      ['touch', 2, 1, 0, 12],
      ['touch', 6, 4, 0, 20],
    ]);
  });

  it('tells blocks with their length', async () => {
    const calls = await accesses(
      '(memory.fill (i32.const 10) (i32.const 1) (i32.const 100)) (memory.copy (i32.const 200) (i32.const 10) (i32.const 50)) (i32.const 1)',
    );
    expect(calls).toEqual([
      ['to', 10],
      ['length', 100],
      ['to', 200],
      ['from', 10],
      ['length', 50],
    ]);
  });

  it('tells every turn of a loop', async () => {
    const calls = await accesses(
      '(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 5)))) (local.get $i)',
    );
    expect(calls).toEqual(Array.from({ length: 5 }, () => ['turn']));
  });

  it('tells instructions between branches, constants and variables left out', async () => {
    // Two additions and a product, in one run.
    expect(
      await instructions(
        '(local $i i32) (local.set $i (i32.add (i32.const 1) (i32.add (local.get $i) (i32.const 2)))) (i32.mul (local.get $i) (local.get $i))',
      ),
    ).toEqual([3]);
  });

  it('tells of the arm that is taken only', async () => {
    const chosen = (condition: number): Promise<number[]> =>
      instructions(
        `(local $i i32) (local.set $i (i32.const ${condition})) (if (result i32) (i32.eqz (local.get $i)) (then (i32.add (local.get $i) (i32.const 1))) (else (i32.mul (local.get $i) (i32.rotl (local.get $i) (local.get $i)))))`,
      );
    // The test and the branch, and then one arm or the other.
    expect(await chosen(0)).toEqual([2, 1]);
    expect(await chosen(1)).toEqual([2, 2]);
  });

  it('does not tell what a branch leaves out', async () => {
    const left = (condition: number): Promise<number[]> =>
      instructions(
        `(local $i i32) (local.set $i (i32.const ${condition})) (block $b (br_if $b (local.get $i)) (local.set $i (i32.add (i32.const 5) (local.get $i)))) (i32.mul (local.get $i) (local.get $i))`,
      );
    expect(await left(1)).toEqual([1, 1]);
    expect(await left(0)).toEqual([1, 1, 1]);
  });

  it('tells what takes a lock apart from what comes after it', async () => {
    const calls = await trace(
      '(local $i i32) (local.set $i (i32.add (i32.const 8) (local.get $i))) (if (i32.atomic.rmw.cmpxchg (local.get $i) (i32.const 0) (i32.const 2)) (then (unreachable))) (local.set $i (i32.mul (local.get $i) (i32.const 3))) (drop (i32.atomic.rmw.xchg (i32.const 8) (i32.const 0))) (i32.rotl (local.get $i) (i32.const 1))',
    );
    expect(calls).toEqual([
      ['ran', 3],
      ['touch', 7, 4, 0, 8],
      ['ran', 2],
      ['touch', 7, 4, 0, 8],
      ['ran', 1],
    ]);
  });

  it('tells the instructions of each turn, and of functions that are called', async () => {
    const counts = await instructions(
      '(local $i i32) (loop $l (local.set $i (call $f (local.get $i))) (br_if $l (i32.lt_u (local.get $i) (i32.const 3)))) (local.get $i)',
      '(global $calls (mut i32) (i32.const 0)) (func $f (param $x i32) (result i32) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.add (local.get $x) (i32.const 1)))',
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(3 * (4 + 2));
    expect(counts).toHaveLength(3 * 2);
  });

  it('leaves texts in data and names alone', () => {
    const text =
      '(module (data "(loop (i32.load \\")") ;; (loop (i32.load\n (; (loop ;) (export "(" (func $f)))';
    expect(
      traceText(text)
        .replace(/\(import [^\n]*\n/g, '')
        .replace(/\s+/g, ' '),
    ).toBe(text.replace(/\s+/g, ' '));
  });
});
