/**
 * The rule by which a design is chosen. Pure: what the evidence tells of each pair goes in, a design comes out.
 *
 * 1. One design is better than another when the first criterion, in the order asked for, that tells them apart by more than its margin
 *    is in its favour (criteria.ts has margins and order), and none before it leaves a large loss possible. What is shown within the margin
 *    decides nothing; it is named as a price.
 * 2. The design in use stays unless another is better than it, or better than one that is. So where intervals tell nothing nothing changes, and
 *    a repeated run flips only where a difference lies at its margin.
 * 3. What is advised is better than the design in use, and nothing is better than it, but what it is itself better than, over others: where
 *    three designs beat each other in turn, none of them does.
 * 4. Of several such designs one that is shown directly against the design in use comes first, then the order of the list: never the better
 *    value of two that are not distinguished.
 */
import type { CriterionName, Shown } from '../result/schema.js';

/** What is to be decided. */
export interface ChoiceQuestion {
  /** In the order of lists. */
  readonly designs: readonly string[];
  /** The design in use, one of them. */
  readonly current: string;
  /** Criteria, the first that tells decides. */
  readonly order: readonly CriterionName[];
  /** What the evidence tells of `head` against `base`. */
  readonly shown: (head: string, base: string, criterion: CriterionName) => Shown;
}

/** What was decided. */
export interface Choice {
  readonly chosen: string;
  /** From the design in use to the one chosen, each better than the one before it; the design in use alone where it stays. */
  readonly path: readonly string[];
  /** The criterion in which the last of the path is better than the one before it; null where the design in use stays. */
  readonly decidedBy: CriterionName | null;
  /** Designs that nothing tells from the one chosen, in no criterion by more than its margin. */
  readonly notToldApart: readonly string[];
}

/** The criterion by which `head` is better than `base`; null where it is not. */
export function betterBy(
  { order, shown }: Pick<ChoiceQuestion, 'order' | 'shown'>,
  head: string,
  base: string,
): CriterionName | null {
  for (const criterion of order) {
    const one = shown(head, base, criterion);
    if (one === 'better') return criterion;
    if (one === 'worse' || one === 'open') return null;
  }
  return null;
}

/**
 * Chooses a design.
 * @throws RangeError when the design in use is none of the designs
 */
export function chooseDesign(question: ChoiceQuestion): Choice {
  const { designs, current } = question;
  if (!designs.includes(current)) throw new RangeError(`${current} is none of ${designs.join(', ')}`);
  const above = new Map(
    designs.map((base) => [base, designs.filter((head) => betterBy(question, head, base) !== null)]),
  );
  const pathTo = new Map(designs.map((base) => [base, pathsUp(base, above)]));
  const reaches = (head: string, base: string): boolean => pathTo.get(base)?.has(head) === true;
  const unbeaten = (design: string): boolean =>
    designs.every((other) => !reaches(other, design) || reaches(design, other));
  const candidates = unbeaten(current)
    ? [current]
    : designs.filter((design) => reaches(design, current) && unbeaten(design));
  const direct = candidates.find((design) => above.get(current)?.includes(design) === true);
  const chosen = direct ?? candidates[0] ?? current;
  const path = pathTo.get(current)?.get(chosen) ?? [current];
  const [before = null] = path.slice(-2, -1);
  return {
    chosen,
    path,
    decidedBy: before === null ? null : betterBy(question, chosen, before),
    notToldApart: designs.filter((other) => other !== chosen && !isDistinguished(question, other, chosen)),
  };
}

/**
 * Criteria that the choice hangs on and that are not known well enough: were a large loss that is still possible in them known not to be
 * there, another design would be chosen. Those of which one alone would do, else all that would together; none where none would.
 */
export function openCriteria(question: ChoiceQuestion): CriterionName[] {
  const { chosen } = chooseDesign(question);
  const wouldDo = (closed: readonly CriterionName[]): boolean => {
    const shown = (head: string, base: string, criterion: CriterionName): Shown => {
      const found = question.shown(head, base, criterion);
      return found === 'open' && closed.includes(criterion) ? 'same' : found;
    };
    return chooseDesign({ ...question, shown }).chosen !== chosen;
  };
  const alone = question.order.filter((criterion) => wouldDo([criterion]));
  if (alone.length > 0) return alone;
  const { designs, order, shown } = question;
  const open = order.filter((criterion) =>
    designs.some((head) => designs.some((base) => shown(head, base, criterion) === 'open')),
  );
  return wouldDo(open) ? open : [];
}

function isDistinguished({ order, shown }: ChoiceQuestion, head: string, base: string): boolean {
  return order.some((criterion) => ['better', 'worse'].includes(shown(head, base, criterion)));
}

/** The shortest path from a design to each that is better than it, directly or over others. */
function pathsUp(
  from: string,
  above: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  let front: readonly (readonly string[])[] = [[from]];
  while (front.length > 0) {
    const next: (readonly string[])[] = [];
    for (const path of front) {
      for (const design of above.get(path.at(-1) as string) ?? []) {
        if (design === from || found.has(design)) continue;
        const longer = [...path, design];
        found.set(design, longer);
        next.push(longer);
      }
    }
    front = next;
  }
  return found;
}
