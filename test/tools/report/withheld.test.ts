/** Figures that the machine's interruptions leave nothing to say of: held back in every place that shows them. */
import { describe, expect, it } from 'vitest';
import { DETAILS, pageData } from '../../../tools/report/page-data.js';
import { sampleRuns } from './sample-runs.js';

/** The sample with this share of the packets interrupted. */
function runsWith(interruptedShare: number): ReturnType<typeof sampleRuns> {
  const runs = sampleRuns({ packets: 200 });
  for (const { result } of runs) {
    for (const entry of result.cases) {
      const service = entry.latency?.service?.overall;
      if (service != null) service.interruptedShare = interruptedShare;
    }
  }
  return runs;
}

const shown = (interruptedShare: number) => pageData(runsWith(interruptedShare), DETAILS[0]!);

describe('the page, where too many packets were interrupted for a 99th percentile', () => {
  it('draws none of service time against pool occupancy', () => {
    const count = (share: number, key: 'p50' | 'p99'): number =>
      shown(share).nat.flatMap(({ series }) => series.flatMap((each) => each[key])).length;
    expect(count(0, 'p99')).toBeGreaterThan(0);
    expect(count(0.02, 'p99')).toBe(0);
    expect(count(0.02, 'p50')).toBe(count(0, 'p50'));
    expect(count(0.6, 'p50')).toBe(0);
  });

  it('draws none over time', () => {
    const drawn = (share: number, at: 1 | 2): number =>
      shown(share)
        .heat.flatMap(({ panels }) => panels.flatMap(({ lines }) => lines))
        .filter((line) => line[at] !== null).length;
    expect(drawn(0, 2)).toBeGreaterThan(0);
    expect(drawn(0.02, 2)).toBe(0);
    expect(drawn(0.6, 1)).toBe(0);
  });
});
