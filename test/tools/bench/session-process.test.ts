/** Sessions as processes of their own: what they leave behind when they work, fail, die, or are told to stop. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { planMatrix } from '../../../tools/bench/matrix-plan.js';
import { ForkedSessions } from '../../../tools/bench/session-process.js';
import type { SessionState } from '../../../tools/bench/session.js';
import {
  confirmed,
  measureAfresh,
  withOtherSeed,
  type ConfirmRequest,
} from '../../../tools/regress/confirm.js';
import type { Check } from '../../../tools/regress/check.js';
import { matrix } from './fake-runner.js';

const folder = mkdtempSync(join(tmpdir(), 'ctreplay-sessions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that answers a request as the script says. */
function entry(name: string, script: string): string {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, script);
  return file;
}

const spec = matrix({ sessions: 2, trials: 2, warmupBlocks: 0 });
const groups = planMatrix(spec, 2);

function run(file: string, state: SessionState, isInterrupted = (): boolean => false): Promise<boolean> {
  return new ForkedSessions({ spec, shard: null, cores: 2 }, file).run(groups, 1, state, { isInterrupted });
}

const trial = (block: number) => `{ cell: 'c', session: 1, block: ${block}, values: { pps: process.pid } }`;

describe('a session', () => {
  it('is told its number, its groups and where blocks go on; its trials arrive, the last one too', async () => {
    const state: SessionState = {
      trials: [{ cell: groups[0]!.cells[0]!.id, session: 0, block: 1, values: {} }],
      cases: [],
    };
    const file = entry(
      'good',
      `process.on('message', (request) => {
        process.send({ kind: 'measured', trials: [{ cell: JSON.stringify(request.firstBlocks), session: request.session, block: request.groups.length, values: { pps: process.pid } }], cases: [], groupDone: true });
        process.send({ kind: 'measured', trials: [${trial(3)}], cases: [], groupDone: true });
        process.send({ kind: 'done', interrupted: false }, () => process.exit(0));
      });`,
    );
    expect(await run(file, state)).toBe(false);
    expect(state.trials.slice(1)).toMatchObject([
      { cell: JSON.stringify({ [groups[0]!.cells[0]!.id]: 2 }), session: 1, block: 1 },
      { block: 3 },
    ]);
    expect(state.trials[1]!.values['pps']).not.toBe(process.pid);
  });

  it('that fails says why, and one that dies says how; what they measured is kept', async () => {
    const failing = entry(
      'failing',
      `process.on('message', () => {
        process.send({ kind: 'measured', trials: [${trial(0)}], cases: [], groupDone: false });
        process.send({ kind: 'failed', message: 'c, trial 2: worker 0 died', exitCode: 2 }, () => process.exit(1));
      });`,
    );
    const state: SessionState = { trials: [], cases: [] };
    await expect(run(failing, state)).rejects.toMatchObject({
      message: 'session 2: c, trial 2: worker 0 died',
      exitCode: 2,
    });
    expect(state.trials).toHaveLength(1);
    const dying = entry(
      'dying',
      `process.on('message', () => {
        process.send({ kind: 'measured', trials: [${trial(0)}], cases: [], groupDone: false }, () => process.exit(7));
      });`,
    );
    await expect(run(dying, state)).rejects.toThrow(/session 2: its process ended with exit code 7/);
    expect(state.trials).toHaveLength(2);
    await expect(run(join(folder, 'missing.mjs'), state)).rejects.toThrow(/ended with exit code 1/);
  });

  it('is told when the matrix is interrupted', async () => {
    const patient = entry(
      'patient',
      `process.on('message', (message) => {
        if (message === 'stop') process.send({ kind: 'done', interrupted: true }, () => process.exit(0));
      });`,
    );
    expect(await run(patient, { trials: [], cases: [] }, () => true)).toBe(true);
  });

  it('that is done before it hears of the interruption is done', async () => {
    const quick = entry(
      'quick',
      `process.on('message', () => {
        process.send({ kind: 'measured', trials: [${trial(0)}], cases: [], groupDone: true });
        setTimeout(() => process.send({ kind: 'done', interrupted: false }, () => process.exit(0)), 300);
      });`,
    );
    const state: SessionState = { trials: [], cases: [] };
    // It ends while this thread is busy, which finds the channel broken before it has read what was sent last.
    const isInterrupted = (): boolean => {
      if (state.trials.length === 0) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800);
      return true;
    };
    expect(await run(quick, state, isInterrupted)).toBe(false);
  });
});

describe('a regression of level against', () => {
  const check = (verdict: Check['verdict']): Check => ({
    level: 'against',
    name: 'established/rculist-sweep',
    verdict,
    text: `said ${verdict}`,
    details: [],
  });
  const again = (verdict: Check['verdict']) => () => Promise.resolve(check(verdict));

  it('is one only when a second measurement finds it', async () => {
    expect(await confirmed(check('regression'), again('regression'))).toMatchObject({
      verdict: 'regression',
      text: 'said regression; a fresh process found it as well',
    });
    for (const other of ['pass', 'inconclusive'] as const) {
      const left = await confirmed(check('regression'), again(other));
      expect(left).toMatchObject({ verdict: 'inconclusive' });
      expect(left.text).toContain(`a fresh process did not find it (${other}`);
    }
    const never = (): Promise<Check> => Promise.reject(new Error('not asked for'));
    expect(await confirmed(check('pass'), never)).toEqual(check('pass'));
    expect(await confirmed(check('inconclusive'), never)).toEqual(check('inconclusive'));
  });

  it('is measured again in another process, with another seed', async () => {
    const request: ConfirmRequest = {
      input: { scenario: 'established' },
      design: 'rculist-sweep',
      base: { label: 'base', folder: '/' },
      head: { label: 'head', folder: '/' },
      rule: { threshold: 0.05, confidence: 0.99, rounds: 8, maxRounds: 8, seed: 1 },
      cellCount: 1,
    };
    const other = withOtherSeed(request);
    expect(other.rule.seed).not.toBe(1);
    expect(other).toEqual({ ...request, rule: { ...request.rule, seed: other.rule.seed } });
    const echo = entry(
      'echo',
      `process.on('message', (request) => {
        const check = { level: 'against', name: String(process.pid), verdict: 'pass', text: String(request.rule.seed), details: [] };
        process.send({ check }, () => process.exit(0));
      });`,
    );
    const found = await measureAfresh(other, echo);
    expect(found.text).toBe(String(other.rule.seed));
    expect(found.name).not.toBe(String(process.pid));
    const failing = entry(
      'unable',
      `process.on('message', () => process.send({ failed: 'no engine' }, () => process.exit(0)));`,
    );
    await expect(measureAfresh(request, failing)).rejects.toThrow(
      /confirm rculist-sweep on established failed: no engine/,
    );
    const dying = entry('dead', `process.on('message', () => process.exit(3));`);
    await expect(measureAfresh(request, dying)).rejects.toThrow(/ended with exit code 3/);
  });
});
