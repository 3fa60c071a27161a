import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byTurns, replayedDesigns } from '../../support/designs.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { register as replay } from '../../../tools/commands/replay.js';
import { readResult } from '../../../tools/result/result-file.js';
import type { Result } from '../../../tools/result/schema.js';
import { scratchFolder } from '../../support/command.js';
import { runCommand, runCommandLine } from '../../support/run-command.js';
import { udpFrame } from '../../support/packets.js';
import { failedChecks, framesTraffic, replayCase, scenario } from '../../support/replay.js';

const OFFICE = resolve('captures/office-mix.pcap');
/** As much of it as says what is to be said. */
const SOME = ['--limit', '4000'];

/** The result of a replay on the command line. */
async function replayed(...args: readonly string[]): Promise<Result> {
  const argv = ['replay', ...args, '--json', '--warmup', '0', '--build', 'probed'];
  const { code, stdout, stderr } = await runCommand(replay, argv);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Result;
}

const created = (result: Result): (number | null | undefined)[] =>
  result.cases.map(({ connections }) => connections?.created);

describe.each(replayedDesigns())('loops through %s', (name) => {
  it.each(byTurns([1, 2], name))(
    'have addresses of their own, so that each opens its connections anew: %i workers',
    async (workers) => {
      const traffic = await scenario('syn-flood', { packets: 200 });
      const own = await replayCase(traffic, name, { loops: 5, workers });
      expect(own.connections?.created).toBe(1000);
      expect(own.packets.verdicts).toEqual({ 'new|trk': 1000 });
      expect(own).toMatchObject({ uniqueIpLoops: 1, repeatedTuples: false });
      expect(failedChecks(own)).toEqual([]);
      const shared = await replayCase(traffic, name, { loops: 5, workers, uniqueIpLoops: 2 });
      expect(shared.connections?.created).toBe(600);
      expect(shared).toMatchObject({ uniqueIpLoops: 2, repeatedTuples: true });
      const same = await replayCase(traffic, name, { loops: 5, workers, uniqueIpLoops: null });
      expect(same.connections?.created).toBe(200);
      expect(same).toMatchObject({ uniqueIpLoops: null, repeatedTuples: true });
      const once = await replayCase(traffic, name, { workers });
      expect(once).toMatchObject({ uniqueIpLoops: null, repeatedTuples: false });
    },
  );

  it('does so too where packets are copied before they run, and keeps every loop alike', async () => {
    const config = parseConfig(
      'rules:\n  - match: {}\n    commit: true\n    nat: { type: src, addr: 192.0.2.1, addrMax: 192.0.2.250, port: [1024, 65535] }\n',
      'nat.yaml',
    );
    const traffic = await scenario('syn-flood', { packets: 100 });
    const result = await replayCase(traffic, name, {
      loops: 4,
      config,
    });
    expect(result.connections?.created).toBe(400);
    expect(result.nat?.allocations).toBe(400);
    expect(failedChecks(result)).toEqual([]);
  });

  it('chooses rule and zone by the addresses as captured', async () => {
    const config = parseConfig(
      'rules:\n  - match: { src: 10.1.1.1 }\n    zone: 7\n    commit: true\n  - match: {}\n    zone: 9\n',
      'rules.yaml',
    );
    const frames = [1, 2, 3].map((port) => udpFrame({ srcPort: 1000 + port }));
    const traffic = await framesTraffic(frames);
    const result = await replayCase(traffic, name, {
      loops: 3,
      config,
    });
    // The second rule would not have committed them.
    expect(result.connections?.created).toBe(9);
  });

  it('keeps the limit of the table, and says that it was reached', async () => {
    const traffic = await scenario('syn-flood', { packets: 300 });
    const result = await replayCase(traffic, name, { loops: 4, maxConns: 500 });
    expect(result.connections).toMatchObject({ created: 500, remaining: 500, peak: 500, limit: 500 });
    expect(result.packets.rejectedByReason?.['conn-limit']).toBe(700);
    expect(result.warnings?.find(({ code }) => code === 'table-full')?.text).toBe(
      '700 packets found the connection table full (limit 500)',
    );
    const roomy = await replayCase(traffic, name, { loops: 4, maxConns: 1200 });
    expect(roomy.connections?.created).toBe(1200);
    expect((roomy.warnings ?? []).map(({ code }) => code)).not.toContain('table-full');
  });
});

describe('loops on the command line', () => {
  it('have addresses of their own unless told otherwise', async () => {
    const [once] = created(await replayed(OFFICE, ...SOME)) as number[];
    const looped = await replayed(OFFICE, ...SOME, '--loop', '3');
    expect(created(looped)).toEqual([once! * 3, once! * 3]);
    expect(looped.cases.map(({ repeatedTuples }) => repeatedTuples)).toEqual([false, false]);
    const given = await replayed(OFFICE, ...SOME, '--loop', '3', '--unique-ip');
    expect(created(given)).toEqual(created(looped));
    const same = await replayed(OFFICE, ...SOME, '--loop', '3', '--same-addresses');
    for (const count of created(same)) expect(count).toBeLessThan(once! * 3);
    expect(same.cases.map(({ repeatedTuples }) => repeatedTuples)).toEqual([true, true]);
  });

  it('of a prepared and of a streamed capture do the same', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'office.ctp');
    expect((await runCommandLine(['prep', OFFICE, '-o', file])).code).toBe(0);
    const args = ['--loop', '3', '--clock', 'capture', ...SOME] as const;
    const looped = created(await replayed(OFFICE, ...args));
    expect(created(await replayed(file, ...args))).toEqual(looped);
    const streamed = await replayed(
      '--synth',
      'syn-flood',
      '--packets',
      '20k',
      '--store',
      '1',
      '--loop',
      '2',
      '--clock',
      'capture',
    );
    expect(streamed.cases[0]?.input.streamed).toBeTruthy();
    expect(created(streamed)).toEqual([40_000, 40_000]);
  });

  it('of a time are no exception', async () => {
    const timed = await replayed('--synth', 'syn-flood', '--packets', '2k', '--duration', '300ms');
    for (const { connections, packets, repeatedTuples } of timed.cases) {
      expect(packets.injected).toBeGreaterThan(2000);
      expect(connections?.created).toBe(packets.injected);
      expect(repeatedTuples).toBe(false);
    }
  });

  it('of a search are none, and it says what it found', async () => {
    const folder = scratchFolder();
    const args = [
      ...['replay', '--synth', 'syn-flood', '--packets', '2k', '--duration', '30ms'],
      ...['--design', 'rculist-sweep', '--find-max-pps', '--slo', 'service.p50<1s'],
      ...['--build', 'probed', '--no-color', '--warmup', '0', '--out', 'out'],
    ];
    const { stdout } = await runCommandLine(args, folder);
    // Which rate holds is up to the machine.
    expect(stdout).toMatch(
      /(no|highest) rate (that )?holds service\.p50<1s \(\d+ steps, probed build, packets timed\)/,
    );
    for (const { connections, packets } of (await readResult(join(folder, 'out'))).cases)
      expect(connections?.created).toBe(packets.injected);
  });

  it('a capture that is named twice repeats its tuples', async () => {
    const short = scratchFolder();
    const file = join(short, 'some.pcap');
    expect((await runCommandLine(['synth', 'mix', '-o', file, '--packets', '500'])).code).toBe(0);
    expect((await replayed(file, file)).cases.map(({ repeatedTuples }) => repeatedTuples)).toEqual([
      true,
      true,
    ]);
  });

  it('warn where something names fixed addresses', async () => {
    const ftp = ['--synth', 'ftp-alg', '--packets', '3000', '--loop', '3', '--design', 'rculist-sweep'];
    const warnings = async (...more: string[]): Promise<string[]> =>
      (await replayed(...ftp, ...more)).cases.flatMap((entry) =>
        (entry.warnings ?? []).map(({ code }) => code),
      );
    expect(await warnings()).toContain('loop-addresses');
    expect(await warnings('--same-addresses')).not.toContain('loop-addresses');
  });

  it('exclude options that say the contrary', async () => {
    for (const other of [['--unique-ip'], ['--unique-ip-loops', '2']]) {
      const args = ['replay', OFFICE, '--loop', '2', '--same-addresses', ...other];
      const { code, stderr } = await runCommandLine(args);
      expect(code).toBe(2);
      expect(stderr).toContain(`--same-addresses and ${other[0]} exclude each other`);
    }
  });

  it('of a matrix have addresses of their own as well', async () => {
    const folder = scratchFolder();
    const yaml = (more: string): string =>
      `inputs: [{ scenario: syn-flood, parameters: { packets: 200 }, loop: 3${more} }]\n` +
      'designs: [rculist-sweep]\nsessions: 1\ntrials: 1\nwarmupBlocks: 0\nprobeCost: none\n';
    const cases = async (more: string): Promise<Result['cases']> => {
      writeFileSync(join(folder, 'bench.yaml'), yaml(more));
      const args = ['bench', '--matrix', 'bench.yaml', '--build', 'probed', '--json'];
      const { stdout } = await runCommandLine(args, folder);
      return (JSON.parse(stdout) as Result).cases;
    };
    for (const entry of await cases('')) expect(entry.connections?.created).toBe(600);
    for (const entry of await cases(', sameAddresses: true')) {
      expect(entry.connections?.created).toBe(200);
      expect(entry.repeatedTuples).toBe(true);
    }
  });
});
