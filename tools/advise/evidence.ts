/** The evidence that advice rests on: the figures of each design out of a result, and what they tell of each pair. */
import { cellsOf, medianOf, summaryOf, type Cell } from '../result/cells.js';
import { comparisonsOf } from '../result/comparisons.js';
import { outcomeDifferences, outcomeOf, OUTCOMES } from '../result/outcome.js';
import type { AdviceFigure, CriterionName, Result, ResultCase, Shown } from '../result/schema.js';
import { interruptedShareOf, tailOfMetric, withheldAt } from '../result/tail.js';
import { isPaced } from '../result/throughput.js';
import { CRITERIA, pairOf, shownOf, type Pair } from './criteria.js';

/** The two cells of a design. */
interface DesignCells {
  readonly top: Cell | null;
  readonly paced: Cell | null;
}

/** What is known of each design, and of each pair. */
export class Evidence {
  /** In the order of the result. */
  readonly designs: readonly string[];
  /** The metric behind each criterion that has one. */
  readonly metrics: Readonly<Partial<Record<CriterionName, string>>>;
  readonly #result: Result;
  readonly #cells: ReadonlyMap<string, DesignCells>;
  readonly #bytes: ReadonlyMap<string, number>;

  /**
   * @param result of designs at top speed and at one rate
   * @param bytesPerConnection by design
   */
  constructor(result: Result, bytesPerConnection: ReadonlyMap<string, number>) {
    this.#result = result;
    this.#bytes = bytesPerConnection;
    const cells = cellsOf([{ label: '', file: null, result }]).filter(({ first }) => first.control !== true);
    this.designs = [...new Set(cells.map(({ first }) => first.design))];
    this.#cells = new Map(
      this.designs.map((design) => {
        const own = cells.filter(({ first }) => first.design === design);
        const find = (paced: boolean): Cell | null =>
          own.find(({ first }) => isPaced(first) === paced) ?? null;
        return [design, { top: find(false), paced: find(true) }];
      }),
    );
    this.metrics = Object.fromEntries(
      (Object.keys(CRITERIA) as CriterionName[]).flatMap((name) => {
        const metric = this.#metricOf(name);
        return metric === undefined ? [] : [[name, metric]];
      }),
    );
  }

  /** What the evidence tells of `head` against `base`. */
  readonly shown = (head: string, base: string, criterion: CriterionName): Shown => {
    if (head === base) return 'same';
    if (criterion === 'outcome') return this.#outcomeTold(head, base);
    if (criterion === 'memory') return this.#memoryTold(head, base);
    return shownOf(this.#pair(head, base, criterion), CRITERIA[criterion]);
  };

  /** A figure of a design, set against the design in use. */
  figure(design: string, current: string, criterion: CriterionName): AdviceFigure {
    const shown = this.shown(design, current, criterion);
    if (criterion === 'outcome') return { criterion, shown, value: this.#turnedAway(design) };
    if (criterion === 'memory') return { criterion, shown, value: this.#bytes.get(design) ?? null };
    const metric = this.metrics[criterion];
    const cell = this.#cellOf(design, criterion);
    const summary = metric === undefined || cell === null ? undefined : summaryOf(cell, metric);
    const pair = design === current ? null : this.#pair(design, current, criterion);
    const held = cell === null || metric === undefined ? null : heldBack(cell, metric);
    if (held !== null) return { criterion, shown, value: null, note: held };
    return {
      criterion,
      shown,
      value: summary?.median ?? null,
      low: summary?.low ?? null,
      high: summary?.high ?? null,
      ratio: pair?.ratio ?? null,
      ratioLow: pair?.low ?? null,
      ratioHigh: pair?.high ?? null,
      note: pair?.note ?? null,
    };
  }

  /** Rate of the cells that were paced, packets/s; null where none is known. */
  get pacedPps(): number | null {
    const cells = [...this.#cells.values()].flatMap(({ paced }) => paced ?? []);
    return cells[0]?.first.pacing.targetPps ?? null;
  }

  #cellOf(design: string, criterion: CriterionName): Cell | null {
    const cells = this.#cells.get(design);
    return (criterion === 'throughput' ? cells?.top : cells?.paced) ?? null;
  }

  #pair(head: string, base: string, criterion: CriterionName): Pair | null {
    const metric = this.metrics[criterion];
    const [headCell, baseCell] = [head, base].map((design) => this.#cellOf(design, criterion));
    if (metric === undefined || headCell == null || baseCell == null) return null;
    return pairOf(comparisonsOf(this.#result), { head: headCell.id, base: baseCell.id, metric });
  }

  /** The first metric that the machine left something to say of between all designs; else of which it did between any; else the last. */
  #metricOf(criterion: CriterionName): string | undefined {
    const { metrics } = CRITERIA[criterion];
    const all = comparisonsOf(this.#result);
    const isShown = (metric: string, how: 'every' | 'some'): boolean => {
      const own = all.filter((one) => one.metric === metric && one.control !== true);
      return own.length > 0 && own[how]((one) => typeof one.low === 'number');
    };
    return (
      metrics.find((metric) => isShown(metric, 'every')) ??
      metrics.find((metric) => isShown(metric, 'some')) ??
      metrics.at(-1)
    );
  }

  #outcomeTold(head: string, base: string): Shown {
    const [headCell, baseCell] = [head, base].map((design) => this.#cells.get(design)?.paced ?? null);
    if (headCell == null || baseCell == null) return 'unknown';
    const [most] = outcomeDifferences(baseCell, headCell).toSorted(
      (a, b) => Math.abs(b.headShare - b.baseShare) - Math.abs(a.headShare - a.baseShare),
    );
    if (most === undefined) return 'same';
    return most.headShare < most.baseShare ? 'better' : 'worse';
  }

  #memoryTold(head: string, base: string): Shown {
    const [own, other] = [this.#bytes.get(head), this.#bytes.get(base)];
    if (own === undefined || other === undefined) return 'unknown';
    if (own === other) return 'same';
    const ratio = own / other;
    const finding = own < other ? 'better' : 'worse';
    const pair = {
      finding,
      higherIsBetter: false,
      ratio,
      low: ratio,
      high: ratio,
      baseValue: other,
      headValue: own,
      note: null,
    } as const;
    return shownOf(pair, CRITERIA.memory);
  }

  /** Share of the packets that were turned away, by the kind of which there were most. */
  #turnedAway(design: string): number | null {
    const cell = this.#cells.get(design)?.paced ?? null;
    if (cell === null) return null;
    return medianOf(cell, (one: ResultCase) =>
      one.packets.injected === 0
        ? null
        : Math.max(...OUTCOMES.map((outcome) => outcomeOf(one, outcome) ?? 0)) / one.packets.injected,
    );
  }
}

/** Why a percentile of a cell is the machine's and not the tracker's; null where it is not, and of other metrics. */
function heldBack(cell: Cell, metric: string): string | null {
  const tail = tailOfMetric(metric);
  if (tail === null) return null;
  return withheldAt(
    medianOf(cell, (one) => interruptedShareOf(one, tail.kind)),
    tail.key,
  );
}
