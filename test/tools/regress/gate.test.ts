import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeOf, type Check, type CheckVerdict } from '../../../tools/regress/check.js';
import { exactChecks, exactBaselineText } from '../../../tools/regress/exact-baseline.js';
import { exactDifferences } from '../../../tools/regress/exact-difference.js';
import type { ExactFigures } from '../../../tools/regress/exact-run.js';
import { gateJunit, gateMarkdown, gateText, githubAnnotations } from '../../../tools/regress/gate-text.js';
import { ctreplay, scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { HOSTILE_TEXTS } from '../report/sample-runs.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const figures: ExactFigures = {
  packets: 1000,
  verdictHash: 'aa',
  tableHash: 'bb',
  connections: 10,
  verdicts: { 'new|trk': 10, 'est|trk': 990 },
  reasons: { created: 10 },
  locks: { ct_lock: 2000, conn_lock: 3000 },
  work: { lookups: 1000, listMoves: 990 },
  lines: { 'est|trk': 9000 },
  linesWritten: { 'est|trk': 2000 },
  linesByRegion: { slab: 5000 },
  accesses: { 'est|trk': 50_000 },
  heldAccesses: { 'ct_lock sweep': 3000 },
  heldInstructions: { 'conn_lock est|trk': 9900 },
  loopTurns: { 'est|trk': 4000 },
  mostLoopTurns: { 'est|trk': 100 },
};

describe('exact figures', () => {
  it('tell every count that changed, per packet, work before hashes', () => {
    const head = {
      ...figures,
      verdictHash: 'cc',
      locks: { ct_lock: 3000, conn_lock: 3000 },
      work: { lookups: 1000, refreshes: 5 },
    };
    expect(exactDifferences(figures, head)).toEqual([
      'locks.ct_lock: 2,000 → 3,000 (+1,000, +1 per packet)',
      'work.listMoves: 990 → 0 (-990, -0.99 per packet)',
      'work.refreshes: 0 → 5 (+5, +0.005 per packet)',
      'verdictHash: aa → cc (what packets get changed)',
    ]);
    expect(exactDifferences(figures, structuredClone(figures))).toEqual([]);
  });

  it('see any single count that is one off', () => {
    const groups = [
      'locks',
      'work',
      'reasons',
      'verdicts',
      'lines',
      'linesWritten',
      'linesByRegion',
    ] as const;
    fc.assert(
      fc.property(fc.constantFrom(...groups), fc.nat(), fc.integer({ min: 1, max: 5 }), (group, pick, by) => {
        const head = structuredClone(figures) as { -readonly [K in keyof ExactFigures]: ExactFigures[K] };
        const counts = head[group]!;
        const names = Object.keys(counts);
        const name = names[pick % names.length]!;
        head[group] = { ...counts, [name]: counts[name]! + by };
        expect(exactDifferences(figures, head)).toHaveLength(1);
        expect(exactDifferences(figures, head)[0]).toContain(`${group}.${name}`);
      }),
    );
  });

  it('leave a fiftieth to the compiler, where it decides, and no more', () => {
    for (const group of [
      'accesses',
      'heldAccesses',
      'heldInstructions',
      'loopTurns',
      'mostLoopTurns',
    ] as const) {
      const [name, count] = Object.entries(figures[group]!)[0]!;
      const head = (by: number) => ({ ...figures, [group]: { [name]: Math.round(count * by) } });
      expect(exactDifferences(figures, head(1.02))).toEqual([]);
      expect(exactDifferences(figures, head(0.98))).toEqual([]);
      expect(exactDifferences(figures, head(1.03))[0]).toContain(`${group}.${name}`);
      expect(exactDifferences(figures, head(0.97))).toHaveLength(1);
    }
  });

  it('that an older baseline does not count are inconclusive, and a change in the others is not', () => {
    const { lines: _lines, loopTurns: _turns, ...older } = figures;
    const compare = (head: ExactFigures) =>
      exactChecks(
        { seed: 1, designs: new Map(), cells: new Map([['cell', older]]) },
        { designs: new Map(), cells: new Map([['cell', head]]) },
        'f',
      )[0]!;
    expect(compare(figures)).toMatchObject({
      verdict: 'inconclusive',
      text: expect.stringContaining('does not count lines, loopTurns; add them with regress --update'),
    });
    expect(compare({ ...figures, connections: 11 }).verdict).toBe('regression');
  });

  it('of a cell that is new are inconclusive, of one that is gone a regression', () => {
    const checks = exactChecks(
      { seed: 1, designs: new Map(), cells: new Map([['gone', figures]]) },
      { designs: new Map(), cells: new Map([['new', figures]]) },
      'f',
    );
    expect(checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['new', 'inconclusive'],
      ['gone', 'regression'],
    ]);
  });

  it('are written in an order of their own', () => {
    const cells = new Map([
      ['b', figures],
      ['a', figures],
    ]);
    expect(
      Object.keys(
        (JSON.parse(exactBaselineText({ seed: 1, designs: new Map(), cells })) as { cells: object }).cells,
      ),
    ).toEqual(['a', 'b']);
  });
});

const check = (verdict: CheckVerdict, text = 'text'): Check => ({
  level: 'exact',
  name: text,
  verdict,
  text,
  details: [text],
  file: 'results/baseline/exact.json',
});

describe('what a gate says', () => {
  it('is 99 for a regression, 98 for doubt, 0 for neither', () => {
    expect(exitCodeOf([check('pass'), check('inconclusive'), check('regression')])).toBe(99);
    expect(exitCodeOf([check('pass'), check('inconclusive')])).toBe(98);
    expect(exitCodeOf([check('pass'), check('skipped')])).toBe(0);
  });

  it('annotates without letting text end the command', () => {
    const [line] = githubAnnotations([check('regression', 'a%b\r\nc:d,e')]);
    expect(line).toBe(
      '::error file=results/baseline/exact.json,title=REGRESSION%3A a%25b%0D%0Ac%3Ad%2Ce::a%25b%0D%0Ac:d,e%0Aa%25b%0D%0Ac:d,e',
    );
    expect(githubAnnotations([check('pass'), check('skipped')])).toEqual([]);
    expect(githubAnnotations([check('inconclusive')])[0]).toMatch(/^::warning /);
  });

  it('is JUnit with failure for regression and skipped for doubt', () => {
    const xml = gateJunit({
      checks: [check('pass'), check('regression'), check('inconclusive')],
      createdAt: '2026-11-24T10:00:00Z',
      facts: [],
    });
    expect(xml).toContain('tests="3" failures="1" errors="0" skipped="1"');
    expect(xml).toMatch(/<failure message="text" type="failure">text<\/failure>/);
  });

  it('keeps hostile text out of Markdown and terminals', () => {
    for (const text of HOSTILE_TEXTS) {
      const report = {
        checks: [check('regression', text)],
        createdAt: '2026-11-24T10:00:00Z',
        facts: [text],
      };
      expect(gateMarkdown(report).replaceAll(/<\/?(?:details|summary|sub)>/g, '')).not.toMatch(/<[a-z]/i);
      // oxlint-disable-next-line no-control-regex -- control characters must not be there
      expect(gateText(report, false)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    }
  });
});

describe('ctreplay regress', () => {
  const config = `
designs: [timeout-lists, rculist-sweep]
exact:
  inputs:
    - { scenario: tcp-crr, parameters: { packets: 400 } }
`;

  it('passes on its own baseline, names a change, and updates', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'regress.yaml'), config);
    const run = (...args: string[]) =>
      runCommandLine(['regress', '--level', 'exact', '--baseline', 'base', ...args], folder);
    const none = await run();
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('there is no baseline; make one with regress --update');

    expect(await run('--update')).toMatchObject({ code: 0, stdout: 'Wrote base/exact.json\n' });
    const passed = await run('--junit', 'out/regress.xml', '--markdown', 'out/regress.md');
    expect(passed).toMatchObject({ code: 0, stderr: '' });
    expect(passed.stdout).toContain('4 passed');
    expect(readFileSync(join(folder, 'out', 'regress.xml'), 'utf8')).toContain('tests="4" failures="0"');

    const file = join(folder, 'base', 'exact.json');
    const baseline = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      baseline.replace(/"ct_lock": (\d+)/, (_, n: string) => `"ct_lock": ${Number(n) - 4}`),
    );
    const failed = await run('--github');
    expect(failed.code).toBe(99);
    expect(failed.stdout).toMatch(/REGRESSION .*locks\.ct_lock: .* \(\+4, \+0\.01 per packet\)/);
    expect(failed.stderr).toMatch(/^::error file=base\/exact\.json,title=REGRESSION/);

    expect((await run('--update')).stdout).toContain('locks.ct_lock');
    expect(readFileSync(file, 'utf8')).toBe(baseline);
    writeFileSync(file, '{');
    const broken = await run('--junit', 'out/broken.xml');
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('base/exact.json: is not JSON');
    expect(readFileSync(join(folder, 'out', 'broken.xml'), 'utf8')).toContain('errors="1"');
  });

  it('does with what is inconclusive as it is told, and says so', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'regress.yaml'), config);
    const run = (...args: string[]) =>
      runCommandLine(['regress', '--level', 'exact', '--baseline', 'base', ...args], folder);
    await run('--update');
    // Another input, of which the baseline knows nothing.
    const more = '    - { scenario: syn-flood, parameters: { packets: 100 } }\n';
    writeFileSync(join(folder, 'regress.yaml'), config + more);
    const policies = [
      [[], 98],
      [['--inconclusive', 'fail'], 99],
      [['--rerun-inconclusive', '--inconclusive', 'pass'], 0],
    ] as const;
    for (const [args, code] of policies) {
      const outcome = await run('--quiet', ...args);
      expect([args, outcome.code]).toEqual([args, code]);
      expect(outcome.stdout).toMatch(/2 checks are inconclusive.*\n$/);
    }
    expect((await run('--update', '--inconclusive', 'pass')).code).toBe(2);
    expect((await run('--inconclusive', 'maybe')).code).toBe(2);
  });

  it('refuses options that contradict each other', async () => {
    const folder = scratchFolder();
    const regress = (...args: string[]) => runCommandLine(['regress', ...args], folder);
    for (const args of [
      ['--level', 'against'],
      ['--level', 'exact', '--against', 'HEAD'],
      ['--level', 'nonsense'],
      ['--update', '--against', 'HEAD'],
    ]) {
      expect([args, (await regress(...args)).code]).toEqual([args, 2]);
    }
    // What no run could answer is refused before one is made, baseline or not.
    for (const threshold of ['service.p98 < 5ms', 'response.p99 < 5ms', 'pps > 1 on no-such-cell']) {
      writeFileSync(join(folder, 'regress.yaml'), `thresholds: ['${threshold}']\n`);
      const refused = await regress('--level', 'ratios');
      expect([threshold, refused.code]).toEqual([threshold, 2]);
      expect(refused.stderr).toMatch(/no metric|only at a rate|no cell is called like 'no-such-cell'/);
    }
    rmSync(join(folder, 'regress.yaml'));
    const { stderr } = await regress('--level', 'against', '--against', 'HEAD');
    expect(stderr).toContain('needs a git repository');
  });

  it("holds the project's own baseline", async () => {
    const { code, stdout } = await runCommandLine(['regress', '--level', 'exact', '--quiet'], ROOT);
    expect(stdout).toMatch(/^\d+ passed\n$/);
    expect(code).toBe(0);
  }, 180_000);

  it.skipIf(process.env['CTREPLAY_LONG'] === undefined)(
    'with --against tells a slower refresh from a remark (CTREPLAY_LONG=1 runs it: it compiles three engines)',
    () => {
      const folder = scratchFolder();
      cpSync(join(ROOT, 'engine', 'assembly'), join(folder, 'engine', 'assembly'), { recursive: true });
      writeFileSync(
        join(folder, 'regress.yaml'),
        'designs: [rculist-sweep]\nagainst:\n  inputs: [{ scenario: established, parameters: { packets: 20000, active-flows: 200 } }]\n',
      );
      const git = (...args: string[]) =>
        ctreplayGit(folder, ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args]);
      git('init', '-q');
      git('add', '.');
      git('commit', '-q', '-m', 'base');
      const source = join(folder, 'engine', 'assembly', 'expiry', 'rculist-sweep.ts');
      const text = readFileSync(source, 'utf8');
      const gate = () => ctreplay(['regress', '--level', 'against', '--against', 'HEAD'], folder);
      writeFileSync(source, text.replace('\n', '\n// A remark.\n'));
      expect(gate()).toMatchObject({ code: 0 });
      writeFileSync(
        source,
        text.replace(
          '    countWork(W_REFRESHES, 1);',
          '    for (let i: u32 = 0; i < 4; i++) atomic.add<u32>(expiryBase + X_NEXT_SWEEP + 64, 1);\n    countWork(W_REFRESHES, 1);',
        ),
      );
      const slower = gate();
      expect(slower.stdout).toContain('REGRESSION');
      expect(slower.code).toBe(99);
    },
    600_000,
  );
});

function ctreplayGit(folder: string, args: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  expect(existsSync(join(folder, '.git'))).toBe(true);
}
