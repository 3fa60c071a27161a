/**
 * The answer that every comparing command ends in: two to four plain sentences that say what the intervals support, about
 * throughput, tail, lag and outcome, and nothing more. Commands gather evidence (verdict-evidence.ts); the words are made here.
 */
import type { Finding } from './comparisons.js';
import { formatRatio } from '../text/quantities.js';

/** What a sentence of a verdict is about. */
export type Topic = 'throughput' | 'tail' | 'lag' | 'locks';

/** What was found about one figure of one pair in one place. */
export interface Evidence {
  readonly topic: Topic;
  /** The figure in words, for example `p99 response time`. */
  readonly words: string;
  readonly base: string;
  readonly head: string;
  /** `established with 2 workers`; empty where there is one place only. */
  readonly where: string;
  readonly finding: Finding;
  /** Interval of head / base; null where there is none. With a finding all the same it is one of values of which some are 0. */
  readonly low: number | null;
  readonly high: number | null;
  /** Values in words, `12.1 µs`; empty where they are not known. */
  readonly baseText: string;
  readonly headText: string;
  /** What the interval covers, `95 %, 5 sessions x 3 trials`. */
  readonly cover: string;
  /** Why there is no ratio, as a clause; null where there is one. */
  readonly withheld: string | null;
}

const ORDER: readonly Topic[] = ['throughput', 'tail', 'lag', 'locks'];
const MOST_SENTENCES = 4;

/**
 * The sentences, at most four; topics without evidence have none.
 * @param others sentences that are no comparison of figures, the last of all: about rates that were given, and outcomes
 */
export function verdictText(evidence: readonly Evidence[], others: readonly string[] = []): string[] {
  const sentences: string[] = [];
  for (const topic of ORDER) {
    const own = evidence.filter((item) => item.topic === topic);
    const [only] = own;
    if (only === undefined) continue;
    sentences.push(own.length === 1 ? sentenceOf(only) : tallyOf(own));
  }
  return [...sentences.slice(0, MOST_SENTENCES - Math.min(others.length, 2)), ...others].slice(
    0,
    MOST_SENTENCES,
  );
}

/** The range of a ratio: `1.2 to 1.4`. */
function rangeText(low: number, high: number): string {
  const from = formatRatio(low);
  const to = formatRatio(high);
  return from === to ? from : `${from} to ${to}`;
}

function sentenceOf(item: Evidence): string {
  const { base, head, words, low, high, finding } = item;
  const where = item.where === '' ? '' : ` on ${item.where}`;
  if (low === null || high === null)
    return finding === 'unknown' ? withheldSentence(words, item) : ratiolessSentence(item, where);
  const range = rangeText(low, high);
  if (finding === 'unknown')
    return `${capital(words)}: too few trials for a finding (${head} has ${range} times that of ${base}${where}; ${item.cover}).`;
  if (finding === 'no-difference-shown')
    return `${capital(words)}: no difference shown (${head} has ${range} times that of ${base}${where}; ${item.cover}).`;
  const values = item.headText === '' ? '' : `${item.headText} against ${item.baseText}`;
  if (item.topic === 'throughput')
    return `${head} handles ${range} times the packets per second of ${base}${where}${inBrackets([values, item.cover])}.`;
  return `The ${words} of ${head} is ${range} times that of ${base}${where}${inBrackets([values, item.cover])}.`;
}

/** Of what was tested without a ratio, since there is none to 0. */
function ratiolessSentence(
  { words, base, head, headText, baseText, finding }: Evidence,
  where: string,
): string {
  const values = `(${headText} against ${baseText}; there is no ratio to 0)`;
  return finding === 'no-difference-shown'
    ? `${capital(words)}: no difference shown between ${head} and ${base}${where} ${values}.`
    : `The ${words} of ${head} is ${finding} than that of ${base}${where} ${values}.`;
}

function withheldSentence(words: string, { withheld, cover }: Evidence): string {
  const why = withheld ?? `too few trials for an interval${inBrackets([cover])}`;
  const start = `${words} is not compared: `;
  return `${capital(why.startsWith(start) ? why : `${start}${why}`)}.`;
}

function inBrackets(parts: readonly string[]): string {
  const known = parts.filter((part) => part !== '');
  return known.length === 0 ? '' : ` (${known.join('; ')})`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Several places or pairs in one sentence: how many differ, which way, and the largest difference of each way. */
function tallyOf(own: readonly Evidence[]): string {
  const [first] = own as [Evidence, ...Evidence[]];
  // Response times where a rate was kept, service times elsewhere.
  const words = [...new Set(own.map((item) => item.words))].join(' or ');
  const pairs = new Set(own.map((item) => JSON.stringify([item.base, item.head])));
  const who = pairs.size === 1 ? `${first.head} against ${first.base}` : 'of the designs';
  const parts = (['better', 'worse'] as const).flatMap((finding) => {
    const some = own.filter((item) => item.finding === finding);
    const [most] = some.toSorted((a, b) => size(b) - size(a));
    if (most === undefined) return [];
    const pair = pairs.size === 1 ? '' : `${most.head} against ${most.base}`;
    const place = [pair, most.where].filter((part) => part !== '').join(', ');
    const { low, high } = most;
    const change =
      low === null || high === null
        ? `${most.headText} against ${most.baseText}`
        : `${rangeText(low, high)} times`;
    return [
      `${finding} in ${some.length}${some.length === 1 ? '' : ', most'} (${change}${place === '' ? '' : `, ${place}`})`,
    ];
  });
  const open = own.filter((item) => item.finding === 'no-difference-shown').length;
  const silent = own.length - own.filter(({ finding }) => finding !== 'unknown').length;
  const rest = [
    ...(open === 0 ? [] : [`no difference shown in ${open}`]),
    ...(silent === 0 ? [] : [`not compared or too few trials in ${silent}`]),
  ];
  const reasons = new Set(own.map((item) => withheldSentence(words, item)));
  const [reason] = reasons;
  if (silent === own.length && reasons.size === 1 && reason !== undefined) return reason;
  const cover = own.find(({ low }) => low !== null)?.cover ?? '';
  return `${capital(words)}, ${who}, ${own.length} comparisons: ${[...parts, ...rest].join('; ')}${inBrackets([cover])}.`;
}

/** How far apart; more than any ratio where one side is 0. */
function size({ low, high }: Evidence): number {
  return low === null || high === null ? Number.MAX_VALUE : Math.abs(Math.log(low) + Math.log(high));
}
