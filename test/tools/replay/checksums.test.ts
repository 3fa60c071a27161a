/** Captures from the sender or loopback: what each command makes of `--checksums`, and what is refused before it is measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkMatrix } from '../../../tools/bench/matrix-spec.js';
import { runMatrixBench } from '../../../tools/bench/run-matrix.js';
import { loadInput } from '../../../tools/commands/matrix-input.js';
import { register as registerContention } from '../../../tools/commands/contention.js';
import { register as registerDiff } from '../../../tools/commands/diff.js';
import { register as registerDump } from '../../../tools/commands/dump.js';
import { register as registerInfo } from '../../../tools/commands/info.js';
import { register as registerPrep } from '../../../tools/commands/prep.js';
import { register as registerReplay } from '../../../tools/commands/replay.js';
import { register as registerTrace } from '../../../tools/commands/trace.js';
import { checkRegressConfig, loadRegressInput } from '../../../tools/regress/regress-config.js';
import type { Result } from '../../../tools/result/schema.js';
import { scratchFolder } from '../../support/command.js';
import { writeOffloaded } from '../../support/offloaded.js';
import { captured, replayCase } from '../../support/replay.js';
import { runCommand } from '../../support/run-command.js';
import { DESIGNS } from '../../support/tracker-bed.js';

const folder = scratchFolder();
const all = join(folder, 'all.pcap');
const most = join(folder, 'most.pcap');
const few = join(folder, 'few.pcap');
const fixed = join(folder, 'fixed.ctp');
const PACKETS = 60;
const REFUSED =
  /all\.pcap: all 60 packets looked at have wrong checksums, .*would find every one of them invalid\. Replay with --checksums fix/s;

beforeAll(() => {
  writeOffloaded(all, PACKETS, PACKETS);
  writeOffloaded(most, PACKETS - 1, PACKETS);
  writeOffloaded(few, 6, PACKETS);
});

const QUICK = ['--design', 'rculist-sweep', '--build', 'probed', '--warmup', '0', '--json', '--quiet'];

async function replayed(file: string, ...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await runCommand(registerReplay, ['replay', file, ...QUICK, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Result;
}

const verdictsOf = ({ cases }: Result): Record<string, number> => cases[0]!.packets.verdicts;
const codesOf = ({ warnings, cases }: Result): string[] =>
  [...warnings, ...cases.flatMap((entry) => entry.warnings ?? [])].map(({ code }) => code);

describe('replay', () => {
  it('refuses a capture none of whose packets would be accepted, before it is replayed', async () => {
    const { code, stdout, stderr } = await runCommand(registerReplay, ['replay', all, ...QUICK]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(REFUSED);
  });

  it.each(['fix', 'ignore'])('--checksums %s: all of them are tracked, and nothing is said', async (how) => {
    const result = await replayed(all, '--checksums', how);
    expect(verdictsOf(result)).toEqual({ 'new|trk': PACKETS });
    expect(codesOf(result)).not.toContain('checksums-wrong');
    expect(result.configuration).toMatchObject({ checksums: how });
  });

  it('verifies by default, and says so in the result', async () => {
    const result = await replayed(most);
    expect(verdictsOf(result)).toEqual({ 'inv|trk': PACKETS - 1, 'new|trk': 1 });
    expect(codesOf(result).filter((code) => code === 'checksums-wrong')).toHaveLength(1);
    expect(result.configuration).toMatchObject({ checksums: 'verify' });
  });

  it('says nothing of a tenth or less', async () => {
    expect(codesOf(await replayed(few))).not.toContain('checksums-wrong');
  });

  it('refuses a way that there is not', async () => {
    const { code, stderr } = await runCommand(registerReplay, ['replay', all, '--checksums', 'repair']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/Give one of verify, fix, ignore/)]);
  });
});

describe.each(DESIGNS)('traffic of %s', (name) => {
  it('is fixed and looked at alike, staged and streamed', async () => {
    for (const storeBytes of [1 << 20, 2000]) {
      const traffic = await captured([all], { storeBytes });
      expect(traffic.checksums).toEqual({ looked: PACKETS, wrong: PACKETS });
      const right = await captured([all], { checksums: 'fix', storeBytes });
      expect(right.checksums).toEqual({ looked: PACKETS, wrong: 0 });
      const result = await replayCase(right, name, { warmupPackets: 0, batch: 4 });
      expect(result.packets.verdicts).toEqual({ 'new|trk': PACKETS });
      expect(result.input.streamed === undefined).toBe(storeBytes > 2000);
    }
  });
});

describe('prep --fix-checksums', () => {
  it('makes them right once for all commands, and says how many', async () => {
    const args = ['prep', all, '-o', fixed, '--fix-checksums'];
    const { code, stdout } = await runCommand(registerPrep, args);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/checksums made right in 60 packets\n$/)]);
    expect(verdictsOf(await replayed(fixed))).toEqual({ 'new|trk': PACKETS });
    const json = await runCommand(registerPrep, [...args, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ packets: PACKETS, fixedPackets: PACKETS });
  });

  it('without it a prepared capture is as wrong as what it was made of, and refused as well', async () => {
    const file = join(folder, 'all.ctp');
    const before = readFileSync(all);
    expect(await runCommand(registerPrep, ['prep', all, '-o', file])).toMatchObject({ code: 0 });
    expect((await runCommand(registerReplay, ['replay', file, ...QUICK])).stderr).toMatch(
      /all\.ctp: all 60 packets looked at have wrong checksums/,
    );
    expect(readFileSync(all)).toEqual(before);
  });
});

describe('a matrix', () => {
  const bench = (input: object): Promise<Result> =>
    runMatrixBench({
      spec: checkMatrix(
        {
          inputs: [input],
          designs: ['rculist-sweep'],
          sessions: 1,
          trials: 1,
          warmupBlocks: 0,
          build: 'bare',
          warmupPackets: 0,
        },
        'test',
      ),
      shard: null,
      folder: null,
      resume: false,
      load: loadInput,
      commandLine: [],
    });

  it('refuses it as well, and takes checksums: fix and ignore', async () => {
    await expect(bench({ capture: all })).rejects.toThrow(REFUSED);
    for (const checksums of ['fix', 'ignore']) {
      expect(verdictsOf(await bench({ capture: all, checksums }))).toEqual({ 'new|trk': PACKETS });
    }
    expect(() =>
      checkMatrix({ inputs: [{ capture: all, checksums: 'no' }], designs: ['x'] }, 'test'),
    ).toThrow(/inputs\.0/);
  });
});

describe('the gate', () => {
  const load = (input: object): Promise<unknown> => {
    const { exact } = checkRegressConfig({ exact: { inputs: [input] } }, 'test');
    return loadRegressInput(loadInput, exact.inputs[0]!, 1);
  };

  it('refuses it as well, and takes checksums: fix and ignore', async () => {
    await expect(load({ capture: all })).rejects.toThrow(REFUSED);
    expect(await load({ capture: all, checksums: 'fix' })).toMatchObject({
      traffic: { checksums: { wrong: 0 } },
    });
    expect(await load({ capture: all, checksums: 'ignore' })).toMatchObject({
      config: { entries: { switches: { checksumsIgnored: true } } },
    });
  });
});

describe('other commands', () => {
  it('contention refuses it', async () => {
    const { code, stderr } = await runCommand(registerContention, ['contention', all, '--threads', '1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(REFUSED);
  });

  it('trace, dump and diff fix and ignore', async () => {
    const states = async (...args: string[]): Promise<string[]> => {
      const { stdout } = await runCommand(registerTrace, ['trace', all, '--bare-states', ...args]);
      return [...new Set(stdout.trim().split('\n'))].map((line) => line.replace(/^\d+: /, ''));
    };
    expect(new Set(await states())).toEqual(new Set(['inv|trk']));
    for (const how of ['fix', 'ignore']) {
      expect(new Set(await states('--checksums', how))).toEqual(new Set(['new|trk']));
      const { stdout } = await runCommand(registerDump, ['dump', all, '--checksums', how]);
      expect(stdout.trim().split('\n')).toHaveLength(PACKETS);
      const diff = await runCommand(registerDiff, ['diff', all, '--checksums', how]);
      expect(diff).toMatchObject({ code: 0, stdout: expect.stringMatching(/60 packets: no divergence/) });
    }
    expect((await runCommand(registerDump, ['dump', all])).stdout).toBe('');
  });

  it('info says what to do', async () => {
    const { stdout } = await runCommand(registerInfo, ['info', all]);
    expect(stdout).toMatch(/^Checksums: +Replay with --checksums fix/m);
    expect((await runCommand(registerInfo, ['info', few])).stdout).not.toMatch(/^Checksums:/m);
  });
});
