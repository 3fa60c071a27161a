/**
 * Runs benchmarks through tinybench. A sample is one call into the engine that does many operations, so neither the call nor
 * the clock is what is measured; the loop itself is measured apart and subtracted.
 */
import { Bench, type Task } from 'tinybench';
import { differenceOf, type Estimate } from '../stats/interval.js';
import { medianInterval } from '../stats/median-interval.js';
import { median, quantile } from '../stats/sample.js';
import type { Benchmark, Loop, Twin } from './benchmark.js';
import { MicroError } from './micro-error.js';
import type { MicroMeasurement } from './micro-result.js';

export interface MicroOptions {
  /** Time that each benchmark is sampled for, milliseconds; as long again for its loop alone, and a fifth to warm up. */
  readonly timeMs: number;
  /** Milliseconds, from any origin. */
  readonly now: () => number;
}

/** Samples that the time is divided into, where the number of operations is free. */
const SAMPLES = 200;
const LEAST_SAMPLES = 10;
const SHORTEST_SAMPLE_MS = 0.05;
const LEAST_OPERATIONS = 256;
const MOST_OPERATIONS = 2 ** 28;
const CALIBRATION_TRIES = 5;
/** The median's interval needs no more samples, and its arithmetic takes no more. */
const INTERVAL_SAMPLES = 500;

/**
 * Measures one benchmark.
 * @throws MicroError when the loop did not do what it was to do
 */
export async function measure(benchmark: Benchmark, options: MicroOptions): Promise<MicroMeasurement> {
  await benchmark.prepare?.();
  const operations = benchmark.operations ?? (await calibrate(benchmark, options));
  const whole = await samples(benchmark, operations, benchmark.run, options);
  const loop =
    benchmark.baseline === undefined
      ? null
      : await samples(benchmark, operations, benchmark.baseline, options);
  return summarise(benchmark, operations, whole, loop);
}

/**
 * Measures a benchmark and its twin, if it has one, and lets it give its room back.
 * @throws MicroError when a loop did not do what it was to do
 */
export async function measureAll(benchmark: Benchmark, options: MicroOptions): Promise<MicroMeasurement[]> {
  try {
    const { twin } = benchmark;
    if (twin === undefined) return [await measure(benchmark, options)];
    return await measureTwins(benchmark, twin, options);
  } finally {
    benchmark.finish?.();
  }
}

/** One sample of the one, one of the other, and so on: whatever the machine does meets both alike. */
async function measureTwins(
  benchmark: Benchmark,
  twin: Twin,
  options: MicroOptions,
): Promise<MicroMeasurement[]> {
  await benchmark.prepare?.();
  const operations = benchmark.operations ?? (await calibrate(benchmark, options));
  // tinybench hands samples back in the order of their size.
  const timesMs: number[] = [];
  const inTurns: Loop = (n) => {
    const run = timesMs.length % 2 === 0 ? benchmark.run : twin.run;
    const start = options.now();
    const done = run(n);
    timesMs.push(options.now() - start);
    if (typeof done !== 'number')
      throw new MicroError(`${benchmark.name}: a loop with a twin returns a promise`);
    return done;
  };
  const both = await samples(benchmark, operations, inTurns, { ...options, timeMs: 2 * options.timeMs });
  const loop =
    benchmark.baseline === undefined
      ? null
      : await samples(benchmark, operations, benchmark.baseline, options);
  const warmUp = timesMs.length - both.ns.length;
  const own = (turn: number): Samples => ({
    ns: timesMs.map((ms) => (ms * 1e6) / operations).filter((_, call) => call >= warmUp && call % 2 === turn),
    success: both.success,
  });
  const { name, what } = twin;
  return [
    summarise(benchmark, operations, own(0), loop),
    summarise({ ...benchmark, name, what }, operations, own(1), loop),
  ];
}

interface Samples {
  /** Nanoseconds per operation. */
  readonly ns: readonly number[];
  /** Share of the operations that did what they should, over all samples. */
  readonly success: number;
}

async function samples(
  benchmark: Benchmark,
  operations: number,
  run: Benchmark['run'],
  { timeMs, now }: MicroOptions,
): Promise<Samples> {
  const bench = new Bench({
    time: timeMs,
    iterations: LEAST_SAMPLES,
    warmupTime: timeMs / 5,
    warmupIterations: 2,
    retainSamples: true,
    throws: true,
    now,
  });
  let done = 0;
  let wanted = 0;
  const count = (successes: number): void => {
    done += successes;
    wanted += operations;
  };
  const work = (): void | Promise<void> => {
    const result = run(operations);
    return typeof result === 'number' ? count(result) : result.then(count);
  };
  const { before, isAsync = false } = benchmark;
  // Said, because tinybench else finds out by a call of its own, before which `before` has not run.
  bench.add(benchmark.name, work, {
    async: isAsync,
    ...(before === undefined ? {} : { beforeEach: () => before() }),
  });
  await bench.run();
  requireSuccess(benchmark, done, wanted);
  return { ns: latenciesMs(bench.tasks[0]).map((ms) => (ms * 1e6) / operations), success: done / wanted };
}

function latenciesMs(task: Task | undefined): readonly number[] {
  const result = task?.result;
  if (result?.state !== 'completed' || result.latency.samples === undefined) {
    throw new MicroError(`${task?.name ?? 'a benchmark'} ended as ${result?.state ?? 'nothing'}`);
  }
  return result.latency.samples;
}

function requireSuccess({ name, leastSuccess = 1 }: Benchmark, done: number, wanted: number): void {
  if (done >= leastSuccess * wanted) return;
  throw new MicroError(
    `${name}: only ${done} of ${wanted} operations did what they should: the figure would be of something else`,
  );
}

/**
 * Operations that make a sample of the wanted length. The engine compiles a loop better once it has run for a while, and
 * other programs interrupt: so the shortest of several tries counts, after some that do not.
 */
async function calibrate(benchmark: Benchmark, { timeMs, now }: MicroOptions): Promise<number> {
  const target = Math.max(timeMs / SAMPLES, SHORTEST_SAMPLE_MS);
  const shortest = async (operations: number): Promise<number> => {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < CALIBRATION_TRIES; i++) {
      benchmark.before?.();
      const start = now();
      await benchmark.run(operations);
      least = Math.min(least, now() - start);
    }
    return least;
  };
  for (let operations = LEAST_OPERATIONS; operations < MOST_OPERATIONS; operations *= 2) {
    if ((await shortest(operations)) < target) continue;
    const took = await shortest(operations);
    return Math.max(LEAST_OPERATIONS, Math.round((operations * target) / took));
  }
  throw new MicroError(
    `${benchmark.name}: ${MOST_OPERATIONS} operations take no time: nothing is done in the loop`,
  );
}

function summarise(
  benchmark: Benchmark,
  operations: number,
  whole: Samples,
  loop: Samples | null,
): MicroMeasurement {
  const loopNs = loop === null ? null : median(loop.ns);
  const net = median(whole.ns) - (loopNs ?? 0);
  const { interval } =
    loop === null ? medianOf(whole.ns) : differenceOf(medianOf(whole.ns), medianOf(loop.ns));
  return {
    name: benchmark.name,
    what: benchmark.what,
    design: benchmark.design,
    operationsPerSample: operations,
    samples: whole.ns.length,
    // A loop that costs as much as loop and operation together leaves nothing to tell.
    nsPerOperation: net > 0 ? net : null,
    lowNs: interval === null ? null : Math.max(0, interval.low),
    highNs: interval === null ? null : Math.max(0, interval.high),
    leastNs: leastOf(whole, loop),
    p99Ns: Math.max(0, quantile(whole.ns, 0.99) - (loopNs ?? 0)),
    loopNs,
    successShare: whole.success,
  };
}

/** The shortest sample less the shortest of the loop alone; null where that leaves nothing. */
function leastOf(whole: Samples, loop: Samples | null): number | null {
  const shortest = ({ ns }: Samples): number => quantile(ns, 0);
  const net = shortest(whole) - (loop === null ? 0 : shortest(loop));
  return net > 0 ? net : null;
}

/** The median with its 95 % interval; fewer than six samples cannot give one. */
function medianOf(ns: readonly number[]): Estimate {
  const interval = medianInterval(thinned(ns));
  return { value: median(ns), interval: interval === null || interval.confidence < 0.95 ? null : interval };
}

/** At most INTERVAL_SAMPLES of the values, evenly spaced in the order given. */
function thinned(values: readonly number[]): number[] {
  const step = Math.max(1, values.length / INTERVAL_SAMPLES);
  const kept: number[] = [];
  for (let at = 0; at < values.length; at += step) kept.push(values[Math.floor(at)] as number);
  return kept;
}
