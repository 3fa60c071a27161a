/** Advice from a result: the choice, a row for each design, and the two sentences that it ends in. */
import type { Advice, AdviceRow, Comparison, CriterionName, Result } from '../result/schema.js';
import { betterBy, chooseDesign, openCriteria, type ChoiceQuestion } from './choose.js';
import { orderOf } from './criteria.js';
import { Evidence } from './evidence.js';
import { adviceSentences } from './sentences.js';

/** What advice is asked for beside a result. */
export interface AdviceRequest {
  /** The design in use. */
  readonly current: string;
  /** The criterion that decides first; null = the usual order. */
  readonly prefer: CriterionName | null;
  /** By design. */
  readonly bytesPerConnection: ReadonlyMap<string, number>;
}

/**
 * Advice on a result of several designs, each at top speed and at a rate (commands/advise.ts). Null where nothing may be concluded: the
 * self-audit failed, or the run was cut short before the end of its first round.
 */
export function adviceOf(result: Result, request: AdviceRequest): Advice | null {
  const { current, prefer, bytesPerConnection } = request;
  const evidence = new Evidence(result, bytesPerConnection);
  const { designs, metrics } = evidence;
  if (!allowsAdvice(result, designs, current)) return null;
  const order = orderOf(prefer);
  const question: ChoiceQuestion = { designs, current, order, shown: evidence.shown };
  const choice = chooseDesign(question);
  const rows = designs.map((design): AdviceRow => ({
    design,
    standing: standingOf(design, choice.chosen, question),
    figures: order.map((criterion) => evidence.figure(design, current, criterion)),
  }));
  const tested = (result.comparisons ?? []).filter((comparison) => typeof comparison.pValue === 'number');
  const [first] = tested;
  const compared = {
    compared: tested.length,
    confidence: first?.confidence ?? null,
    sessions: fewestSessions(tested),
  };
  const sentences = adviceSentences({
    result,
    choice,
    current,
    order,
    rows,
    metrics,
    pacedPps: evidence.pacedPps,
    tested,
  });
  const { chosen, decidedBy } = choice;
  return { chosen, current, order, decidedBy, metrics, rows, sentences: [...sentences], ...compared };
}

/**
 * Criteria of which more rounds may bring other advice: the advice hangs on them, and what was measured so far is not known well enough.
 */
export function openAdvice(
  result: Result,
  { current, prefer, bytesPerConnection }: AdviceRequest,
): CriterionName[] {
  const { designs, shown } = new Evidence(result, bytesPerConnection);
  if (!allowsAdvice(result, designs, current)) return [];
  return openCriteria({ designs, current, order: orderOf(prefer), shown });
}

function fewestSessions(tested: readonly Comparison[]): number | null {
  const known = tested.flatMap(({ sessions }) => sessions ?? []);
  return known.length === 0 ? null : Math.min(...known);
}

function allowsAdvice({ valid }: Result, designs: readonly string[], current: string): boolean {
  return valid && designs.length >= 2 && designs.includes(current);
}

function standingOf(design: string, chosen: string, question: ChoiceQuestion): AdviceRow['standing'] {
  const { current } = question;
  if (design === chosen) return 'advised';
  if (design === current) return 'in use';
  if (betterBy(question, design, current) !== null) return 'better';
  return betterBy(question, current, design) !== null ? 'worse' : 'not distinguished';
}
