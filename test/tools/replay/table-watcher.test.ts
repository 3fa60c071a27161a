import { describe, expect, it } from 'vitest';
import { decodeHistogram } from '../../../tools/measure/latency-summary.js';
import { scratchFolder } from '../../support/command.js';
import { runCommandLine } from '../../support/run-command.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../../../tools/result/schema.js';

/** The result of a replay with one worker. */
async function replay(...args: string[]): Promise<Result> {
  const folder = scratchFolder();
  const common = ['replay', '--workers', '1', '--build', 'probed', '--quiet', '--out', 'run'];
  const outcome = await runCommandLine([...common, '--synth', ...args], folder);
  // A busy machine may miss the rate, which ends with code 1; what is looked at here does not depend on it.
  expect([0, 1], outcome.stderr).toContain(outcome.code);
  return JSON.parse(readFileSync(join(folder, 'run', 'result.json'), 'utf8')) as Result;
}

describe('the table over time', () => {
  it('shows what expired and stays: all of it in the old design, the pause between sweeps in the new one', async () => {
    const { cases } = await replay(
      ...['zone-policies', '--packets', '20k', '--pps', '40k', '--time-scale', '160', '--timeline', '50ms'],
    );
    const [old, swept] = cases.map((entry) => {
      const points = entry.expiry?.staleTimeline ?? [];
      expect(points.length).toBeGreaterThan(5);
      for (const { nConn, expiredPresent } of points) {
        expect(expiredPresent).toBeLessThanOrEqual(nConn as number);
      }
      return points.at(-1)?.expiredPresent as number;
    });
    expect(old).toBeGreaterThan(10_000);
    expect(swept).toBeLessThan((old as number) / 1.3);
  });

  it('holds a histogram of every interval that adds up to the packets, and what was done, counted', async () => {
    const { cases } = await replay('established', '--packets', '20k', '--pps', '50k', '--timeline', '50');
    for (const entry of cases) {
      const timed = (entry.timeline ?? []).filter((at) => at.packets > 0);
      expect(timed.length).toBeGreaterThan(2);
      for (const at of timed) expect(decodeHistogram(at.encoded as string).totalCount).toBe(at.packets);
      expect(entry.workCounts?.packets).toBe(20_000);
    }
  });

  it('tells what NAT allocations try and take as the pool fills', async () => {
    const { cases } = await replay('nat-exhaustion', '--packets', '6k', '--pps', '10k', '--ports', '1000');
    for (const { nat } of cases) {
      const curve = nat?.byOccupancy ?? [];
      expect(curve.length).toBeGreaterThan(1);
      expect(curve.reduce((sum, at) => sum + (at.allocations ?? 0), 0)).toBe(nat?.allocations);
      expect(curve.reduce((sum, at) => sum + (at.failures ?? 0), 0)).toBe(nat?.failures);
      expect(curve.at(-1)?.meanCandidates).toBeGreaterThan(3 * (curve[0]?.meanCandidates ?? Infinity));
      // A full pool of 1000 ports is searched whole, for microseconds; the first ports are found at once.
      expect(curve.at(-1)?.p50Ns).toBeGreaterThan(2 * (curve[0]?.p50Ns ?? Infinity));
      for (const { p50Ns, p99Ns, maxNs } of curve) {
        expect(p50Ns).toBeGreaterThan(0);
        expect(p99Ns).toBeGreaterThanOrEqual(p50Ns as number);
        expect(maxNs).toBeGreaterThanOrEqual(p99Ns as number);
      }
    }
  });

  it('leaves the curve out where the pool was never full: its size is not known', async () => {
    for (const { nat } of (await replay('ftp-alg', '--packets', '2k')).cases)
      expect(nat?.byOccupancy ?? null).toBeNull();
  });
});
