/** `ctreplay model <result.json>`: what more cores would bring, by simulation of the locks. */
import { InvalidArgumentError, type Command } from 'commander';
import { terminalWidth } from '../text/terminal-width.js';
import { measuredSeries } from '../model/feed.js';
import { predictSeries, workerRange, type PredictedPoint, type PredictedSeries } from '../model/predict.js';
import { readResult } from '../result/result-file.js';
import { usableCores } from '../result/usable-cores.js';
import { printable } from '../text/escape.js';
import { formatNs, formatRate, formatShare, NOT_MEASURED } from '../text/quantities.js';
import { grid, wrap } from '../text/terminal-grid.js';
import { painter, wantsColour } from '../text/terminal-style.js';
import { wholeNumber } from './option-values.js';

interface ModelFlags {
  readonly cores: { readonly first: number; readonly last: number } | readonly number[];
  readonly feed?: number;
  readonly packets: number;
  readonly extrapolate?: boolean;
  readonly seed: number;
  readonly json?: boolean;
  readonly color?: boolean;
}

const MOST_CORES = 128;

/** Adds `model` to the program. */
export function register(program: Command): void {
  program
    .command('model')
    .summary('predict throughput and lock waiting on more cores')
    .description(
      'Simulates workers and locks with the service and hold times of a result, and prints the prediction beside the ' +
        'measurement, with the error, as far as there is one. First comes how far off it is on measurements that were held ' +
        'out; from that a band, and where the band is wider than a factor of two the prediction is refused. The result must hold probed cases at top speed, best with ' +
        'several numbers of workers (ctreplay scale).',
    )
    .argument('<result>', 'a result.json or its folder')
    .option('--cores <range>', 'numbers of cores: 1..128 (powers of two and the ends), or 1,2,8', coreRange, {
      first: 1,
      last: MOST_CORES,
    })
    .option(
      '--feed <workers>',
      'take times only from cases with at most this many workers, so that larger ones test the prediction',
      wholeNumber(1, 64, 'workers'),
    )
    .option(
      '--extrapolate',
      'show also what is refused, without a band: the locks alone, with everything else as it was measured',
    )
    .option('--packets <count>', 'packets per simulation', wholeNumber(1000, 1e8, 'packets'), 40_000)
    .option(
      '--seed <integer>',
      'what the draws of the simulation derive from',
      wholeNumber(0, 0xffff_ffff, 'seed'),
      1,
    )
    .option('--json', 'the predictions as JSON on standard output')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      '\nExample:\n  ctreplay scale --synth established --out results/scale\n  ctreplay model results/scale',
    )
    .action(async (path: string, flags: ModelFlags) => {
      const result = await readResult(path);
      const cores = usableCores(result.environment) ?? 1;
      const series = measuredSeries(result, path).map((measured) =>
        predictSeries(measured, {
          workers:
            'first' in flags.cores ? workerRange(flags.cores.first, flags.cores.last, cores) : flags.cores,
          cores,
          feedUpTo: flags.feed ?? null,
          seed: flags.seed,
          packets: flags.packets,
          extrapolate: flags.extrapolate,
        }),
      );
      if (flags.json === true) {
        process.stdout.write(`${JSON.stringify({ cores, seed: flags.seed, series }, null, 1)}\n`);
      } else {
        process.stdout.write(series.map((each) => seriesText(each, cores, flags)).join('\n'));
      }
    });
  const cores = program.commands.at(-1)?.options.find((option) => option.long === '--cores');
  if (cores !== undefined) cores.defaultValueDescription = '1..128';
}

function seriesText(series: PredictedSeries, cores: number, flags: ModelFlags): string {
  const paint = painter(
    wantsColour(flags.color === false ? false : undefined, process.env, process.stdout.isTTY === true),
  );
  const width = terminalWidth(process.env, process.stdout.columns);
  const table = grid(
    series.points,
    [
      { head: 'workers', expendable: 0, cell: (point) => `${point.workers}` },
      { head: 'predicted', expendable: 0, cell: (point) => formatRate(point.predicted?.pps) },
      { head: 'band', expendable: 0, cell: bandText },
      { head: 'measured', expendable: 0, cell: (point) => formatRate(point.measured?.ppsOnCpu) },
      { head: 'error', expendable: 0, cell: errorText },
      { head: 'lock wait', expendable: 0, cell: (point) => formatShare(point.predicted?.waitShare) },
      { head: 'measured', expendable: 1, cell: (point) => formatShare(point.measured?.waitShare) },
      {
        head: 'wait/packet',
        expendable: 3,
        cell: (point) =>
          point.predicted === null ? NOT_MEASURED : formatNs(Math.round(point.predicted.waitPerPacketNs)),
      },
      { head: 'contended', expendable: 3, cell: (point) => formatShare(point.predicted?.contendedShare) },
      { head: 'ct_lock held', expendable: 2, cell: (point) => formatShare(point.predicted?.ctUtilisation) },
      { head: 'CPU wait', expendable: 2, cell: (point) => formatShare(point.measured?.cpuWaitShare) },
      { head: 'times from', expendable: 4, cell: (point) => `w${point.fedFrom}` },
      { head: 'note', align: 'left', expendable: 1, cell: (point) => kindText(point) },
    ],
    width,
    paint,
  );
  return (
    `${paint('bold', `${printable(series.input)} · ${printable(series.design)}`)}\n${heldOutText(series)}\n${table}\n${refusedText(series)}${restsOnText(series, width)}` +
    paint(
      'dim',
      `Predictions are for a core per thread, probed and timed as the times they come from were (probeCost in the result says what that adds); 'measured' leaves out the time that workers had no CPU (${cores} cores measured). A band is no confidence interval: it is as wide, per doubling of workers, as the worst held-out error.\n`,
    )
  );
}

/** What the model is worth, before what it says. */
function heldOutText({ heldOut }: PredictedSeries): string {
  if (heldOut.length === 0) {
    return 'Held out: nothing could be; measure several numbers of workers, each with a core (ctreplay scale)';
  }
  const errors = heldOut.map(
    ({ workers, fedFrom, error }) =>
      `${percentText(error)} at ${workers} workers from the times of ${fedFrom}`,
  );
  return `Held out: throughput predicted ${errors.join(', ')}`;
}

/** Which numbers of workers are not predicted, by reason; ends with a newline, empty where all are. */
function refusedText({ points }: PredictedSeries): string {
  const byReason = new Map<string, number[]>();
  for (const { workers, refused } of points) {
    if (refused !== null) byReason.set(refused, [...(byReason.get(refused) ?? []), workers]);
  }
  return [...byReason]
    .map(([reason, workers]) => `Refused for ${workers.join(', ')} workers: ${reason}.\n`)
    .join('');
}

/** What predictions beyond the measurement rest on; ends with a newline, empty where there are none. */
function restsOnText({ restsOn, points }: PredictedSeries, width: number): string {
  const beyond = points.some(({ workers, fedFrom, predicted }) => predicted !== null && workers > fedFrom);
  if (!beyond || restsOn.length === 0) return '';
  const lines = restsOn.map((text) => `  ${wrap(text, Math.max(40, width) - 2, '  ')}\n`);
  return `More workers than were measured rest on what was not measured here:\n${lines.join('')}`;
}

function percentText(share: number): string {
  return `${share >= 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
}

function bandText({ band }: PredictedPoint): string {
  return band === null ? '' : `${formatRate(band.lowPps)} .. ${formatRate(band.highPps)}`;
}

function errorText(point: PredictedPoint): string {
  if (point.error === null) return NOT_MEASURED;
  return percentText(point.error);
}

function kindText(point: PredictedPoint): string {
  if (point.refused !== null)
    return point.predicted === null ? 'refused' : 'locks alone: nothing bears it out';
  if (!point.oversubscribed) return point.measured === null ? 'prediction' : '';
  return point.measured === null ? 'prediction' : 'more workers than cores: no measurement of scaling';
}

function coreRange(text: string): ModelFlags['cores'] {
  const range = /^(\d+)\.\.(\d+)$/.exec(text.trim());
  const bounded = wholeNumber(1, MOST_CORES, 'cores');
  if (range === null) return text.split(',').map((part) => bounded(part));
  const first = bounded(range[1] as string);
  const last = bounded(range[2] as string);
  if (first > last) throw new InvalidArgumentError('Give the smaller number first, as in 1..128.');
  return { first, last };
}
