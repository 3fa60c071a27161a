/** What a run ends with, for every command that measures: the table, then the files, then the verdict. */
import { beforeTheEnd } from './program-end.js';
import { interruptedExitCode } from './stop-signals.js';
import { findFormat, renderFormats, writeFiles, type ReportFormat } from '../report/formats.js';
import { renderTerminal } from '../report/terminal.js';
import { renderVerdict } from '../report/terminal-verdict.js';
import { verdictSentences } from '../report/verdict-evidence.js';
import { writeResult } from '../result/result-file.js';
import { runIn } from '../result/runs.js';
import type { Result } from '../result/schema.js';
import { wantsColour } from '../text/terminal-style.js';
import { terminalWidth } from '../text/terminal-width.js';

/** Flags that say what is shown. */
export interface ShowFlags {
  readonly json?: boolean | undefined;
  /** Standard output takes JSON lines, the last of which is the result. */
  readonly stream?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly color?: boolean | undefined;
}

/** Width and colours of standard output. */
export function terminalOf({ color }: ShowFlags): { readonly width: number; readonly colour: boolean } {
  return {
    width: terminalWidth(process.env, process.stdout.columns),
    colour: wantsColour(color === false ? false : undefined, process.env, process.stdout.isTTY === true),
  };
}

/** The same for a text that goes to a file where one is named: a file has no colours. */
export function terminalOfText(flags: ShowFlags & { readonly out?: string }): ReturnType<typeof terminalOf> {
  return terminalOf(flags.out === undefined ? flags : { ...flags, color: false });
}

const STORED_FORMATS = ['csv', 'html']
  .map(findFormat)
  .filter((format): format is ReportFormat => format !== undefined);

/** What is shown beside the usual. */
export interface Presentation {
  /** Where files go; null writes none. */
  readonly folder: string | null;
  /** What the run is called where there is no folder. */
  readonly name: string;
  /** Text between tables and files; ends with a newline. */
  readonly extra?: string;
  /** What stands in place of tables and verdict: tables are then shown with --verbose only. Ends with a newline. */
  readonly ending?: string;
}

/**
 * Prints the result and then writes its files, so that a full disk does not take the table along, and sets the exit code: 1 for a
 * result that failed its audit, that of the signal for one that was cut short.
 */
export function presentResult(result: Result, flags: ShowFlags, presentation: Presentation): Promise<void> {
  return beforeTheEnd(() => present(result, flags, presentation));
}

async function present(
  result: Result,
  flags: ShowFlags,
  { folder, name, extra = '', ending }: Presentation,
): Promise<void> {
  const runs = [runIn(folder, result, name)];
  const quiet = flags.quiet === true;
  const terminal = terminalOf(flags);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
  } else if (flags.stream === true) {
    process.stdout.write(`${JSON.stringify({ event: 'result', folder, result })}\n`);
  } else {
    const isVerbose = flags.verbose === true;
    const detail = isVerbose ? 'full' : 'brief';
    const problemsOnly = quiet || (ending !== undefined && !isVerbose);
    process.stdout.write(renderTerminal(runs, { ...terminal, quiet: problemsOnly, detail }));
    if (!quiet && extra !== '') process.stdout.write(`\n${extra}`);
  }
  setExitCode(result);
  if (folder !== null) {
    await writeResult(folder, result);
    await writeFiles(folder, await renderFormats(runs, STORED_FORMATS));
  }
  if (flags.json === true || flags.stream === true || quiet) return;
  if (folder !== null) process.stdout.write(`\nResult: ${folder}\n`);
  process.stdout.write(ending ?? renderVerdict(verdictSentences(runs), terminal));
}

/** The exit code of a command that measured: 1 for a result that failed its audit, that of the signal for one that was cut short. */
export function setExitCode({ valid, partial }: Pick<Result, 'valid' | 'partial'>): void {
  if (!valid) process.exitCode = 1;
  else if (partial) process.exitCode = interruptedExitCode() ?? 1;
}
