/** Running one command inside the test's own process: quicker than starting the program, which test/tools/cli.test.ts does. */
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { ranOnce, type CommandOutcome } from './command.js';

/**
 * Parses and runs a command's arguments, with what it writes caught. Exit codes are those of tools/cli.ts: of an error its
 * `exitCode` or 1, for commander's own errors 2.
 */
export async function runCommand(
  register: (program: Command, argv: readonly string[]) => void,
  given: readonly string[],
): Promise<CommandOutcome> {
  const args = ranOnce(given);
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
  const program = new Command('ctreplay');
  let code: number;
  try {
    register(program, args);
    for (const command of [program, ...program.commands]) command.exitOverride();
    await program.parseAsync(args, { from: 'user' });
    code = Number(process.exitCode ?? 0);
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode?: number };
    if (error instanceof CommanderError) {
      code = 2;
    } else {
      stderr += `${message}\n`;
      code = exitCode ?? 1;
    }
  } finally {
    process.exitCode = undefined;
    out.mockRestore();
    err.mockRestore();
  }
  return { code, stdout, stderr };
}
