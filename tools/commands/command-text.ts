/** What the commands say of themselves, as a Markdown table and as man pages: from the same objects as --help. */
import type { Command, Option } from 'commander';
import { EXIT_CODES } from './exit-codes.js';
import { ONLY_BENCH, ONLY_REPLAY } from './vocabulary.js';

/** Options of a command that help shows. */
function shownOptions(command: Command): readonly Option[] {
  return command.options.filter((option) => option.hidden !== true);
}

/** The default of an option in words; empty where it has none, or its description says it. */
function defaultText(option: Option): string {
  const { defaultValue, defaultValueDescription } = option as Option & {
    readonly defaultValue?: unknown;
    readonly defaultValueDescription?: string;
  };
  if (defaultValueDescription !== undefined) return defaultValueDescription;
  if (defaultValue === undefined || defaultValue === null || typeof defaultValue === 'boolean') return '';
  return Array.isArray(defaultValue) ? defaultValue.join(',') : String(defaultValue);
}

function cellText(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');
}

/** How numbers and times are written in every option. */
const UNITS: readonly (readonly [what: string, how: string])[] = [
  ['counts', '`2000000`, `2M`, `100k`'],
  ['packets/s', '`100k`, `100kpps`, `1.5Mpps`'],
  ['bit rates', '`100mbps`, `1gbps`; a bare number is in Mbit/s'],
  [
    'times',
    '`250ms`, `10s`, `5m`, `1h`; a bare number counts in the unit that the option names, with a hint',
  ],
  ['memory', '`128MiB`, `1GiB`; a bare number is in MiB'],
];

/** docs/options.md: exit codes, units, and the options of every command. */
export function optionsMarkdown(program: Command): string {
  const commands = program.commands.filter((command) => shownOptions(command).length > 0);
  const sections = commands.map((command) => {
    const rows = shownOptions(command).map(
      (option) =>
        `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cellText(option.description)} | ${cellText(defaultText(option))} |`,
    );
    return [
      `## ${command.name()}`,
      cellText(command.summary() || command.description()),
      ['| Option | What | Default |', '| --- | --- | --- |', ...rows].join('\n'),
    ].join('\n\n');
  });
  return [
    '# Options, units and exit codes',
    'Made from the same source as `--help` and the man pages; a test keeps it so.',
    '## Exit codes',
    [
      '| Code | Meaning |',
      '| ---: | --- |',
      ...EXIT_CODES.map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    ].join('\n'),
    '## Units',
    ['| Of | Written |', '| --- | --- |', ...UNITS.map(([what, how]) => `| ${what} | ${how} |`)].join('\n'),
    '## replay and bench',
    'What one can measure the other can, under the same name. Only one of them has:',
    [
      '| Option | Of | Why |',
      '| --- | --- | --- |',
      ...onlyRows('replay', ONLY_REPLAY),
      ...onlyRows('bench', ONLY_BENCH),
    ].join('\n'),
    ...sections,
    '',
  ].join('\n\n');
}

function onlyRows(command: string, options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).map(
    ([option, why]) => `| \`${option}\` | \`${command}\` | ${cellText(why)} |`,
  );
}

/** Text for roff: no line of it is taken for a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');
}

/**
 * The man page of a command, section 1.
 * @param program whose name and version stand on it
 */
export function manPage(program: Command, command: Command): string {
  const isProgram = command === program;
  const name = isProgram ? program.name() : `${program.name()}-${command.name()}`;
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "${program.name()} ${program.version() ?? ''}"`,
    '.SH NAME',
    roff(`${name} - ${command.summary() || command.description().split('.')[0]}`),
    '.SH SYNOPSIS',
    `.B ${roff(isProgram ? program.name() : `${program.name()} ${command.name()}`)}`,
    roff(command.usage()),
    '.SH DESCRIPTION',
    roff(command.description()),
    ...(isProgram
      ? ['.SH COMMANDS', ...program.commands.flatMap((each) => item(each.name(), each.summary()))]
      : []),
    ...(shownOptions(command).length === 0 ? [] : ['.SH OPTIONS']),
    ...shownOptions(command).flatMap((option) => {
      const known = defaultText(option);
      return item(option.flags, `${option.description}${known === '' ? '' : ` (default: ${known})`}`);
    }),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(({ code, meaning }) => item(String(code), meaning)),
  ];
  return `${lines.join('\n')}\n`;
}

function item(term: string, text: string): string[] {
  return ['.TP', `.B ${roff(term)}`, roff(text)];
}
