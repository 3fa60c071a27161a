/** The picture of the trade: throughput against lag, a point a design, with its intervals. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { pageData, DETAILS, type PageData } from '../../../tools/report/page-data.js';
import { renderPage } from '../../../tools/report/page.js';
import type { Run } from '../../../tools/result/runs.js';
import type { CellSummary } from '../../../tools/result/schema.js';
import { sampleRuns } from './sample-runs.js';

const DESIGNS = ['timeout-lists', 'rculist-sweep', 'timing-wheel'];

function matrix(): Run {
  return sampleRuns({ kind: 'bench', packets: 300, designs: DESIGNS })[0] as Run;
}

function summary(id: string, metric: string, median: number): CellSummary {
  return { id, metric, n: 5, sessions: 5, median, low: median * 0.9, high: median * 1.1, confidence: 0.95 };
}

function tradeIn(...runs: readonly Run[]): PageData['trade'] {
  return pageData(runs, DETAILS[0]!).trade;
}

describe('the trade', () => {
  it('has a point a design, with intervals on both axes where there are any', () => {
    const run = matrix();
    const bare = tradeIn(run);
    expect(bare.map(({ points }) => points.map(({ design }) => design))).toEqual([DESIGNS]);
    expect(bare[0]!.points[0]!.pps.slice(1)).toEqual([null, null]);
    run.result.cells = run.result.cases.flatMap(({ id }, index) => [
      summary(id, 'pps', (index + 1) * 1e6),
      summary(id, 'expiry.lag.p99Ns', 2 * 10 ** (9 - index)),
    ]);
    const [group] = tradeIn(run);
    expect(group!.label).toBe('syn-flood, 2 workers');
    expect(group!.points[2]).toEqual({
      design: 'timing-wheel',
      pps: [3e6, 2.7e6, 3.3e6].map((value) => expect.closeTo(value, 3)),
      lagNs: [2e7, 1.8e7, 2.2e7].map((value) => expect.closeTo(value, 3)),
    });
  });

  it('sets the lag at a rate against the throughput at top speed', () => {
    const run = matrix();
    const top = run.result.cases;
    const paced = top.map((entry) => ({
      ...structuredClone(entry),
      id: `${entry.id}/400k`,
      pacing: { mode: 'pps' as const, targetPps: 400_000, achievedPps: 400_000 },
    }));
    run.result.cases = [...top.map((entry) => ({ ...entry, expiry: null })), ...paced];
    const groups = tradeIn(run);
    expect(groups.map(({ label }) => label)).toEqual(['syn-flood, 2 workers, lag at target 400 k/s']);
    expect(groups[0]!.points.map(({ pps }) => pps[0])).toEqual(top.map((entry) => entry.throughput?.pps));
  });

  it('is left out where fewer than two designs have both, and where throughput is not comparable', async () => {
    const lagless = matrix();
    for (const entry of lagless.result.cases.slice(1)) entry.expiry = null;
    expect(tradeIn(lagless)).toEqual([]);
    const probed = matrix();
    for (const entry of probed.result.cases) entry.throughput = { ...entry.throughput!, build: 'probed' };
    expect(tradeIn(probed)).toEqual([]);
    const page = await renderPage([lagless]);
    expect(page).not.toContain('id="trade"');
    expect(page).not.toContain('href="#trade"');
    expect(await renderPage([matrix()])).toContain('href="#trade"');
  });

  it('leaves controls out', () => {
    const run = matrix();
    for (const entry of run.result.cases.slice(1)) entry.control = true;
    expect(tradeIn(run)).toEqual([]);
  });
});

// Other tests of the process draw charts without a document.
afterEach(() => vi.unstubAllGlobals());

/** What the page's script makes of a group, without a page. */
async function optionOf(group: PageData['trade'][number]) {
  vi.stubGlobal('document', {});
  vi.stubGlobal('getComputedStyle', () => ({ getPropertyValue: (name: string) => name }));
  const { tradeOption, tradeReading } = await import('../../../tools/report/page/trade-chart.js');
  // Only what is looked at; the library's types have a form for every chart there is.
  return { option: tradeOption(group, DESIGNS) as Record<string, any>, reading: tradeReading(group, 2) };
}

describe('its picture', () => {
  const group: PageData['trade'][number] = {
    label: 'x',
    points: [
      { design: 'timeout-lists', pps: [3e6, 2.9e6, 3.1e6], lagNs: [5e9, 4e9, 6e9] },
      { design: 'timing-wheel', pps: [4e6, null, null], lagNs: [0.4e9, 0.3e9, 0.5e9] },
    ],
  };

  it('names its axes with units, and draws points and crosses in the colours of the designs', async () => {
    const { option, reading } = await optionOf(group);
    expect(option.xAxis).toMatchObject({ name: 'p99 expiration lag, logarithmic', type: 'log' });
    expect(option.xAxis.min).toBeLessThanOrEqual(0.3e9);
    expect(option.xAxis.max).toBeGreaterThanOrEqual(6e9);
    expect(option.xAxis.axisLabel.formatter(2e9)).toBe('2 s');
    expect(option.yAxis.name).toBe('packets/s at top speed');
    expect(option.yAxis.min).toBeLessThan(2.9e6);
    expect(option.yAxis.max).toBeGreaterThan(4e6);
    expect(
      option.series.map(({ name, color }: { name: string; color: string }) => `${name} ${color}`),
    ).toEqual([
      ...['timeout-lists --series-0', 'timeout-lists --series-0'],
      ...['timing-wheel --series-2', 'timing-wheel --series-2'],
    ]);
    expect(option.series[0].data).toEqual([[5e9, 3e6]]);
    expect(option.series[1].data).toEqual([[5e9, 3e6, 4e9, 6e9, 2.9e6, 3.1e6]]);
    expect(option.series[3].data).toEqual([[0.4e9, 4e6, 0.3e9, 0.5e9, 4e6, 4e6]]);
    expect(reading).toBe('timing-wheel, 4M packets/s, 99 of 100 gone within 400 ms (300 ms to 500 ms)');
  });

  it('has a linear axis of lags that are alike', async () => {
    const alike = {
      ...group,
      points: group.points.map((point) => ({ ...point, lagNs: [1e9, null, null] as [number, null, null] })),
    };
    const { option } = await optionOf(alike);
    expect(option.xAxis).toMatchObject({ name: 'p99 expiration lag', type: 'value', min: 0 });
  });
});
