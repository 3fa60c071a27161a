/**
 * Calibration of the clock that times packets: what one read costs and in which steps it moves. Reported with every
 * result, since no time shorter than these can be believed.
 */
import { median, quantileSorted, sorted } from '../stats/sample.js';
import { latticeStep } from './clock-step.js';

/** A clock to calibrate. */
export interface Clock {
  /** For people, e.g. `performance.now`. */
  readonly name: string;
  /** Current time in nanoseconds from any fixed origin. */
  nowNs(): number;
}

/** What calibration found. */
export interface ClockFigures {
  readonly source: string;
  /**
   * Cost of one undisturbed read: a low quantile over batches of reads. A mean or a median would contain interruptions, and be
   * larger than times that hold a whole read.
   */
  readonly costNs: number;
  /** 99th percentile over batches: what a read costs when the machine is disturbed. */
  readonly costP99Ns: number;
  /** Distance of the readings that the clock can give: what all differences are multiples of. See clock-step.ts. */
  readonly stepNs: number;
  /** Difference between two readings in a row that differ: smallest, median, and 99th percentile. */
  readonly differenceMinNs: number;
  readonly differenceMedianNs: number;
  readonly differenceP99Ns: number;
  /** Number of differing pairs that these figures and the step rest on. */
  readonly steps: number;
  /** Times the clock went backwards between two reads. Above 0, no figure of the run can be trusted. */
  readonly backwardSteps: number;
}

const WARM_UP_READS = 20_000;
const WARM_UP_BATCHES = 100;
/** Short, so that most batches are not interrupted even on a busy machine. */
const FIRST_BATCH_READS = 100;
/** The quantile of batches that stands for an undisturbed read. */
const UNDISTURBED = 0.1;

/** Bounds of a calibration. */
export interface CalibrationOptions {
  /** Steps to see; default 2000. */
  readonly steps?: number;
  /** Most reads spent on steps, for coarse clocks; default 1,000,000. */
  readonly maxReads?: number;
  /** Batches for the cost; default 300. */
  readonly batches?: number;
}

/**
 * Calibrates a clock. Takes a few milliseconds for a fine clock; for a coarse one up to `maxReads` reads per figure.
 * @throws Error when the clock does not move at all within `maxReads` reads, or gives no finite number
 */
export function calibrateClock(clock: Clock, options: CalibrationOptions = {}): ClockFigures {
  const maxReads = options.maxReads ?? 1_000_000;
  for (let i = 0; i < WARM_UP_READS; i++) clock.nowNs(); // so that compiled code is calibrated, as in a run
  const { differences, spans, backwardSteps } = collectSteps(clock, options.steps ?? 2000, maxReads);
  const ascending = sorted(differences);
  const stepNs = latticeStep(ascending, sorted(spans));
  collectCosts(clock, stepNs, WARM_UP_BATCHES, maxReads); // the loop has to be compiled, too
  const costs = sorted(collectCosts(clock, stepNs, options.batches ?? 300, maxReads));
  return {
    source: clock.name,
    costNs: quantileSorted(costs, UNDISTURBED),
    costP99Ns: quantileSorted(costs, 0.99),
    stepNs,
    differenceMinNs: ascending[0] as number,
    differenceMedianNs: median(ascending),
    differenceP99Ns: quantileSorted(ascending, 0.99),
    steps: ascending.length,
    backwardSteps,
  };
}

/** Readings that a difference may lie apart: enough to tell steps that are nearly alike, too few for their rounding to add up. */
const SPAN_READS = 8;

function collectSteps(clock: Clock, wanted: number, maxReads: number) {
  const differences: number[] = [];
  const spans: number[] = [];
  /** The latest readings that differ, the last one first. */
  let recent: number[] = [];
  let backwardSteps = 0;
  let previous = clock.nowNs();
  if (!Number.isFinite(previous)) {
    throw new Error(`clock ${clock.name} gave ${previous}, not a number of nanoseconds; use another clock`);
  }
  for (let reads = 1; reads < maxReads && differences.length < wanted; reads++) {
    dither(reads);
    const now = clock.nowNs();
    if (now > previous) {
      differences.push(now - previous);
      recent = [previous, ...recent.slice(0, SPAN_READS - 1)];
      for (const earlier of recent) spans.push(now - earlier);
    } else if (now < previous) {
      backwardSteps++;
      recent = [];
    }
    previous = now;
  }
  if (differences.length === 0) {
    throw new Error(`clock ${clock.name} stood still over ${maxReads} reads; use another clock`);
  }
  return { differences, spans, backwardSteps };
}

let sink = 1;

/** A few nanoseconds more or less between reads: equal differences would not show the step. */
function dither(reads: number): void {
  let value = sink;
  for (let i = (reads * 7) % 32; i > 0; i--) value = Math.imul(value ^ i, 0x5bd1e995);
  sink = value | 1; // kept, so that the loop cannot be left out
}

/** Cost of a read in each of several batches; a batch is long enough that the clock's step is below 1 % of it. */
function collectCosts(clock: Clock, stepNs: number, batches: number, maxReads: number): number[] {
  const costs: number[] = [];
  let batchReads = FIRST_BATCH_READS;
  let spent = 0;
  while (costs.length < batches && (spent < maxReads || costs.length === 0)) {
    const start = clock.nowNs();
    let end = start;
    for (let i = 0; i < batchReads; i++) end = clock.nowNs();
    spent += batchReads + 1;
    const elapsed = end - start;
    if (elapsed < 100 * stepNs && spent < maxReads) batchReads *= 2;
    else costs.push(Math.max(0, elapsed) / batchReads);
  }
  return costs;
}
