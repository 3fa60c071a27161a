/** Level against, the whole of two builds, with commands that answer what is made up here. */
import { describe, expect, it } from 'vitest';
import { compareHosts, type HostRule } from '../../../tools/regress/against-hosts.js';
import type { Check } from '../../../tools/regress/check.js';
import type { HostBuild } from '../../../tools/regress/host-builds.js';
import { checkRegressConfig } from '../../../tools/regress/regress-config.js';
import { TimedRunError } from '../../../tools/regress/run-command.js';
import { normal, Random } from '../stats/samples.js';

const build = (label: string): HostBuild => ({ label, folder: label, cli: `${label}/cli.js` });
const BASE = build('base');
const HEAD = build('head');
const { tolerances } = checkRegressConfig({}, 'test').runs;
const RULE: HostRule = {
  names: ['sweeps'],
  settings: { designs: ['rculist-sweep'], mutex: 'glibc', seed: 1 },
  tolerances,
  confidence: 0.99,
  rounds: 12,
  maxRounds: 24,
};
const SWEEPS = 'host, sweeps: cleaned, ns a connection of rculist-sweep';

interface Call {
  readonly cli: string;
  readonly seed: number;
}

/** Compares builds whose sweeps take `ns` of the call. */
async function compare(ns: (call: Call) => number, only: ReadonlySet<string> | null = null) {
  const calls: Call[] = [];
  const command = (cli: string, args: readonly string[]): Promise<unknown> => {
    const call = { cli, seed: Number(args[args.indexOf('--seed') + 1]) };
    calls.push(call);
    const value = ns(call);
    const bareNs = { median: value, min: value, max: value, values: [value] };
    const row = (operation: string) => ({ design: 'rculist-sweep', operation, connections: 10, bareNs });
    return Promise.resolve({ sweeps: [row('cleaned'), row('flushed')] });
  };
  const checks = await compareHosts(BASE, HEAD, RULE, { command, random: new Random(1) }, only);
  return { checks, calls };
}

const verdicts = (checks: readonly Check[]): string[] => checks.map(({ verdict }) => verdict);
const isHead = ({ cli }: Call): boolean => cli === HEAD.cli;

describe('two builds run in turns', () => {
  const random = new Random(2);
  const noisy = (sigma: number): number => 100 * Math.exp(sigma * normal(random));

  it('pass when they are alike, with as many runs of each, on the same seeds', async () => {
    const { checks, calls } = await compare(() => noisy(0.004));
    expect(verdicts(checks)).toEqual(['pass', 'pass']);
    const seeds = (head: boolean) => calls.filter((call) => isHead(call) === head).map(({ seed }) => seed);
    expect(seeds(true)).toEqual(seeds(false));
    expect(new Set(seeds(true)).size).toBe(calls.length / 2);
    expect(calls.length % (2 * RULE.rounds)).toBe(0);
    // Neither always goes first.
    expect(new Set(calls.map(isHead).filter((_, index) => index % 2 === 0)).size).toBe(2);
  });

  it('that differ are a regression when other seeds find it as well', async () => {
    const { checks, calls } = await compare((call) => noisy(0.004) * (isHead(call) ? 1.5 : 1));
    expect(checks[0]).toMatchObject({ name: SWEEPS, verdict: 'regression' });
    expect(checks[0]?.text).toContain('found it as well');
    // The second time other seeds, none of the first.
    expect(new Set(calls.map(({ seed }) => seed)).size).toBe(calls.length / 2);
    expect(new Set(calls.map(({ seed }) => seed > 1000)).size).toBe(2);
  });

  it('that differ only once are inconclusive', async () => {
    const { checks } = await compare(
      ({ cli, seed }) => noisy(0.02) * (cli === HEAD.cli && seed < 100 ? 1.5 : 1),
    );
    expect(checks[0]).toMatchObject({ verdict: 'inconclusive', isOpen: true });
    expect(checks[0]?.text).toContain('did not find it');
  });

  it('that differ, and could not be measured again, are inconclusive and open', async () => {
    const isFirst = ({ seed }: Call): boolean => seed < 100;
    const spoilt = (): never => {
      throw new TimedRunError('the result failed its own audit', false, undefined, ['rate-achieved']);
    };
    const slower = (call: Call): number => noisy(0.004) * (isHead(call) ? 1.5 : 1);
    const never = await compare((call) => (isFirst(call) ? slower(call) : spoilt()));
    expect(never.checks[0]).toMatchObject({ name: SWEEPS, verdict: 'inconclusive', isOpen: true });
    expect(never.checks[0]?.text).toMatch(/but it could not be measured again: no round was valid/);
    expect(verdicts(never.checks)).not.toContain('regression');
    // What the older build cannot run then says nothing either; what the newer cannot run is told for itself.
    const fails = (which: HostBuild) =>
      compare((call) => {
        if (!isFirst(call) && call.cli === which.cli) throw new TimedRunError('it broke', false);
        return slower(call);
      });
    expect((await fails(BASE)).checks[0]).toMatchObject({
      verdict: 'inconclusive',
      text: expect.stringContaining('base cannot run it: it broke'),
    });
    const { checks } = await fails(HEAD);
    expect(checks[0]).toMatchObject({ verdict: 'inconclusive', isOpen: true });
    expect(checks.filter(({ verdict }) => verdict === 'regression')).toMatchObject([
      { name: 'host, sweeps', text: expect.stringContaining('head cannot run it, base can: it broke') },
    ]);
  });

  it('are measured up to the bound while they are open, and then said to be', async () => {
    const { checks, calls } = await compare(() => noisy(0.8));
    expect(checks[0]).toMatchObject({ verdict: 'inconclusive', isOpen: true });
    expect(calls.length).toBe(2 * RULE.maxRounds);
  });

  it('are measured again only where that is asked for', async () => {
    const { checks } = await compare(() => noisy(0.02), new Set([SWEEPS]));
    expect(checks.map(({ name }) => name)).toEqual([SWEEPS]);
    const other = await compare(() => noisy(0.02), new Set(['host, locks: x']));
    expect(other.checks).toEqual([]);
    expect(other.calls).toEqual([]);
  });

  it('take several pairs a round where a process is short: slow spells do not hide what is slower', async () => {
    const spells = new Random(3);
    const calls: Call[] = [];
    let slowCalls = 0;
    const command = (cli: string, args: readonly string[]): Promise<unknown> => {
      const call = { cli, seed: Number(args[args.indexOf('--seed') + 1]) };
      calls.push(call);
      // Spells of one to three processes in which everything takes half as long again or twice as long.
      if (slowCalls === 0 && spells.real() < 0.15) slowCalls = 1 + Math.floor(3 * spells.real());
      const spell = slowCalls > 0 ? 1.5 + 0.5 * spells.real() : 1;
      slowCalls = Math.max(0, slowCalls - 1);
      const row = (name: string, ns: number) => ({
        name: `capture/${name}`,
        leastNs: ns * spell * Math.exp(0.05 * normal(spells)),
      });
      return Promise.resolve({
        results: [
          { name: 'capture/read-file', leastNs: 260 },
          row('parse-pcap', isHead(call) ? 1200 : 750),
          row('place', 180),
        ],
      });
    };
    const rule: HostRule = { ...RULE, names: ['loading'] };
    const checks = await compareHosts(BASE, HEAD, rule, { command, random: new Random(4) });
    const verdictOf = (name: string) => checks.find((check) => check.name.includes(name))?.verdict;
    expect(verdictOf('parse-pcap')).toBe('regression');
    expect(verdictOf('place, least')).not.toBe('regression');
    // Pairs of both builds, each pair with a seed of its own.
    const seeds = (head: boolean) => calls.filter((call) => isHead(call) === head).map(({ seed }) => seed);
    expect(seeds(true)).toEqual(seeds(false));
    expect(new Set(seeds(true)).size).toBe(calls.length / 2);
    expect(calls.length).toBeGreaterThanOrEqual(2 * 2 * RULE.rounds);
  });

  it('of which no round is valid are inconclusive, and a spoilt round is left out', async () => {
    const invalid = (): never => {
      throw new TimedRunError('the result failed its own audit (rate-achieved)', false, undefined, [
        'rate-achieved',
      ]);
    };
    const never = await compare((call) => (isHead(call) ? invalid() : 100));
    expect(never.checks).toMatchObject([{ name: 'host, sweeps: all figures', verdict: 'inconclusive' }]);
    const seldom = await compare((call) => (call.seed % 4 === 0 ? invalid() : noisy(0.004)));
    expect(verdicts(seldom.checks)).toEqual(['pass', 'pass']);
  });

  it('pass without an interval where no pair differs by a tenth of what is allowed, and else stay open', async () => {
    // Each pair is a little further off than the one before: worth too few independent ones for an interval.
    const drifting = (most: number) =>
      compare((call) => 100 * (isHead(call) ? 1 + (most * call.seed) / RULE.rounds : 1));
    const { checks, calls } = await drifting(0.01);
    expect(checks[0]).toMatchObject({ name: SWEEPS, verdict: 'pass' });
    expect(checks[0]?.text).toMatch(
      /^no pair of 12 differs by more than 1\.0%, where 15\.0% worse is allowed$/,
    );
    expect(calls.length).toBe(2 * RULE.rounds);
    const further = await drifting(0.05);
    expect(further.checks[0]).toMatchObject({ verdict: 'inconclusive' });
  });

  it('name the figures that only one of them gives', async () => {
    const sweep = (operation: string) => ({
      ...{ design: 'rculist-sweep', operation, connections: 10 },
      bareNs: { median: 100, min: 100, max: 100, values: [100] },
    });
    const given = (cli: string): string[] => (cli === HEAD.cli ? ['cleaned', 'new'] : ['cleaned', 'old']);
    let calls = 0;
    const command = (cli: string): Promise<unknown> => {
      calls++;
      // What both give, if not in every round, is compared.
      const seldom = calls % 3 === 0 ? [] : ['seldom'];
      return Promise.resolve({ sweeps: [...given(cli), ...seldom].map(sweep) });
    };
    const checks = await compareHosts(BASE, HEAD, RULE, { command, random: new Random(5) });
    const found = Object.fromEntries(
      checks.map(({ name, verdict, text }) => [/: (\w+),/.exec(name)?.[1], { verdict, text }]),
    );
    expect(found).toMatchObject({
      cleaned: { verdict: 'pass' },
      new: { verdict: 'skipped', text: expect.stringContaining('head gives it, base does not') },
      old: { verdict: 'skipped', text: expect.stringContaining('base gives it, head does not') },
    });
    expect(found['seldom']?.verdict).not.toBe('skipped');
  });

  it('say who cannot run a command', async () => {
    const failing = (cli: string) => () => {
      throw new TimedRunError(`${cli} has no such option`, true);
    };
    const of = (which: readonly HostBuild[]) =>
      compare((call) => (which.some(({ cli }) => cli === call.cli) ? failing(call.cli)() : 100));
    // The older ref lacks what was added: told, and no failure.
    expect((await of([BASE])).checks).toMatchObject([
      { verdict: 'skipped', text: expect.stringContaining('base cannot run it') },
    ]);
    expect((await of([HEAD])).checks).toMatchObject([
      { verdict: 'regression', text: expect.stringContaining('head cannot run it, base can') },
    ]);
    await expect(of([BASE, HEAD])).rejects.toBeInstanceOf(TimedRunError);
  });
});
