import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { afterWarmUp, judge, type FlatnessRule } from '../../../tools/endurance/soak/flatness.js';
import { runSoak } from '../../../tools/endurance/soak/run-soak.js';
import { soakCsv, soakPlot } from '../../../tools/endurance/soak/soak-files.js';
import { CLI } from '../../support/command.js';
import { joinSamples, RULES, type ProcessSample } from '../../../tools/endurance/soak/soak-samples.js';

const RULE: FlatnessRule = { name: 'slots', unit: 'slots', level: 'median', share: 0.1, least: 5 };
const ramp = (from: number, step: number): number[] => Array.from({ length: 30 }, (_, i) => from + i * step);

describe('flatness', () => {
  it('growth beyond what counts as none is seen, in share and in number', () => {
    const slow = judge(RULE, ramp(1000, 4));
    expect(slow.isFlat).toBe(true);
    expect(slow.allowed).toBeCloseTo(101.8);
    expect(judge(RULE, ramp(1000, 6)).isFlat).toBe(false);
    expect(judge(RULE, ramp(0, 0.2)).isFlat).toBe(true);
    expect(judge(RULE, ramp(0, 0.3)).isFlat).toBe(false);
  });

  it('what shrinks is flat, and what swings too', () => {
    expect(judge(RULE, ramp(1000, -20)).isFlat).toBe(true);
    expect(
      judge(
        RULE,
        Array.from({ length: 30 }, (_, i) => (i % 2) * 1000),
      ).isFlat,
    ).toBe(true);
  });

  it('a sawtooth that a collector makes is judged by its low points', () => {
    const low: FlatnessRule = { ...RULE, level: 'low' };
    const saw = (growth: number): number[] =>
      Array.from({ length: 60 }, (_, i) => i * growth + (i % 5) * 100);
    expect(judge(low, saw(0)).isFlat).toBe(true);
    expect(judge(low, saw(3)).isFlat).toBe(false);
  });

  it('too few samples say nothing', () => {
    expect(judge(RULE, [1, 2, null, 3])).toMatchObject({ early: null, late: null, isFlat: false });
  });

  it('the warm-up is a tenth, at least so long, at most half', () => {
    const samples = Array.from({ length: 101 }, (_, i) => ({ tMs: i * 10_000 }));
    expect(afterWarmUp(samples, 0)[0]?.tMs).toBe(100_000);
    expect(afterWarmUp(samples, 180_000)[0]?.tMs).toBe(180_000);
    expect(afterWarmUp(samples, 1e9)[0]?.tMs).toBe(500_000);
    expect(afterWarmUp([], 1)).toEqual([]);
  });
});

describe('samples of a soak', () => {
  const sample = (tMs: number, packets: number): ProcessSample => ({
    tMs,
    packets,
    rssBytes: 1,
    heapBytes: 1,
    externalBytes: 1,
    handles: null,
  });

  it('drift is how much later packets are than their rate says', () => {
    const table = [0, 1000, 2000].map((tMs) => ({
      tMs,
      nConn: tMs,
      expiredPresent: 1,
      slabInUse: 2,
      gracePending: 3,
    }));
    const joined = joinSamples([sample(0, 10), sample(1000, 1010), sample(2500, 2010)], table, 1000);
    expect(joined.map(({ driftMs }) => driftMs)).toEqual([0, 0, 500]);
    expect(joined.map(({ connections }) => connections)).toEqual([0, 1000, 2000]);
    expect(joinSamples([], table, 1000)).toEqual([]);
    expect(joinSamples([sample(0, 0)], [], 1)[0]?.graceBacklog).toBeNull();
  });
});

describe('a short soak', () => {
  it('is sampled, and becomes a CSV and a plot', async () => {
    const outcome = await runSoak({
      choice: { design: 'rculist-sweep', preset: null },
      durationMs: 4000,
      pps: 1000,
      workers: 1,
      scenario: 'udp-churn',
      maxConns: 20_000,
      seed: 1,
    });
    expect(outcome.samples.length).toBeGreaterThanOrEqual(3);
    expect(outcome.packets).toBeGreaterThan(1000);
    expect(outcome.samples.at(-1)?.connections).toBeGreaterThan(0);
    expect(outcome.figures).toHaveLength(Object.keys(RULES).length);
    const [header, first] = soakCsv(outcome.samples).split('\r\n');
    expect(header).toBe(`tMs,packets,${Object.keys(RULES).join()}`);
    expect(first?.split(',')).toHaveLength(2 + Object.keys(RULES).length);
    const svg = soakPlot(outcome.samples, 'a title');
    expect(svg).toMatch(/^<svg/);
    for (const { name } of Object.values(RULES)) expect(svg).toContain(name);
  });
});

describe('the program', () => {
  const soak = (...args: string[]) =>
    spawnSync(process.execPath, [join(dirname(CLI), 'endurance', 'soak.js'), ...args], { encoding: 'utf8' });

  it('makes its folder before it runs for hours', () => {
    const { status, stderr, stdout } = soak('--hours', '0.001', '--out', CLI);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`soak: --out ${CLI}: it, or what it lies in, is a file; name another folder`);
  });
});
