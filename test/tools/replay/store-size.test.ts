import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { EngineConstants } from '../../../engine/host/constants.js';
import type { SystemFiles } from '../../../tools/measure/system-files.js';
import { defaultStore, givenStore } from '../../../tools/replay/store-size.js';
import type { Result } from '../../../tools/result/schema.js';
import { runCommandLine } from '../../support/run-command.js';
import { scenario } from '../../support/replay.js';
import { fakeFiles } from '../measure/fake-system.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TABLE = { workers: 2, maxConns: 3_000_000, nat: false };
const constants = availableDesigns().map((name) => loadEngine(name, 'probed').constants);

/** A machine with so much memory to give, in a control group that allows so much. */
function machine(availableMib: number | null, limitMib: number | null = null): SystemFiles {
  return fakeFiles({
    ...(availableMib === null
      ? {}
      : { '/proc/meminfo': `MemTotal: 99999999 kB\nMemAvailable: ${availableMib * 1024} kB\n` }),
    '/proc/self/status': `VmRSS:\t${100 * 1024} kB\n`,
    '/proc/self/cgroup': '0::/box\n',
    ...(limitMib === null ? {} : { '/sys/fs/cgroup/box/memory.max': `${limitMib * MIB}\n` }),
  });
}

describe('the store that nobody gave the size of', () => {
  it.each([
    ['a third of what the machine has', 3000, null, 1000],
    ['a third of what the container leaves beside the process', 30_000, 1000, 300],
    ['the smaller of the two', 600, 6000, 200],
    ['as before where the system tells nothing', null, null, 512],
    ['never too small for a batch', 10, null, 16],
  ] as const)('%s', (_what, availableMib, limitMib, expectedMib) => {
    const { stagedBytes, streamedBytes } = defaultStore(machine(availableMib, limitMib), constants, TABLE);
    expect(stagedBytes).toBe(expectedMib * MIB);
    expect(streamedBytes).toBe(Math.min(expectedMib, 512) * MIB);
  });

  it('leaves the table its place in the engine’s memory', () => {
    const plenty = machine(64 * 1024);
    const of = (changes: Partial<typeof TABLE>): number =>
      defaultStore(plenty, constants, { ...TABLE, ...changes }).stagedBytes;
    const { CONN_SIZE, SIDE_SIZE } = constants[0] as EngineConstants;
    const recordBytes = CONN_SIZE + SIDE_SIZE;
    expect(of({})).toBeLessThan(4 * GIB - 3_000_000 * recordBytes);
    expect(of({})).toBeGreaterThan(2 * GIB);
    expect(of({ nat: true })).toBeLessThan(of({}) - 3_000_000 * recordBytes);
    expect(of({ maxConns: 1000 })).toBeGreaterThan(of({}));
    // A table that has no place at all is refused where the run is laid out.
    expect(of({ maxConns: 20_000_000, nat: true })).toBe(16 * MIB);
  });

  it('as given, is what it is', () => {
    expect(givenStore(5)).toEqual({ stagedBytes: 5, streamedBytes: 5 });
  });

  it('is told by the result as what it came to', async () => {
    const common = ['replay', '--synth', 'udp-churn', '--packets', '20k', '--design', 'rculist-sweep'];
    const of = async (...args: string[]): Promise<unknown> => {
      const { stdout, stderr } = await runCommandLine([...common, '--bare', '--json', ...args]);
      expect(stderr).not.toContain('ctreplay:');
      return (JSON.parse(stdout) as Result).configuration['store'];
    };
    // A head of 16 bytes, 2 to align, and the frame, on cache lines of its own.
    const { frames } = await scenario('udp-churn', { packets: 20_000 });
    let bytes = 0;
    frames?.forEachRange(({ count, lengths }) => {
      for (const length of lengths.subarray(0, count)) bytes += 64 * Math.ceil((18 + length) / 64);
    });
    expect(bytes).toBeGreaterThan(2 * MIB);
    expect(await of()).toBe(Math.ceil(bytes / MIB));
    expect(await of('--store', '100')).toBe(100);
  });
});
