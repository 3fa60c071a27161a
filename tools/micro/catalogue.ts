/** All benchmarks there are, for the designs asked for. */
import { join } from 'node:path';
import { compiledDesigns } from '../../engine/host/design-traits.js';
import { availableDesigns, DEFAULT_DESIGN } from '../../engine/host/designs.js';
import { wasmFolder } from '../../engine/host/module.js';
import { batchBenchmarks } from './batch-benchmarks.js';
import { captureBenchmarks } from './capture-benchmarks.js';
import { connectionBenchmarks } from './connection-benchmarks.js';
import type { Benchmark, BenchmarkSet } from './benchmark.js';
import { MicroEngine } from './micro-engine.js';
import { packetBenchmarks } from './packet-benchmarks.js';
import { structureBenchmarks } from './structure-benchmarks.js';

/** Designs whose loops were compiled, in the usual order. */
export function measurableDesigns(): string[] {
  const compiled = compiledDesigns(join(wasmFolder(), 'micro'));
  return availableDesigns().filter((design) => compiled.includes(design));
}

/**
 * Sets of benchmarks in the order of the report; the benchmarks of one set share an engine, so one set runs at a time. What does not
 * depend on the design is measured once.
 * @throws EngineError when a design's loops were not built
 */
export function openBenchmarks(designs: readonly string[], seed: number): BenchmarkSet[] {
  return [
    { benchmarks: structureBenchmarks(new MicroEngine(DEFAULT_DESIGN)) },
    { benchmarks: packetBenchmarks(new MicroEngine(DEFAULT_DESIGN)) },
    ...designs.map((design) => ({ benchmarks: connectionBenchmarks(new MicroEngine(design)) })),
    ...designs.map((design) => ({ benchmarks: batchBenchmarks(design) })),
    captureBenchmarks(seed),
  ];
}

/** Benchmarks whose name, or that of their twin, matches; all when there is no pattern. */
export function matching(benchmarks: readonly Benchmark[], pattern: RegExp | null): Benchmark[] {
  if (pattern === null) return [...benchmarks];
  return benchmarks.filter(
    ({ name, twin }) => pattern.test(name) || (twin !== undefined && pattern.test(twin.name)),
  );
}
