/** The two sentences of advice: which design at what price, and how sure. */
import { criterionValue, criterionWords } from '../result/advice-words.js';
import { CRITERIA } from './criteria.js';
import { coverText } from '../result/comparisons.js';
import type { AdviceFigure, AdviceRow, Comparison, CriterionName, Result, Shown } from '../result/schema.js';
import { formatRate, formatRatio } from '../text/quantities.js';
import type { Choice } from './choose.js';

/** What the sentences are made of. */
export interface SentenceParts {
  readonly result: Result;
  readonly choice: Choice;
  readonly current: string;
  readonly order: readonly CriterionName[];
  readonly rows: readonly AdviceRow[];
  readonly metrics: Readonly<Partial<Record<CriterionName, string>>>;
  readonly pacedPps: number | null;
  /** Comparisons with a p-value. */
  readonly tested: readonly Comparison[];
}

const BETTER: readonly Shown[] = ['better', 'little-better'];
const WORSE: readonly Shown[] = ['worse', 'little-worse'];

/** Exactly two. */
export function adviceSentences(parts: SentenceParts): readonly [string, string] {
  return [whichSentence(parts), howSureSentence(parts)];
}

function whichSentence(parts: SentenceParts): string {
  const { choice, current, rows } = parts;
  const where = placeOf(parts.result);
  if (choice.chosen !== current) {
    const gains = textsOf(parts, choice.chosen, BETTER);
    // Shown by way of another design, which is better than the one in use, and not directly.
    const by = choice.path.slice(1, -1);
    const over = by.length === 0 ? '' : `, by way of ${by.join(' and ')}`;
    const what = gains.length === 0 ? '' : `: ${listed(gains)}`;
    return `For ${where} choose ${choice.chosen} instead of ${current}${over}${what}; ${priceOf(parts, choice.chosen)}.`;
  }
  const others = rows.filter(({ design }) => design !== current);
  if (others.every(({ figures }) => figures.every(({ shown }) => !isShown(shown))))
    return `For ${where} nothing that was measured tells the designs from ${current}: stay with it.`;
  const rival = rivalOf(parts);
  if (rival === null)
    return `For ${where} stay with ${current}: no other design is shown to be better in anything.`;
  const gains = listed(textsOf(parts, rival.design, BETTER));
  return `For ${where} stay with ${current}: ${rival.design} would have ${gains}, ${butText(parts, rival)}.`;
}

/** Why that is no reason to change. */
function butText(parts: SentenceParts, { design, standing, figures }: AdviceRow): string {
  if (standing === 'worse') return `and ${priceOf(parts, design)}, which comes first`;
  if (standing === 'better') return 'but the designs beat each other in turn';
  const open = figures.find(({ shown }) => shown === 'open');
  if (open === undefined) return 'which is too little to change for';
  const words = criterionWords(open.criterion, parts.metrics[open.criterion]);
  return `and its ${words} is not known well enough to change for that (${rangeText(open.ratioLow, open.ratioHigh)} times; more --trials narrow it)`;
}

/** The design whose advantage over the one in use comes first in the order. */
function rivalOf({ rows, order, current }: SentenceParts): AdviceRow | null {
  for (const criterion of order) {
    const found = rows.find(
      ({ design, figures }) =>
        design !== current &&
        figures.some((one) => one.criterion === criterion && BETTER.includes(one.shown)),
    );
    if (found !== undefined) return found;
  }
  return null;
}

function isShown(shown: Shown): boolean {
  return BETTER.includes(shown) || WORSE.includes(shown);
}

function priceOf(parts: SentenceParts, design: string): string {
  const losses = textsOf(parts, design, WORSE);
  return losses.length === 0 ? 'the intervals tell of no price' : `the price is ${listed(losses)}`;
}

/** The figures of a design that are shown one way, in words. */
function textsOf(parts: SentenceParts, design: string, which: readonly Shown[]): string[] {
  const figures = figuresOf(parts, design);
  return figures.filter(({ shown }) => which.includes(shown)).map((one) => figureText(parts, one));
}

function figuresOf({ rows }: SentenceParts, design: string): readonly AdviceFigure[] {
  return rows.find((row) => row.design === design)?.figures ?? [];
}

/** `0.025 to 0.028 times the p99 expiration lag (512 ms against 19.8 s)`. */
function figureText(parts: SentenceParts, figure: AdviceFigure): string {
  const { criterion, value, ratioLow, ratioHigh } = figure;
  const metric = parts.metrics[criterion];
  const other = figuresOf(parts, parts.current).find((one) => one.criterion === criterion)?.value;
  const words = criterionWords(criterion, metric);
  const text = (one: number | null | undefined): string => criterionValue(criterion, metric, one);
  const range = rangeText(ratioLow, ratioHigh);
  return range === null
    ? `${text(value)} against ${text(other)} of ${words}`
    : `${range} times the ${words} (${text(value)} against ${text(other)})`;
}

function rangeText(low: number | null | undefined, high: number | null | undefined): string | null {
  if (typeof low !== 'number' || typeof high !== 'number') return null;
  const [from, to] = [formatRatio(low), formatRatio(high)];
  return from === to ? from : `${from} to ${to}`;
}

function howSureSentence(parts: SentenceParts): string {
  const { choice, current, tested, pacedPps, rows } = parts;
  const [first] = tested;
  if (first === undefined)
    return 'How sure: not at all, since nothing could be compared; repeat with more --trials, or a rate that all designs hold.';
  const base = choice.chosen === current ? (rivalOf(parts)?.design ?? null) : choice.chosen;
  const open = (base === null ? [] : figuresOf(parts, base)).filter(({ shown }) => !isShown(shown));
  const untold = open.filter(
    ({ criterion, shown }) => shown === 'unknown' || parts.metrics[criterion] !== undefined,
  );
  const names = untold.map((figure) => untoldText(parts, figure));
  const rate = pacedPps === null ? '' : `, all but throughput at ${formatRate(pacedPps)}`;
  const cover = coversText(tested);
  const shown = `at ${cover}, after Holm's correction over ${tested.length} comparisons${rate}`;
  const pair = base === null ? '' : ` of ${base} against ${current}`;
  const rest = names.length === 0 ? '' : `; not shown${pair}: ${listed(names)}`;
  const apart = choice.notToldApart.filter((design) => design !== current && rows.length > 2);
  const twins = apart.length === 0 ? '' : `; nothing tells ${listed(apart)} from ${choice.chosen}`;
  return `How sure: ${shown}${rest}${twins}.`;
}

/** What the intervals cover, of which throughput may have more sessions than the others, or fewer. */
function coversText(tested: readonly Comparison[]): string {
  const [throughput, other] = [true, false].map((isTop) =>
    tested.find(({ metric }) => CRITERIA.throughput.metrics.includes(metric) === isTop),
  );
  const first = other ?? throughput;
  if (first === undefined) return '';
  const isOther = throughput !== undefined && throughput.sessions !== first.sessions;
  return `${coverText(first)}${isOther ? ` (of throughput ${throughput.sessions})` : ''}`;
}

/** `throughput (0.97 to 1.04 times)`. */
function untoldText({ metrics }: SentenceParts, figure: AdviceFigure): string {
  const { criterion, shown, ratioLow, ratioHigh, note } = figure;
  const words = criterionWords(criterion, metrics[criterion]);
  const range = rangeText(ratioLow, ratioHigh);
  if (shown !== 'unknown') return range === null ? words : `${words} (${range} times)`;
  if (note == null) return `${words} (nothing to compare)`;
  return `${words} (${criterion === 'tail' ? 'held back: the machine’s' : 'not compared'})`;
}

/** `office-mix.pcap with 2 workers`. */
function placeOf({ cases }: Result): string {
  const [one] = cases;
  if (one === undefined) return 'this traffic';
  return `${one.input.name} with ${one.workers} ${one.workers === 1 ? 'worker' : 'workers'}`;
}

function listed(texts: readonly string[]): string {
  if (texts.length < 2) return texts.join('');
  return `${texts.slice(0, -1).join(', ')} and ${texts.at(-1) as string}`;
}
