/** One table of commands, and one place where errors become messages and exit codes. `cli.ts` makes a program of it. */
import {
  addressSpaceAdvice,
  addressSpaceLimitBytes,
  addressSpaceText,
} from '../engine/host/engine-memory.js';
import { Command, CommanderError } from 'commander';
import { EXIT_CODES_HELP } from './commands/exit-codes.js';
import { COMMANDS } from './commands/registry.js';
import { packageVersion } from './result/tool-version.js';

/** Wrong usage: unknown option, value out of range. */
const EXIT_USAGE = 2;
const EXIT_ERROR = 1;

/** For those who see the program for the first time. */
const BEGIN_WITH = `
Begin with:
  ctreplay demo                                       both designs on a capture that is there
  ctreplay replay office.pcap --pps 50k --out office  your capture: a verdict, office/summary.csv, and a page with charts
  ctreplay replay --synth nat-exhaustion --pps 50k    a scenario instead of a capture
  ctreplay init office.pcap                           a gate for CI in your repository
`;

async function registerCommands(program: Command, argv: readonly string[]): Promise<void> {
  const asked = COMMANDS[argv[0] ?? ''];
  // Completion and man pages are made from all of them.
  const loaders =
    asked === undefined || ['completion', 'man'].includes(argv[0] ?? '') ? Object.values(COMMANDS) : [asked];
  for (const { register } of await Promise.all(loaders.map((load) => load()))) register(program, argv);
}

/**
 * The command line of these arguments, not yet parsed: with the command that they begin with, or with all.
 * @param argv arguments without those of Node
 */
export async function makeProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('ctreplay')
    .description(
      'Replays captures and synthetic traffic through connection trackers and measures latency, lock contention and ' +
        'expiration of designs that forget connections in different ways.',
    )
    .version(packageVersion())
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', BEGIN_WITH + EXIT_CODES_HELP);
  await registerCommands(program, argv);
  const below = [...program.commands, ...program.commands.flatMap((each) => each.commands)];
  for (const command of below) command.addHelpText('after', EXIT_CODES_HELP);
  for (const command of [program, ...below]) command.exitOverride();
  return program;
}

/** What to say when the system or Node gave no memory; null for any other error. */
function outOfMemoryText(error: Error): string | null {
  const { code } = error as { code?: unknown };
  const isAllocation =
    error instanceof RangeError && /allocation failed|could not allocate/i.test(error.message);
  if (!isAllocation && !/^ERR_WORKER_(OUT_OF_MEMORY|INIT_FAILED)$/.test(String(code))) return null;
  const limit = addressSpaceLimitBytes();
  const why = limit === null ? '' : ` ${addressSpaceText(limit).replace(/^t/, 'T')}. ${addressSpaceAdvice()}`;
  return `out of memory: ${error.message}.${why} 'ctreplay doctor' says what memory there is; --store and --max-conns take less.`;
}

/** Message and exit code of an error that ended a command; an error that nobody foresaw is shown with its stack. */
export function explain(error: unknown): { message: string; code: number } {
  if (error instanceof CommanderError) {
    // Commander has printed its message already.
    return { message: '', code: error.exitCode === 0 ? 0 : EXIT_USAGE };
  }
  if (!(error instanceof Error)) return { message: `ctreplay: ${String(error)}`, code: EXIT_ERROR };
  const { exitCode } = error as { exitCode?: unknown };
  const outOfMemory = outOfMemoryText(error);
  if (outOfMemory !== null) return { message: `ctreplay: ${outOfMemory}`, code: EXIT_ERROR };
  const unforeseen =
    error instanceof TypeError || error instanceof ReferenceError || error.name === 'RangeError';
  // An error without words (an AggregateError may have none) must not end in silence either.
  const text = unforeseen || error.message === '' ? (error.stack ?? error.name) : error.message;
  return { message: `ctreplay: ${text}`, code: typeof exitCode === 'number' ? exitCode : EXIT_ERROR };
}
