/** `ctreplay micro`: what single operations of the engine cost. */
import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { terminalWidth } from '../text/terminal-width.js';
import { eventLoopTurn } from '../replay/event-loop.js';
import { readMachine, reportMachine } from '../replay/machine.js';
import { painter, wantsColour } from '../text/terminal-style.js';
import { toolVersion } from '../result/tool-version.js';
import { makeFolder, writeAtomically } from '../result/write-file.js';
import { matching, measurableDesigns, openBenchmarks } from '../micro/catalogue.js';
import { microCsv, microTable } from '../micro/micro-report.js';
import { MICRO_FORMAT, MICRO_VERSION, microResult, type MicroMeasurement } from '../micro/micro-result.js';
import { measureAll } from '../micro/run-micro.js';
import { checked, designsOption, duration, wholeNumber } from './option-values.js';
import { UsageError } from './usage-error.js';
import { designLabel } from '../../engine/host/designs.js';

interface MicroFlags {
  readonly design?: readonly string[];
  readonly filter?: RegExp;
  readonly time: number;
  readonly seed: number;
  readonly list?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly out?: string;
  readonly color?: boolean;
}

/** Adds `micro` to the program. */
export function register(program: Command): void {
  program
    .command('micro')
    .summary('measure single operations of the engine')
    .description(
      'Times each primitive of the engine in loops inside it, so that the call into the engine is not measured, and ' +
        'subtracts the loop. Figures are medians over samples of many operations, in nanoseconds per operation, on one ' +
        'thread without contention.',
    )
    .option(
      '--design <names>',
      'designs, joined by commas; or all (default: all that have measured loops)',
      checked(designNames),
    )
    .option(
      '--filter <regex>',
      'only benchmarks whose name matches, for example ^map/ or @timeout-lists',
      pattern,
    )
    .option(
      '--time <time>',
      'sampling time of each benchmark; a bare number counts in ms',
      duration('ms'),
      200,
    )
    .option('--seed <integer>', 'what generated packets derive from', wholeNumber(0, 0xffff_ffff, 'seed'), 1)
    .option('--list', 'list the benchmarks and what they time')
    .option('--json', 'the result as JSON on standard output, nothing else there')
    .option('--csv', 'the result as CSV on standard output, nothing else there')
    .option('--out <dir>', 'also write micro.json and micro.csv into this folder')
    .option('--no-color', 'no colours; also NO_COLOR')
    .addHelpText(
      'after',
      "\nExample:\n  ctreplay micro --filter '^(mutex|rculist|map)/' --time 500ms --out results/micro",
    )
    .action(async (flags: MicroFlags) => run(flags));
  const time = program.commands.at(-1)?.options.find((option) => option.long === '--time');
  if (time !== undefined) time.defaultValueDescription = '200ms';
}

async function run(flags: MicroFlags): Promise<void> {
  if (flags.json === true && flags.csv === true) throw new UsageError('give one of --json and --csv');
  const designs = flags.design ?? measurableDesigns();
  const sets = openBenchmarks([...new Set(designs)], flags.seed);
  try {
    const chosen = sets.flatMap(({ benchmarks }) => matching(benchmarks, flags.filter ?? null));
    if (chosen.length === 0) {
      throw new UsageError(`no benchmark matches --filter ${flags.filter?.source ?? ''}; --list shows them`);
    }
    if (flags.list === true) {
      const listed = chosen.flatMap((each) => [each, ...(each.twin === undefined ? [] : [each.twin])]);
      const width = Math.max(...listed.map(({ name }) => name.length));
      process.stdout.write(listed.map(({ name, what }) => `${name.padEnd(width)}  ${what}\n`).join(''));
      return;
    }
    // Before the minutes of measuring, which would be lost at a path that cannot be written.
    if (flags.out !== undefined) await makeFolder(flags.out, `--out ${flags.out}`);
    const machine = readMachine();
    const results: MicroMeasurement[] = [];
    for (const [index, benchmark] of chosen.entries()) {
      progress(`${index + 1}/${chosen.length} ${benchmark.name}`);
      // So that a signal is heard between two benchmarks.
      await eventLoopTurn();
      results.push(...(await measureAll(benchmark, { timeMs: flags.time, now: () => performance.now() })));
    }
    progress('');
    const result = microResult.parse({
      format: MICRO_FORMAT,
      version: MICRO_VERSION,
      tool: toolVersion(),
      createdAt: new Date().toISOString(),
      environment: reportMachine(machine, null).environment,
      timeMs: flags.time,
      seed: flags.seed,
      results,
    });
    const json = `${JSON.stringify(result, null, 1)}\n`;
    const csv = microCsv(result);
    if (flags.json === true) process.stdout.write(json);
    else if (flags.csv === true) process.stdout.write(csv);
    else process.stdout.write(text(results, flags));
    // Last, so that a full disk does not take along what was measured.
    if (flags.out !== undefined) {
      await writeAtomically(join(flags.out, 'micro.json'), json);
      await writeAtomically(join(flags.out, 'micro.csv'), csv);
    }
  } finally {
    for (const { close } of sets) close?.();
  }
}

function text(results: readonly MicroMeasurement[], flags: MicroFlags): string {
  const coloured = wantsColour(
    flags.color === false ? false : undefined,
    process.env,
    process.stdout.isTTY === true,
  );
  const table = microTable(results, terminalWidth(process.env, process.stdout.columns), painter(coloured));
  const files =
    flags.out === undefined ? '' : `${join(flags.out, 'micro.json')}\n${join(flags.out, 'micro.csv')}\n`;
  return `${table}\n${files}`;
}

/** The benchmark in progress, on a terminal only. */
function progress(line: string): void {
  if (process.stderr.isTTY === true) process.stderr.write(`\r\u001b[K${line}`);
}

function designNames(names: string): string[] {
  return designsOption(names).map(designLabel);
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
