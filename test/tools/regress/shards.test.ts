import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeHistogram } from '../../../tools/measure/latency-summary.js';
import type { Result, ResultCase } from '../../../tools/result/schema.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';

// Six processes; a machine that is busy with other things takes minutes.
vi.setConfig({ testTimeout: 300_000 });

// One worker and the capture's clock: what is counted then depends on nothing but the seed.
const INPUTS = [
  '{ scenario: zone-policies, parameters: { packets: 4000, pps: 100, short-timeout: 1, long-timeout: 20 }, clock: capture }',
  '{ scenario: established, parameters: { packets: 4000 }, clock: capture }',
  // A third with CTREPLAY_LONG: it adds two processes.
  ...(process.env['CTREPLAY_LONG'] === undefined
    ? []
    : ['{ scenario: syn-flood, parameters: { packets: 4000 }, clock: capture }']),
];
const MATRIX = `
inputs: [${INPUTS.join(', ')}]
designs: [timeout-lists, rculist-sweep]
sessions: 2
trials: 1
warmupBlocks: 0
warmupPackets: 500
control: none
probeCost: none
`;

/** All that is compared is of the probed runs. */
async function bench(folder: string, args: readonly string[]): Promise<number | null> {
  const common = ['bench', '--matrix', 'm.yaml', '--build', 'probed', '--quiet'];
  return (await runCommandLine([...common, ...args], folder)).code;
}

function casesIn(folder: string): Map<string, ResultCase> {
  const result = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Result;
  const own = result.cases.filter((entry) => entry.control !== true);
  return new Map(own.map((entry) => [`${entry.id} ${entry.trial}`, entry]));
}

/** What of a case does not depend on the machine. */
function exactFigures(entry: ResultCase): unknown {
  return {
    packets: entry.packets,
    // The peak is sampled while it runs.
    connections: { ...entry.connections, peak: null },
    work: entry.workCounts,
    locks: entry.locks?.map((line) => [line.class, line.thread, line.acquisitions]),
    lag: entry.expiry?.lag,
    timed: entry.latency?.service?.overall.count,
    recorded: decodeHistogram(entry.latency?.service?.overall.encoded ?? '').totalCount,
  };
}

describe('shards of a matrix', () => {
  it('join to what one process measures, in every exact figure', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'm.yaml'), MATRIX);
    const parts = INPUTS.map((_, index) => `${index + 1}`);
    for (const part of parts)
      expect(await bench(folder, ['--shard', `${part}/${parts.length}`, '--out', `part-${part}`])).toBe(0);
    expect(await bench(folder, ['--out', 'whole'])).toBe(0);
    const shuffled = parts.toReversed().map((part) => `part-${part}`);
    expect(await runCommandLine(['merge', ...shuffled, '-o', 'joined'], folder)).toMatchObject({ code: 0 });
    const whole = casesIn(join(folder, 'whole'));
    const joined = casesIn(join(folder, 'joined'));
    expect([...joined.keys()].toSorted()).toEqual([...whole.keys()].toSorted());
    expect(whole.size).toBe(4 * INPUTS.length);
    for (const [name, entry] of whole) {
      expect(exactFigures(joined.get(name) as ResultCase), name).toEqual(exactFigures(entry));
    }
    const expired = [...whole.values()].reduce((sum, entry) => sum + (entry.expiry?.lag?.count ?? 0), 0);
    expect(expired).toBeGreaterThan(0);
    // A histogram of the parts is byte for byte that in the result.
    for (const part of parts) {
      for (const [name, entry] of casesIn(join(folder, `part-${part}`))) {
        expect(joined.get(name)?.latency?.service?.overall.encoded).toBe(
          entry.latency?.service?.overall.encoded,
        );
      }
    }
  });
});
