/** Every command and option of the help is in the documents, and every option of the documents in the help. */
import { describe, expect, it } from 'vitest';
import { makeProgram } from '../../tools/command-line.js';
import { lineAt, planted, repository, type Complaint, type Sources } from './sources.js';

const INSTEAD_DOCUMENT = 'Say in README.md or docs/ what it is for';
const INSTEAD_CORRECT = 'Write the option as the help has it, or take it out';

/** Options of commander itself, of programs of this repository that are not commands, and of other programs in examples. */
const OTHERS = new Set([
  ...['--help', '--version'],
  ...['--mode', '--focus', '--round', '--minutes', '--hours', '--plant', '--no-deaths'],
  ...['--workdir', '--privileged', '--rm', '--volume'],
]);

interface Words {
  readonly commands: ReadonlySet<string>;
  readonly options: ReadonlySet<string>;
}

async function helpWords(): Promise<Words> {
  const { commands } = await makeProgram([]);
  const all = [...commands, ...commands.flatMap((command) => command.commands)];
  return {
    commands: new Set(commands.map((command) => command.name())),
    options: new Set(
      all.flatMap((command) => command.options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? '')),
    ),
  };
}

function documentsOf(sources: Sources): [string, string][] {
  return [...sources].filter(
    ([path]) => path === 'README.md' || (path.startsWith('docs/') && path.endsWith('.md')),
  );
}

/** Names of the help that no document has. */
function undocumented({ commands, options }: Words, sources: Sources): string[] {
  const text = documentsOf(sources)
    .map(([, content]) => content)
    .join('\n');
  const has = (pattern: string): boolean => new RegExp(pattern).test(text);
  return [
    ...[...commands]
      .filter((name) => !has(`(ctreplay |\`)${name}\\b`))
      .map((name) => `ctreplay ${name} is in no document. ${INSTEAD_DOCUMENT}`),
    ...[...options]
      .filter((name) => !has(`${name}(?![\\w-])`))
      .map((name) => `${name} is in no document. ${INSTEAD_DOCUMENT}`),
  ];
}

/** Options in examples of ctreplay and in backquotes that no command has. */
function unknown({ options }: Words, sources: Sources): Complaint[] {
  const scenarioParameters = new Set(
    [...(sources.get('docs/scenarios.md') ?? '').matchAll(/--([a-z][\w-]*)/g)].map(
      (match) => `--${match[1]}`,
    ),
  );
  return documentsOf(sources).flatMap(([file, text]) =>
    [...text.matchAll(/(?:ctreplay [^\n`|]*|`)(--[a-z][a-z0-9-]*)/g)]
      .filter(({ 1: name = '' }) => !options.has(name) && !OTHERS.has(name) && !scenarioParameters.has(name))
      .map(({ 1: name = '', index }) => ({
        file,
        line: lineAt(text, index),
        what: `no command has ${name}`,
      })),
  );
}

describe('help and documents', () => {
  const sources = repository();

  it('every command and option is documented', async () => {
    expect(undocumented(await helpWords(), sources)).toEqual([]);
  });

  it('an option that no document has is found', async () => {
    const words = await helpWords();
    const more = {
      commands: new Set([...words.commands, 'planted']),
      options: new Set([...words.options, '--planted']),
    };
    expect(undocumented(more, sources).join('\n')).toMatch(
      /ctreplay planted is in no document[^]*--planted is in no document/,
    );
  });

  it('every option of the documents is one of a command', async () => {
    const found = unknown(await helpWords(), sources);
    expect(found.map(({ file, line, what }) => `${file}:${line}: ${what}. ${INSTEAD_CORRECT}`)).toEqual([]);
  });

  it('an option that no command has is found', async () => {
    const faulty = planted(sources, { 'docs/planted.md': 'Say `ctreplay replay a.pcap --gone-option 3`.\n' });
    expect(unknown(await helpWords(), faulty).map(({ what }) => what)).toEqual([
      'no command has --gone-option',
    ]);
  });
});
