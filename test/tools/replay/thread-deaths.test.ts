/**
 * Whatever thread ends, in whatever way, holding whatever lock: the run ends at once and says so. With CTREPLAY_LONG in every
 * combination, and the ones that once hung a hundred times.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { ReplayFailure } from '../../../tools/replay/replay-failure.js';
import { runSession } from '../../../tools/replay/session.js';
import { replayCase, quickPlan, scenario } from '../../support/replay.js';
import {
  DEATHS,
  die,
  everyDeath,
  lockName,
  nameOf,
  someDeaths,
  type Death,
  type Victim,
} from '../../support/thread-death.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
/** It takes some tens of milliseconds; a machine that is busy with something else may take longer, a hang takes for ever. */
const DEADLINE_MS = 10_000;
const designs = availableDesigns();
const endsMs: number[] = [];

afterAll(() => {
  const sorted = endsMs.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(0);
  console.log(
    `${sorted.length} runs ended after their thread did: median ${at(0.5)} ms, 99 % within ${at(0.99)} ms, longest ${at(1)} ms; ` +
      `over a second: ${sorted.filter((ms) => ms > 1000).length}`,
  );
});

function titleOf({ victim, design: name, lock, kind, place }: Death): string {
  return `${victim} of ${name}: ${kind}, ${lock}, ${place}`;
}

async function expectEnd(death: Death): Promise<void> {
  const { error, endMs } = await die(death);
  expect(error, titleOf(death)).toBeInstanceOf(ReplayFailure);
  expect(error?.message).toMatch(nameOf(death));
  expect(error?.message).toMatch(lockName(death));
  const inPacket = death.place === 'work' && ['worker', 'inline-worker', 'ovs-worker'].includes(death.victim);
  if (inPacket) expect(error?.message).toMatch(/packet \d+ (of the traffic|that it sent)/);
  expect(endMs, titleOf(death)).toBeLessThan(DEADLINE_MS);
  endsMs.push(endMs);
}

describe('a thread that ends, and the lock it held', () => {
  it.each(someDeaths(designs).map((death) => [titleOf(death), death] as const))('%s', async (_, death) => {
    await expectEnd(death);
  });
});

/** What hung, and what the main thread could hang of. */
const ONCE_HUNG: Omit<Death, 'design'>[] = [
  { victim: 'sweeper', lock: 'ct_lock', kind: 'exit', place: 'work' },
  { victim: 'sweeper', lock: 'ct_lock', kind: 'terminate', place: 'asleep' },
  { victim: 'worker', lock: 'ct_lock', kind: 'terminate', place: 'barrier' },
  { victim: 'worker', lock: 'ct_lock', kind: 'exit', place: 'warm-up' },
  { victim: 'ovs-sweeper', lock: 'ct_lock', kind: 'exit', place: 'work' },
];

describe('a run that once hung', () => {
  const repetitions = LONG ? 100 : 1;
  // Each with a design by turns, with CTREPLAY_LONG with every one: the lock and who waits for it are the same in all.
  const deaths = ONCE_HUNG.flatMap((death, index) =>
    designs
      .filter((_, turn) => LONG || turn === index % designs.length)
      .map((name): Death => ({ ...death, design: name })),
  );
  it.each(deaths.map((death) => [titleOf(death), death] as const))(
    `%s, ${repetitions} of ${repetitions}`,
    async (_, death) => {
      for (let i = 0; i < repetitions; i++) await expectEnd(death);
    },
    repetitions * 15_000,
  );
});

describe.runIf(LONG)('every thread, at every lock, in every way', () => {
  const every = everyDeath(designs);
  const groups = new Map<string, Death[]>();
  for (const death of every) {
    const key = `${death.victim} of ${death.design}`;
    groups.set(key, [...(groups.get(key) ?? []), death]);
  }
  it.each([...groups])(
    '%s',
    async (_, deaths) => {
      for (const death of deaths) await expectEnd(death);
    },
    1_800_000,
  );
});

describe('an error that nobody waits for', () => {
  const victims: Victim[] = ['worker', 'inline-worker', 'sweeper', 'feeder', 'ovs-worker', 'ovs-sweeper'];
  it.each(victims)('%s: fails a run that would have come to its end', async (victim) => {
    const name = designs[0] as string;
    const death = { victim, design: name, lock: 'none', kind: 'left-behind', place: 'end' } as const;
    const { error } = await die(victim === 'feeder' ? { ...death, place: 'set-up' } : death);
    expect(error).toBeInstanceOf(ReplayFailure);
    expect(error?.message).toMatch(nameOf(death));
    expect(error?.message).toMatch(/injected rejection/);
  });
});

describe('a search for a rate', () => {
  // Which way the thread ends is the run's matter, not the search's.
  it.each(LONG ? DEATHS : DEATHS.slice(0, 2))('%s: ends with the run that failed', async (kind) => {
    const fault = { thread: 'sweeper', kind } as const;
    const request = {
      traffic: await scenario('established', { packets: 2000, 'active-flows': 50 }),
      input: { type: 'scenario', name: 'established' } as const,
      plan: quickPlan({
        designs: ['timeout-lists'],
        workers: 2,
        search: { objective: 'p99<1s', stepMs: 60_000 },
      }),
      commandLine: ['replay'],
    };
    const search = runSession(request, { fault });
    await expect(search).rejects.toThrow(/the sweeper failed.*holding ct_lock/);
  });
});

describe('a run after one that failed', () => {
  it('is as good as any', async () => {
    const traffic = await scenario('established', { packets: 2000, 'active-flows': 50 });
    for (const [index, kind] of DEATHS.entries()) {
      const name = designs[index % designs.length] as string;
      const failing = replayCase(traffic, name, { fault: { kind } });
      await expect(failing).rejects.toThrow(/worker 0 failed.*holding ct_lock/);
      if (kind === 'trap') await expect(failing).rejects.toThrow(/packet \d+ of the traffic/);
      const { packets } = await replayCase(traffic, name);
      expect(packets.injected).toBe(2000);
    }
  });
});
