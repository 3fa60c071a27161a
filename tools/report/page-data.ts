/** What the page's charts draw, worked out here so that the page only draws. Plain JSON. */
import {
  cellName,
  cellsOf,
  comparableGroups,
  lagOfCell,
  latencyOfCell,
  medianOf,
  pacingText,
  settingNames,
  summaryOf,
  TIME_KINDS,
  type Cell,
  type TimeKind,
} from '../result/cells.js';
import { forestOf, type ForestGroup } from './forest.js';
import { paletteOf } from './palette.js';
import { tradeOf, type TradeGroup } from './page-trade.js';
import { percentileCurve, recordedCounts } from '../result/histograms.js';
import { interruptedShareOf, percentileOf } from '../result/tail.js';
import type { Run } from '../result/runs.js';
import type { ResultCase, Scaling, TimelineInterval } from '../result/schema.js';
import { ppsOf, throughputOf } from '../result/throughput.js';
import { usableCores } from '../result/usable-cores.js';

/** A point of a percentile curve as drawn: 1 / (1 - share), and nanoseconds. */
export type CurveXY = [number, number];

export interface CurveSeries {
  design: string;
  kind: TimeKind | 'lag';
  points: CurveXY[];
}

export interface CurveGroup {
  label: string;
  series: CurveSeries[];
}

/** The timelines of one configuration, a panel a design. */
export interface HeatGroup {
  label: string;
  panels: HeatPanel[];
}

export interface HeatPanel {
  design: string;
  /** Rectangles: from ms, to ms, from ns, to ns, packets. Empty where the timeline has no histograms. */
  rectangles: [number, number, number, number, number][];
  /** Per interval: middle ms, then service p50, p99, max in ns; null where nothing was measured. */
  lines: [number, number | null, number | null, number | null][];
  /** From ms, to ms. */
  sweeps: [number, number][];
}

export interface ScalingDesign {
  design: string;
  /** Workers, pps, low, high; low and high null where there is no interval. */
  measured: [number, number, number | null, number | null][];
  /** Workers, pps, low, high: predicted by a fit; only where it has a band. */
  predicted: [number, number, number, number][];
  /** Workers, pps: the fitted curve. */
  fit: [number, number][];
  /** Workers, share of time spent waiting for locks. */
  waits: [number, number][];
}

export interface ScalingGroup {
  label: string;
  /** CPU cores of the machine; beyond them the scheduler is measured. Null where not known. */
  cores: number | null;
  designs: ScalingDesign[];
}

export interface StaleGroup {
  label: string;
  /** Milliseconds and connections. */
  series: { design: string; expired: [number, number][]; connections: [number, number][] }[];
}

export interface NatGroup {
  label: string;
  series: {
    design: string;
    candidates: [number, number][];
    p50: [number, number][];
    p99: [number, number][];
  }[];
}

export interface PageData {
  /** Every design named in a chart. */
  designs: string[];
  /** The same by colour; '' where a colour is nobody's. */
  palette: string[];
  forest: ForestGroup[];
  trade: TradeGroup[];
  curves: CurveGroup[];
  heat: HeatGroup[];
  scaling: ScalingGroup[];
  lag: CurveGroup[];
  stale: StaleGroup[];
  nat: NatGroup[];
  /** What did not fit and was left out of the charts (the tables have it), as a sentence; null if nothing. */
  leftOut: string | null;
}

/** How much goes into the charts. */
export interface Detail {
  groups: number;
  heatMaps: number;
  ticksPerHalf: number;
  heatColumns: number;
  heatRows: number;
  /** Rows of a table. */
  tableRows: number;
}

/** From all that is readable down to the least that is useful; the page takes the first that keeps it small. */
export const DETAILS: readonly Detail[] = [
  { groups: 40, heatMaps: 16, ticksPerHalf: 10, heatColumns: 120, heatRows: 48, tableRows: 400 },
  { groups: 24, heatMaps: 8, ticksPerHalf: 5, heatColumns: 80, heatRows: 32, tableRows: 200 },
  { groups: 8, heatMaps: 4, ticksPerHalf: 3, heatColumns: 50, heatRows: 24, tableRows: 60 },
  { groups: 2, heatMaps: 1, ticksPerHalf: 2, heatColumns: 40, heatRows: 16, tableRows: 25 },
];

/** The heading of a group of comparable cells: input, workers, pace, build, and the run where there are several. */
export function groupLabel(group: readonly Cell[], severalRuns: boolean): string {
  const [first] = group;
  if (first === undefined) return '';
  const { input, workers, build } = first.first;
  return [
    input.name,
    `${workers} ${workers === 1 ? 'worker' : 'workers'}`,
    pacingText(first.first),
    ...(build === 'bare' ? ['bare build'] : []),
    ...settingNames(first.first),
    ...(severalRuns ? [first.run.label] : []),
  ].join(', ');
}

/** Collects the data of every chart. */
export function pageData(runs: readonly Run[], detail: Detail): PageData {
  const severalRuns = runs.length > 1;
  const groups = comparableGroups(cellsOf(runs));
  const shown = groups.slice(0, detail.groups);
  const labelled = shown.map((group) => ({ group, label: groupLabel(group, severalRuns) }));
  const designs = new Set<string>();
  for (const { group } of labelled) for (const cell of group) designs.add(cellName(cell, group));
  const scaling = scalingGroups(runs, groups);
  for (const group of scaling) for (const { design } of group.designs) designs.add(design);
  const heat = labelled
    .map(({ group, label }): HeatGroup => ({
      label,
      panels: group
        .filter((cell) => cell.first.control !== true)
        .flatMap((cell) => heatOf(cell, cellName(cell, group), detail)),
    }))
    .filter(({ panels }) => panels.length > 0);
  const leftOut = [
    ...(groups.length > shown.length
      ? [`${groups.length - shown.length} of ${groups.length} configurations`]
      : []),
    ...(heat.length > detail.heatMaps
      ? [`${heat.length - detail.heatMaps} of ${heat.length} timelines`]
      : []),
  ];
  return {
    designs: [...designs],
    palette: paletteOf([...designs]),
    forest: forestOf(runs, groups),
    trade: tradeOf(groups, severalRuns).slice(0, detail.groups),
    curves: nonEmpty(labelled, ({ group }) =>
      group.flatMap((cell) => latencyCurves(cell, cellName(cell, group), detail)),
    ),
    heat: heat.slice(0, detail.heatMaps),
    scaling,
    lag: nonEmpty(labelled, ({ group }) =>
      group.flatMap((cell) => lagCurve(cell, cellName(cell, group), detail)),
    ),
    stale: nonEmpty(labelled, ({ group }) => group.flatMap((cell) => staleOf(cell, cellName(cell, group)))),
    nat: nonEmpty(labelled, ({ group }) => group.flatMap((cell) => natOf(cell, cellName(cell, group)))),
    leftOut:
      leftOut.length === 0
        ? null
        : `Left out of the charts to keep this page small: ${leftOut.join(' and ')}. The tables have them.`,
  };
}

interface Labelled {
  group: Cell[];
  label: string;
}

function nonEmpty<Series>(
  labelled: readonly Labelled[],
  seriesOf: (cell: Labelled) => Series[],
): { label: string; series: Series[] }[] {
  return labelled
    .map((cell) => ({ label: cell.label, series: seriesOf(cell) }))
    .filter(({ series }) => series.length > 0);
}

/**
 * @param upTo share of the values up to which the curve is drawn, 0 to 1
 * @param lowest what a lower value is drawn as: a logarithmic axis has no 0, and a time of 0 is one below the clock's step
 */
function curveOf(
  { encoded, count }: { readonly encoded: string; readonly count: number },
  ticksPerHalf: number,
  upTo: number,
  lowest: 0 | 1,
): CurveXY[] {
  const points: CurveXY[] = [];
  let last = 1;
  for (const { share, value } of percentileCurve(encoded, ticksPerHalf)) {
    if (share > upTo) break;
    // The maximum is at share 1, which the axis cannot show: it is drawn where one value of all is left.
    const x = share < 1 ? 1 / (1 - share) : Math.max(last, count);
    if (x < last) continue;
    points.push([round(x), Math.max(lowest, value)]);
    last = x;
  }
  return points;
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}

function latencyCurves(cell: Cell, design: string, detail: Detail): CurveSeries[] {
  return TIME_KINDS.flatMap((kind): CurveSeries[] => {
    const figures = latencyOfCell(cell, kind);
    if (typeof figures?.encoded !== 'string') return [];
    // Beyond, it would be a curve of the machine (tail.ts).
    const upTo = 1 - 2 * (figures.interruptedShare ?? 0);
    const points = curveOf({ ...figures, encoded: figures.encoded }, detail.ticksPerHalf, upTo, 1);
    return points.length === 0 ? [] : [{ design, kind, points }];
  });
}

function lagCurve(cell: Cell, design: string, detail: Detail): CurveSeries[] {
  const figures = lagOfCell(cell);
  if (typeof figures?.encoded !== 'string') return [];
  // Its axis is linear: what was removed at once has a lag of 0.
  const points = curveOf({ ...figures, encoded: figures.encoded }, detail.ticksPerHalf, 1, 0);
  return [{ design, kind: 'lag', points }];
}

/** Whether latency was measured in an interval; a run without it, or a very short one, has only counts. */
function isTimed(at: TimelineInterval): boolean {
  return typeof at.encoded === 'string' || typeof at.p50Ns === 'number' || typeof at.maxNs === 'number';
}

/** The timeline of the first trial that has one. Trials are not laid over each other: their sweeps differ. */
function heatOf(cell: Cell, design: string, detail: Detail): HeatPanel[] {
  const entry = cell.cases.find((candidate) => (candidate.timeline ?? []).some(isTimed));
  if (entry === undefined) return [];
  const timeline = entry.timeline ?? [];
  return [
    {
      design,
      rectangles: rectanglesOf(entry, detail.heatColumns, detail.heatRows),
      lines: timeline.map((at) => [
        at.tMs + at.intervalMs / 2,
        percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p50Ns'),
        percentileOf({ ...at, interruptedShare: interruptedShareOf(entry, 'service') }, 'p99Ns'),
        at.maxNs ?? null,
      ]),
      sweeps: (entry.sweeps ?? [])
        .slice(0, 2000)
        .map((sweep) => [round(sweep.startMs), round(sweep.startMs + sweep.durationNs / 1e6)]),
    },
  ];
}

/** A histogram of the timeline and the time that it covers. */
interface HeatColumn {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counted: readonly { value: number; count: number }[];
}

function heatColumnsOf(entry: ResultCase): HeatColumn[] {
  return (entry.timeline ?? []).flatMap((at) => {
    if (typeof at.encoded !== 'string') return [];
    const toMs = at.tMs + at.intervalMs;
    return [{ fromMs: toMs - (at.encodedMs ?? at.intervalMs), toMs, counted: recordedCounts(at.encoded) }];
  });
}

function rectanglesOf(entry: ResultCase, most: number, rows: number): HeatPanel['rectangles'] {
  const columns = heatColumnsOf(entry);
  // By time, not by number: no column reaches over a pause.
  const widthMs = (columns.at(-1)?.toMs ?? 0) / most;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  for (const { counted } of columns) {
    for (const { value } of counted) {
      lowest = Math.min(lowest, Math.max(1, value));
      highest = Math.max(highest, value);
    }
  }
  if (highest === 0) return [];
  const bottom = Math.log(lowest) - 1e-9;
  const step = Math.max((Math.log(Math.max(highest, lowest * 1.1)) - bottom) / rows, 1e-9);
  const edge = (row: number): number => round(Math.exp(bottom + row * step));
  const rectangles: HeatPanel['rectangles'] = [];
  const parts = new Map<number, HeatColumn[]>();
  for (const column of columns) {
    const place = Math.floor(column.fromMs / widthMs);
    parts.set(place, [...(parts.get(place) ?? []), column]);
  }
  for (const part of parts.values()) {
    const counts = new Map<number, number>();
    for (const { value, count } of part.flatMap(({ counted }) => counted)) {
      const row = Math.min(rows - 1, Math.floor((Math.log(Math.max(1, value)) - bottom) / step));
      counts.set(row, (counts.get(row) ?? 0) + count);
    }
    const fromMs = round((part[0] as HeatColumn).fromMs);
    const toMs = round((part.at(-1) as HeatColumn).toMs);
    for (const [row, count] of counts) rectangles.push([fromMs, toMs, edge(row), edge(row + 1), count]);
  }
  return rectangles;
}

/** Stored fits, or, without any, the cells of a design and input that differ in workers only. */
function scalingGroups(runs: readonly Run[], groups: readonly Cell[][]): ScalingGroup[] {
  const severalRuns = runs.length > 1;
  return runs.flatMap((run) => {
    const cores = usableCores(run.result.environment);
    const stored = run.result.scaling ?? [];
    const source = stored.length > 0 ? stored : scalingFromCells(run, groups);
    const byInput = new Map<string, ScalingDesign[]>();
    for (const point of source) {
      const design = scalingDesign(point);
      if (new Set(design.measured.map(([workers]) => workers)).size < 2) continue;
      byInput.set(point.input, [...(byInput.get(point.input) ?? []), design]);
    }
    return [...byInput].map(([input, designs]) => ({
      label: severalRuns ? `${input}, ${run.label}` : input,
      cores,
      designs,
    }));
  });
}

function scalingFromCells(run: Run, groups: readonly Cell[][]): Scaling[] {
  const byKey = new Map<string, Scaling>();
  for (const group of groups) {
    for (const cell of group) {
      if (cell.run !== run || cell.first.control === true) continue;
      const design = cellName(cell, group);
      const input = [
        cell.first.input.name,
        pacingText(cell.first),
        ...(cell.first.build === 'bare' ? ['bare build'] : []),
      ].join(', ');
      const key = JSON.stringify([design, input]);
      const { build, timed } = throughputOf(cell.first);
      const entry = byKey.get(key) ?? { design, input, build, timed, points: [] };
      const summary = summaryOf(cell, 'pps');
      entry.points.push({
        workers: cell.first.workers,
        pps: medianOf(cell, ppsOf),
        low: summary?.low ?? null,
        high: summary?.high ?? null,
        lockWaitShare: medianOf(cell, ({ lockWaitShare }) => lockWaitShare),
        measured: true,
      });
      byKey.set(key, entry);
    }
  }
  return [...byKey.values()];
}

function scalingDesign({ design, points, fit }: Scaling): ScalingDesign {
  const sorted = points.toSorted((a, b) => a.workers - b.workers);
  const known = sorted.filter(
    (point): point is typeof point & { pps: number } => typeof point.pps === 'number',
  );
  // A prediction without a band is a promise; results from before there were bands have such.
  const shown = known.filter(
    (point) => point.measured || (typeof point.low === 'number' && typeof point.high === 'number'),
  );
  const furthest = Math.max(2, ...shown.map((point) => point.workers));
  const curve: [number, number][] = [];
  const lambda = fit?.lambdaPps?.value;
  const sigma = fit?.sigma?.value;
  const kappa = fit?.kappa?.value;
  if (lambda !== undefined && sigma !== undefined && kappa !== undefined) {
    for (let i = 0; i <= 48; i += 1) {
      const n = 1 + ((furthest - 1) * i) / 48;
      curve.push([round(n), round((lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1)))]);
    }
  }
  return {
    design,
    measured: shown
      .filter((point) => point.measured)
      .map((point) => [point.workers, point.pps, point.low ?? null, point.high ?? null]),
    predicted: shown.flatMap(({ workers, pps, low, high, measured }) =>
      !measured && typeof low === 'number' && typeof high === 'number' ? [[workers, pps, low, high]] : [],
    ),
    fit: curve,
    waits: sorted
      .filter(
        (point): point is typeof point & { lockWaitShare: number } =>
          point.measured && typeof point.lockWaitShare === 'number',
      )
      .map((point) => [point.workers, point.lockWaitShare]),
  };
}

function thin<Point>(points: readonly Point[], most: number): Point[] {
  const step = Math.max(1, Math.ceil(points.length / most));
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

function staleOf(cell: Cell, design: string): StaleGroup['series'] {
  const entry = cell.cases.find((candidate) => (candidate.expiry?.staleTimeline?.length ?? 0) > 0);
  if (entry === undefined) return [];
  const points = thin(entry.expiry?.staleTimeline ?? [], 400);
  return [
    {
      design,
      expired: points.flatMap((at) =>
        typeof at.expiredPresent === 'number' ? [[round(at.tMs), at.expiredPresent]] : [],
      ),
      connections: points.flatMap((at) => (typeof at.nConn === 'number' ? [[round(at.tMs), at.nConn]] : [])),
    },
  ];
}

function natOf(cell: Cell, design: string): NatGroup['series'] {
  const entry = cell.cases.find((candidate) => (candidate.nat?.byOccupancy?.length ?? 0) > 0);
  if (entry === undefined) return [];
  const points = (entry.nat?.byOccupancy ?? []).toSorted((a, b) => a.occupancy - b.occupancy);
  const share = interruptedShareOf(entry, 'service');
  const series = (valueOf: (at: (typeof points)[number]) => number | null | undefined): [number, number][] =>
    points.flatMap((at) => {
      const value = valueOf(at);
      return typeof value === 'number' ? [[at.occupancy, value]] : [];
    });
  const percentile = (key: 'p50Ns' | 'p99Ns'): [number, number][] =>
    series((at) => percentileOf({ ...at, interruptedShare: share }, key));
  const candidates = series(({ meanCandidates }) => meanCandidates);
  return [{ design, candidates, p50: percentile('p50Ns'), p99: percentile('p99Ns') }];
}
