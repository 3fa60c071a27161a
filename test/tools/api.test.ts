/** ctreplay as a library: what its options become. */
import { describe, expect, it } from 'vitest';
import { replay, type ReplayInputOptions } from '../../tools/api.js';

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
  });
});
