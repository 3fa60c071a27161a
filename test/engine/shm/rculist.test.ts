import { describe, expect, it } from 'vitest';
import { primitiveRun, primitivesModule, problems, runTasks } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;

describe('rculist', () => {
  it('leads a standing reader onwards from an element that is removed', () => {
    const { run, primitives } = primitiveRun(primitivesModule(), 1);
    const head = run.plan.regions.packets;
    const [a, b, d] = [head + 16, head + 32, head + 48] as const;
    primitives.listInit(head);
    primitives.listPushBack(head, a);
    primitives.listPushBack(head, b);
    primitives.listPushFront(head, d);
    const order = (): number[] => {
      const links: number[] = [];
      for (let link = primitives.listNext(head); link !== head; link = primitives.listNext(link))
        links.push(link);
      return links;
    };
    expect(order()).toEqual([d, a, b]);
    primitives.listRemove(a);
    expect(order()).toEqual([d, b]);
    expect(primitives.listNext(a)).toBe(b);
    primitives.listRemove(b);
    expect(primitives.listNext(a)).toBe(b);
    expect(primitives.listNext(b)).toBe(head);
  });

  it('shows readers every element that stays, in order, while others come and go', async () => {
    const { run, primitives } = primitiveRun(primitivesModule(), 3, { packetStoreBytes: 4 << 20 });
    const head = run.plan.regions.packets;
    const count = LONG ? 20_000 : 2_000;
    const fixed = Array.from({ length: 12 }, (_, i) => head + 16 * (i + 1));
    const loose = Array.from({ length: count }, (_, i) => head + 16 * (i + 100));
    primitives.listInit(head);
    for (const link of fixed) primitives.listPushBack(head, link);
    const reader = { task: 'listReader', options: { head, fixed, loose }, endless: true } as const;
    const writer = { task: 'listWriter', options: { head, loose, rounds: count * 2 } } as const;
    const reports = await runTasks(run, 5, [writer, reader, reader]);
    expect(problems(reports)).toEqual([]);
    expect(reports.every(({ done }) => done > 0)).toBe(true);
  });
});
