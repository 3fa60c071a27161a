/** `ctreplay replay <capture...>`: the main job. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine } from '../../engine/host/module.js';
import { regularFileBytes } from '../captures/capture-files.js';
import { systemFiles } from '../measure/system-files.js';
import { findFormat, renderFormats, writeFiles, type ReportFormat } from '../report/formats.js';
import { whollyInvalidText } from '../report/invalid-packets.js';
import { formatRate } from '../text/quantities.js';
import { writeResult } from '../result/result-file.js';
import { renderTerminal } from '../report/terminal.js';
import { wantsColour } from '../text/terminal-style.js';
import type { RateSearch, Result } from '../result/schema.js';
import { stagingLimitBytes } from '../replay/memory-check.js';
import { readPlan } from '../replay/plan-file.js';
import { failedByMachine, parseObjective } from '../replay/rate-search.js';
import { plannedRun, plannedText } from '../replay/planned-run.js';
import { connLimitOf, DEFAULT_PLAN, flavourOf, type ReplayPlan } from '../replay/replay-plan.js';
import { threadCount } from '../replay/run-control.js';
import { runSession, type RunPurpose, type SessionHooks } from '../replay/session.js';
import { storeBytesOf } from '../replay/staging.js';
import { defaultStore, givenStore, type StoreSize } from '../replay/store-size.js';
import { configRewrites } from '../replay/stream-plan.js';
import { dropThreadsAhead, startThreadsAhead } from '../replay/thread-pool.js';
import { isStreamed, type ReplayTraffic } from '../replay/traffic-source.js';
import { compileFilter } from '../rewrite/filter.js';
import { parseIpMap } from '../rewrite/ip-map.js';
import { parseSnapLength } from '../rewrite/snap-length.js';
import type { ParameterSpec, ParameterValue } from '../synth/parameters.js';
import { openScenario, SCENARIOS } from '../synth/registry.js';
import { addCaptureOptions, CAPTURE_ARGUMENT, filesOf, readingOf } from './capture-options.js';
import { addChecksumsOption, lookAtChecksums } from './checksum-options.js';
import { checked, designsOption, duration, wholeNumber } from './option-values.js';
import { endNow } from './program-end.js';
import { loadInput } from './replay-input.js';
import { addReplayOptions, planOfFlags, type ReplayFlags } from './replay-options.js';
import { RunProgress } from './run-progress.js';
import { optionOf } from './synth.js';
import { UsageError } from './usage-error.js';

interface ReplayCommandFlags extends ReplayFlags {
  readonly plan?: string;
  readonly synth?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

/** Options that a plan leaves open: where the result goes and how it is shown. */
const OUTPUT_OPTIONS = new Set(['plan', 'out', 'json', 'quiet', 'color']);

/**
 * Adds `replay` to the program.
 * @param argv arguments of this call: a scenario named with --synth adds its parameters as options
 */
export function register(program: Command, argv: readonly string[]): void {
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
    .option('--synth <scenario>', 'replay a scenario instead of captures; its parameters become options here')
    .option('--limit <packets>', 'stop reading after this many packets', wholeNumber(1, 1e10, 'packets'));
  command
    .option(
      '--filter <expression>',
      "packets to keep, e.g. 'tcp and port 21' (a subset of pcap-filter)",
      checked(checkedFilter),
    )
    .option(
      '--srcipmap <maps>',
      'move source addresses: CIDR:CIDR, several joined by commas; replies need --dstipmap too',
      checked(checkedIpMap),
    )
    .option('--dstipmap <maps>', 'move destination addresses', checked(checkedIpMap))
    .option('--snaplen <bytes>', 'keep this many bytes of each frame', checked(parseSnapLength))
    .option(
      '--max-gap <seconds>',
      'shorten longer pauses between packets of the traffic to this; also 500ms, 5m',
      duration('s'),
    );
  addChecksumsOption(command);
  addCaptureOptions(command);
  addReplayOptions(command);
  command
    .option(
      '--find-max-pps',
      'search the highest rate that holds --slo, in runs of --duration (default: 1s) each',
    )
    .option(
      '--slo <objective>',
      "what has to hold, e.g. 'p99<50us,loss=0' (response times; service.p99 for service)",
    )
    .option(
      '--plan <result>',
      'repeat a run: its input and options come from its result.json, and none but those of the output are given',
    )
    .option(
      '--out <folder>',
      'where result.json, CSV tables and report.html go (default: a fresh folder in results/)',
    )
    .option('--json', 'the result as JSON on standard output, and nothing else there; files only with --out')
    .option('--quiet', 'only what makes the result unusable')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay replay office.pcap --workers 2 --pps 100k\n' +
        '  ctreplay replay office.pcap --design all --loop 50 --out results/office\n' +
        '  ctreplay replay --synth syn-flood --packets 1M --workers 2',
    );
  const added = addScenarioOptions(command, argv);
  command.action(async (captures: string[], flags: ReplayCommandFlags) => {
    const plan =
      flags.plan === undefined
        ? newPlan(captures, flags, added)
        : await planAgain(flags.plan, captures, command);
    await replay(plan, flags, argv);
  });
}

/** Options for the parameters of the scenario that argv names, except those that replaying has itself. */
export function addScenarioOptions(command: Command, argv: readonly string[]): readonly ParameterSpec[] {
  const at = argv.findIndex((argument) => argument === '--synth' || argument.startsWith('--synth='));
  const word = argv[at] ?? '';
  const name = word.startsWith('--synth=') ? word.slice('--synth='.length) : argv[at + 1];
  const scenario = at === -1 ? undefined : SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) return [];
  const taken = new Set(command.options.map((option) => option.long));
  const added = scenario.parameters.filter((spec) => !taken.has(`--${spec.name}`));
  for (const spec of added) command.addOption(optionOf(spec));
  return added;
}

/** The plan that captures or a scenario and the flags make. */
function newPlan(
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

async function replay(asked: ReplayPlan, flags: ReplayCommandFlags, argv: readonly string[]): Promise<void> {
  const designs = resolveDesigns(asked.designs.join(','));
  const store = storeOf(asked, designs);
  if (isLargeInput(asked)) startThreadsAhead(threadCount(asked, false));
  const loaded = await loadInput(asked, store).catch(async (error: unknown) => {
    await dropThreadsAhead();
    throw error;
  });
  const { traffic, input } = loaded;
  // A store that nobody gave the size of is what it came to.
  const plan: ReplayPlan = { ...asked, store: asked.store ?? Math.ceil(takenBytes(traffic) / 1024 ** 2) };
  lookAtChecksums(loaded, plan.config, flags.quiet === true);
  if (plan.search === null && flags.quiet !== true) announce(traffic, plan, designs.length);
  const progress = new RunProgress(flags.quiet !== true && flags.json !== true);
  const interrupter = new Interrupter();
  let result: Result;
  try {
    const hooks: SessionHooks = {
      onRun: (label, purpose) => progress.design(`${label}${RUN_WORDS[purpose]}`),
      isInterrupted: () => interrupter.requested,
      onProgress: (packets, total, pps) => progress.update(packets, total, pps),
      onStart: (interrupt) => interrupter.arm(interrupt),
    };
    result = await runSession({ traffic, input, plan, commandLine: argv }, hooks);
  } finally {
    progress.finish();
    interrupter.disarm();
  }
  await present(result, flags, input.name);
}

/** Bytes of memory that the traffic takes. */
function takenBytes(traffic: ReplayTraffic): number {
  return isStreamed(traffic) ? traffic.storeBytes : storeBytesOf(traffic.frameBytes, traffic.packets);
}

/** What the progress line says of a run. */
const RUN_WORDS: Readonly<Record<RunPurpose, string>> = {
  all: '',
  throughput: ', throughput',
  figures: ', latency and locks',
};

/** Says on standard error how long a paced run will take: a capture may have pauses of hours in it. */
function announce(traffic: ReplayTraffic, plan: ReplayPlan, designs: number): void {
  const text = plannedText(plannedRun(traffic, plan), designs);
  if (text !== null) process.stderr.write(`${text}\n`);
}

/** Captures of more are long enough in loading for threads to start meanwhile; of less, they would disturb what is measured next. */
const LARGE_INPUT_BYTES = 16 * 1024 ** 2;

function isLargeInput({ input }: ReplayPlan): boolean {
  const files = input?.type === 'capture' ? input.files : [];
  return files.reduce((sum, file) => sum + regularFileBytes(file), 0) >= LARGE_INPUT_BYTES;
}

/** Sizes of the packet store: as given, or by what memory and connection table leave. */
function storeOf(plan: ReplayPlan, designs: readonly DesignChoice[]): StoreSize {
  if (plan.store !== null) return givenStore(Math.min(plan.store * 1024 ** 2, stagingLimitBytes()));
  return defaultStore(
    systemFiles,
    designs.map(({ design }) => loadEngine(design, flavourOf(plan)).constants),
    { workers: plan.workers, maxConns: connLimitOf(plan), nat: configRewrites(plan.config).nat },
  );
}

/** One line per search: what was found. */
function searchLines(result: Result): string {
  return (result.rateSearches ?? [])
    .map((search) => {
      const { design, objective, bestPps, steps, build, timed } = search;
      const how = `${steps.length} steps, ${build ?? 'probed'} build, packets ${timed === false ? 'not ' : ''}timed`;
      const found =
        bestPps == null
          ? `${design}: no rate holds ${objective} (${how})\n`
          : `${design}: ${formatRate(bestPps)} is the highest rate that holds ${objective} (${how})\n`;
      return found + machineLines(search, result);
    })
    .join('');
}

/** Where the lowest rate that did not hold failed by the machine: the design may do better than was found. */
function machineLines({ steps, objective }: RateSearch, { cases }: Result): string {
  const failed = steps.filter(({ held }) => !held).toSorted((a, b) => a.pps - b.pps)[0];
  const run = cases.find(({ id }) => id === failed?.caseId);
  if (failed === undefined || run === undefined) return '';
  return failedByMachine(parseObjective(objective), run)
    .map(
      (reason) =>
        `  ~ at ${formatRate(failed.pps)} it failed by ${reason}; search on quieter or isolated cores (--pin)\n`,
    )
    .join('');
}

/** The expression, once it is known to be one. */
function checkedFilter(expression: string): string {
  compileFilter(expression);
  return expression;
}

/** The maps as text, once they are known to be maps. */
function checkedIpMap(maps: string): string {
  parseIpMap(maps);
  return maps;
}

/** `active-flows` is `activeFlows`, as commander keeps it. */
export function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Writes the files, prints what was asked for, and sets the exit code. */
async function present(result: Result, flags: ReplayCommandFlags, name: string): Promise<void> {
  const folder = flags.out ?? (flags.json === true ? null : freshFolder(name, new Date()));
  const runs = [{ label: folder ?? name, file: null, result }];
  if (folder !== null) {
    await writeResult(folder, result);
    await writeFiles(folder, await renderFormats(runs, STORED_FORMATS));
  }
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  } else {
    process.stdout.write(
      renderTerminal(runs, {
        width: process.stdout.columns ?? 120,
        colour: wantsColour(
          flags.color === false ? false : undefined,
          process.env,
          process.stdout.isTTY === true,
        ),
        quiet: flags.quiet === true,
      }),
    );
    if (result.rateSearches != null) process.stdout.write(`\n${searchLines(result)}`);
    if (folder !== null && flags.quiet !== true) process.stdout.write(`\nResult: ${folder}\n`);
  }
  if (!result.valid) process.exitCode = 1;
  else if (result.partial) process.exitCode = 130;
  for (const each of result.cases) {
    const invalid = whollyInvalidText(each);
    if (invalid !== null) throw new Error(invalid);
  }
}

const STORED_FORMATS = ['csv', 'html']
  .map(findFormat)
  .filter((format): format is ReportFormat => format !== undefined);

/** `results/20261124-083000-office`: names sort by time and say what was run. */
function freshFolder(name: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const words = name.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return join('results', `${stamp}-${words.slice(0, 40)}-${process.pid}`);
}

/** Ends a run at the first Ctrl-C, keeping what was measured, and the program at the second. */
class Interrupter {
  #interrupt: (() => void) | null = null;
  #armed = false;
  /** The signal has come: no further run is to begin. */
  requested = false;
  readonly #onSignal = (): void => {
    if (this.requested) endNow('\nInterrupted again: what was measured is dropped.', 130);
    process.stderr.write('\nInterrupted: writing what was measured; once more to drop it.\n');
    this.requested = true;
    this.#interrupt?.();
  };

  /** A run has begun, and ends when `interrupt` is called. */
  arm(interrupt: () => void): void {
    if (!this.#armed) process.on('SIGINT', this.#onSignal);
    this.#armed = true;
    this.#interrupt = interrupt;
    // Between two runs there was nothing to interrupt.
    if (this.requested) interrupt();
  }

  disarm(): void {
    process.removeListener('SIGINT', this.#onSignal);
  }
}
