import { describe, expect, it } from 'vitest';
import { compiledDesigns, traitsOf } from '../../../engine/host/design-traits.js';
import { availableDesigns } from '../../../engine/host/designs.js';
import type { Result, ResultCase } from '../../../tools/result/schema.js';
import { measuredSeries, pauseReads } from '../../../tools/model/feed.js';
import { typicalTime } from '../../../tools/model/measured-times.js';
import { connectionPopularity, zipfShares } from '../../../tools/model/popularity.js';
import { predictSeries, workerRange } from '../../../tools/model/predict.js';
import { histogramOf, latencyOf } from '../../support/distributions.js';
import hdr from 'hdr-histogram-js';
import { simulate } from '../../../tools/model/simulate.js';

const CLOCK_NS = 50;

function encoded(values: readonly number[]): string {
  return hdr.encodeIntoCompressedBase64(histogramOf(values));
}

/** A case whose packets take `packetNs`, with ct_lock taken `ct` times for `holdNs`, as the probes would show it. */
function measuredCase(options: {
  workers: number;
  packetNs: number;
  ct: number;
  holdNs: number;
  cpuWaitShare?: number;
}): ResultCase {
  const { workers, packetNs, ct, holdNs } = options;
  const packets = 100_000 * workers;
  const busyNs = packets * packetNs;
  const cpuWaitShare = options.cpuWaitShare ?? 0;
  const elapsedNs = busyNs / workers / (1 - cpuWaitShare);
  const holds = Array.from({ length: 1000 }, () => holdNs + CLOCK_NS);
  return {
    id: `synthetic/d/w${workers}`,
    trial: 0,
    kind: 'bench',
    design: 'd',
    build: 'probed',
    input: { type: 'scenario', name: 'synthetic' },
    workers,
    pacing: { mode: 'topspeed', achievedPps: (packets / elapsedNs) * 1e9 },
    batch: 32,
    steer: 'rss',
    clock: 'wall',
    elapsedNs,
    packets: { injected: packets, verdicts: { new: packets } },
    perWorker: Array.from({ length: workers }, (_, worker) => ({
      worker,
      packets: packets / workers,
      elapsedNs,
      waitNs: elapsedNs * cpuWaitShare,
    })),
    latency: { mode: 'all', service: { overall: latencyOf(Array.from({ length: 1000 }, () => packetNs)) } },
    locks: Array.from({ length: workers }, (_, worker) => ({
      class: 'ct_lock',
      thread: `worker-${worker}`,
      acquisitions: (ct * packets) / workers,
      contended: 0,
      spins: 0,
      futexWaits: 0,
      hold: { count: 1000, avgNs: holdNs + CLOCK_NS, encoded: encoded(holds) },
    })),
    cpuWaitShare,
    audit: [{ name: 'verdict-sum', ok: true }],
  };
}

function resultOf(cases: ResultCase[]): Result {
  return {
    format: 'ctreplay-result',
    version: 1,
    tool: { name: 'ctreplay', version: '0' },
    createdAt: '2026-01-01T00:00:00.000Z',
    commandLine: [],
    environment: { node: 'v20', clock: { costNs: CLOCK_NS }, coresOnline: 2 },
    configuration: {},
    seed: 1,
    partial: false,
    valid: true,
    warnings: [],
    cases,
  };
}

describe('typicalTime', () => {
  it('takes the offset off and leaves the longest hundredth out', () => {
    const values = [
      ...Array.from({ length: 990 }, () => 150),
      ...Array.from({ length: 10 }, () => 10_000_000),
    ];
    const time = typicalTime(encoded(values), 50);
    expect(time?.meanNs).toBeCloseTo(100, 0);
    expect(time?.cv).toBeLessThan(0.01);
  });

  it('never becomes negative, and an empty histogram has none', () => {
    expect(typicalTime(encoded([10, 20]), 50)?.meanNs).toBe(0);
    expect(typicalTime(encoded([]), 0)).toBeNull();
  });
});

describe('shards', () => {
  it.each([...availableDesigns(), 'of another installation'])('%s: as many locks as it has', (design) => {
    const entry = { ...measuredCase({ workers: 2, packetNs: 1000, ct: 1, holdNs: 100 }), design };
    const shards = compiledDesigns().includes(design) ? traitsOf(design).shards : 0;
    const [series] = measuredSeries(resultOf([entry]), 'result.json');
    expect(series?.points[0]?.parameters.ctLocks).toBe(Math.max(shards, 1));
  });

  it('let the model find less waiting than one lock would have', () => {
    const most = (design: string): number => {
      const entry = { ...measuredCase({ workers: 2, packetNs: 400, ct: 1, holdNs: 200 }), design };
      const [series] = measuredSeries(resultOf([entry]), 'result.json');
      return simulate(series!.points[0]!.parameters, 16, { seed: 1 }).pps;
    };
    const sharded = availableDesigns().find((design) => traitsOf(design).shards > 0) as string;
    expect(most(sharded)).toBeGreaterThan(3 * most('d'));
  });
});

describe('the mutex', () => {
  const withWaits = (mutex: 'glibc' | 'backoff' | undefined, futexWaits: number): ResultCase => {
    const entry = measuredCase({ workers: 2, packetNs: 1000, ct: 1, holdNs: 100 });
    const wait = {
      count: 1000,
      avgNs: 300 + CLOCK_NS,
      encoded: encoded(Array.from({ length: 1000 }, () => 300 + CLOCK_NS)),
    };
    return {
      ...entry,
      mutex,
      locks: entry.locks!.map((row) => ({ ...row, contended: 1000, spins: 10_000, futexWaits, wait })),
    };
  };
  const disciplineOf = (entry: ResultCase) =>
    measuredSeries(resultOf([entry]), 'r.json')[0]!.points[0]!.parameters.discipline;

  it('is that of the case, with the pauses that it measured', () => {
    expect(disciplineOf(withWaits('glibc', 0))).toMatchObject({ kind: 'spin-then-sleep' });
    const { pauseNs } = disciplineOf(withWaits('glibc', 0)) as { pauseNs: number };
    expect(pauseNs).toBeCloseTo(30, 0);
    // The mean of waits that were slept says nothing about a pause.
    expect(disciplineOf(withWaits('glibc', 500))).toMatchObject({ pauseNs: 25, longestPauseNs: 400 });
    for (const mutex of ['backoff', undefined] as const) {
      expect(disciplineOf(withWaits(mutex, 0))).not.toHaveProperty('pauseNs');
    }
  });

  it('is not mixed with another in one series', () => {
    const series = measuredSeries(resultOf([withWaits('glibc', 0), withWaits('backoff', 0)]), 'r.json');
    expect(series.map(({ input }) => input)).toEqual(['synthetic, glibc mutex', 'synthetic, backoff mutex']);
  });
});

describe('measuredSeries', () => {
  it('takes work, holds and acquisitions from the figures', () => {
    const [series] = measuredSeries(
      resultOf([measuredCase({ workers: 1, packetNs: 500, ct: 2, holdNs: 60 })]),
      'r.json',
    );
    const point = series?.points[0];
    expect(point?.parameters.ctPerPacket).toBeCloseTo(2, 6);
    expect(point?.parameters.ctHold.meanNs).toBeCloseTo(60, 0);
    expect(point?.parameters.work.meanNs).toBeCloseTo(500 - 120, 0);
    expect(point?.ppsOnCpu).toBeCloseTo(2e6, 0);
    expect(point?.parameters.connections).toBeNull();
  });

  it('leaves out the time that workers had no CPU', () => {
    const [series] = measuredSeries(
      resultOf([measuredCase({ workers: 2, packetNs: 500, ct: 1, holdNs: 60, cpuWaitShare: 0.4 })]),
      'r.json',
    );
    expect(series?.points[0]?.pps).toBeCloseTo(4e6 * 0.6, -1);
    expect(series?.points[0]?.ppsOnCpu).toBeCloseTo(4e6, -1);
  });

  it('gives connection locks to steering that spreads a connection over workers', () => {
    const entry: ResultCase = {
      ...measuredCase({ workers: 2, packetNs: 500, ct: 0.1, holdNs: 60 }),
      steer: 'round-robin',
    };
    const withConn: ResultCase = {
      ...entry,
      input: { ...entry.input, parameters: { 'active-flows': 10 } },
      locks: [
        ...(entry.locks ?? []),
        {
          class: 'conn_lock',
          thread: 'worker-0',
          acquisitions: 400_000,
          hold: { count: 10, encoded: encoded([90, 90]) },
        },
      ],
    };
    const connections = measuredSeries(resultOf([withConn]), 'r.json')[0]?.points[0]?.parameters.connections;
    expect(connections?.perPacket).toBeCloseTo(2, 6);
    expect(connections?.hold.meanNs).toBeCloseTo(40, 0);
    expect(connections?.popularity).toEqual(Array.from({ length: 10 }, () => 0.1));
  });

  it('says what is missing when no case can feed it', () => {
    const bare: ResultCase = {
      ...measuredCase({ workers: 1, packetNs: 500, ct: 1, holdNs: 60 }),
      build: 'bare',
    };
    expect(() => measuredSeries(resultOf([bare]), 'r.json')).toThrow(
      /r\.json: holds no case.*ctreplay scale/,
    );
  });
});

describe('predictSeries', () => {
  const result = resultOf([
    measuredCase({ workers: 1, packetNs: 500, ct: 2, holdNs: 60 }),
    measuredCase({ workers: 2, packetNs: 700, ct: 2, holdNs: 80 }),
    measuredCase({ workers: 4, packetNs: 900, ct: 2, holdNs: 90 }),
  ]);
  const [series] = measuredSeries(result, 'r.json');

  it('is right for one worker, whose packets never wait', () => {
    const predicted = predictSeries(series!, { workers: [1], cores: 2, feedUpTo: null, seed: 1 });
    expect(Math.abs(predicted.points[0]?.error ?? 1)).toBeLessThan(0.02);
  });

  it('feeds from the nearest measurement that had a core per worker, and marks the others', () => {
    const { points } = predictSeries(series!, { workers: [1, 2, 4, 8], cores: 2, feedUpTo: null, seed: 1 });
    expect(points.map((point) => point.fedFrom)).toEqual([1, 2, 2, 2]);
    expect(points.map((point) => point.oversubscribed)).toEqual([false, false, true, true]);
    expect(points.map((point) => point.measured !== null)).toEqual([true, true, true, false]);
  });

  it('can be fed from fewer workers than it predicts', () => {
    const { points } = predictSeries(series!, { workers: [2], cores: 2, feedUpTo: 1, seed: 1 });
    expect(points[0]?.fedFrom).toBe(1);
  });

  it('never exceeds what the lock allows', () => {
    const { points } = predictSeries(series!, { workers: [3, 4], cores: 2, feedUpTo: null, seed: 1 });
    for (const point of points) expect(point.predicted!.pps).toBeLessThan((1e9 / 160) * 1.02);
  });

  it('tells its error where a measurement is held out, and a band of that width', () => {
    const options = { workers: [1, 2, 4], cores: 2, feedUpTo: null, seed: 1 };
    const { heldOut, points } = predictSeries(series!, options);
    expect(heldOut).toHaveLength(1);
    const [{ workers, fedFrom, error }] = heldOut as [(typeof heldOut)[number]];
    expect([workers, fedFrom]).toEqual([2, 1]);
    // The work of a packet is 40 % longer with two workers, which one does not show.
    expect(error).toBeGreaterThan(0.2);
    expect(points.map((point) => point.band === null)).toEqual([true, true, false]);
    const { band, predicted } = points[2]!;
    expect(band!.highPps / predicted!.pps).toBeCloseTo(1 + error, 9);
    expect(predicted!.pps / band!.lowPps).toBeCloseTo(1 + error, 9);
  });

  it('refuses what lies further out than anything held out, and what the error makes worthless', () => {
    const { points } = predictSeries(series!, { workers: [4, 8, 128], cores: 2, feedUpTo: null, seed: 1 });
    expect(points.map((point) => point.predicted === null)).toEqual([false, true, true]);
    expect(points[1]?.refused).toMatch(/further beyond the measurement/);
    const [alone] = measuredSeries(
      resultOf([measuredCase({ workers: 1, packetNs: 500, ct: 2, holdNs: 60 })]),
      'r.json',
    );
    const single = predictSeries(alone!, { workers: [1, 2], cores: 2, feedUpTo: null, seed: 1 });
    expect(single.points.map((point) => point.refused)).toEqual([
      null,
      expect.stringContaining('one number of workers was measured'),
    ]);
    const [bad] = measuredSeries(
      resultOf([
        measuredCase({ workers: 1, packetNs: 200, ct: 0, holdNs: 60 }),
        measuredCase({ workers: 2, packetNs: 900, ct: 0, holdNs: 60 }),
      ]),
      'r.json',
    );
    const off = predictSeries(bad!, { workers: [2, 4], cores: 2, feedUpTo: null, seed: 1 });
    expect(off.heldOut[0]!.error).toBeGreaterThan(1);
    expect(off.points.map((point) => point.refused)).toEqual([
      null,
      expect.stringMatching(/off by a factor of/),
    ]);
  });
});

describe('what a prediction rests on', () => {
  const points = [1, 2].map((workers) => measuredCase({ workers, packetNs: 500, ct: 1, holdNs: 60 }));
  const seriesOf = (design: string, change: (entry: ResultCase) => ResultCase = (entry) => entry) =>
    measuredSeries(resultOf(points.map((point) => change({ ...point, design }))), 'r.json')[0]!;
  const options = { workers: [1, 2, 8, 64], cores: 2, feedUpTo: null, seed: 1, packets: 2000 };
  /** Passes in which the sweeper held ct_lock. */
  const swept = (entry: ResultCase): ResultCase => ({
    ...entry,
    sweeper: { passes: 40_000, passNs: 1e6 },
    sweeps: Array.from({ length: 10_000 }, () => ({ startMs: 0, durationNs: 25 })),
    locks: [
      ...entry.locks!,
      {
        class: 'ct_lock',
        thread: 'sweeper',
        acquisitions: 80_000,
        hold: { totalNs: 8e5, avgNs: 10, clockCostNs: 0 },
      },
    ],
  });

  it('is said of each design, by its traits', () => {
    const output = (design: string): string =>
      predictSeries(seriesOf(design, swept), options).restsOn.join('\n');
    for (const design of availableDesigns()) {
      expect(output(design)).toMatch(/^Memory and interconnect: .* as with 2 workers\..*upper bound\.$/m);
      expect(output(design)).toMatch(/^ct_lock: /m);
      expect(output(design).includes('looks at each that lives')).toBe(traitsOf(design).sweepLooksAtLiving);
      expect(/^Shards: each of \d+ locks/m.test(output(design))).toBe(traitsOf(design).shards > 0);
    }
    // Of a design that this build does not have, and of one with a preset.
    expect(output('of-another-build')).not.toContain('looks at each that lives');
    expect(output('rculist-sweep@v6')).toContain('looks at each that lives');
    expect(predictSeries(seriesOf('timing-wheel'), options).restsOn.join()).toContain(
      'The sweeper is left out',
    );
    expect(predictSeries(seriesOf('timing-wheel'), { ...options, workers: [1, 2] }).restsOn).toEqual([]);
  });

  it('counts every pass, also those that are not recorded', () => {
    const { sweeper } = seriesOf('timing-wheel', swept).points[0]!.parameters;
    expect(sweeper?.holdsPerPass).toBe(2);
  });

  it('is shown without a band where it is refused, on request', () => {
    const series = seriesOf('table-scan');
    const refused = predictSeries(series, options).points.map(({ predicted }) => predicted === null);
    expect(refused).toEqual([false, false, true, true]);
    const { points: all } = predictSeries(series, { ...options, extrapolate: true });
    expect(all.map(({ predicted }) => predicted === null)).toEqual([false, false, false, false]);
    expect(all.slice(2).map(({ band, refused: why }) => [band, why === null])).toEqual([
      [null, false],
      [null, false],
    ]);
    // Work that takes no lock is taken to be as quick on any number of cores, and the lock bounds the rest.
    expect(all[3]!.predicted!.pps).toBeLessThan((1e9 / 60) * 1.02);
    expect(all[3]!.predicted!.pps).toBeGreaterThan(all[1]!.predicted!.pps);
  });
});

describe('small pieces', () => {
  it('pauses double up to the longest', () => {
    expect(pauseReads(1)).toBe(512);
    expect(pauseReads(1.5)).toBe(1024);
    expect(pauseReads(5)).toBe(512 + 1024 + 2048 + 4096 + 4096);
  });

  it('shares of connections are 1 in sum and follow the law', () => {
    const shares = zipfShares(100, 1);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect((shares[0] as number) / (shares[9] as number)).toBeCloseTo(10, 9);
    const entry = measuredCase({ workers: 1, packetNs: 500, ct: 1, holdNs: 60 });
    const elephants = {
      ...entry,
      input: { ...entry.input, parameters: { elephants: 4, 'elephant-share': 0.8 } },
    };
    expect(connectionPopularity(elephants)).toEqual([0.2, 0.2, 0.2, 0.2]);
  });

  it('ranges hold the ends, the powers of two, and every measured number', () => {
    expect(workerRange(1, 128, 2)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
    expect(workerRange(1, 10, 6)).toEqual([1, 2, 3, 4, 5, 6, 8, 10]);
    expect(workerRange(3, 5, 1)).toEqual([3, 4, 5]);
  });
});
