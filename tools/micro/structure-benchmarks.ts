/** Benchmarks of the shared structures: nothing of them depends on the expiry design. */
import type { Benchmark } from './benchmark.js';
import { MAP_BUCKETS, type MicroEngine } from './micro-engine.js';

/** Links or records per sample where operations use them up. */
const COUNT = 4096;
const MAP_SAMPLE = 512;
const MAP_LOADS = [25, 50, 75, 85] as const;

export function structureBenchmarks(engine: MicroEngine): Benchmark[] {
  return [
    ...basics(engine),
    ...lists(engine),
    ...plainLists(engine),
    ...MAP_LOADS.flatMap((load) => map(engine, load)),
    ...histograms(engine),
  ];
}

function basics({ loops }: MicroEngine): Benchmark[] {
  return [
    {
      name: 'mutex/pair',
      what: 'a free mutex taken and released by one thread',
      design: null,
      operations: null,
      run: (n) => loops.loopMutex(n),
    },
    {
      name: 'epoch/quiesce',
      what: 'a quiescent point with nothing to reclaim',
      design: null,
      operations: null,
      run: (n) => loops.loopQuiesce(n),
    },
    {
      name: 'epoch/slot-life',
      what: 'a slot taken, retired, its grace period awaited (one thread online) and returned',
      design: null,
      operations: null,
      run: (n) => loops.loopSlotLife(n),
    },
  ];
}

function lists({ loops, scratch }: MicroEngine): Benchmark[] {
  const fill = (): void => {
    loops.listPrepare(scratch);
    loops.loopListInsert(scratch, COUNT);
  };
  return [
    {
      name: 'rculist/insert',
      what: `an element pushed in front of a list, ${COUNT} elements 256 bytes apart`,
      design: null,
      operations: COUNT,
      before: () => loops.listPrepare(scratch),
      run: (n) => loops.loopListInsert(scratch, n),
    },
    {
      name: 'rculist/remove',
      what: `an element taken out of a list of up to ${COUNT}, last one first`,
      design: null,
      operations: COUNT,
      before: fill,
      run: (n) => loops.loopListRemove(n),
    },
    {
      name: 'rculist/scan',
      what: `a step to the next element of a list of ${COUNT}`,
      design: null,
      operations: COUNT,
      prepare: fill,
      run: () => loops.loopListScan(scratch),
    },
  ];
}

function plainLists({ loops, scratch }: MicroEngine): Benchmark[] {
  const fill = (): void => {
    loops.plainListPrepare(scratch);
    loops.loopPlainListInsert(scratch, COUNT);
  };
  return [
    {
      name: 'plain-list/insert',
      what: `an element pushed at the end of a list that a lock guards, ${COUNT} elements 256 bytes apart`,
      design: null,
      operations: COUNT,
      before: () => loops.plainListPrepare(scratch),
      run: (n) => loops.loopPlainListInsert(scratch, n),
    },
    {
      name: 'plain-list/remove',
      what: `an element taken out of a list of up to ${COUNT} that a lock guards, first one first`,
      design: null,
      operations: COUNT,
      before: fill,
      run: (n) => loops.loopPlainListRemove(n),
    },
    {
      name: 'plain-list/move',
      what: `an element moved to the end of a list of ${COUNT} that a lock guards, in random order`,
      design: null,
      operations: null,
      prepare: fill,
      run: (n) => loops.loopPlainListMove(scratch, COUNT, n),
      baseline: (n) => loops.loopPick(COUNT, n),
    },
  ];
}

function map({ loops, thread }: MicroEngine, loadPercent: number): Benchmark[] {
  const places = MAP_BUCKETS * thread.run.engine.constants.SLOTS_PER_BUCKET;
  const population = Math.floor((places * loadPercent) / 100);
  const fill = (): void => {
    loops.mapInit();
    loops.loopMapInsert(0, population);
  };
  const at = `${loadPercent} % of ${places.toLocaleString('en-US')} places taken`;
  const find = (first: number): Pick<Benchmark, 'design' | 'operations' | 'prepare' | 'baseline'> => ({
    design: null,
    operations: null,
    prepare: fill,
    baseline: (n) => loops.loopMapPick(first, population, n),
  });
  return [
    {
      name: `map/find-hit-${loadPercent}`,
      what: `a record that is there found by its hash, ${at}, in random order`,
      ...find(0),
      run: (n) => loops.loopMapFind(0, population, n),
    },
    {
      name: `map/find-miss-${loadPercent}`,
      what: `a record that is not there looked for, ${at}, in random order`,
      ...find(population),
      // Nothing is found: what is counted is what was looked for.
      run: (n) => n - loops.loopMapFind(population, population, n),
    },
    {
      name: `map/insert-${loadPercent}`,
      what: `a record inserted, ${at}; at high loads with entries moved to make room`,
      design: null,
      operations: MAP_SAMPLE,
      before: fill,
      run: (n) => loops.loopMapInsert(population, n),
    },
    {
      name: `map/remove-${loadPercent}`,
      what: `a record removed, ${at}`,
      design: null,
      operations: MAP_SAMPLE,
      before: fill,
      run: (n) => loops.loopMapRemove(0, n),
    },
  ];
}

function histograms({ loops, histogramsAt }: MicroEngine): Benchmark[] {
  return [
    {
      name: 'histogram/record-fine',
      what: 'a value recorded with three significant digits',
      design: null,
      operations: null,
      run: (n) => loops.loopRecordFine(histogramsAt, n),
      baseline: (n) => loops.loopValues(n),
    },
    {
      name: 'histogram/record-coarse',
      what: 'a value recorded with two significant digits',
      design: null,
      operations: null,
      run: (n) => loops.loopRecordCoarse(histogramsAt, n),
      baseline: (n) => loops.loopValues(n),
    },
  ];
}
