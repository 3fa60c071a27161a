import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionScript, SHELLS } from '../../../tools/commands/completion-script.js';
import { findings, type MachineFacts } from '../../../tools/doctor/findings.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

const GOOD: MachineFacts = {
  environment: {
    machineId: 'x',
    node: 'v20.1.0',
    v8: '11',
    architecture: 'x64',
    os: 'Linux',
    kernel: '6.1',
    cpuModel: 'CPU',
    coresOnline: 8,
    cpusAllowed: null,
    cpuQuota: null,
    coresUsable: 8,
    physicalCores: 8,
    governor: 'performance',
    turbo: false,
    maxFrequencyKhz: null,
    clockSource: 'tsc',
    virtualized: false,
    memoryBytes: 16e9,
    memoryAvailableBytes: 12e9,
    memoryLimitBytes: null,
    loadAverage1m: 0.1,
  },
  clock: {
    source: 'performance.now',
    costNs: 40,
    costP99Ns: 60,
    stepNs: 30,
    differenceMinNs: 40,
    differenceMedianNs: 40,
    differenceP99Ns: 90,
    steps: 2000,
    backwardSteps: 0,
  },
  noise: {
    probeMs: 100,
    pieces: 1000,
    pieceNs: 5000,
    cv: 0.01,
    p50Ns: 2000,
    p99Ns: 9000,
    maxNs: 9000,
    interruptionsPerSecond: 10,
    lostShare: 0.001,
  },
  shares: { stealShare: 0, throttledNs: null } as MachineFacts['shares'],
  designs: ['rculist-sweep'],
  canPin: true,
  hasSchedstat: true,
  openVswitch: '3.1',
  chromium: '/usr/bin/chromium',
  nodeMajor: 20,
};

const stateOf = (facts: MachineFacts, name: string) =>
  findings(facts).find((finding) => finding.name === name)!;
const withEnvironment = (change: Partial<MachineFacts['environment']>): MachineFacts => ({
  ...GOOD,
  environment: { ...GOOD.environment, ...change },
});

describe('the doctor', () => {
  it('finds nothing wrong with a good machine', () => {
    expect(findings(GOOD).filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it.each([
    ['cores', withEnvironment({ coresUsable: 1 }), 'limits', /Use a machine with two or more/],
    ['cores', withEnvironment({ coresUsable: 2 }), 'limits', /Above 1 worker/],
    ['cores', withEnvironment({ physicalCores: 4 }), 'limits', /Above 7 workers/],
    ['frequency', withEnvironment({ governor: 'powersave' }), 'limits', /cpupower/],
    ['steal', { ...GOOD, shares: { ...GOOD.shares, stealShare: 0.1 } }, 'limits', /other guests/],
    ['noise', { ...GOOD, noise: { ...GOOD.noise, lostShare: 0.2 } }, 'limits', /isolate CPUs/],
    ['load', withEnvironment({ loadAverage1m: 7 }), 'limits', /wait for it/],
    ['timer', { ...GOOD, clock: { ...GOOD.clock, costNs: 900 } }, 'limits', /--bare/],
    ['timer', { ...GOOD, clock: { ...GOOD.clock, backwardSteps: 1 } }, 'blocks', /change the clock source/],
    ['memory', withEnvironment({ memoryLimitBytes: 5e8 }), 'limits', /--max-conns/],
    ['Open vSwitch', { ...GOOD, openVswitch: null }, 'limits', /openvswitch-switch/],
    ['Node.js', { ...GOOD, nodeMajor: 18 }, 'blocks', /version 20/],
    ['designs', { ...GOOD, designs: [] }, 'blocks', /npm run build/],
  ] as const)('says of %s what to do about it', (name, facts, state, advice) => {
    const found = stateOf(facts as MachineFacts, name);
    expect(found.state).toBe(state);
    expect(found.advice).toMatch(advice);
  });

  it('runs here', async () => {
    const { code, stdout } = await runCommandLine(['doctor', '--json']);
    const { findings: found } = JSON.parse(stdout) as { findings: { state: string }[] };
    expect(found.length).toBe(findings(GOOD).length);
    expect(code).toBe(found.some(({ state }) => state === 'blocks') ? 1 : 0);
  });
});

describe('completion', () => {
  it.each(SHELLS)('for %s names every command and its options', async (shell) => {
    const { code, stdout } = await runCommandLine(['completion', shell]);
    expect(code).toBe(0);
    for (const word of ['replay', 'bench', 'regress', 'compare', 'doctor']) expect(stdout).toContain(word);
    for (const option of ['pps', 'across-machines', 'against']) expect(stdout).toContain(option);
    const checker = spawnSync(shell, ['--version']);
    if (checker.error !== undefined) return; // This shell is not installed, so its syntax cannot be checked here.
    const file = join(scratchFolder(), `completion.${shell}`);
    writeFileSync(file, stdout);
    expect(spawnSync(shell, ['-n', file], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('in bash completes commands, and options of the command', async () => {
    const { stdout: script } = await runCommandLine(['completion', 'bash']);
    const complete = (...words: string[]) =>
      spawnSync(
        'bash',
        [
          '-c',
          `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ctreplay; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          ...words,
        ],
        { encoding: 'utf8' },
      )
        .stdout.trim()
        .split('\n');
    expect(complete('ctreplay', 'repl')).toEqual(['replay']);
    expect(complete('ctreplay', 'compare', '--ac')).toEqual(['--across-machines']);
    expect(complete('ctreplay', 'compare', 'results/')).toEqual(['']);
  });

  it('cannot be broken out of by a description', () => {
    const hostile = {
      name: 'x',
      summary: "it's $(touch /tmp/pwned) `id` [a]: \\",
      options: [{ name: '--y', summary: "'; id; '", takesValue: true }],
      subcommands: [],
    };
    const folder = scratchFolder();
    const script = completionScript('bash', [hostile]);
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(completionScript('fish', [hostile])).toContain(String.raw`-d 'it'\''s $(touch /tmp/pwned)`);
  });
});
