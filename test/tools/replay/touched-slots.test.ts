/** Slots that are touched before the start are those that the run comes to use: counted, not timed. */
import { describe, expect, it } from 'vitest';
import { availableDesigns, DEFAULT_DESIGNS } from '../../../engine/host/designs.js';
import { byTurns, replayedDesigns } from '../../support/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { TrackerConfig } from '../../../tools/config/read-config.js';
import { configFromSuggestion } from '../../../tools/config/suggested.js';
import type { FinishedRun } from '../../../tools/replay/run-control.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import {
  mapSpans,
  slotsInUse,
  slotsNeeded,
  touchSlots,
  type SlotPlan,
} from '../../../tools/replay/touched-slots.js';
import type { TrafficSlots } from '../../../tools/replay/traffic-slots.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { primitiveRun } from '../../engine/shm/primitive-threads.js';
import { fakeFiles } from '../measure/fake-system.js';
import { design, type PlanChanges, quickPlan, scenario as loadScenario } from '../../support/replay.js';

const WORKERS = 2;
/** For each thread those that one that creates narrowly may hold ready: two, and with shards 16. */
const SPARES = 18 * (WORKERS + 2);

const TRANSLATED: TrackerConfig = {
  file: null,
  entries: {
    rules: [
      { commit: true, nat: { type: 'src', addr: '192.0.2.1', addrMax: '192.0.2.200', port: [1024, 65535] } },
    ],
  },
};

interface Trial {
  readonly scenario: string;
  readonly parameters: Record<string, number>;
  readonly options?: PlanChanges;
  /** Every packet is translated. */
  readonly translated?: boolean;
  /** Replayed through rings that are smaller than the traffic. */
  readonly storeBytes?: number;
}

async function replay(name: string, trial: Trial): Promise<FinishedRun> {
  const { scenario, parameters, options, translated = false, storeBytes = 1e9 } = trial;
  const { suggestedConfig } = openScenario(scenario, parameters, 1);
  const config = translated
    ? TRANSLATED
    : suggestedConfig === null
      ? null
      : configFromSuggestion(suggestedConfig);
  const traffic = await loadScenario(scenario, parameters, 1, storeBytes);
  const finished = await runDesign(
    traffic,
    design(name),
    quickPlan({
      workers: WORKERS,
      maxConns: 200_000,
      ...(config === null ? {} : { config }),
      ...options,
    }),
  );
  return finished;
}

const loops = (count: number | null, uniqueIpLoops: number | null): PlanChanges => ({
  loops: count,
  uniqueIpLoops,
});

const TRIALS: [string, Trial][] = [
  ['one pass', { scenario: 'syn-flood', parameters: { packets: 5000 } }],
  ['few connections', { scenario: 'established', parameters: { packets: 5000, 'active-flows': 50 } }],
  ['a flood that is translated', { scenario: 'syn-flood', parameters: { packets: 3000 }, translated: true }],
  [
    'a flood that is translated, streamed',
    { scenario: 'syn-flood', parameters: { packets: 20_000 }, translated: true, storeBytes: 1024 ** 2 },
  ],
  ['NAT', { scenario: 'nat-exhaustion', parameters: { packets: 5000 } }],
  ['NAT with a helper', { scenario: 'ftp-alg', parameters: { packets: 5000 } }],
  [
    'loops with addresses of their own',
    { scenario: 'syn-flood', parameters: { packets: 2000 }, options: loops(5, 1) },
  ],
  [
    'two loops that share addresses',
    { scenario: 'tcp-crr', parameters: { packets: 2000 }, options: loops(6, 2) },
  ],
  [
    'loops that re-open connections',
    { scenario: 'tcp-crr', parameters: { packets: 2000 }, options: loops(5, null) },
  ],
  [
    'NAT in loops with addresses of their own',
    { scenario: 'ftp-alg', parameters: { packets: 2000 }, options: loops(5, 1) },
  ],
  [
    'a duration',
    {
      scenario: 'tcp-crr',
      parameters: { packets: 500 },
      options: { ...loops(null, 1), durationMs: 100 },
    },
  ],
  [
    'connections that expire and come again',
    {
      scenario: 'udp-churn',
      parameters: { packets: 5000, pps: 50 },
      options: { clock: 'capture', workers: 1 },
    },
  ],
  ['streamed', { scenario: 'tcp-crr', parameters: { packets: 20_000 }, storeBytes: 1024 ** 2 }],
  [
    'streamed in loops',
    {
      scenario: 'tcp-crr',
      parameters: { packets: 20_000 },
      storeBytes: 1024 ** 2,
      options: loops(3, 1),
    },
  ],
];

/** Designs that are run when nobody says which try everything between them, and so do the others. */
function trialsOf(name: string): typeof TRIALS {
  const isDefault = DEFAULT_DESIGNS.includes(name);
  const alike = availableDesigns().filter((other) => DEFAULT_DESIGNS.includes(other) === isDefault);
  return byTurns(TRIALS, name, alike);
}

describe.each(availableDesigns())('a run of %s', (name) => {
  it.each(trialsOf(name))('%s: uses no slot that was not touched', async (_, trial) => {
    const { usedSlots, touchedSlots } = await replay(name, trial);
    expect(usedSlots).toBeGreaterThan(0);
    expect(usedSlots).toBeLessThanOrEqual(touchedSlots);
  });
});

describe.each(availableDesigns())('the map of a run of %s', (name) => {
  it('is touched as far as the run fills it, and not as a whole', async () => {
    const { run, touchedSlots } = await replay(name, {
      scenario: 'established',
      parameters: { packets: 50_000, 'active-flows': 5000 },
    });
    const { BUCKET_SIZE } = run.engine.constants;
    const { buckets } = run.plan.regions;
    const isTouched = new Uint8Array(run.plan.buckets);
    for (const { at, byteCount } of mapSpans(run, touchedSlots))
      isTouched.fill(1, (at - buckets) / BUCKET_SIZE, (at + byteCount - buckets) / BUCKET_SIZE);
    let written = 0;
    for (const [bucket, touched] of isTouched.entries()) {
      const words = new Uint32Array(run.memory.buffer, buckets + bucket * BUCKET_SIZE, BUCKET_SIZE / 4);
      if (!words.some((word) => word !== 0)) continue;
      written++;
      expect([bucket, touched]).toEqual([bucket, 1]);
    }
    expect(written).toBeGreaterThan(5000 / 7);
    expect(isTouched.filter((each) => each === 1).length).toBeLessThan(run.plan.buckets / 2);
  });
});

describe.each(replayedDesigns())('the table of a run of %s', (name) => {
  it('touches none beside those of a flood, and two where each is translated', async () => {
    const flood: Trial = {
      scenario: 'syn-flood',
      parameters: { packets: 2000 },
      options: loops(3, 1),
    };
    expect((await replay(name, flood)).touchedSlots).toBe(3 * 2000 + SPARES);
    const translated = { ...flood, translated: true };
    expect((await replay(name, translated)).touchedSlots).toBe(2 * 3 * 2000 + SPARES);
    const few = await replay(name, {
      scenario: 'established',
      parameters: { packets: 5000, 'active-flows': 50 },
    });
    expect(few.touchedSlots).toBeLessThanOrEqual(2 * few.usedSlots + SPARES);
  });

  it('touches no more than the table has', async () => {
    const { touchedSlots, usedSlots, run } = await replay(name, {
      scenario: 'syn-flood',
      parameters: { packets: 5000 },
      options: { ...loops(100, 1), maxConns: 1000 },
    });
    expect(touchedSlots).toBe(run.plan.slabSlots);
    expect(usedSlots).toBeLessThanOrEqual(touchedSlots);
  });
});

describe('slots that a run can come to use', () => {
  const slots: TrafficSlots = { opening: 100, reopening: 40, committed: 1000 };
  const totals = { packets: 1000, bits: 8e5, loopNs: 1e9 };
  const options: SlotPlan = {
    workers: WORKERS,
    pacing: { mode: 'topspeed' },
    loops: 1,
    durationMs: null,
    clock: 'wall',
    timeScale: 1,
    uniqueIpLoops: null,
    config: { file: null, entries: {} },
  };
  const endless = null;
  const policy = { file: null, entries: { timeoutPolicies: { short: { udp_single: 2 } } } };

  it.each<[string, Partial<SlotPlan>, number]>([
    ['one loop', {}, 100],
    ['the same addresses again', { loops: 5 }, 100 + 4 * 40],
    ['addresses of their own', { loops: 5, uniqueIpLoops: 1 }, 500],
    ['addresses for two loops', { loops: 5, uniqueIpLoops: 2 }, 3 * 100 + 2 * 40],
    [
      'a rate for a time',
      { loops: endless, durationMs: 4000, pacing: { mode: 'pps', pps: 500 } },
      100 + 2 * 40,
    ],
    [
      'a rate that rises',
      {
        loops: endless,
        durationMs: 4000,
        uniqueIpLoops: 1,
        pacing: {
          mode: 'profile',
          profile: {
            points: [
              { atMs: 0, pps: 1 },
              { atMs: 2000, pps: 1000 },
            ],
            shape: 'linear',
          },
        },
      },
      500,
    ],
    ['without end', { loops: endless, uniqueIpLoops: 1 }, 1e6 - SPARES],
    ['capture time that passes timeouts', { loops: 40, clock: 'capture' }, 40 * 1000],
    [
      'capture time that does not, with new addresses',
      { loops: 40, clock: 'capture', uniqueIpLoops: 1 },
      4000,
    ],
    ['time that runs faster', { pacing: { mode: 'pps', pps: 100 }, timeScale: 20 }, 1000],
    ['a shorter timeout', { pacing: { mode: 'pps', pps: 100 }, config: policy }, 1000],
  ])('%s', (_, changes, expected) => {
    expect(slotsInUse(slots, totals, { ...options, ...changes }, 1e6)).toBe(expected + SPARES);
  });

  it.each<[string, Partial<SlotPlan>, number]>([
    ['one loop', {}, 100],
    ['the same addresses again', { loops: 5 }, 100],
    ['addresses of their own', { loops: 5, uniqueIpLoops: 1 }, 500],
    ['more than the table has', { loops: 50, uniqueIpLoops: 1 }, 1500],
    ['a rate for a time', { loops: endless, durationMs: 4000, uniqueIpLoops: 1 }, 100],
    ['a timeout within the loop', { pacing: { mode: 'pps', pps: 100 }, config: policy }, 0],
  ])('and will surely use: %s', (_, changes, expected) => {
    expect(slotsNeeded(slots, totals, { ...options, ...changes }, 1500)).toBe(expected);
  });

  it('that open nothing are none, for however many loops', () => {
    const none: TrafficSlots = { opening: 0, reopening: 0, committed: 0 };
    expect(slotsInUse(none, totals, { ...options, loops: endless }, 1e6)).toBe(SPARES);
  });
});

describe('touching', () => {
  it('stops where memory is short', () => {
    const { run } = primitiveRun(loadEngine('rculist-sweep', 'bare'), 1, { maxConns: 100_000 });
    const { CONN_SIZE } = run.engine.constants;
    const files = fakeFiles({ '/proc/meminfo': `MemAvailable:   ${(2 * 1000 * CONN_SIZE) / 1024} kB\n` });
    expect(touchSlots(run, 50_000, files)).toBe(1000);
    expect(touchSlots(run, 500, files)).toBe(500);
    expect(touchSlots(run, 50_000, fakeFiles({}))).toBe(50_000);
  });
});
