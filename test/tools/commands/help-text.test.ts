/** What the commands say of themselves: help, man pages, completion and docs/options.md come from one source. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { format, resolveConfig } from 'prettier';
import { afterAll, describe, expect, it } from 'vitest';
import { optionsMarkdown } from '../../../tools/commands/command-text.js';
import { EXIT_CODES } from '../../../tools/commands/exit-codes.js';
import { COMMANDS } from '../../../tools/commands/registry.js';
import { SCENARIOS } from '../../../tools/synth/registry.js';
import { ONLY_BENCH, ONLY_REPLAY } from '../../../tools/commands/vocabulary.js';
import { ctreplay, scratchFolder } from '../../support/command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function programOfAll(): Promise<Command> {
  const program = new Command('ctreplay');
  for (const load of Object.values(COMMANDS)) (await load()).register(program, []);
  return program;
}

describe('docs/options.md', () => {
  it('is what the commands say (vitest run FILE -u rewrites it)', async () => {
    const file = resolve(dirname(fileURLToPath(import.meta.url)), '../../../docs/options.md');
    const text = await format(optionsMarkdown(await programOfAll()), {
      ...(await resolveConfig(file)),
      parser: 'markdown',
    });
    await expect(text).toMatchFileSnapshot(file);
  });
});

/** Parameters that commands have as options of their own: the same by what they say, or those of the original's benchmark. */
const SHARED_PARAMETERS = new Set(['packets', 'pps', 'threads', 'batch', 'change']);

describe('commands that replay scenarios', () => {
  it.each(['replay', 'bench', 'advise', 'contention'])(
    '%s has no option that a scenario has a parameter of: the parameter could not be given',
    async (name) => {
      const command = (await programOfAll()).commands.find((each) => each.name() === name);
      const own = new Set(command?.options.map(({ long }) => long));
      const taken = SCENARIOS.flatMap(({ name: scenario, parameters }) =>
        parameters
          .filter((spec) => own.has(`--${spec.name}`) && !SHARED_PARAMETERS.has(spec.name))
          .map((spec) => `${scenario} --${spec.name}: call it otherwise`),
      );
      expect(own.size).toBeGreaterThan(5);
      expect(taken).toEqual([]);
    },
  );
});

describe('replay and bench', () => {
  const optionsOf = async (name: string): Promise<Map<string, string>> => {
    const command = (await programOfAll()).commands.find((each) => each.name() === name);
    const shown = command?.options.filter(({ hidden }) => hidden !== true) ?? [];
    return new Map(shown.map(({ long, flags }) => [long ?? '', flags]));
  };

  it('have the same options, or docs/options.md says why not', async () => {
    const [replay, bench] = [await optionsOf('replay'), await optionsOf('bench')];
    const only = (own: Map<string, string>, other: Map<string, string>): string[] =>
      [...own.keys()].filter((long) => !other.has(long)).toSorted();
    expect(only(replay, bench)).toEqual(Object.keys(ONLY_REPLAY).toSorted());
    expect(only(bench, replay)).toEqual(Object.keys(ONLY_BENCH).toSorted());
  });

  it('write what both have alike', async () => {
    const [replay, bench] = [await optionsOf('replay'), await optionsOf('bench')];
    const both = [...replay].filter(([long]) => bench.has(long) && long !== '--synth');
    for (const [long, flags] of both) expect(`bench ${bench.get(long)}`).toBe(`bench ${flags}`);
    expect(both.map(([long]) => long)).toEqual(
      expect.arrayContaining([
        ...['--loop', '--duration', '--config', '--unique-ip', '--time-scale', '--limit', '--latency'],
        ...['--timeline', '--filter', '--snaplen', '--profile', '--burst', '--out', '--json', '--trials'],
      ]),
    );
  });
});

describe('exit codes', () => {
  it.each(['--help', 'replay --help', 'bench --help', 'compare --help'])('are in %s', (args) => {
    const { stdout } = ctreplay(args.split(' '), folder, undefined, { COLUMNS: '500' });
    const lines = stdout.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
    for (const { code, meaning } of EXIT_CODES) expect(lines).toContain(`${code} ${meaning}`);
  });
});

describe('man pages', () => {
  it('have every option, and none of their lines is a request that is none', () => {
    const { code, stdout } = ctreplay(['man', 'replay'], folder);
    expect(code).toBe(0);
    for (const option of ['\\-\\-trials', '\\-\\-pps', '\\-\\-out']) expect(stdout).toContain(option);
    const requests = stdout.split('\n').filter((line) => line.startsWith('.'));
    for (const line of requests) expect(line).toMatch(/^\.(?:TH|SH|TP|B)\b/);
  });

  it('says so when there is no such command', () => {
    expect(ctreplay(['man', 'nope'], folder)).toMatchObject({ code: 2 });
  });
});

describe('completion', () => {
  const bash = '/bin/bash';
  it.skipIf(!existsSync(bash))('completes the values of options', () => {
    const script = ctreplay(['completion', 'bash'], folder).stdout;
    writeFileSync(join(folder, 'completion.bash'), script);
    const complete = (...words: string[]): string[] =>
      execFileSync(
        bash,
        [
          '-c',
          `source completion.bash; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _ctreplay; printf '%s\\n' "\${COMPREPLY[@]}"`,
        ],
        { cwd: folder, encoding: 'utf8' },
      )
        .trim()
        .split('\n');
    expect(complete('ctreplay', 'replay', '--mutex', '')).toEqual(['glibc', 'backoff']);
    expect(complete('ctreplay', 'replay', '--design', 'rcu')).toEqual(['rculist-sweep']);
    expect(complete('ctreplay', 'bench', '--synth', 'nat')).toEqual(['nat-exhaustion']);
    expect(complete('ctreplay', 'replay', '--tri')).toEqual(['--trials']);
  });
});

describe('--list-designs', () => {
  it.each(['replay', 'bench'])('of %s lists designs and presets', (command) => {
    const { code, stdout } = ctreplay([command, '--list-designs'], folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^timeout-lists: /m);
    expect(stdout).toContain('rculist-sweep@v7-fixed');
  });
});
