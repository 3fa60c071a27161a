/**
 * Regressions planted on branches of a clone, and whether the gate tells them (plants.ts lists them). Timing: run it on a machine
 * that does nothing else.
 *
 *     CTREPLAY_PLANTED=10 npx vitest run test/tools/regress/planted.test.ts
 *
 * plants each ten times, asks the gates that have to hear it, and runs what is not planted twenty times, the gates in turn; it prints
 * every verdict. CTREPLAY_PLANTED_PRINTED=1 asks the other gates as well; level ratios, whose baseline is measured first, takes part
 * with CTREPLAY_PLANTED_RATIOS=1: minutes a run. Without the first variable all is skipped, except that the plants still fit the
 * sources. It clones what is committed.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../support/command.js';
import { CONFIGS, EXACT, PLANTS, REMARK, against, type Edit, type Gate, type Plant } from './plants.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const TIMES = Number(process.env['CTREPLAY_PLANTED'] ?? 0);
const RATIOS: Gate = { name: 'ratios', args: ['--level', 'ratios', '--baseline', 'planted-baseline'] };
const WITH_PRINTED = process.env['CTREPLAY_PLANTED_PRINTED'] === '1';
const WITH_RATIOS = process.env['CTREPLAY_PLANTED_RATIOS'] === '1';

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

let clone: string;

function run(command: string, args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: clone,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: '1', GITHUB_ACTIONS: '' },
  });
  return { code: status, text: stdout + stderr };
}

function mustRun(command: string, ...args: string[]): void {
  const { code, text } = run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${text}`);
}

function git(...args: string[]): void {
  mustRun('git', '-c', 'user.name=planter', '-c', 'user.email=planter@example.org', ...args);
}

function edited(text: string, { file, find, replace }: Edit): string {
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `${file}: '${find.trim()}' is there ${parts.length - 1} times, not once: nothing was planted`,
    );
  }
  return parts.join(replace);
}

/** A branch of `base` with the files edited, committed and built. */
function plant({ edits }: Plant): void {
  git('checkout', '-q', '-B', 'planted', 'base');
  for (const edit of edits) {
    const path = join(clone, edit.file);
    writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
  }
  git('commit', '-q', '-a', '-m', 'planted');
  mustRun('npm', 'run', '-s', 'build');
}

/** What a gate says of the branch, so often. */
function ask(name: string, gate: Gate, times: number): Outcome[] {
  return Array.from({ length: times }, (_, index) => {
    const from = performance.now();
    const outcome = run(process.execPath, ['dist/tools/cli.js', 'regress', ...gate.args]);
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    const regressions = outcome.text
      .split('\n')
      .filter((line) => /REGRESSION|inconclusive|skipped|error/i.test(line));
    process.stderr.write(
      `${name}, ${gate.name} ${index + 1}/${times}: exit code ${outcome.code}, ${seconds} s\n${regressions.map((line) => `    ${line.trim()}\n`).join('')}`,
    );
    return outcome;
  });
}

/** How often a gate failed with a text that `named` finds. */
const caught = (outcomes: readonly Outcome[], named = /./): number =>
  outcomes.filter(({ code, text }) => code === 99 && named.test(text)).length;

describe('the plants', () => {
  it('fit the sources that they are planted in', () => {
    for (const { name, edits } of [...PLANTS, REMARK]) {
      const files = new Map<string, string>();
      for (const edit of edits) {
        const before = files.get(edit.file) ?? readFileSync(join(ROOT, edit.file), 'utf8');
        const after = edited(before, edit);
        expect([name, after === before]).toEqual([name, false]);
        files.set(edit.file, after);
      }
    }
  });
});

describe.skipIf(!(TIMES > 0))('planted regressions (CTREPLAY_PLANTED=10 runs them ten times each)', () => {
  const limitMs = Math.max(TIMES, 1) * 1_800_000;

  beforeAll(() => {
    clone = scratchFolder();
    mustRun('git', 'clone', '-q', '--no-hardlinks', ROOT, '.');
    git('checkout', '-q', '-b', 'base');
    symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
    // Saves compiling what is the same; the build looks at the content.
    cpSync(join(ROOT, 'dist'), join(clone, 'dist'), { recursive: true });
    mustRun('npm', 'run', '-s', 'build');
    for (const [name, text] of Object.entries(CONFIGS)) writeFileSync(join(clone, `${name}.yaml`), text);
    if (WITH_RATIOS) mustRun(process.execPath, 'dist/tools/cli.js', 'regress', ...RATIOS.args, '--update');
  }, 3_600_000);
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  it.each(PLANTS.map((each) => [each.name, each] as const))(
    '%s is heard nine times of ten',
    (name, item) => {
      plant(item);
      const fewest = Math.ceil(0.9 * TIMES);
      for (const gate of item.heard) {
        const outcomes = ask(name, gate, TIMES);
        const names = gate === item.heard[0] ? (item.named ?? [/./]) : [/./];
        // Nobody is caught by another name.
        for (const { code, text } of outcomes)
          if (code === 99) expect(names.some((named) => named.test(text)) ? '' : text).toBe('');
        for (const named of names) {
          expect([gate.name, named.source, caught(outcomes, named)]).toEqual([
            gate.name,
            named.source,
            expect.toSatisfy((n: number) => n >= fewest),
          ]);
        }
      }
      const others = [...(WITH_PRINTED ? (item.printed ?? []) : []), ...(WITH_RATIOS ? [RATIOS] : [])];
      for (const gate of others) {
        const heard = caught(ask(name, gate, TIMES));
        process.stderr.write(`${name}: ${gate.name} hears it ${heard} times of ${TIMES}\n`);
      }
    },
    limitMs,
  );

  it(
    'a remark, and nothing at all, raise no alarm in twice as many runs',
    () => {
      plant(REMARK);
      const gates = [EXACT, { name: 'against', args: ['--level', 'against', '--against', 'HEAD~1'] }];
      for (const gate of gates) {
        const outcomes = ask('a remark', gate, TIMES);
        expect(outcomes.map(({ code }) => code)).toEqual(outcomes.map(() => 0));
      }
      // A build that differs in something that does nothing is measured, and still no alarm.
      const idle = {
        file: 'tools/replay/sweep-runner.ts',
        find: '    this.count++;\n',
        replace: '    this.count += 1;\n',
      };
      plant({ ...REMARK, edits: [idle] });
      const unplanted = [...Object.keys(CONFIGS).map(against), ...(WITH_RATIOS ? [RATIOS] : [])];
      for (let index = 0; index < 2 * TIMES; index++) {
        const gate = unplanted[index % unplanted.length] as Gate;
        expect([gate.name, caught(ask('nothing', gate, 1))]).toEqual([gate.name, 0]);
      }
      expect(caught(ask('nothing', EXACT, 2 * TIMES))).toBe(0);
    },
    limitMs * 4,
  );
});
