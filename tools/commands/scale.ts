/** `ctreplay scale`: throughput at 1..N workers and the Universal Scalability Law fitted to it. */
import { Option, type Command } from 'commander';
import { DEFAULT_DESIGNS } from '../../engine/host/designs.js';
import type { MutexPolicy, TouchAhead } from '../../engine/host/run-memory.js';
import { checkMatrix, type MatrixSpec } from '../bench/matrix-spec.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import { fitCases, type ScalingResult } from '../bench/scale.js';
import type { ChecksumChoice } from '../config/checksum-handling.js';
import { readEnvironment } from '../measure/environment.js';
import { systemFiles } from '../measure/system-files.js';
import { coverText } from '../result/comparisons.js';
import type { ScalingFit } from '../stats/scalability.js';
import { printable } from '../text/escape.js';
import { findFormat, renderFormats, writeFiles, type ReportFormat } from '../report/formats.js';
import { renderVerdict } from '../report/terminal-verdict.js';
import { verdictSentences } from '../report/verdict-evidence.js';
import { formatRate, formatRatio, formatShare } from '../text/quantities.js';
import { writeResult } from '../result/result-file.js';
import { runIn } from '../result/runs.js';
import type { Estimate, ScalingPoint } from '../result/schema.js';
import { grid } from '../text/terminal-grid.js';
import { painter } from '../text/terminal-style.js';
import { captureKeys, checkInputs, designNames } from './bench-matrix.js';
import { KEEP_TRUNCATED_HELP, STRICT_HELP, type CaptureFlags } from './capture-options.js';
import { matrixChecksumsOption } from './checksum-options.js';
import { measureMatrix, requireFolderToResume } from './matrix-run.js';
import { addSpelling, hint, mutexOption, touchAheadOption, wholeNumber } from './option-values.js';
import { setExitCode, terminalOf } from './present-result.js';
import type { BuildChoice } from '../replay/replay-plan.js';
import { buildChoice, buildOption } from './replay-options.js';
import { UsageError } from './usage-error.js';

interface ScaleFlags extends CaptureFlags, ChecksumChoice {
  readonly scenario?: string;
  readonly capture?: string;
  readonly design: string;
  readonly workers?: number;
  readonly packets?: number;
  readonly sessions: number;
  readonly trials: number;
  readonly build?: BuildChoice;
  readonly bare?: boolean;
  readonly mutex: MutexPolicy;
  readonly touchAhead: TouchAhead;
  readonly pin?: boolean;
  readonly seed: number;
  readonly out?: string;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
}

/** Adds `scale` to the program. */
export function register(program: Command, argv: readonly string[]): void {
  program
    .command('scale')
    .summary('measure 1..N workers and fit the Universal Scalability Law')
    .description(
      'Measures throughput at top speed with 1, 2, 3, … workers, every number in turns, and fits the Universal Scalability ' +
        'Law: contention, coherency, and the number of workers where throughput peaks, with intervals. More workers than ' +
        'cores are run when asked for, but are no measurement of scaling: they are marked and not fitted.',
    )
    .argument('[capture]', 'capture to scale, instead of a scenario')
    .addOption(new Option('--scenario <name>').hideHelp())
    .addOption(new Option('--capture <file>').hideHelp())
    .option('--keep-truncated', KEEP_TRUNCATED_HELP)
    .option('--strict', STRICT_HELP)
    .addOption(matrixChecksumsOption())
    .option('--design <names>', 'designs, joined by commas; or all', DEFAULT_DESIGNS.join(','))
    .option('--workers <count>', 'most workers, 1 to 64 (default: the cores)', wholeNumber(1, 64, 'workers'))
    .option(
      '--packets <count>',
      "packets of the input (default: 2000000, a capture's own)",
      wholeNumber(1, 1e10, 'packets'),
    )
    .option(
      '--sessions <count>',
      'fresh processes that each measure all numbers of workers; intervals are over them',
      wholeNumber(1, 1000, 'sessions'),
      5,
    )
    .option(
      '--trials <count>',
      'trials of each number of workers in a session',
      wholeNumber(1, 1000, 'trials'),
      3,
    )
    .addOption(buildOption())
    .option('--bare', 'as --build bare; leaves the model without times')
    .addOption(mutexOption())
    .addOption(touchAheadOption())
    .option('--pin', 'pin each thread to a CPU')
    .option('--seed <integer>', 'what all random choices derive from', wholeNumber(0, 0xffff_ffff, 'seed'), 1)
    .option('--out <folder>', 'where result.json and tables go (default: a fresh folder in results/)')
    .option('--resume', 'go on from the result.json in --out')
    .option('--force', 'replace the result that --out holds')
    .option('--json', 'the result as JSON on standard output; files only with --out')
    .option('--quiet', 'only what makes the result unusable')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExamples:\n  ctreplay scale --synth established --out results/scale\n  ctreplay model results/scale',
    )
    .action((capture: string | undefined, flags: ScaleFlags) =>
      scale(capture === undefined ? flags : { ...flags, capture }, argv),
    );
  const [command] = program.commands.slice(-1);
  if (command === undefined) return;
  addSpelling(command, '--synth <name>', 'scenario', null, 'scenario to scale (default: established)');
  command.on('option:scenario', () => hint('--scenario is called --synth now'));
  command.on('option:capture', () => hint('a capture is named without --capture now, as for replay'));
}

async function scale(flags: ScaleFlags, argv: readonly string[]): Promise<void> {
  if (flags.scenario !== undefined && flags.capture !== undefined) {
    throw new UsageError('--synth and a capture exclude each other; give one of them');
  }
  requireFolderToResume(flags);
  const cores = readEnvironment(systemFiles).coresUsable;
  const spec = specOf(flags, cores);
  await checkInputs(spec.inputs);
  const { result: measured, folder } = await measureMatrix({ spec, shard: null, name: 'scale' }, flags, argv);
  const fits = fitCases(measured.cases, cores);
  const result: MatrixResult = { ...measured, scaling: fits.map((fit) => fit.scaling) };
  if (folder !== null) {
    await writeResult(folder, result);
    await writeFiles(folder, await renderFormats([runIn(folder, result)], STORED_FORMATS));
  }
  if (flags.json === true) process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  else if (flags.quiet !== true) {
    process.stdout.write(textOf(fits, cores, flags, folder));
    const runs = [runIn(folder, result, 'scale')];
    process.stdout.write(renderVerdict(verdictSentences(runs), terminalOf(flags)));
  }
  setExitCode(result);
}

const STORED_FORMATS = ['csv', 'html']
  .map(findFormat)
  .filter((format): format is ReportFormat => format !== undefined);

/** A scaling run is a matrix over numbers of workers, without controls of its own beyond the one that every matrix has. */
function specOf(flags: ScaleFlags, cores: number): MatrixSpec {
  const most = flags.workers ?? cores;
  const scenario = flags.scenario ?? 'established';
  const input =
    flags.capture === undefined
      ? { scenario, parameters: { packets: flags.packets ?? 2_000_000 } }
      : {
          capture: flags.capture,
          ...captureKeys(flags),
          ...(flags.packets === undefined ? {} : { limit: flags.packets }),
        };
  return checkMatrix(
    {
      inputs: [input],
      designs: designNames(flags.design),
      workers: workerCounts(most),
      sessions: flags.sessions,
      trials: flags.trials,
      build: buildChoice(flags),
      probeCost: 'none',
      mutex: flags.mutex,
      touchAhead: flags.touchAhead,
      pin: flags.pin === true,
      seed: flags.seed,
    },
    'scale',
  );
}

/** Every number up to 8, then what an eighth more comes to, and the last. */
export function workerCounts(most: number): number[] {
  const counts: number[] = [];
  for (let n = 1; n < most; n = n < 8 ? n + 1 : Math.ceil(n * 1.25)) counts.push(n);
  return [...counts, most];
}

function textOf(
  fits: readonly ScalingResult[],
  cores: number,
  flags: ScaleFlags,
  folder: string | null,
): string {
  const { width, colour } = terminalOf(flags);
  const paint = painter(colour);
  const blocks = fits.map(({ scaling, fit, notes }) => {
    const single = scaling.points.find((point) => point.workers === 1 && point.measured)?.pps ?? null;
    const builds = `throughput: ${scaling.build ?? 'bare'} build, packets ${scaling.timed === true ? 'timed' : 'not timed'}`;
    const table = grid<ScalingPoint>(
      scaling.points,
      [
        { head: 'workers', expendable: 0, cell: (point) => `${point.workers}` },
        { head: 'packets/s on CPU', expendable: 0, cell: (point) => formatRate(point.pps) },
        {
          head: 'interval',
          expendable: 2,
          cell: (point) =>
            typeof point.low === 'number' ? `${formatRate(point.low)} .. ${formatRate(point.high)}` : '',
        },
        { head: 'covers', align: 'left', expendable: 3, cell: coverText },
        {
          head: 'speed-up',
          expendable: 0,
          cell: (point) =>
            single === null || typeof point.pps !== 'number' ? '' : formatRatio(point.pps / single),
        },
        { head: 'lock wait', expendable: 1, cell: (point) => formatShare(point.lockWaitShare) },
        { head: 'what it is', align: 'left', expendable: 0, cell: (point) => kindOf(point, cores) },
      ],
      width,
      paint,
    );
    const law = fit === null ? [] : [`${lawText(scaling.fit ?? {}, fit.model)}. ${fitText(fit)}`];
    return [
      paint('bold', `${printable(scaling.input)} · ${printable(scaling.design)}`),
      paint('dim', builds),
      table,
      ...law,
      ...notes.map((note) => paint('dim', `Note: ${note}.`)),
    ].join('\n');
  });
  return `${blocks.join('\n\n')}\n${folder === null ? '' : `\nResult: ${folder}\n`}`;
}

function kindOf(point: ScalingPoint, cores: number): string {
  if (point.measured) return 'measured';
  return point.oversubscribed === true
    ? `not a measurement: more workers than the ${cores} ${cores === 1 ? 'core' : 'cores'}`
    : 'predicted by the fit';
}

/** How well it fits, as far as that can be known, and what its intervals cover. */
function fitText({ r2, maxRelativeError, sessions }: ScalingFit): string {
  const fits =
    r2 === null || maxRelativeError === null
      ? 'Points left over to judge the fit by: none'
      : `R² ${r2.toFixed(4)}, furthest off by ${formatShare(maxRelativeError)}`;
  return `${fits}. Intervals: ${sessions > 1 ? `over ${sessions} sessions` : 'within one session only'}.`;
}

type Fit = Partial<
  Record<'lambdaPps' | 'sigma' | 'kappa' | 'peakWorkers' | 'peakPps', Estimate | null | undefined>
>;

function lawText(fit: Fit, model: 'usl' | 'amdahl'): string {
  const part = (
    name: string,
    estimate: Estimate | null | undefined,
    format: (value: number) => string,
  ): string => {
    if (estimate === null || estimate === undefined) return '';
    const { value, low, high } = estimate;
    const interval =
      typeof low === 'number' && typeof high === 'number' ? ` (${format(low)} .. ${format(high)})` : '';
    return `${name} ${format(value)}${interval}`;
  };
  const parts = [
    part('one worker', fit.lambdaPps, formatRate),
    part('contention', fit.sigma, formatRatio),
    part('coherency', fit.kappa, formatRatio),
    part('peak at', fit.peakWorkers, (value) => `${formatRatio(value)} workers`),
    part('of', fit.peakPps, formatRate),
  ].filter((text) => text !== '');
  return `${model === 'usl' ? 'Universal Scalability Law' : 'Amdahl’s law'}: ${parts.join(', ')}`;
}
