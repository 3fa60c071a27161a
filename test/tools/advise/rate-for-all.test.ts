/** The rate that all designs hold, on simulated designs. */
import { describe, expect, it } from 'vitest';
import type { DesignChoice } from '../../../engine/host/designs.js';
import { ADVICE_TIME_SCALE, pacedPlan, topSpeedPlan } from '../../../tools/advise/advice-runs.js';
import { rateForAll, roundedDown, type RateRequest } from '../../../tools/advise/rate-for-all.js';
import { makePlan, type ReplayPlan } from '../../../tools/replay/replay-plan.js';
import type { PacketSource } from '../../../tools/replay/packet-source.js';
import type { ResultCase } from '../../../tools/result/schema.js';
import { sampleResult } from '../../support/results.js';

const [SAMPLE] = sampleResult({ minimal: true, packets: 200 }).cases as [ResultCase];
const CHOICES: readonly DesignChoice[] = ['slow', 'fast'].map((design) => ({ design, preset: null }));

/** Designs by what they reach at top speed, and the rate that each holds. */
function request(designs: Record<string, { top: number; holds: number }>, plan: ReplayPlan) {
  const runs: string[] = [];
  const measure = (
    { design }: DesignChoice,
    { pacing, build, durationMs }: ReplayPlan,
  ): Promise<ResultCase> => {
    const { top, holds } = designs[design] as { top: number; holds: number };
    runs.push(`${design} ${build} ${pacing.mode === 'pps' ? `${pacing.pps} ${durationMs}` : pacing.mode}`);
    const achievedPps = pacing.mode === 'pps' ? Math.min(pacing.pps, holds) : top;
    const ok = pacing.mode !== 'pps' || pacing.pps <= holds;
    return Promise.resolve({
      ...SAMPLE,
      design,
      throughput: { build: 'bare', timed: false, pps: achievedPps, packets: 1, elapsedNs: 1 },
      pacing: { mode: 'pps', targetPps: pacing.mode === 'pps' ? pacing.pps : null, achievedPps },
      audit: [...SAMPLE.audit, { name: 'rate-achieved', ok }],
    });
  };
  const asked: RateRequest = {
    traffic: { packets: 1000 } as PacketSource,
    input: SAMPLE.input,
    plan,
    lengths: { packets: 1000, isGiven: false },
    choices: CHOICES,
    measure,
  };
  return { asked, runs };
}

describe('the rate', () => {
  it('is a quarter of the slowest design’s throughput, once all have held it', async () => {
    const { asked, runs } = request(
      { slow: { top: 1_234_567, holds: 1e6 }, fast: { top: 4e6, holds: 1e6 } },
      makePlan({}),
    );
    expect(await rateForAll(asked)).toEqual({ mode: 'pps', pps: 300_000 });
    expect(runs).toEqual([
      'slow bare topspeed',
      'fast bare topspeed',
      'slow probed 300000 1000',
      'fast probed 300000 1000',
    ]);
  });

  it('is halved until all hold it, and given up where none does', async () => {
    const { asked } = request(
      { slow: { top: 4e6, holds: 1e6 }, fast: { top: 4e6, holds: 300_000 } },
      makePlan({}),
    );
    expect(await rateForAll(asked)).toEqual({ mode: 'pps', pps: 250_000 });
    const { asked: hopeless, runs } = request(
      { slow: { top: 4e6, holds: 1e6 }, fast: { top: 4e6, holds: 10 } },
      makePlan({}),
    );
    await expect(rateForAll(hopeless)).rejects.toThrow(
      /no rate was found that all designs hold: fast reached/,
    );
    expect(runs.length).toBeLessThan(40);
  });

  it('is that asked for, and refused where a design does not hold it', async () => {
    const plan = makePlan({ pacing: { mode: 'pps', pps: 500_000 } });
    const fit = request({ slow: { top: 1e6, holds: 5e5 }, fast: { top: 4e6, holds: 1e6 } }, plan);
    expect(await rateForAll(fit.asked)).toEqual(plan.pacing);
    expect(fit.runs).toHaveLength(2);
    const unfit = request({ slow: { top: 1e6, holds: 4e5 }, fast: { top: 4e6, holds: 1e6 } }, plan);
    await expect(rateForAll(unfit.asked)).rejects.toMatchObject({
      exitCode: 2,
      message:
        'slow reached 400 k/s of the 500 k/s asked for; give a lower rate, or leave that design out (--design)',
    });
  });

  it('is a rate that people can name', () => {
    expect([4_199_999, 123, 99.9, 7, 0.2, 0, Number.NaN].map(roundedDown)).toEqual([
      4_100_000, 120, 99, 7, 1, 1, 1,
    ]);
  });
});

describe('the runs', () => {
  const plan = makePlan({ pacing: { mode: 'pps', pps: 1000 }, burst: 4, workers: 2 });

  it('are a million packets of the bare build without clocks, and three seconds of the probed one', () => {
    const top = topSpeedPlan(plan, { packets: 30_000, isGiven: false });
    expect(top).toMatchObject({
      ...{ build: 'bare', latency: { mode: 'off' }, pacing: { mode: 'topspeed' }, burst: 1 },
      ...{ loops: 34, durationMs: null, workers: 2 },
    });
    const paced = pacedPlan(plan, plan.pacing, { isGiven: false });
    expect(paced).toMatchObject({
      ...{ build: 'probed', latency: { mode: 'all' }, pacing: plan.pacing, burst: 4 },
      ...{ loops: null, durationMs: 3000, workers: 2 },
    });
    // Plans as any other: they are checked again in the processes that run them.
    for (const entry of [top, paced]) expect(makePlan(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
  });

  it('are as long as was asked for, and long traffic is not run to its end', () => {
    const asked = makePlan({ loops: 3, durationMs: 700 });
    for (const entry of [
      topSpeedPlan(asked, { packets: 10, isGiven: true }),
      pacedPlan(asked, { mode: 'pps', pps: 5 }, { isGiven: true }),
    ])
      expect(entry).toMatchObject({ loops: 3, durationMs: 700 });
    expect(topSpeedPlan(plan, { packets: 5e7, isGiven: false })).toMatchObject({
      loops: 1,
      durationMs: 2000,
    });
    expect(ADVICE_TIME_SCALE).toBeGreaterThan(1);
  });
});
