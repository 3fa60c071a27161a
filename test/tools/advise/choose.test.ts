/** The rule by which a design is chosen, on what is shown of each pair. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { betterBy, chooseDesign, openCriteria, type ChoiceQuestion } from '../../../tools/advise/choose.js';
import { orderOf } from '../../../tools/advise/criteria.js';
import { CRITERION_NAMES, type CriterionName, type Shown } from '../../../tools/result/schema.js';

const numRuns = process.env['CTREPLAY_LONG'] === undefined ? 500 : 20_000;

const DESIGNS = ['a', 'b', 'c', 'd', 'e'];
const CURRENT = 'b';
const ORDER = orderOf(null);

const TURNED: Readonly<Record<Shown, Shown>> = {
  better: 'worse',
  worse: 'better',
  'little-better': 'little-worse',
  'little-worse': 'little-better',
  same: 'same',
  open: 'open',
  unknown: 'unknown',
};

type Facts = Readonly<Record<string, Partial<Record<CriterionName, Shown>>>>;

/** A question from what is shown of pairs, written `head/base`; all else is `same`. */
function question(facts: Facts, more: Partial<ChoiceQuestion> = {}): ChoiceQuestion {
  return {
    designs: DESIGNS,
    current: CURRENT,
    order: ORDER,
    shown: (head, base, criterion) => {
      const forward = facts[`${head}/${base}`]?.[criterion];
      const backward = facts[`${base}/${head}`]?.[criterion];
      return forward ?? (backward === undefined ? 'same' : TURNED[backward]);
    },
    ...more,
  };
}

/** Designs with a true level in each criterion, higher is better; of some pairs and criteria nothing is known. */
interface World {
  readonly levels: readonly (readonly number[])[];
  readonly erased: readonly (Shown | null)[];
}

const world = (erased: fc.Arbitrary<Shown | null>): fc.Arbitrary<World> =>
  fc.record({
    levels: fc.array(
      fc.array(fc.integer({ min: 0, max: 3 }), {
        minLength: CRITERION_NAMES.length,
        maxLength: CRITERION_NAMES.length,
      }),
      { minLength: DESIGNS.length, maxLength: DESIGNS.length },
    ),
    erased: fc.array(erased, {
      minLength: DESIGNS.length ** 2 * CRITERION_NAMES.length,
      maxLength: DESIGNS.length ** 2 * CRITERION_NAMES.length,
    }),
  });

/** Of every other pair and criterion something is shown, of the rest nothing, or too little to exclude a loss. */
const SOME_ERASED = fc.constantFrom<Shown | null>(null, null, 'unknown', 'open');

function questionOf({ levels, erased }: World): ChoiceQuestion {
  return question(
    {},
    {
      shown: (head, base, criterion) => {
        const [h, b] = [DESIGNS.indexOf(head), DESIGNS.indexOf(base)];
        const c = CRITERION_NAMES.indexOf(criterion);
        const pair = Math.min(h, b) * DESIGNS.length + Math.max(h, b);
        const instead = erased[pair * CRITERION_NAMES.length + c] ?? null;
        if (instead !== null) return instead;
        const difference = (levels[h]?.[c] ?? 0) - (levels[b]?.[c] ?? 0);
        if (difference === 0) return 'same';
        return difference > 0 ? 'better' : 'worse';
      },
    },
  );
}

/** Designs that are better than one, directly or over others. */
function above(of: ChoiceQuestion, design: string): Set<string> {
  const found = new Set<string>();
  const queue = [design];
  for (let base = queue.pop(); base !== undefined; base = queue.pop()) {
    for (const head of of.designs) {
      if (betterBy(of, head, base) === null || found.has(head)) continue;
      found.add(head);
      queue.push(head);
    }
  }
  return found;
}

/** Shown to be better in something and worse in nothing, also not possibly. */
function dominates({ order, shown }: ChoiceQuestion, head: string, base: string): boolean {
  const all = order.map((criterion) => shown(head, base, criterion));
  return all.includes('better') && !all.includes('worse') && !all.includes('open');
}

describe('the choice', () => {
  it('is the design in use where nothing is shown', () => {
    expect(chooseDesign(question({}))).toEqual({
      chosen: CURRENT,
      path: [CURRENT],
      decidedBy: null,
      notToldApart: ['a', 'c', 'd', 'e'],
    });
  });

  it('is another where that is shown to be better, and says by what', () => {
    expect(chooseDesign(question({ 'd/b': { lag: 'better' } }))).toMatchObject({
      chosen: 'd',
      path: ['b', 'd'],
      decidedBy: 'lag',
    });
  });

  it('does not change for what lies within the margin', () => {
    const found = chooseDesign(question({ 'd/b': { throughput: 'little-better', lag: 'little-better' } }));
    expect(found).toMatchObject({ chosen: 'b', decidedBy: null });
  });

  it('goes by the first criterion that tells, and by another where that is put first', () => {
    const trade: Facts = { 'd/b': { throughput: 'worse', lag: 'better' } };
    expect(chooseDesign(question(trade)).chosen).toBe('b');
    expect(chooseDesign(question(trade, { order: orderOf('lag') }))).toMatchObject({
      chosen: 'd',
      decidedBy: 'lag',
    });
    // What becomes of the traffic comes first all the same.
    const losing: Facts = { 'd/b': { outcome: 'worse', lag: 'better' } };
    expect(chooseDesign(question(losing, { order: orderOf('lag') })).chosen).toBe('b');
    // A loss within the margin is a price, and no obstacle.
    const cheap: Facts = { 'd/b': { throughput: 'little-worse', lag: 'better' } };
    expect(chooseDesign(question(cheap)).chosen).toBe('d');
  });

  it('does not change where what comes first may be a large loss', () => {
    const wide: Facts = { 'd/b': { throughput: 'open', lag: 'better' } };
    expect(chooseDesign(question(wide))).toMatchObject({ chosen: 'b', decidedBy: null });
    expect(chooseDesign(question(wide, { order: orderOf('lag') })).chosen).toBe('d');
    // What comes after may be whatever it is.
    expect(chooseDesign(question({ 'd/b': { throughput: 'better', lag: 'open' } })).chosen).toBe('d');
  });

  it('is the best of several, and of those that are not distinguished the first of the list', () => {
    const both: Facts = { 'c/b': { lag: 'better' }, 'e/b': { lag: 'better' } };
    expect(chooseDesign(question({ ...both, 'e/c': { cpu: 'better' } })).chosen).toBe('e');
    expect(chooseDesign(question(both))).toMatchObject({ chosen: 'c', notToldApart: ['a', 'd', 'e'] });
  });

  it('goes over a design that is better than the one in use', () => {
    const chain: Facts = {
      'c/b': { lag: 'better' },
      'e/c': { throughput: 'better' },
      'e/b': { lag: 'unknown' },
    };
    expect(chooseDesign(question(chain))).toMatchObject({
      chosen: 'e',
      path: ['b', 'c', 'e'],
      decidedBy: 'throughput',
    });
  });

  it('stays where designs beat each other in turn', () => {
    const circle: Facts = {
      'c/b': { throughput: 'better' },
      'd/c': { throughput: 'better' },
      'b/d': { throughput: 'better' },
    };
    expect(chooseDesign(question(circle)).chosen).toBe('b');
  });

  it('needs a design in use', () => {
    expect(() => chooseDesign(question({}, { current: 'z' }))).toThrow(/z is none of a, b/);
  });
});

describe('whatever is shown', () => {
  it('a design that another dominates is never advised, unless they beat each other in turn', () => {
    fc.assert(
      fc.property(world(SOME_ERASED), (one) => {
        const asked = questionOf(one);
        const { chosen } = chooseDesign(asked);
        const below = (other: string): boolean => above(asked, other).has(chosen);
        const dominating = DESIGNS.filter((other) => other !== chosen && dominates(asked, other, chosen));
        expect(dominating.filter((other) => !below(other))).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('where all is shown it is never dominated at all', () => {
    fc.assert(
      fc.property(world(fc.constant(null)), (one) => {
        const asked = questionOf(one);
        const { chosen } = chooseDesign(asked);
        expect(DESIGNS.filter((other) => dominates(asked, other, chosen))).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('the design in use stays unless something is better than it', () => {
    fc.assert(
      fc.property(world(SOME_ERASED), (one) => {
        const asked = questionOf(one);
        const { chosen, path, decidedBy } = chooseDesign(asked);
        const better = above(asked, CURRENT);
        if (better.size === 0) expect(chosen).toBe(CURRENT);
        if (chosen === CURRENT) return;
        expect(better).toContain(chosen);
        expect([path[0], path.at(-1)]).toEqual([CURRENT, chosen]);
        path.slice(1).forEach((head, index) => {
          expect(betterBy(asked, head, path[index] as string)).not.toBeNull();
        });
        expect(decidedBy).toBe(betterBy(asked, chosen, path.at(-2) as string));
      }),
      { numRuns },
    );
  });

  it('what is not distinguished from it does not change it by leaving', () => {
    fc.assert(
      fc.property(world(SOME_ERASED), (one) => {
        const asked = questionOf(one);
        const { chosen } = chooseDesign(asked);
        const idle = DESIGNS.filter(
          (design) =>
            design !== chosen &&
            design !== CURRENT &&
            DESIGNS.every((other) => betterBy(asked, design, other) === null),
        );
        for (const gone of idle) {
          const designs = DESIGNS.filter((design) => design !== gone);
          expect(chooseDesign({ ...asked, designs }).chosen).toBe(chosen);
        }
      }),
      { numRuns },
    );
  });
});

describe('what a choice hangs on', () => {
  const lag = { lag: 'better' } as const;

  it('is what is open in front of what would decide', () => {
    expect(openCriteria(question({ 'a/b': { throughput: 'open', ...lag } }))).toEqual(['throughput']);
    expect(openCriteria(question({ 'a/b': { tail: 'open', ...lag } }))).toEqual(['tail']);
    // Between the one chosen and another that would beat it.
    const facts: Facts = {
      'a/b': lag,
      'c/a': { throughput: 'open', ...lag },
      'c/b': { throughput: 'open', ...lag },
    };
    expect(chooseDesign(question(facts)).chosen).toBe('a');
    expect(openCriteria(question(facts))).toEqual(['throughput']);
  });

  it('is all that is open where one alone would not do', () => {
    const facts: Facts = { 'a/b': { throughput: 'open', tail: 'open', ...lag } };
    expect(openCriteria(question(facts))).toEqual(['throughput', 'tail']);
  });

  it('is nothing where what is open decides nothing', () => {
    expect(openCriteria(question({}))).toEqual([]);
    expect(openCriteria(question({ 'a/b': { throughput: 'open' } }))).toEqual([]);
    expect(openCriteria(question({ 'a/b': { ...lag, cpu: 'open' } }))).toEqual([]);
    expect(openCriteria(question({ 'a/b': lag, 'd/e': { throughput: 'open', ...lag } }))).toEqual([]);
    expect(openCriteria(question({ 'a/b': { throughput: 'worse', tail: 'open', ...lag } }))).toEqual([]);
  });

  it('property: is with what the choice is another, and nothing where it is the same with all', () => {
    fc.assert(
      fc.property(world(SOME_ERASED), (one) => {
        const asked = questionOf(one);
        const { chosen } = chooseDesign(asked);
        const changes = (closed: readonly CriterionName[]): boolean => {
          const shown = (head: string, base: string, criterion: CriterionName): Shown => {
            const found = asked.shown(head, base, criterion);
            return found === 'open' && closed.includes(criterion) ? 'same' : found;
          };
          return chooseDesign({ ...asked, shown }).chosen !== chosen;
        };
        const open = openCriteria(asked);
        if (open.length === 0) expect(changes(CRITERION_NAMES)).toBe(false);
        else expect(open.every((criterion) => changes([criterion])) || changes(open)).toBe(true);
      }),
      { numRuns },
    );
  });
});
