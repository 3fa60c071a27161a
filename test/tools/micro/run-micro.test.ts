import { describe, expect, it } from 'vitest';
import type { Benchmark } from '../../../tools/micro/benchmark.js';
import { measure, measureAll } from '../../../tools/micro/run-micro.js';

/** A clock that only the benchmark moves. */
function fakeClock(): { now: () => number; pass: (ns: number) => void } {
  let timeMs = 1;
  return {
    now: () => timeMs,
    pass: (ns) => {
      timeMs += ns / 1e6;
    },
  };
}

function benchmark(changes: Partial<Benchmark> & Pick<Benchmark, 'run'>): Benchmark {
  return { name: 'test/one', what: 'a test', design: null, operations: null, ...changes };
}

describe('measure', () => {
  it('gives the time of one operation, the loop subtracted', async () => {
    const { now, pass } = fakeClock();
    const loop = (nsEach: number) => (n: number) => {
      pass(nsEach * n);
      return n;
    };
    const result = await measure(benchmark({ run: loop(10), baseline: loop(4) }), { timeMs: 20, now });
    expect(result.nsPerOperation).toBeCloseTo(6, 6);
    expect(result.loopNs).toBeCloseTo(4, 6);
    expect(result.lowNs).toBeCloseTo(6, 6);
    expect(result.highNs).toBeCloseTo(6, 6);
    // A two-hundredth of the time, in operations of 10 ns.
    expect(result.operationsPerSample).toBe(10_000);
    expect(result.samples).toBeGreaterThanOrEqual(10);
  });

  it('gives the shortest sample, whatever the others were held up by', async () => {
    const { now, pass } = fakeClock();
    let calls = 0;
    const run = (n: number) => {
      calls += 1;
      // Most are held up.
      pass((calls % 5 === 0 ? 10 : 30) * n);
      return n;
    };
    const baseline = (n: number) => {
      pass(4 * n);
      return n;
    };
    const result = await measure(benchmark({ run, baseline }), { timeMs: 20, now });
    expect(result.leastNs).toBeCloseTo(6, 6);
    expect(result.nsPerOperation).toBeCloseTo(26, 6);
  });

  it('does not time what makes a sample ready', async () => {
    const { now, pass } = fakeClock();
    let ready = false;
    const result = await measure(
      benchmark({
        operations: 100,
        before: () => {
          pass(1e6);
          ready = true;
        },
        run: (n) => {
          pass(500);
          const done = ready ? n : 0;
          ready = false;
          return done;
        },
      }),
      { timeMs: 0.1, now },
    );
    expect(result.nsPerOperation).toBeCloseTo(5, 6);
    expect(result.successShare).toBe(1);
  });

  it('tells nothing rather than 0 when the loop alone takes as long', async () => {
    const { now, pass } = fakeClock();
    const run = (n: number): number => {
      pass(3 * n);
      return n;
    };
    const result = await measure(benchmark({ run, baseline: run }), { timeMs: 10, now });
    expect(result.nsPerOperation).toBeNull();
  });

  it('refuses a figure of operations that did not do their work', async () => {
    const { now, pass } = fakeClock();
    const run = (n: number): number => {
      pass(n);
      return n - 1;
    };
    await expect(measure(benchmark({ run }), { timeMs: 10, now })).rejects.toThrow(
      /test\/one: only \d+ of \d+ operations/,
    );
    const some = await measure(benchmark({ run, leastSuccess: 0.5 }), { timeMs: 10, now });
    expect(some.successShare).toBeLessThan(1);
  });

  it('refuses a loop in which nothing is done', async () => {
    const { now } = fakeClock();
    await expect(measure(benchmark({ run: (n) => n }), { timeMs: 10, now })).rejects.toThrow(
      /nothing is done/,
    );
  });

  it('waits for what is asynchronous', async () => {
    const { now, pass } = fakeClock();
    const run = async (n: number): Promise<number> => {
      await Promise.resolve();
      pass(7 * n);
      return n;
    };
    const result = await measure(benchmark({ run, isAsync: true, operations: 10 }), { timeMs: 0.01, now });
    expect(result.nsPerOperation).toBeCloseTo(7, 6);
  });
});

describe('measureAll', () => {
  const spent = (pass: (ns: number) => void, nsEach: number) => (n: number) => {
    pass(nsEach * n);
    return n;
  };

  it('takes samples of a benchmark and its twin in turns, and gives room back at the end', async () => {
    const { now, pass } = fakeClock();
    const order: string[] = [];
    const noted = (name: string, run: (n: number) => number) => (n: number) => {
      order.push(name);
      return run(n);
    };
    const item = benchmark({
      name: 'test/off',
      operations: 1000,
      run: noted('off', spent(pass, 10)),
      twin: { name: 'test/on', what: 'the same, faster', run: noted('on', spent(pass, 7)) },
      baseline: spent(pass, 3),
      finish: () => order.push('finished'),
    });
    const [off, on, ...more] = await measureAll(item, { timeMs: 1, now });
    expect(more).toEqual([]);
    expect(off).toMatchObject({ name: 'test/off', what: 'a test' });
    expect(on).toMatchObject({ name: 'test/on', what: 'the same, faster' });
    expect(off?.nsPerOperation).toBeCloseTo(7, 6);
    expect(on?.nsPerOperation).toBeCloseTo(4, 6);
    expect(Math.abs((off?.samples ?? 0) - (on?.samples ?? 0))).toBeLessThanOrEqual(1);
    expect(order.at(-1)).toBe('finished');
    expect(order.slice(0, -1).every((name, index) => name === (index % 2 === 0 ? 'off' : 'on'))).toBe(true);
  });

  it('is one figure without a twin, and finishes also when a benchmark fails', async () => {
    const { now, pass } = fakeClock();
    let finished = 0;
    const finish = (): void => void finished++;
    const results = await measureAll(benchmark({ run: spent(pass, 5), finish }), { timeMs: 10, now });
    expect(results.map(({ name }) => name)).toEqual(['test/one']);
    const failing = benchmark({ operations: 10, run: (n) => spent(pass, 5)(n) - n, finish });
    await expect(measureAll(failing, { timeMs: 1, now })).rejects.toThrow(/only 0 of/);
    expect(finished).toBe(2);
  });
});
