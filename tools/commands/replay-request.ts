/** What `replay` is asked for: its options, and the plan that they make. */
import type { Command } from 'commander';
import type { DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { systemFiles } from '../measure/system-files.js';
import { stagingLimitBytes } from '../replay/memory-check.js';
import { readPlan } from '../replay/plan-file.js';
import {
  connLimitOf,
  DEFAULT_PLAN,
  flavourOf,
  LEAST_TIMELINE_MS,
  type ReplayPlan,
} from '../replay/replay-plan.js';
import { defaultStore, givenStore, type StoreSize } from '../replay/store-size.js';
import { configRewrites } from '../replay/stream-plan.js';
import type { ParameterSpec, ParameterValue } from '../synth/parameters.js';
import { openScenario, SCENARIOS } from '../synth/registry.js';
import { addCaptureOptions, CAPTURE_ARGUMENT, filesOf, readingOf } from './capture-options.js';
import { addChecksumsOption } from './checksum-options.js';
import { addEditOptions } from './edit-options.js';
import { designList } from './list-designs.js';
import { addSpelling, designsOption, duration, wholeNumber } from './option-values.js';
import { addReplayOptions, planOfFlags, type ReplayFlags } from './replay-options.js';
import { optionOf } from './synth.js';
import { UsageError } from './usage-error.js';

/** Values as commander leaves them. */
export interface ReplayCommandFlags extends ReplayFlags {
  readonly plan?: string;
  readonly synth?: string;
  readonly trials?: number;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  /** Milliseconds. */
  readonly stats?: number;
  readonly stream?: boolean;
  readonly listDesigns?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
}

/** Options that a plan leaves open: how often it runs, where the result goes and how it is shown. */
const OUTPUT_OPTIONS = new Set([
  ...['plan', 'trials', 'out', 'force', 'json', 'stats', 'stream', 'listDesigns'],
  ...['quiet', 'verbose', 'color'],
]);

/** Trials of a short run, where nothing is said: with five sessions an interval is narrow enough for what the designs differ by. */
export const DEFAULT_TRIALS = 5;

/** Runs what was asked for. */
export type ReplayAction = (plan: ReplayPlan, flags: ReplayCommandFlags) => Promise<void>;

/**
 * Adds the command with its options.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function addReplayCommand(program: Command, argv: readonly string[], action: ReplayAction): void {
  const command = program
    .command('replay')
    .summary('replay captures or a scenario through the designs and measure')
    .description(
      'Replays captures (or --synth NAME) through each expiration design in turn, on worker threads at a target ' +
        'rate, and reports service and response time, lock contention and expiration. Numbers take k, M and G.',
    )
    .argument('[capture...]', `replayed one after the other: ${CAPTURE_ARGUMENT}`)
    .option(
      '--design <names>',
      'designs, joined by commas, with a preset as in rculist-sweep@v7; or all',
      DEFAULT_PLAN.designs.join(','),
    )
    .option(
      '--synth <scenario>',
      'replay a scenario instead of captures; its parameters become options here',
    );
  addEditOptions(command);
  addChecksumsOption(command);
  addCaptureOptions(command);
  addReplayOptions(command);
  addOutputOptions(command);
  addSpelling(command, '--scenario <name>', 'synth', '--synth');
  const added = addScenarioOptions(command, argv);
  command.action(async (captures: string[], flags: ReplayCommandFlags) => {
    if (flags.listDesigns === true) {
      process.stdout.write(designList());
      return;
    }
    requireOneInterval(flags, command);
    const plan =
      flags.plan === undefined
        ? newPlan(captures, flags, added)
        : await planAgain(flags.plan, captures, command);
    // Live lines are of the intervals of the timeline.
    await action(flags.stats === undefined ? plan : { ...plan, timelineMs: flags.stats }, flags);
  });
}

/** @throws UsageError where live lines and the timeline are asked for with different intervals */
function requireOneInterval({ stats, timeline }: ReplayCommandFlags, command: Command): void {
  if (stats === undefined || timeline === stats || command.getOptionValueSource('timeline') !== 'cli') return;
  throw new UsageError('--stats and --timeline are of the same intervals; give one of them, or both alike');
}

/** How often it runs, what is searched, and what comes out. */
function addOutputOptions(command: Command): void {
  command
    .option(
      '--trials <count>',
      `runs of each design, in turns, each round in a fresh process; 1 makes no claim (default: ${DEFAULT_TRIALS} where a run is short, 1 with --json)`,
      wholeNumber(1, 1000, 'trials'),
    )
    .option(
      '--find-max-pps',
      'search the highest rate that holds --slo, in runs of --duration (default: 1s) each',
    )
    .option(
      '--slo <objective>',
      "what has to hold, e.g. 'p99<50us,loss=0' (response times; service.p99 for service; loss: what is missing beyond 0.5 %)",
    )
    .option(
      '--plan <result>',
      'repeat a run: its input and options come from its result.json, and none but those of the output are given',
    )
    .option(
      '--out <folder>',
      'where result.json, CSV tables and report.html go (default: a fresh folder in results/)',
    )
    .option('--force', 'replace the result that --out holds')
    .option('--json', 'the result as JSON on standard output, and nothing else there; files only with --out')
    .option(
      '--stats <time>',
      'a line each interval on standard error: pps, p50, p99, lock wait',
      duration('s', LEAST_TIMELINE_MS),
    )
    .option(
      '--stream',
      'JSON lines on standard output: each run, each interval of --timeline, and last the result',
    )
    .option('--list-designs', 'list the designs and their presets, and run nothing')
    .option('--quiet', 'only what makes the result unusable')
    .option('--verbose', 'every table and every note about the machine')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay replay office.pcap --workers 2 --pps 100k\n' +
        '  ctreplay replay office.pcap --design all --loop 50 --out results/office\n' +
        '  ctreplay replay --synth syn-flood --packets 1M --workers 2',
    );
}

/** Options for the parameters of the scenario that argv names, except those that replaying has itself. */
export function addScenarioOptions(command: Command, argv: readonly string[]): readonly ParameterSpec[] {
  const at = argv.findIndex((argument) => /^--(?:synth|scenario)(?:=|$)/.test(argument));
  const [, name = argv[at + 1]] = (argv[at] ?? '').split('=', 2);
  const scenario = at === -1 ? undefined : SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) return [];
  const taken = new Set(command.options.map((option) => option.long));
  const added = scenario.parameters.filter((spec) => !taken.has(`--${spec.name}`));
  for (const spec of added) command.addOption(optionOf(spec));
  return added;
}

/** The plan that captures or a scenario and the flags make. */
export function newPlan(
  captures: readonly string[],
  flags: ReplayCommandFlags,
  parameters: readonly ParameterSpec[],
): ReplayPlan {
  designsOption(flags.design);
  // Before reading: a wrong option should not have to wait for a large capture.
  readingOf(flags);
  const { synth } = flags;
  if (synth === undefined) {
    planOfFlags(flags, null, null);
    if (captures.length === 0)
      throw new UsageError('name a capture to replay, or a scenario with --synth NAME');
    const { keepTruncated, strict } = flags;
    return planOfFlags(flags, { type: 'capture', files: filesOf(captures), keepTruncated, strict }, null);
  }
  if (captures.length > 0) {
    throw new UsageError(
      `--synth ${synth} and the capture ${captures[0]} exclude each other; give one of them`,
    );
  }
  const values = flags as unknown as Readonly<Record<string, ParameterValue | undefined>>;
  const given: Record<string, ParameterValue> = {};
  for (const { name } of parameters) {
    const value = values[camelCase(name)];
    if (value !== undefined) given[name] = value;
  }
  // The nominal rate of the stamps is the rate asked for, so that --clock capture and --multiplier agree with it.
  if (flags.pps !== undefined) given['pps'] = flags.pps;
  const { suggestedConfig } = openScenario(synth, given, flags.seed);
  return planOfFlags(flags, { type: 'scenario', name: synth, parameters: given }, suggestedConfig);
}

/** The plan of an earlier run. */
async function planAgain(file: string, captures: readonly string[], command: Command): Promise<ReplayPlan> {
  const given = command.options
    .filter((option) => !OUTPUT_OPTIONS.has(option.attributeName()))
    .find((option) => command.getOptionValueSource(option.attributeName()) === 'cli');
  const other = given?.long ?? (captures.length > 0 ? `the capture ${captures[0]}` : null);
  if (other !== null)
    throw new UsageError(`--plan and ${other} exclude each other: the plan says what is replayed and how`);
  const plan = await readPlan(file);
  designsOption(plan.designs.join(','));
  return plan;
}

/** Sizes of the packet store: as given, or by what memory and connection table leave. */
export function storeOf(plan: ReplayPlan, designs: readonly DesignChoice[]): StoreSize {
  if (plan.store !== null) return givenStore(Math.min(plan.store * 1024 ** 2, stagingLimitBytes()));
  return defaultStore(
    systemFiles,
    designs.map(({ design }) => loadEngine(design, flavourOf(plan)).constants),
    { workers: plan.workers, maxConns: connLimitOf(plan), nat: configRewrites(plan.config) },
  );
}

/** `active-flows` is `activeFlows`, as commander keeps it. */
export function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
