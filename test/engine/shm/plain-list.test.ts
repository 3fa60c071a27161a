import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { primitiveRun, primitivesModule } from './primitive-threads.js';

const { run, primitives } = primitiveRun(primitivesModule(), 1);
const head = run.plan.regions.packets;
const view = new DataView(run.memory.buffer);
const linkOf = (element: number): number => head + 16 * (element + 1);

/** Elements in the order of the list, one way or the other. */
function elements(forwards: boolean): number[] {
  const found: number[] = [];
  const next = (link: number): number =>
    forwards ? primitives.plainListNext(link) : view.getUint32(link, true);
  for (let link = next(head); link !== head; link = next(link)) found.push((link - head) / 16 - 1);
  return forwards ? found : found.toReversed();
}

describe('plain list', () => {
  it('holds what was pushed and not removed, in the order of pushing, both ways', () => {
    const step = fc.nat(15);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        primitives.plainListInit(head);
        const model: number[] = [];
        for (const element of steps) {
          const at = model.indexOf(element);
          if (at === -1) {
            primitives.plainListPushBack(head, linkOf(element));
            model.push(element);
          } else {
            primitives.plainListRemove(linkOf(element));
            model.splice(at, 1);
          }
          expect(elements(true)).toEqual(model);
          expect(elements(false)).toEqual(model);
        }
      }),
      { numRuns: 200 },
    );
  });
});
