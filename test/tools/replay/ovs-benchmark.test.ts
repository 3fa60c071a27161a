import { describe, expect, it } from 'vitest';
import { runOvsBenchmark } from '../../../tools/replay/ovs-benchmark.js';
import { DESIGNS } from '../../support/tracker-bed.js';

describe('the ovs-benchmark workload', () => {
  // The debug build traps when a slot is handed out that the warm-up has never given back.
  it.each(DESIGNS)('begins with an empty table after the warm-up: %s', async (design) => {
    const run = await runOvsBenchmark(
      { design, preset: null },
      { workers: 2, packets: 320, batch: 32, change: true, flavour: 'debug', seed: 1 },
    );
    expect(run.connCount).toBe(64);
    expect(run.packetsPerWorker).toBe(320);
  });
});
