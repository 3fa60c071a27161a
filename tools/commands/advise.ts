/** `ctreplay advise <capture...>`: which design for this traffic, at what price, and how sure. */
import { Option, type Command } from 'commander';
import { DEFAULT_DESIGN, designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { adviceOf, openAdvice } from '../advise/advice.js';
import { ADVICE_TIME_SCALE, pacedPlan, topSpeedPlan } from '../advise/advice-runs.js';
import { isAdviceCompared } from '../advise/criteria.js';
import { atEachLook, looksOf } from '../advise/looks.js';
import { rateForAll } from '../advise/rate-for-all.js';
import { memoryFigures } from '../regress/design-figures.js';
import type { PacingRequest, ReplayPlan } from '../replay/replay-plan.js';
import { configRewrites } from '../replay/stream-plan.js';
import { clearOutFolder, dropEmptyFolder, freshFolder, prepareOutFolder } from '../report/out-folder.js';
import { renderAdvice } from '../report/terminal-advice.js';
import { CRITERION_NAMES, type CriterionName, type Result } from '../result/schema.js';
import { formatRate } from '../text/quantities.js';
import { addCaptureOptions, CAPTURE_ARGUMENT } from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { designList } from './list-designs.js';
import { designsOption, oneOf, wholeNumber } from './option-values.js';
import { addEditOptions } from './edit-options.js';
import { presentResult, terminalOf } from './present-result.js';
import {
  addEngineOptions,
  addGivenRateOptions,
  addRunOptions,
  addSeedOptions,
  addWorkersOption,
} from './replay-options.js';
import { addScenarioOptions, newPlan, storeOf, type ReplayCommandFlags } from './replay-request.js';
import { checkTrials, runTrials } from './replay-trials.js';
import { readTraffic } from './replay.js';
import { UsageError } from './usage-error.js';

interface AdviseFlags extends ReplayCommandFlags {
  readonly maxTrials?: number;
  readonly current?: string;
  readonly prefer?: CriterionName;
}

/** Rounds as the sessions of a matrix: on a quiet machine an interval is narrow enough then for what designs differ by. */
const TRIALS = 7;
/** On one with slow spells more are needed. */
const MOST_TRIALS = 28;

/** What may be put first: what became of the traffic is anyway. */
const PREFERABLE = CRITERION_NAMES.filter((name) => name !== 'outcome');

/** The rule in words, for the help; docs/advise.md has it at length. */
const RULE = `
The rule:
  One design is better than another by the first of these that tells them apart, intervals and all, by more than its margin: packets turned
  away, throughput (5 %), p99 of response or else service time (20 %), p99 expiration lag (25 % and 250 ms), sweeper CPU (25 % and 1 % of a
  CPU), bytes per connection (5 %). --prefer puts one of them first. Where an interval reaches to a large loss (25 % of throughput, twice
  the others) nothing after it decides. The design in use (--current) stays unless another is better. What the
  intervals do not tell decides nothing, and stands as ~.

Examples:
  ctreplay advise office.pcap --workers 2
  ctreplay advise --synth syn-flood --workers 2 --pps 100k
  ctreplay advise office.pcap --config gateway.yaml --prefer lag --out results/advice`;

/**
 * Adds `advise` to the program.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function register(program: Command, argv: readonly string[]): void {
  const command = program
    .command('advise')
    .summary('which design for this traffic, at what price, and how sure')
    .description(
      'Runs the designs on captures (or --synth NAME) in turns, each round in a fresh process: at top speed without clocks for throughput, ' +
        'and at a rate that all of them hold for tail, expiration lag and sweeper CPU. Ends in a row for each design and two sentences.',
    )
    .argument('[capture...]', `run one after the other: ${CAPTURE_ARGUMENT}`)
    .option(
      '--design <names>',
      'designs, joined by commas, with a preset as in rculist-sweep@v7; or all',
      'all',
    )
    .option('--synth <scenario>', 'run a scenario instead of captures; its parameters become options here')
    .option(
      '--current <design>',
      `the design in use, which stays unless another is shown to be better (default: ${DEFAULT_DESIGN}, or the first of --design)`,
    )
    .addOption(
      new Option(
        '--prefer <figure>',
        `what decides first: ${PREFERABLE.join(', ')} (default: in this order)`,
      ).argParser(oneOf(PREFERABLE)),
    );
  addEditOptions(command);
  addChecksumsOption(command);
  addCaptureOptions(command);
  addWorkersOption(command);
  addGivenRateOptions(command);
  addRunOptions(command);
  addEngineOptions(command);
  addSeedOptions(command);
  addOutputOptions(command);
  sayOwnDefaults(command);
  const added = addScenarioOptions(command, argv);
  command.action(async (captures: string[], given: AdviseFlags) => {
    if (given.listDesigns === true) {
      process.stdout.write(designList());
      return;
    }
    const isGiven = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
    const timeScale = isGiven('timeScale') || given.clock !== 'wall' ? given.timeScale : ADVICE_TIME_SCALE;
    const flags: AdviseFlags = { ...given, timeScale };
    const { choices, current } = designsOf(flags);
    const plan = newPlan(captures, { ...flags, design: choices.map(designLabel).join(',') }, added);
    const isLengthGiven = isGiven('loop') || isGiven('duration');
    await advise({ plan, rounds: roundsOf(flags), choices, current, isLengthGiven }, flags, argv);
  });
}

function addOutputOptions(command: Command): void {
  command
    .option(
      '--trials <count>',
      `rounds, each of all designs in a fresh process; intervals are over them (default: ${TRIALS})`,
      wholeNumber(2, 1000, 'trials'),
    )
    .option(
      '--max-trials <count>',
      `rounds at most: while the advice hangs on what is not known well enough, more are run (default: --trials where it is given, else ${MOST_TRIALS})`,
      wholeNumber(2, 1000, 'max-trials'),
    )
    .option(
      '--out <folder>',
      'where result.json, CSV tables and report.html go (default: a fresh folder in results/)',
    )
    .option('--force', 'replace the result that --out holds')
    .option('--json', 'the result as JSON on standard output, and nothing else there; files only with --out')
    .option('--list-designs', 'list the designs and their presets, and run nothing')
    .option('--quiet', 'only what makes the result unusable')
    .option('--verbose', 'every table and every note about the machine')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText('after', RULE);
}

/** Options that replay has too, and whose defaults are others here. */
function sayOwnDefaults(command: Command): void {
  const say = (long: string, text: string): void => {
    const option = command.options.find((one) => one.long === long);
    if (option !== undefined) option.defaultValueDescription = text;
  };
  say('--time-scale', String(ADVICE_TIME_SCALE));
  const describe = (long: string, text: string): void => {
    const option = command.options.find((one) => one.long === long);
    if (option !== undefined) option.description = text;
  };
  describe(
    '--pps',
    'the rate to compare at, over all workers in packets/s, such as 100k or 100kpps (default: a quarter of the slowest design’s throughput)',
  );
  describe('--loop', 'times to replay the traffic, in each run (default: a million packets at top speed)');
  describe('--duration', 'length of each run: 500ms, 10s, 5m (default: 3s at the rate)');
}

/**
 * The designs to compare, and which of them is in use.
 * @throws UsageError for fewer than two, or one in use that is not among them
 */
function designsOf({ design, current }: AdviseFlags): {
  readonly choices: readonly DesignChoice[];
  readonly current: string;
} {
  const choices = designsOption(design);
  const labels = choices.map(designLabel);
  const [first] = labels as [string, ...string[]];
  if (labels.length < 2)
    throw new UsageError(`--design ${design} is one design; advice is on two and more, joined by commas`);
  if (current === undefined)
    return { choices, current: labels.includes(DEFAULT_DESIGN) ? DEFAULT_DESIGN : first };
  if (!labels.includes(current))
    throw new UsageError(`--current ${current} is none of the designs compared (${labels.join(', ')})`);
  return { choices, current };
}

/** How many rounds there are, and how many there can be. */
interface Rounds {
  readonly fewest: number;
  readonly most: number;
}

/** @throws UsageError for a bound below the number */
function roundsOf({ trials, maxTrials }: AdviseFlags): Rounds {
  const fewest = trials ?? Math.min(TRIALS, maxTrials ?? TRIALS);
  const most = maxTrials ?? (trials === undefined ? MOST_TRIALS : trials);
  if (most < fewest) throw new UsageError(`--max-trials ${most} is below --trials ${fewest}`);
  return { fewest, most };
}

/** What is run, and what it is held against. */
interface AdviseRequest {
  readonly plan: ReplayPlan;
  readonly rounds: Rounds;
  readonly choices: readonly DesignChoice[];
  readonly current: string;
  readonly isLengthGiven: boolean;
}

async function advise(request: AdviseRequest, flags: AdviseFlags, argv: readonly string[]): Promise<void> {
  checkTrials(request.plan, { ...flags, trials: request.rounds.fewest });
  if (request.plan.latency.mode === 'off')
    throw new UsageError('advice needs times; leave --latency off out');
  const outMade = flags.out === undefined ? false : await prepareOutFolder(flags.out, flags.force === true);
  let result: Result;
  try {
    result = await measureAdvice(request, flags, argv);
  } catch (error) {
    if (outMade) await dropEmptyFolder(flags.out as string);
    throw error;
  }
  if (flags.out !== undefined) clearOutFolder(flags.out);
  const name = result.cases[0]?.input.name ?? 'traffic';
  const folder = flags.out ?? (flags.json === true ? null : freshFolder(`advise ${name}`, new Date()));
  const ending =
    result.advice == null
      ? `\n${noAdviceText(result)}\n`
      : renderAdvice([{ label: name, file: null, result }], terminalOf(flags));
  await presentResult(result, flags, { folder, name, ending });
}

function noAdviceText({ valid }: Result): string {
  return valid
    ? 'No advice: the run was cut short before every design had been measured once.'
    : 'No advice: the self-audit failed, so nothing is concluded; see the failed checks.';
}

async function measureAdvice(
  { plan: asked, rounds, choices, current, isLengthGiven }: AdviseRequest,
  flags: AdviseFlags,
  argv: readonly string[],
): Promise<Result> {
  const isSilent = flags.quiet === true || flags.json === true;
  const { traffic, input, plan } = await readTraffic(asked, storeOf(asked, choices), flags.quiet === true);
  const lengths = { packets: traffic.packets, isGiven: isLengthGiven };
  const progress = new RateProgress(!isSilent);
  let pacing: PacingRequest;
  try {
    pacing = await rateForAll({
      traffic,
      input,
      plan,
      lengths,
      choices,
      onRun: (text) => progress.show(text),
    });
  } finally {
    progress.finish();
  }
  if (!isSilent && pacing.mode === 'pps')
    process.stderr.write(
      `All designs hold ${formatRate(pacing.pps)}; ${roundsText(rounds)} rounds at that rate and at top speed\n`,
    );
  const held = {
    current,
    prefer: flags.prefer ?? null,
    bytesPerConnection: bytesByDesign(choices, configRewrites(plan.config)),
  };
  const looks = looksOf(rounds);
  const measured = await runTrials({
    input,
    plans: [topSpeedPlan(plan, lengths), pacedPlan(plan, pacing, lengths)],
    commandLine: argv,
    trials: rounds.fewest,
    more: {
      most: rounds.most,
      // Throughput is measured in runs of its own.
      areWanted: (soFar, { mode }) =>
        openAdvice(atEachLook(soFar, looks), held).some(
          (criterion) => (criterion === 'throughput') === (mode === 'topspeed'),
        ),
    },
    quiet: isSilent,
    isCompared: isAdviceCompared,
  });
  const shown = atEachLook(measured, looks);
  return { ...shown, advice: adviceOf(shown, held) };
}

function roundsText({ fewest, most }: Rounds): string {
  return most === fewest ? String(fewest) : `${fewest} to ${most}`;
}

/** Bytes of a connection, with its part of the index and of what the design keeps for each. */
function bytesByDesign(choices: readonly DesignChoice[], isTranslated: boolean): ReadonlyMap<string, number> {
  return new Map(
    choices.flatMap((choice): [string, number][] => {
      const figures = memoryFigures(loadEngine(choice.design, 'probed'));
      const bytes = figures[isTranslated ? 'translatedConnection' : 'connection'];
      return bytes === undefined ? [] : [[designLabel(choice), bytes]];
    }),
  );
}

/** What is run to find the rate: one line that is overwritten on a terminal, nothing elsewhere. */
class RateProgress {
  readonly #enabled: boolean;
  #shown = false;

  constructor(enabled: boolean) {
    this.#enabled = enabled && process.stderr.isTTY;
  }

  show(text: string): void {
    if (!this.#enabled) return;
    process.stderr.write(`\r\u001b[K  finding a rate: ${text}`);
    this.#shown = true;
  }

  finish(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}
