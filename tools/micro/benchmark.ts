/** What a benchmark of one primitive is. */

/** A loop in the engine: runs so many operations and says how many it did. */
export type Loop = (operations: number) => number;

/** The same operation under another setting: run in turns with the first, sample by sample, and reported beside it. */
export interface Twin {
  readonly name: string;
  readonly what: string;
  readonly run: Loop;
}

export interface Benchmark {
  /** Unique among the benchmarks of a run: `group/name`, with `@design` where it depends on the design. */
  readonly name: string;
  /** One sentence: what is timed. */
  readonly what: string;
  /** Design that it was compiled with where that makes a difference, else null. */
  readonly design: string | null;
  /**
   * Operations in one sample; null = as many as make a sample long against the clock. Fixed where the operations use up
   * what `before` has made.
   */
  readonly operations: number | null;
  /** Once, before anything is timed. */
  readonly prepare?: () => void | Promise<void>;
  /** Before every sample, not timed. */
  readonly before?: () => void;
  readonly run: Loop | ((operations: number) => Promise<number>);
  /** `run` returns a promise. */
  readonly isAsync?: boolean;
  /** The same loop without the operation: its time is subtracted. */
  readonly baseline?: Loop;
  /**
   * Share of the operations that must succeed: 1 unless failing is part of the matter (a NAT pool nearly full). The run
   * fails when fewer do.
   */
  readonly leastSuccess?: number;
  /** Shares everything with this one but its `run`. Not where that returns promises. */
  readonly twin?: Twin;
  /** Once, after everything was timed: gives back what takes much room. */
  readonly finish?: () => void;
}

/** Benchmarks that share one laid-out engine. `close` when all have run. */
export interface BenchmarkSet {
  readonly benchmarks: readonly Benchmark[];
  readonly close?: () => void;
}
