/**
 * Every interleaving of a few threads over a few steps of each protocol, and of variants with a fault in them, which must be found.
 *
 * What this covers: all orders of the steps that these programs make, under sequential consistency, which is what WebAssembly's
 * atomics give. What it does not: plain accesses (they are taken for part of the step before, which the protocols have to earn by a
 * lock or by owning the word), more threads or longer programs than these, and whether the engine does what the model does beyond
 * the order of its steps (engine-order.test.ts) and what torture finds (tools/endurance).
 */
import { describe, expect, it } from 'vitest';
import { epochModel, type EpochAct, type EpochFault } from './epoch-model.js';
import { expirationModel, type ExpirationFault } from './expiration-model.js';
import { explore } from './explore.js';
import { listModel, type ListFault } from './list-model.js';
import { mapModel, type MapFault, type MapOptions } from './map-model.js';
import { mutexModel, type MutexFault } from './mutex-model.js';
import type { Model } from './program.js';
import { requestModel, type RequestFault } from './request-model.js';
import { shardModel, type ShardFault, type ShardOptions } from './shard-model.js';
import { slabModel, type SlabFault } from './slab-model.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;

/** Nothing is wrong in any state, and threads do come to their ends. */
function expectSound(model: Model): void {
  const found = explore(model);
  expect(found.violation, model.name).toBeNull();
  expect(found.ends, model.name).toBeGreaterThan(0);
  // More than one order was there to be tried.
  expect(found.transitions, model.name).toBeGreaterThan(found.states);
}

/** A fault is found, and the way to it is told. */
function expectFound(model: Model, what: RegExp): void {
  const { violation } = explore(model);
  expect(violation?.what, model.name).toMatch(what);
  expect(violation?.trace.length).toBeGreaterThan(2);
}

describe('mutex', () => {
  it.each([
    { threads: 2, rounds: 1, looks: 2 },
    { threads: 2, rounds: 3, looks: 1 },
    { threads: 3, rounds: 1, looks: 1 },
    ...(LONG ? [{ threads: 3, rounds: 2, looks: 0 }] : []),
  ])('lets one of $threads in at a time and forgets no sleeper ($rounds rounds, $looks looks)', (options) => {
    expectSound(mutexModel(options));
    expectSound(mutexModel({ ...options, timeouts: true }));
  });

  it.each<[MutexFault, RegExp]>([
    ['unchecked-wake', /two threads hold the lock/],
    ['unmarked-take', /nobody can go on/],
    ['uncompared-wait', /nobody can go on/],
    ['early-look', /nobody can go on/],
  ])('%s is found', (fault, what) => {
    expectFound(mutexModel({ threads: 3, rounds: 2, looks: 0, fault }), what);
  });
});

describe('epoch', () => {
  const retires = (record: number, ...more: EpochAct[]): EpochAct[] => [
    'online',
    { retire: record },
    ...more,
  ];
  const reads = (record: number, ...more: EpochAct[]): EpochAct[] => [
    'online',
    { read: record },
    'use',
    ...more,
  ];
  const HAND_OVERS: readonly (readonly [string, readonly (readonly EpochAct[])[]])[] = [
    ['one retires and leaves, one reads and leaves', [retires(0, 'offline'), reads(0, 'offline')]],
    [
      'one retires and goes on, one reads and goes on',
      [retires(0, 'quiesce', 'quiesce', 'offline'), reads(0, 'quiesce', 'offline')],
    ],
    ['both retire what the other reads', [retires(0, { read: 1 }, 'use', 'offline'), retires(1, 'offline')]],
    [
      'one that leaves comes back',
      [retires(0, 'offline'), ['online', 'offline', 'online', { read: 0 }, 'use', 'offline']],
    ],
    ['a third comes by', [retires(0, 'offline'), ['online', 'offline'], ['online', 'offline']]],
  ];

  it.each(HAND_OVERS)('frees no slot in use and leaves none behind: %s', (_, threads) => {
    expectSound(epochModel({ threads }));
  });

  it.each<[EpochFault, RegExp, number]>([
    ['orphans-uncalled', /nobody is left, and a retired slot was not returned/, 0],
    ['slot-early', /a slot is free that a thread still refers to/, 0],
    ['early-quiesce', /a slot is free that a thread still refers to/, 1],
  ])('%s is found', (fault, what, handOver) => {
    expectFound(epochModel({ threads: HAND_OVERS[handOver]?.[1] ?? [], fault }), what);
  });
});

describe('map', () => {
  const X = { hash: 11, ref: 101 };
  const Y = { hash: 12, ref: 102 };
  const Z = { hash: 13, ref: 103 };
  const AT = { first: { bucket: 0, slot: 0 }, second: { bucket: 1, slot: 0 } } as const;
  /** X moves from its second bucket to its first one, and Y takes its place. */
  const TO_FIRST: MapOptions = {
    slots: 1,
    content: [{ ...X, ...AT.second }],
    writer: ['link', { move: AT.second, to: AT.first }, { insert: Y, at: AT.second }],
    readers: [[X.hash]],
    allowed: { [X.hash]: [X.ref], [Y.hash]: [0, Y.ref], [Z.hash]: [0] },
  };
  const TO_SECOND: MapOptions = {
    ...TO_FIRST,
    content: [{ ...X, ...AT.first }],
    writer: ['link', { move: AT.first, to: AT.second }, { insert: Y, at: AT.first }],
  };
  /** X goes, and Y comes to where it was. */
  const TURNOVER: MapOptions = {
    ...TO_FIRST,
    content: [{ ...X, ...AT.first }],
    writer: [{ remove: AT.first }, { insert: Y, at: AT.first }],
    allowed: { ...TO_FIRST.allowed, [X.hash]: [0, X.ref] },
  };

  /** A bucket comes into use that X belongs to, and Y does not. */
  const GROWTH: MapOptions = {
    slots: 2,
    content: [
      { ...X, ...AT.first },
      { ...Y, bucket: 0, slot: 1 },
    ],
    writer: [{ grow: [0] }],
    readers: [[X.hash], [Y.hash]],
    movesOn: [X.hash],
    allowed: { [X.hash]: [X.ref], [Y.hash]: [Y.ref] },
  };

  it.each([
    ['a move to the first bucket', TO_FIRST],
    ['a move to the second bucket', TO_SECOND],
    [
      'a move there and back',
      {
        ...TO_FIRST,
        writer: [
          { move: AT.second, to: AT.first },
          { move: AT.first, to: AT.second },
        ],
      },
    ],
    [
      'a move to the first bucket, two slots each',
      {
        ...TO_FIRST,
        slots: 2,
        content: [...TO_FIRST.content, { ...Z, bucket: 0, slot: 1 }],
        allowed: { [X.hash]: [X.ref] },
      },
    ],
    ['two looks, the second at what has just come', { ...TO_FIRST, readers: [[X.hash, Y.hash]] }],
    ['two readers', { ...TO_FIRST, readers: [[X.hash], [Z.hash]] }],
    ['an entry goes and another takes its slot', TURNOVER],
    ['an entry goes to a bucket that comes into use, and another stays', GROWTH],
    ['two buckets come into use, one after the other', { ...GROWTH, writer: [{ grow: [0] }, { grow: [] }] }],
    [
      'an entry moves to its first bucket, and from there to one that comes into use',
      {
        ...GROWTH,
        slots: 1,
        content: [{ ...X, ...AT.second }],
        writer: [{ move: AT.second, to: AT.first }, { grow: [0] }],
        readers: [[X.hash]],
      },
    ],
    [
      'two readers while a bucket comes into use',
      { ...GROWTH, slots: 1, content: [{ ...X, ...AT.first }], readers: [[X.hash], [X.hash]] },
    ],
  ] satisfies [string, MapOptions][])('a reader finds what is there, and nothing else: %s', (_, options) => {
    expectSound(mapModel(options));
  });

  it.each<[MapFault, MapOptions, RegExp]>([
    ['move-late', TO_FIRST, /a look-up of 11 returned 0/],
    ['move-late', TO_SECOND, /a look-up of 11 returned 0/],
    ['no-last-look', TO_FIRST, /a look-up of 11 returned 0/],
    ['unversioned', TURNOVER, /a look-up of 11 returned 102/],
    ['early-close', TURNOVER, /a look-up of 11 returned 102/],
    ['take-out-early', GROWTH, /a look-up of 11 returned 0/],
    ['no-size-look', GROWTH, /a look-up of 11 returned 0/],
  ])('%s is found', (fault, options, what) => {
    expectFound(mapModel({ ...options, fault }), what);
  });
});

describe('list', () => {
  const CHANGES = {
    content: [1, 2, 3],
    elements: 5,
    writer: [{ pushFront: 4 }, { remove: 1 }, { pushBack: 5 }, { remove: 4 }, { remove: 3 }],
    readers: 2,
  } as const;

  it('a walk meets what stays and comes to the end, whatever it stands on', () => {
    expectSound(listModel(CHANGES));
  });

  it.each<[ListFault]>([['early-publish'], ['lost-next']])('%s is found', (fault) => {
    expectFound(listModel({ ...CHANGES, fault }), /a walk leads nowhere/);
  });
});

describe('slab', () => {
  const TRAFFIC = { returners: [[1, 2], [3]], takes: 3 } as const;

  it('returned slots are taken once each, and none is lost', () => {
    expectSound(slabModel(TRAFFIC));
  });

  it.each<[SlabFault, RegExp]>([
    ['unchecked-push', /slot .* is (lost|in two places)/],
    ['split-take', /slot .* is lost/],
  ])('%s is found', (fault, what) => {
    expectFound(slabModel({ ...TRAFFIC, fault }), what);
  });
});

describe('requests of the wheel', () => {
  const PACKETS = { packets: [5, 3], passes: 2 } as const;

  it('leave no connection in a slot behind its expiration, unless another look is asked for', () => {
    expectSound(requestModel(PACKETS));
    expectSound(requestModel({ packets: [5], passes: 2, longer: 8 }));
    expectSound(requestModel({ packets: [6, 4, 2], passes: 1 }));
  });

  it.each<[RequestFault]>([['late-take'], ['early-read']])('%s is found', (fault) => {
    expectFound(requestModel({ ...PACKETS, fault }), /nobody has asked/);
  });
});

describe('atomic expirations', () => {
  /** One packet finds there what it would store. */
  const PACKETS = [22, 11, 33] as const;

  it('are what was stored last, or ended, and nobody reads what was never stored', () => {
    expectSound(expirationModel({ packets: PACKETS, ends: 0, readers: 1 }));
    expectSound(expirationModel({ packets: PACKETS.slice(0, 2), ends: 1, readers: 1 }));
  });

  it.each<[ExpirationFault, RegExp]>([
    ['early-look', /11 was wanted last, (22|33) is there/],
    ['halves', /an expiration that nobody stored/],
  ])('%s is found', (fault, what) => {
    expectFound(expirationModel({ packets: PACKETS, ends: 0, readers: 1, fault }), what);
  });
});

describe('translated creations in shards', () => {
  /** Both want the same tuples, in two orders and from two shards: tuple n is in shard n modulo 2. */
  const CROSSED: ShardOptions = {
    shards: 2,
    creations: [
      { shard: 0, candidates: [1, 0] },
      { shard: 1, candidates: [0, 1] },
    ],
  };
  const CONTESTED: ShardOptions = {
    shards: 3,
    creations: [
      { shard: 0, candidates: [1, 2] },
      { shard: 2, candidates: [1, 2] },
    ],
  };

  it('give each tuple once, leave none unused that a creation needs, and never wait in a circle', () => {
    expectSound(shardModel(CROSSED));
    expectSound(shardModel(CONTESTED));
    expectSound(shardModel({ ...CONTESTED, removals: [{ shard: 0, tuple: 1 }] }));
    expectSound(
      shardModel({ ...CONTESTED, creations: [...CONTESTED.creations, { shard: 1, candidates: [2, 1] }] }),
    );
  });

  it.each<[ShardFault, ShardOptions, RegExp]>([
    ['unordered', CROSSED, /nobody can go on/],
    ['one-look', CONTESTED, /a tuple was given twice/],
    ['own-only', CONTESTED, /a tuple was given twice/],
  ])('%s is found', (fault, options, what) => {
    expectFound(shardModel({ ...options, fault }), what);
  });
});
