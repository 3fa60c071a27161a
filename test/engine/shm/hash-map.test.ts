import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { Tracker } from '../../../engine/host/tracker.js';
import type { ConnTuple } from '../../../engine/host/connection-view.js';
import { udpFrame } from '../../support/packets.js';
import { primitiveRun, primitivesModule, problems, runTasks } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
const SEEDS = LONG ? Array.from({ length: 40 }, (_, i) => i + 1) : [1, 2, 3];
const COMMIT = { commit: true } as const;

describe('hash map under threads', () => {
  it.each(SEEDS)('loses no record while others come, go and move (seed %d)', async (seed) => {
    const { run, primitives } = primitiveRun(primitivesModule(), 3, { buckets: 16 });
    const { CONN_SIZE, CONTROL, C_CT_LOCK } = run.engine.constants;
    // Hashes as bad as they come: few distinct low halves, so that both of an entry's buckets are crowded.
    const record = (i: number): { record: number; hash: number } => ({
      record: run.plan.regions.slab + i * CONN_SIZE,
      hash: (Math.imul(i + seed * 131, 0x9e3779b1) >>> 0) | 0,
    });
    const pinned = Array.from({ length: 24 }, (_, i) => record(i));
    const loose = Array.from({ length: 150 }, (_, i) => record(i + 24));
    for (const each of pinned) expect(primitives.mapInsertLocked(each.record, each.hash)).not.toBe(0);
    const lock = CONTROL + C_CT_LOCK;
    const reader = { task: 'mapReader', options: { pinned }, endless: true } as const;
    const rounds = LONG ? 2_000_000 : 20_000;
    const reports = await runTasks(run, seed, [
      { task: 'mapWriter', options: { loose, rounds, lock } },
      reader,
    ]);
    expect(problems(reports), `seed ${seed}`).toEqual([]);
    expect(reports.every(({ done }) => done > 0)).toBe(true);
    for (const each of pinned) expect(primitives.mapFind(each.hash) >>> 0).toBe(each.record);
  });
});

describe('hash map that grows under threads', () => {
  it.each(SEEDS)('loses no record while it takes buckets into use (seed %d)', async (seed) => {
    const records = 12_000;
    const needs = { buckets: 4096, slabSlots: records + 64 };
    const { run, primitives } = primitiveRun(primitivesModule(), 4, needs);
    const { CONN_SIZE, CONTROL, C_CT_LOCK } = run.engine.constants;
    const all = Array.from({ length: records }, (_, i) => ({
      record: run.plan.regions.slab + i * CONN_SIZE,
      hash: (Math.imul(i + seed * 131, 0x9e3779b1) >>> 0) | 0,
    }));
    const pinned = all.slice(0, 200);
    for (const each of pinned) expect(primitives.mapInsertLocked(each.record, each.hash)).not.toBe(0);
    const lock = CONTROL + C_CT_LOCK;
    const reader = { task: 'mapReader', options: { pinned }, endless: true } as const;
    const reports = await runTasks(run, seed, [
      { task: 'mapFiller', options: { loose: all.slice(pinned.length), lock } },
      reader,
      reader,
    ]);
    expect(problems(reports), `seed ${seed}`).toEqual([]);
    expect(reports.every(({ done }) => done > 0)).toBe(true);
    for (const { record, hash } of all) expect(primitives.mapFind(hash) >>> 0).toBe(record);
    for (const { record } of all) expect(primitives.mapRemoveLocked(record)).not.toBe(0);
    for (const { hash } of all) expect(primitives.mapFind(hash)).toBe(0);
  });
});

/** A flow of the model: those below 8 are flows with themselves, which all have one hash. */
function ends(flow: number): { src: string; dst: string; srcPort: number; dstPort: number } {
  const src = `10.0.${flow}.1`;
  return flow < 8
    ? { src, dst: src, srcPort: 1000 + flow, dstPort: 1000 + flow }
    : { src, dst: '10.9.9.9', srcPort: 1000 + flow, dstPort: 53 };
}

function tupleOf(flow: number): ConnTuple {
  return { family: 4, protocol: 17, ...ends(flow) };
}

type Step = { readonly do: 'packet' | 'remove'; readonly flow: number } | { readonly do: 'sweep' };

describe('hash map against a model', () => {
  const sizes = availableDesigns().flatMap((design) => [8, 64].map((buckets) => ({ design, buckets })));
  for (const { design, buckets } of sizes) {
    it(`${design}, ${buckets} buckets: the table holds what was put in and not taken out`, () => {
      const tracker = Tracker.create({
        design,
        flavour: 'debug',
        slabSlots: 96,
        buckets,
        expectationSlots: 4,
      });
      const step: fc.Arbitrary<Step> = fc.oneof(
        { weight: 6, arbitrary: fc.record({ do: fc.constant('packet' as const), flow: fc.nat(79) }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), flow: fc.nat(79) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
      );
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150 }), fc.nat(), (steps, hashBasis) => {
          tracker.reset({ hashBasis });
          const model = new Set<number>();
          for (const each of steps) {
            if (each.do === 'sweep') tracker.sweep(1000);
            else if (each.do === 'remove') {
              expect(tracker.flushTuple(tupleOf(each.flow), 0, 1000)).toBe(model.delete(each.flow) ? 0 : 2);
            } else {
              const handle = tracker.packet(udpFrame(ends(each.flow)));
              const [returned] = tracker.execute(handle, COMMIT, 1000).returned;
              tracker.release(handle);
              if (model.has(each.flow) || returned?.reason === null) {
                expect(returned?.reason).toBeNull();
                model.add(each.flow);
              } else {
                // 8 buckets of 7: refused only when nearly every slot is taken.
                expect(buckets).toBe(8);
                expect(returned?.reason?.name).toMatch(/map/i);
                expect(model.size).toBeGreaterThan(30);
              }
            }
            expect(tracker.tableCount).toBe(model.size);
          }
          const held = tracker
            .dump(1000)
            .map(({ original }) => ('srcPort' in original ? original.srcPort - 1000 : -1));
          expect(held.toSorted((a, b) => a - b)).toEqual([...model].toSorted((a, b) => a - b));
        }),
        { numRuns: LONG ? 1000 : 40 },
      );
    });
  }
});
