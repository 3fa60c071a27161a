import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Result } from '../../../tools/result/schema.js';
import { CLI, ctreplay, scratchFolder } from '../../support/command.js';
import { failedChecksButRate } from '../../support/replay.js';
import { runCommandLine } from '../../support/run-command.js';

const folder = scratchFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;
/** Three tenths of a second. */
const PACED = ['--synth', 'established', '--packets', '6000', '--pps', '20k', '--design', 'rculist-sweep'];

interface StreamEvent {
  readonly event: string;
  readonly packets?: number;
  readonly p99Ns?: number | null;
  readonly lockWaitShare?: number | null;
  readonly result?: Result;
}

/** A busy machine may not keep the rate, which is an error, and the only one. */
function expectJudged(result: Result, code: number | null, stderr: string): void {
  expect(result.cases.flatMap(failedChecksButRate)).toEqual([]);
  expect(code, stderr).toBe(result.valid ? 0 : 1);
}

function resultIn(out: string): Result {
  return JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as Result;
}

describe('a run as it goes', () => {
  it('--stream: JSON lines that begin with the run, have each interval and end with the result', () => {
    const { code, stdout, stderr } = ctreplay(['replay', ...PACED, '--timeline', '50ms', '--stream'], folder);
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StreamEvent);
    expect(events[0]).toMatchObject({ event: 'run', design: 'rculist-sweep' });
    const intervals = events.filter(({ event }) => event === 'interval');
    expect(intervals.length).toBeGreaterThan(2);
    const result = events.at(-1)?.result as Result;
    expectJudged(result, code, stderr);
    const [one] = result.cases;
    // The same intervals as in the result, as far as they had ended with it.
    expect(intervals.reduce((sum, { packets = 0 }) => sum + packets, 0)).toBe(
      (one?.timeline ?? []).reduce((sum, { packets }) => sum + packets, 0),
    );
    for (const { lockWaitShare } of intervals) expect(lockWaitShare).toBeLessThanOrEqual(1);
  });

  it('--stats: a line an interval, without a terminal', () => {
    const args = ['replay', ...PACED, '--stats', '100ms', '--quiet', '--out', 'stats'];
    const { code, stderr } = ctreplay(args, folder);
    expectJudged(resultIn(join(folder, 'stats')), code, stderr);
    const lines = stderr.split('\n').filter((line) => /^ +\d+\.\d s {2}rculist-sweep/.test(line));
    expect(lines.length).toBeGreaterThan(1);
    expect(lines[0]).toMatch(/k\/s {2}p50 .* p99 .* lock wait /);
  });

  // Of so many intervals the main thread would never come to an end, nor hear a signal.
  it.each(['--stats', '--timeline'])(
    '%s is of no shorter intervals than can be looked at',
    async (option) => {
      const { code, stderr } = await runCommandLine(['replay', ...PACED, option, '0.00001ms'], folder);
      expect(stderr).toContain('Give a time of at least 1ms, for example 500ms');
      expect(code).toBe(2);
    },
  );

  it('watch one run', async () => {
    const args = ['replay', ...PACED, '--stats', '1s', '--trials', '2'];
    const { code, stderr } = await runCommandLine(args, folder);
    expect(stderr).toContain('leave --trials out');
    expect(code).toBe(2);
  });
});

/** Runs the program, and sends it a signal when it has said what `until` waits for. */
async function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  until: RegExp,
): Promise<number | null> {
  const child = spawn(process.execPath, [CLI, ...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part: Buffer) => {
    const before = until.test(said);
    said += part.toString();
    if (!before && until.test(said)) child.kill(signal);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

/** Exit codes of a program that a signal ended, as shells have them: 128 and the number of the signal. */
const SIGNALS = [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const;

describe('what was measured is kept', () => {
  // That each of them is heard is for program-end.test.ts; what is kept then is the same.
  it.each(IS_LONG ? SIGNALS : SIGNALS.slice(2))(
    'on %s, with exit code %d',
    async (signal, expected) => {
      const out = join(folder, signal);
      const args = ['replay', ...PACED, '--duration', '60s', '--stats', '200ms', '--out', out];
      expect(await interrupted(args, signal, /rculist-sweep/)).toBe(expected);
      const result = resultIn(out);
      expect(result.partial).toBe(true);
      expect(result.cases[0]?.packets.injected).toBeGreaterThan(0);
    },
    120_000,
  );

  it('by a matrix and by trials as well', async () => {
    const short = ['--synth', 'syn-flood', '--packets', '2000', '--warmup', '0', '--out'];
    const bench = ['bench', ...short, join(folder, 'matrix'), '--sessions', '40', '--trials', '1'];
    expect(await interrupted(bench, 'SIGTERM', /session 2 of 40/)).toBe(143);
    const result = resultIn(join(folder, 'matrix'));
    expect(result.partial).toBe(true);
    expect(new Set(result.cases.map(({ session }) => session)).has(0)).toBe(true);
    // Its first line on standard error comes with its first trial.
    const trials = ['replay', ...short, join(folder, 'trials'), '--trials', '40'];
    expect(await interrupted(trials, 'SIGHUP', /the run took/)).toBe(129);
    expect(readFileSync(join(folder, 'trials', 'summary.csv'), 'utf8')).toContain('syn-flood');
  }, 120_000);

  it('and the demo does not go on to its second run', async () => {
    const out = join(folder, 'demo');
    const args = [
      ...['demo', '--out', out, '--trials', '1'],
      ...['--loop', '100', '--duration', '60s', '--stats', '200ms'],
    ];
    expect(await interrupted(args, 'SIGTERM', /timeout-lists/)).toBe(143);
    expect(readdirSync(out)).toEqual(['capture']);
  }, 120_000);

  it.skipIf(!existsSync('/bin/bash'))('when the reader of the table goes', () => {
    const out = join(folder, 'piped');
    const command = `"$0" "$1" replay ${PACED.join(' ')} --out "$2" | head -n 1`;
    const shown = execFileSync('/bin/bash', ['-c', command, process.execPath, CLI, out], {
      encoding: 'utf8',
    });
    expect(shown.split('\n')).toHaveLength(2);
    for (const name of ['result.json', 'summary.csv', 'report.html'])
      expect(existsSync(join(out, name))).toBe(true);
  });
});

describe('the interval of live lines', () => {
  const SHORT = ['replay', '--synth', 'udp-churn', '--packets', '2000', '--pps', '20k', '--trials', '1'];

  it('is that of the timeline: two that differ are refused', () => {
    const { code, stderr } = ctreplay([...SHORT, '--timeline', '50ms', '--stats', '1s'], folder);
    expect(code).toBe(2);
    expect(stderr).toContain('--stats and --timeline are of the same intervals');
  });

  it('holds for a run that is repeated from its plan', () => {
    // A busy machine may not keep the rate, which is another matter.
    expect(ctreplay([...SHORT, '--timeline', '50ms', '--out', 'p', '--quiet'], folder).code).toBeLessThan(2);
    const { stdout } = ctreplay(['replay', '--plan', 'p', '--stats', '30ms', '--json'], folder);
    expect((JSON.parse(stdout) as { configuration: object }).configuration).toMatchObject({ timelineMs: 30 });
  });
});
