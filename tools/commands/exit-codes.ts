/** Exit codes of the program: what every help, the man pages and docs/options.md say of them. */

/** An exit code and what it says. */
export interface ExitCode {
  readonly code: number;
  readonly meaning: string;
}

export const EXIT_CODES: readonly ExitCode[] = [
  { code: 0, meaning: 'all well' },
  { code: 1, meaning: 'error, or a result that failed its audit' },
  { code: 2, meaning: 'wrong usage: an option, a value, a file of settings' },
  { code: 98, meaning: 'inconclusive (regress): the machine was too noisy to tell' },
  { code: 99, meaning: 'regression or difference found (regress, diff, conform, vectors)' },
  { code: 129, meaning: 'ended by SIGHUP, a closed terminal; what was measured is kept' },
  { code: 130, meaning: 'interrupted by Ctrl-C; what was measured is kept' },
  { code: 143, meaning: 'ended by SIGTERM, as schedulers send it; what was measured is kept' },
];

/** What every help ends with. */
export const EXIT_CODES_HELP = `\nExit codes:\n${EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padEnd(3)}  ${meaning}\n`).join('')}`;
