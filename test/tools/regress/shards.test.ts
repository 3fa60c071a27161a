import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { decodeHistogram } from '../../../tools/measure/latency-summary.js';
import type { Result, ResultCase } from '../../../tools/result/schema.js';
import { ctreplay, scratchFolder } from '../../support/command.js';

// Eight processes; a machine that is busy with other things takes minutes.
vi.setConfig({ testTimeout: 300_000 });

const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'dist', 'tools', 'cli.js');

// One worker and the capture's clock: what is counted then depends on nothing but the seed.
const MATRIX = `
inputs:
  - { scenario: syn-flood, parameters: { packets: 4000 }, clock: capture }
  - { scenario: established, parameters: { packets: 4000 }, clock: capture }
  - { scenario: zone-policies, parameters: { packets: 4000, pps: 100, short-timeout: 1, long-timeout: 20 }, clock: capture }
designs: [timeout-lists, rculist-sweep]
sessions: 2
trials: 1
warmupBlocks: 0
probeCost: none
`;

function bench(folder: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, 'bench', '--matrix', 'm.yaml', '--quiet', ...args], {
      cwd: folder,
      stdio: 'ignore',
    });
    child.on('close', resolve);
  });
}

function casesIn(folder: string): Map<string, ResultCase> {
  const result = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Result;
  const own = result.cases.filter((one) => one.control !== true);
  return new Map(own.map((one) => [`${one.id} ${one.trial}`, one]));
}

/** What of a case does not depend on the machine. */
function exactFigures(one: ResultCase): unknown {
  return {
    packets: one.packets,
    // The peak is sampled while it runs.
    connections: { ...one.connections, peak: null },
    work: one.workCounts,
    locks: one.locks?.map((line) => [line.class, line.thread, line.acquisitions]),
    lag: one.expiry?.lag,
    timed: one.latency?.service?.overall.count,
    recorded: decodeHistogram(one.latency?.service?.overall.encoded ?? '').totalCount,
  };
}

describe('shards of three processes', () => {
  it('join to what one process measures, in every exact figure', async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, 'm.yaml'), MATRIX);
    const parts = ['1', '2', '3'];
    const codes = await Promise.all(
      parts.map((part) => bench(folder, ['--shard', `${part}/3`, '--out', `part-${part}`])),
    );
    expect(codes).toEqual([0, 0, 0]);
    expect(await bench(folder, ['--out', 'whole'])).toBe(0);
    expect(ctreplay(['merge', 'part-3', 'part-1', 'part-2', '-o', 'joined'], folder)).toMatchObject({
      code: 0,
    });
    const whole = casesIn(join(folder, 'whole'));
    const joined = casesIn(join(folder, 'joined'));
    expect([...joined.keys()].toSorted()).toEqual([...whole.keys()].toSorted());
    expect(whole.size).toBe(12);
    for (const [name, one] of whole) {
      expect(exactFigures(joined.get(name) as ResultCase), name).toEqual(exactFigures(one));
    }
    const expired = [...whole.values()].reduce((sum, one) => sum + (one.expiry?.lag?.count ?? 0), 0);
    expect(expired).toBeGreaterThan(0);
    // A histogram of the parts is byte for byte that in the result.
    for (const part of parts) {
      for (const [name, one] of casesIn(join(folder, `part-${part}`))) {
        expect(joined.get(name)?.latency?.service?.overall.encoded).toBe(
          one.latency?.service?.overall.encoded,
        );
      }
    }
  });
});
