/**
 * The command line inside the test's own process: quicker than starting the program, since nothing is loaded and compiled again.
 * What is the program's own (standard input, signals, how it ends, its memory) takes `ctreplay` of command.ts.
 */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { explain, makeProgram } from '../../tools/command-line.js';
import { ranOnce, type CommandOutcome } from './command.js';

/** Runs something with what it writes caught. Its exit code is the one that it set, or that `codeOf` makes of its error. */
async function caught(
  run: () => Promise<unknown>,
  codeOf: (error: unknown, say: (text: string) => void) => number,
): Promise<CommandOutcome> {
  let stdout = '';
  let stderr = '';
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
    stdout += String(part);
    return true;
  });
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((part) => {
    stderr += String(part);
    return true;
  });
  let code: number;
  try {
    await run();
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    code = codeOf(error, (text) => (stderr += text));
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    err.mockRestore();
  }
  return { code, stdout, stderr };
}

/**
 * Runs the command line as the program would: its table of commands, its messages, its exit codes.
 * @param folder where relative paths begin; absent = where the tests run
 */
export async function runCommandLine(given: readonly string[], folder = '.'): Promise<CommandOutcome> {
  const args = ranOnce(given);
  const before = process.cwd();
  const { NO_COLOR } = process.env;
  process.chdir(folder);
  process.env['NO_COLOR'] = '1';
  try {
    return await caught(
      async () => (await makeProgram(args)).parseAsync(args, { from: 'user' }),
      (error, say) => {
        const { message, code } = explain(error);
        if (message !== '') say(`${message}\n`);
        return code;
      },
    );
  } finally {
    process.chdir(before);
    if (NO_COLOR === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = NO_COLOR;
  }
}

/**
 * Parses and runs the arguments of one command, which is given by its function: nothing but that is loaded. An error's code is
 * its `exitCode` or 1, that of commander's own errors 2.
 */
export function runCommand(
  register: (program: Command, argv: readonly string[]) => void,
  given: readonly string[],
): Promise<CommandOutcome> {
  const args = ranOnce(given);
  const program = new Command('ctreplay');
  return caught(
    async () => {
      register(program, args);
      for (const command of [program, ...program.commands]) command.exitOverride();
      await program.parseAsync(args, { from: 'user' });
    },
    (error, say) => {
      if (error instanceof CommanderError) return 2;
      const { message, exitCode } = error as Error & { exitCode?: number };
      say(`${message}\n`);
      return exitCode ?? 1;
    },
  );
}
