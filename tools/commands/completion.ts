/** `ctreplay completion bash|zsh|fish`: completion for a shell, made from the commands themselves. */
import { Argument, type Command, type Option } from 'commander';
import { availableDesigns } from '../../engine/host/designs.js';
import { READY_MATRICES } from '../bench/ready-matrices.js';
import { SCENARIOS } from '../synth/registry.js';
import { completionScript, SHELLS, type CommandWords, type Shell } from './completion-script.js';
import type { WordParser } from './option-values.js';

/** Adds `completion` to the program; every other command has to be registered by the time it runs. */
export function register(program: Command): void {
  program
    .command('completion')
    .summary('completion for bash, zsh or fish')
    .description('Prints a script that completes commands, options and their words.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples:\n' +
        '  ctreplay completion zsh > "${fpath[1]}/_ctreplay"\n' +
        '  ctreplay completion fish > ~/.config/fish/completions/ctreplay.fish\n' +
        '  source <(ctreplay completion bash)        # this shell; put it into ~/.bashrc for all',
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, program.commands.map(wordsOf)));
    });
}

function wordsOf(command: Command): CommandWords {
  return {
    name: command.name(),
    summary: command.summary() || command.description(),
    options: command.options
      .filter((option) => option.hidden === false)
      .flatMap((option) =>
        option.long == null
          ? []
          : [
              {
                name: option.long,
                summary: option.description,
                takesValue: option.required || option.optional,
                values: valuesOf(option),
              },
            ],
      ),
    subcommands: command.commands.map(wordsOf),
  };
}

/** Words that an option's value can be, as far as they are few: those of its parser, designs, scenarios. */
function valuesOf(option: Option): readonly string[] {
  const parser = option.parseArg as Partial<WordParser<string>> | undefined;
  if (parser?.choices !== undefined) return parser.choices;
  if (option.long === '--design' || option.long === '--designs') return [...availableDesigns(), 'all'];
  if (option.long === '--synth') return SCENARIOS.map(({ name }) => name);
  if (option.long === '--preset') return READY_MATRICES.map(({ name }) => name);
  return [];
}
