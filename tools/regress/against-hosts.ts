/**
 * Level 3, the whole of two builds: the same commands of both (timed-runs.ts), each in a process of its own, in turns. What the
 * engine alone does not show is here: two workers that meet at a lock, the sweeper's thread, pacing, loading.
 *
 * A round runs every command once in each build, or several times where that takes seconds, each time in an order drawn by lot; the
 * figure of such a pair is the ratio of the two. What follows each other hangs together, so the interval is that of a series
 * (stats/serial-mean.ts). A regression is one only when other rounds, with other seeds, find it as well.
 */
import { shuffled, type RandomSource } from '../random/draws.js';
import { median } from '../stats/sample.js';
import { serialMean } from '../stats/serial-mean.js';
import { mapInterval } from '../stats/session-estimate.js';
import { confidencePerLook, decide, type VerdictResult } from '../stats/verdict.js';
import type { Check } from './check.js';
import { confirmed } from './confirm.js';
import type { HostBuild } from './host-builds.js';
import type { RegressConfig } from './regress-config.js';
import { TimedRunError } from './run-command.js';
import { TIMED_RUNS, type TimedFigure, type TimedRunName, type TimedRunSettings } from './timed-runs.js';

/** What is compared, and how it is decided. */
export interface HostRule {
  readonly names: readonly TimedRunName[];
  readonly settings: TimedRunSettings;
  readonly tolerances: RegressConfig['runs']['tolerances'];
  /** Confidence in all verdicts together. */
  readonly confidence: number;
  readonly rounds: number;
  readonly maxRounds: number;
}

/** What the comparison needs from outside. */
export interface HostTools {
  /** Runs a command of a build and parses what it prints; throws TimedRunError. */
  readonly command: (cli: string, args: readonly string[]) => Promise<unknown>;
  readonly random: RandomSource;
  readonly onRound?: (round: number, open: number) => void;
}

/** One figure over the rounds so far. */
interface Series {
  readonly run: TimedRunName;
  readonly figure: TimedFigure;
  readonly logs: number[];
  readonly base: number[];
  readonly head: number[];
  verdict: VerdictResult | null;
}

/**
 * Compares two builds.
 * @param only names of the checks that are wanted; null = all
 * @throws TimedRunError when a command fails in both builds
 */
export async function compareHosts(
  base: HostBuild,
  head: HostBuild,
  rule: HostRule,
  tools: HostTools,
  only: ReadonlySet<string> | null = null,
): Promise<Check[]> {
  const first = await measureHosts(base, head, rule, tools, only);
  const suspects = new Set(first.filter(({ verdict }) => verdict === 'regression').map(({ name }) => name));
  if (suspects.size === 0) return first;
  const settings = { ...rule.settings, seed: rule.settings.seed + 0x5eed };
  const again = await measureHosts(base, head, { ...rule, settings }, tools, suspects);
  const checks = await Promise.all(
    first.map((check) => {
      const second = again.find(({ name }) => name === check.name);
      if (second !== undefined) return confirmed(check, () => Promise.resolve(second));
      return suspects.has(check.name) && isOfFigure(check) ? notAgain(check, again) : check;
    }),
  );
  // A build that cannot run a command the second time cannot run it.
  const failed = again.filter(({ name, verdict }) => verdict === 'regression' && !suspects.has(name));
  return [...checks, ...failed];
}

/** Whether a check is of a figure that was measured, and not of a command that failed. */
function isOfFigure({ name }: Check): boolean {
  return /^host, [^:]+: /.test(name);
}

/** What is left of a regression whose figure the second time did not give. */
function notAgain(check: Check, again: readonly Check[]): Check {
  const [command = ''] = check.name.split(': ');
  const why = again.find(({ name }) => name === command || name === `${command}: all figures`)?.text;
  return {
    ...check,
    verdict: 'inconclusive',
    isOpen: true,
    text: `${check.text}, but it could not be measured again: ${why ?? 'no round gave the figure'}`,
  };
}

/** `host, sweeps: cleaned, ns a connection of rculist-sweep`. */
function nameOf(run: TimedRunName, { name, design }: TimedFigure): string {
  return `host, ${run}: ${name}${design === null ? '' : ` of ${design}`}`;
}

async function measureHosts(
  base: HostBuild,
  head: HostBuild,
  rule: HostRule,
  tools: HostTools,
  only: ReadonlySet<string> | null,
): Promise<Check[]> {
  const series = new Map<string, Series>();
  const lone = new Map<string, LoneFigure>();
  const failed = new Map<TimedRunName, Check>();
  const wanted = rule.names.filter(
    (run) => only === null || [...only].some((name) => name.startsWith(`host, ${run}: `)),
  );
  const isWanted = (name: string): boolean => only === null || only.has(name);
  const maxLooks = Math.max(1, Math.floor(rule.maxRounds / rule.rounds));
  for (let look = 0, round = 0; look < maxLooks; look++) {
    const open = wanted.filter((run) => look === 0 || hasOpen(series, run));
    if (open.length === 0) break;
    for (let i = 0; i < rule.rounds; i++, round++) {
      tools.onRound?.(round, open.length);
      for (const run of shuffled(open, tools.random)) {
        if (failed.has(run)) continue;
        const check = await measureRun(run, round, { base, head, rule, tools, series, lone, isWanted });
        if (check !== null) failed.set(run, check);
      }
    }
    const confidence = confidencePerLook(rule.confidence, maxLooks * Math.max(1, series.size));
    for (const item of series.values()) {
      if (item.verdict === null || item.verdict.verdict === 'inconclusive') judge(item, rule, confidence);
    }
  }
  const checks = [...series].map(([name, item]) => checkOf(name, item, base, head));
  return [...checks, ...failed.values(), ...spoilt(wanted, series, failed), ...loneChecks(lone, series)];
}

/** A figure that one of the builds gives. */
interface LoneFigure {
  readonly run: TimedRunName;
  readonly has: HostBuild;
  readonly lacks: HostBuild;
}

/** Figures that the two builds never had in common in a round, of commands that had others in common. */
function loneChecks(lone: ReadonlyMap<string, LoneFigure>, series: ReadonlyMap<string, Series>): Check[] {
  const measured = new Set([...series.values()].map(({ run }) => run));
  return [...lone]
    .filter(([name, { run }]) => !series.has(name) && measured.has(run))
    .map(([name, { run, has, lacks }]) => ({
      ...failure(
        run,
        'skipped',
        `${has.label} gives it, ${lacks.label} does not: there is nothing to compare`,
      ),
      name,
    }));
}

/** Commands of which no round was valid. */
function spoilt(
  wanted: readonly TimedRunName[],
  series: ReadonlyMap<string, Series>,
  failed: ReadonlyMap<TimedRunName, Check>,
): Check[] {
  const measured = new Set([...series.values()].map(({ run }) => run));
  return wanted
    .filter((run) => !measured.has(run) && !failed.has(run))
    .map((run) => ({
      ...failure(run, 'inconclusive', 'no round was valid in both builds, or they have no figure in common'),
      name: `host, ${run}: all figures`,
    }));
}

function hasOpen(series: ReadonlyMap<string, Series>, run: TimedRunName): boolean {
  return [...series.values()].some(
    (item) => item.run === run && (item.verdict === null || item.verdict.verdict === 'inconclusive'),
  );
}

/** What rounds of commands are measured with, and where they go. */
interface RoundContext {
  readonly base: HostBuild;
  readonly head: HostBuild;
  readonly rule: HostRule;
  readonly tools: HostTools;
  readonly series: Map<string, Series>;
  readonly lone: Map<string, LoneFigure>;
  readonly isWanted: (name: string) => boolean;
}

/** One round of one command; returns a check when a build cannot run it, else null. */
async function measureRun(run: TimedRunName, round: number, context: RoundContext): Promise<Check | null> {
  const { pairs } = TIMED_RUNS[run];
  for (let pair = round * pairs; pair < (round + 1) * pairs; pair++) {
    const check = await measurePair(run, pair, context);
    if (check !== null) return check;
  }
  return null;
}

async function measurePair(
  run: TimedRunName,
  pair: number,
  { base, head, rule, tools, series, lone, isWanted }: RoundContext,
): Promise<Check | null> {
  const { args, read } = TIMED_RUNS[run];
  const { settings } = rule;
  const words = args({ ...settings, seed: settings.seed + pair });
  const outcomes = new Map<HostBuild, TimedFigure[] | TimedRunError>();
  for (const build of shuffled([base, head], tools.random)) {
    try {
      outcomes.set(build, read(await tools.command(build.cli, words)));
    } catch (error) {
      if (!(error instanceof TimedRunError)) throw error;
      outcomes.set(build, error);
    }
  }
  const [before, after] = [outcomes.get(base), outcomes.get(head)];
  // A run that the machine spoilt says nothing of either build; its pair is left out.
  if ([before, after].some((item) => item instanceof TimedRunError && item.failedChecks.length > 0))
    return null;
  if (after instanceof TimedRunError) {
    if (before instanceof TimedRunError) throw after;
    return failure(run, 'regression', `${head.label} cannot run it, ${base.label} can: ${after.message}`);
  }
  if (before instanceof TimedRunError) {
    return failure(run, 'skipped', `${base.label} cannot run it: ${before.message}`);
  }
  const isSame = (one: TimedFigure) => (other: TimedFigure) =>
    other.name === one.name && other.design === one.design;
  for (const figure of before ?? []) {
    const name = nameOf(run, figure);
    if (isWanted(name) && after?.some(isSame(figure)) !== true)
      lone.set(name, { run, has: base, lacks: head });
  }
  for (const figure of after ?? []) {
    const name = nameOf(run, figure);
    if (!isWanted(name)) continue;
    const then = before?.find(isSame(figure));
    if (then === undefined) {
      lone.set(name, { run, has: head, lacks: base });
      continue;
    }
    const entry = series.get(name) ?? { run, figure, logs: [], base: [], head: [], verdict: null };
    entry.logs.push(Math.log(figure.value / then.value));
    entry.base.push(then.value);
    entry.head.push(figure.value);
    series.set(name, entry);
  }
  return null;
}

function failure(run: TimedRunName, verdict: Check['verdict'], text: string): Check {
  return { level: 'against', name: `host, ${run}`, verdict, text, details: [] };
}

/** Fewer pairs say nothing, however close they are. */
const FEWEST_CLOSE_PAIRS = 6;
/** Pairs are close that differ by no more than this part of what is allowed. */
const CLOSE_SHARE = 0.1;

function judge(series: Series, { tolerances }: HostRule, confidence: number): void {
  const mean = serialMean(series.logs, confidence);
  const { kind, direction } = series.figure;
  const threshold = tolerances[kind];
  const verdict = decide(
    { value: Math.exp(mean.value), interval: mapInterval(mean.interval, Math.exp) },
    { direction, threshold },
  );
  series.verdict =
    mean.interval === null && areClose(series.logs, threshold)
      ? closePass(verdict, series, threshold)
      : verdict;
}

/**
 * Whether no pair of processes differs by more than a small part of what is allowed. What does not scatter may seem to hang together,
 * and then there is no interval, though there is nothing that more pairs could find.
 */
function areClose(logs: readonly number[], threshold: number): boolean {
  const most = CLOSE_SHARE * Math.log1p(threshold);
  return logs.length >= FEWEST_CLOSE_PAIRS && logs.every((log) => Math.abs(log) <= most);
}

function closePass(verdict: VerdictResult, { logs }: Series, threshold: number): VerdictResult {
  const most = Math.max(...logs.map((log) => Math.expm1(Math.abs(log))));
  const text = `no pair of ${logs.length} differs by more than ${(most * 100).toFixed(1)}%, where ${(threshold * 100).toFixed(1)}% worse is allowed`;
  return { ...verdict, verdict: 'pass', text };
}

function checkOf(name: string, series: Series, base: HostBuild, head: HostBuild): Check {
  const digits = (values: readonly number[]): string => String(Number(median(values).toPrecision(4)));
  const verdict = series.verdict?.verdict ?? 'inconclusive';
  const text = series.verdict?.text ?? 'was not judged';
  return {
    level: 'against',
    name,
    verdict,
    text,
    details: [
      `${base.label}: median ${digits(series.base)}`,
      `${head.label}: median ${digits(series.head)}`,
      `${series.logs.length} pairs of processes`,
    ],
    isOpen: verdict === 'inconclusive',
  };
}
