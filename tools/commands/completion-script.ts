/** Completion scripts for shells, from the words of the commands. File names are completed wherever no word fits. */

/** Shells there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** An option as it is typed. */
export interface OptionWords {
  /** `--pps`. */
  readonly name: string;
  readonly summary: string;
  readonly takesValue: boolean;
  /** Words that the value can be; absent or empty where it is anything else. */
  readonly values?: readonly string[];
}

/** A command with its options and subcommands. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly subcommands: readonly CommandWords[];
}

/** The script for a shell. */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](commands);
}

/** A word in single quotes: nothing in it is expanded. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function bashScript(commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => {
    const words = [
      ...command.subcommands.map((each) => each.name),
      ...command.options.map((option) => option.name),
      ...command.subcommands.flatMap((each) => each.options.map((option) => option.name)),
      '--help',
    ];
    return `    ${command.name}) words=${quoted([...new Set(words)].join(' '))} ;;`;
  });
  const values = commands.flatMap((command) => {
    const options = [...command.options, ...command.subcommands.flatMap((each) => each.options)];
    return options
      .filter((option) => (option.values ?? []).length > 0)
      .map(
        (option) =>
          `    '${command.name} ${option.name}') values=${quoted((option.values ?? []).join(' '))} ;;`,
      );
  });
  return `# bash completion for ctreplay
_ctreplay() {
  local current=\${COMP_WORDS[COMP_CWORD]} words='' values=''
  if [[ $COMP_CWORD -eq 1 ]]; then
    words=${quoted([...commands.map((command) => command.name), '--help', '--version'].join(' '))}
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    return
  fi
  case "\${COMP_WORDS[1]} \${COMP_WORDS[COMP_CWORD-1]}" in
${[...new Set(values)].join('\n')}
  esac
  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  # Without a match here, bash completes file names (-o default).
  if [[ $current == -* || \${COMP_CWORD} -eq 2 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -o default -F _ctreplay ctreplay
`;
}

function zshScript(commands: readonly CommandWords[]): string {
  const described = (name: string, summary: string): string =>
    quoted(`${name.replaceAll(':', String.raw`\:`)}:${oneLine(summary)}`);
  const argument = ({ name, summary, takesValue, values = [] }: OptionWords): string => {
    const value = values.length > 0 ? `:value:(${values.join(' ')})` : ':value:_files';
    return quoted(
      `${name}[${oneLine(summary).replaceAll(/[[\]\\:]/g, String.raw`\$&`)}]${takesValue ? value : ''}`,
    );
  };
  const cases = commands.map((command) => {
    const options = [...command.options, ...command.subcommands.flatMap((each) => each.options)];
    const distinct = [...new Map(options.map((option) => [option.name, option])).values()];
    const subcommands = command.subcommands.map((each) => each.name).join(' ');
    const rest = subcommands === '' ? `'*:file:_files'` : `'1:command:(${subcommands})' '*:file:_files'`;
    return `    ${command.name}) _arguments ${[...distinct.map(argument), `'--help[show help]'`, rest].join(' ')} ;;`;
  });
  return `#compdef ctreplay
# zsh completion for ctreplay
_ctreplay() {
  if (( CURRENT == 2 )); then
    local -a commands=(${commands.map((command) => described(command.name, command.summary)).join(' ')})
    _describe command commands
    return
  fi
  local name=\${words[2]}
  shift words
  (( CURRENT-- ))
  case $name in
${cases.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _ctreplay ]]; then _ctreplay "$@"; else compdef _ctreplay ctreplay; fi
`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = ['# fish completion for ctreplay'];
  for (const command of commands) {
    lines.push(
      `complete -c ctreplay -n __fish_use_subcommand -a ${command.name} -d ${quoted(oneLine(command.summary))}`,
    );
    const under = `-n ${quoted(`__fish_seen_subcommand_from ${command.name}`)}`;
    for (const each of command.subcommands) {
      lines.push(`complete -c ctreplay ${under} -a ${each.name} -d ${quoted(oneLine(each.summary))}`);
    }
    const options = [...command.options, ...command.subcommands.flatMap((each) => each.options)];
    for (const option of new Map(options.map((each) => [each.name, each])).values()) {
      const words =
        (option.values ?? []).length > 0 ? ` -f -a ${quoted((option.values ?? []).join(' '))}` : '';
      const value = option.takesValue ? ` -r${words}` : '';
      lines.push(
        `complete -c ctreplay ${under} -l ${option.name.slice(2)}${value} -d ${quoted(oneLine(option.summary))}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}
