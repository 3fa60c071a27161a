/** ctreplay as a library: what its options become. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { replay, type ReplayInputOptions } from '../../tools/api.js';
import { ctreplay, scratchFolder } from '../support/command.js';

const base: ReplayInputOptions = { scenario: 'udp-churn', parameters: { packets: 300 }, warmup: 0 };

describe('replay() of the library', () => {
  it('takes the options of the command, switches and scenario parameters among them', async () => {
    const result = await replay({
      ...base,
      designs: ['rculist-sweep'],
      loop: 2,
      sameAddresses: true,
      filter: 'udp and port 53',
      steer: 'flow',
      build: 'probed',
      profile: '0s:10k',
      profileShape: 'step',
      touchAhead: 'off',
    });
    expect(result.configuration).toMatchObject({
      designs: ['rculist-sweep'],
      loops: 2,
      uniqueIpLoops: null,
      steer: 'flow',
      build: 'probed',
      touchAhead: 'off',
      pacing: { mode: 'profile' },
      filter: 'udp and port 53',
    });
  });

  it('refuses what the command does not know, and what only the command line has', async () => {
    const wrong = { ...base, fliter: 'udp' } as ReplayInputOptions;
    await expect(replay(wrong)).rejects.toThrow(/--fliter/);
    const shown = { ...base, out: 'results/x' } as ReplayInputOptions;
    await expect(replay(shown)).rejects.toThrow(/'out' is an option of the command line/);
    const help = { ...base, help: true } as ReplayInputOptions;
    await expect(replay(help)).rejects.toThrow(/'help' is an option of the command line/);
  });

  it('takes a capture by its name, however that begins', async () => {
    const folder = scratchFolder();
    const before = process.cwd();
    const written = vi.spyOn(process.stdout, 'write');
    try {
      ctreplay(['synth', 'udp-churn', '--packets', '100', '-o', 'plain.pcap'], folder);
      copyFileSync(join(folder, 'plain.pcap'), join(folder, '--help'));
      process.chdir(folder);
      const { cases } = await replay({ captures: '--help', designs: ['rculist-sweep'], build: 'bare' });
      expect(cases[0]?.packets.injected).toBe(100);
      expect(written).not.toHaveBeenCalled();
    } finally {
      written.mockRestore();
      process.chdir(before);
      rmSync(folder, { recursive: true });
    }
  });

  it.each([1, 2])('leaves signals to the program that calls it (trials: %d)', async (trials) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const listened = vi.spyOn(process, 'on');
    try {
      await replay({ ...base, designs: ['rculist-sweep'], build: 'bare', trials });
      const heard = listened.mock.calls.map(([event]) => event as string);
      expect(heard.filter((event) => (signals as readonly string[]).includes(event))).toEqual([]);
    } finally {
      listened.mockRestore();
    }
  });
});
