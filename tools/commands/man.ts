/** `ctreplay man [command]`: man pages, made from the commands themselves. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeFolder, writeAtomically } from '../result/write-file.js';
import { manPage } from './command-text.js';
import { UsageError } from './usage-error.js';

interface ManFlags {
  readonly out?: string;
}

/** Adds `man` to the program; every other command has to be registered by the time it runs. */
export function register(program: Command): void {
  program
    .command('man')
    .summary('man pages of the program and its commands')
    .description('Prints a man page, or writes all of them to a folder.')
    .argument('[command]', 'whose page; default: that of the program')
    .option('--out <folder>', 'write every page there instead, as ctreplay.1, ctreplay-replay.1, ...')
    .addHelpText('after', '\nExample:\n  ctreplay man replay | man -l -')
    .action(async (name: string | undefined, { out }: ManFlags) => {
      if (out === undefined) {
        process.stdout.write(manPage(program, commandOf(program, name)));
        return;
      }
      await makeFolder(out);
      await writeAtomically(join(out, 'ctreplay.1'), manPage(program, program));
      for (const command of program.commands)
        await writeAtomically(join(out, `ctreplay-${command.name()}.1`), manPage(program, command));
    });
}

function commandOf(program: Command, name: string | undefined): Command {
  if (name === undefined) return program;
  const found = program.commands.find((command) => command.name() === name);
  if (found !== undefined) return found;
  throw new UsageError(`there is no command '${name}'; ctreplay --help lists them`);
}
