/** A run in which one thread fails on purpose, and what came of it. */
import { configOf } from '../../tools/config/suggested.js';
import { runOvsBenchmark } from '../../tools/replay/ovs-benchmark.js';
import { runDesign } from '../../tools/replay/run-control.js';
import type { PacketSource } from '../../tools/replay/packet-source.js';
import type { FaultInjection, FaultKind, FaultLock, FaultPlace } from '../../tools/replay/worker-input.js';
import { openScenario } from '../../tools/synth/registry.js';
import { design, quickPlan, scenario } from './replay.js';

/** How a thread can end that is not meant to. */
export const DEATHS = [
  'exit',
  'terminate',
  'trap',
  'throw',
  'reject',
] as const satisfies readonly FaultKind[];
const LOCKS = [
  'ct_lock',
  'conn_lock',
  'resources_lock',
  'fragment_lock',
  'orphans_lock',
  'none',
] as const satisfies readonly FaultLock[];

/** Who fails: of a replay on several workers, of one whose single worker sweeps by itself, of the ovs-benchmark workload. */
export type Victim = 'worker' | 'inline-worker' | 'sweeper' | 'feeder' | 'ovs-worker' | 'ovs-sweeper';

export interface Death {
  readonly victim: Victim;
  readonly design: string;
  readonly lock: FaultLock;
  readonly kind: FaultKind;
  readonly place: FaultPlace;
}

export interface DeathOutcome {
  /** What the run was rejected with; null when it was not. */
  readonly error: Error | null;
  /** From the failure of the thread to the end of the run. */
  readonly endMs: number;
}

/** One of these meets each lock: who survives has to want what the dead thread held. */
const SCENARIO_OF: Readonly<Record<FaultLock, string>> = {
  ct_lock: 'syn-flood',
  conn_lock: 'established',
  resources_lock: 'ftp-alg',
  fragment_lock: 'fragments',
  orphans_lock: 'tcp-crr',
  none: 'mix',
};
const PACKETS = 20_000;
const STREAMED_BYTES = 1024 ** 2;

const loaded = new Map<string, Promise<PacketSource>>();

/** The packets of a scenario; those of few connections where it matters that everybody meets the first one. */
function traffic(name: string, storeBytes: number): Promise<PacketSource> {
  const key = `${name} ${storeBytes}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const parameters = { packets: PACKETS, ...(name === 'established' ? { 'active-flows': 4 } : {}) };
  const loading = scenario(name, parameters, 1, storeBytes);
  loaded.set(key, loading);
  return loading;
}

/** Where each victim can fail. */
const PLACES: Readonly<Record<Victim, readonly FaultPlace[]>> = {
  worker: ['set-up', 'warm-up', 'barrier', 'work', 'asleep', 'end'],
  'inline-worker': ['set-up', 'warm-up', 'barrier', 'work', 'pass', 'asleep', 'end'],
  sweeper: ['set-up', 'barrier', 'work', 'asleep', 'end'],
  feeder: ['set-up', 'warm-up', 'work', 'asleep', 'empty'],
  'ovs-worker': ['set-up', 'warm-up', 'barrier', 'work', 'end'],
  'ovs-sweeper': ['set-up', 'barrier', 'work', 'asleep', 'end'],
};
const VICTIMS = Object.keys(PLACES) as Victim[];

/** Locks that a victim can hold at a place: the feeder none, and a connection's only once there are connections. */
function locksAt(victim: Victim, place: FaultPlace): readonly FaultLock[] {
  if (victim === 'feeder') return ['none'];
  // The sweeper of ovs-benchmark makes its one pass at the start.
  const early =
    ['set-up', 'warm-up', 'barrier'].includes(place) || (victim === 'ovs-sweeper' && place !== 'end');
  return early ? LOCKS.filter((lock) => lock !== 'conn_lock') : LOCKS;
}

/** Every combination, design by design. */
export function everyDeath(designs: readonly string[]): Death[] {
  return designs.flatMap((name) =>
    VICTIMS.flatMap((victim) =>
      PLACES[victim].flatMap((place) =>
        locksAt(victim, place).flatMap((lock) =>
          DEATHS.map((kind): Death => ({ victim, design: name, place, lock, kind })),
        ),
      ),
    ),
  );
}

/** A few: each victim with each lock, kinds, designs and places by turns. */
export function someDeaths(designs: readonly string[]): Death[] {
  return VICTIMS.flatMap((victim, row) =>
    (victim === 'feeder' ? DEATHS : LOCKS).flatMap((_, column): Death[] => {
      const turn = <T>(items: readonly T[], shift: number): T => items[(column + shift) % items.length] as T;
      const kind = turn(DEATHS, row);
      const name = turn(designs, 2 * row);
      const lock = victim === 'feeder' ? 'none' : (LOCKS[column] as FaultLock);
      const places = PLACES[victim].filter((place) => locksAt(victim, place).includes(lock));
      return [{ victim, design: name, place: turn(places, row), lock, kind }];
    }),
  );
}

function faultOf(
  { victim, kind, lock, place }: Death,
  happenedAt: FaultInjection['happenedAt'],
): FaultInjection {
  const thread = victim.endsWith('sweeper') ? 'sweeper' : victim === 'feeder' ? 'feeder' : 'worker';
  const atOnce = ['set-up', 'warm-up', 'barrier', 'end'].includes(place);
  // Passes of a sweeper; packets of the others. Enough for connections to be there.
  const after = thread === 'sweeper' ? (victim === 'sweeper' ? 2 : 0) : thread === 'feeder' ? 3000 : 2000;
  return {
    thread,
    worker: victim === 'inline-worker' ? 0 : 1,
    kind,
    lock,
    place,
    afterPackets: atOnce ? 0 : after,
    ...(happenedAt === undefined ? {} : { happenedAt }),
  };
}

async function run(death: Death, fault: FaultInjection): Promise<unknown> {
  const { victim, place, lock, kind } = death;
  if (victim.startsWith('ovs')) {
    // Who fails at the end needs one, and a sweeper has to be awake by then.
    const packets = place !== 'end' ? 1e9 : victim === 'ovs-sweeper' ? 2_000_000 : 20_000;
    const options = { workers: 2, packets, batch: 32, change: true, flavour: 'probed', seed: 1 } as const;
    return runOvsBenchmark(design(death.design), { ...options, fault });
  }
  const name = SCENARIO_OF[lock];
  const { suggestedConfig } = openScenario(name, {}, 1);
  const config = configOf(undefined, suggestedConfig);
  const inline = victim === 'inline-worker';
  const streamed = victim === 'feeder';
  const source = await traffic(name, streamed ? STREAMED_BYTES : 1e9);
  // A sweeper has to be awake before a run is over.
  const sweeperAtEnd = victim === 'sweeper' && place === 'end';
  const comesToAnEnd = (place === 'end' || kind === 'left-behind') && !sweeperAtEnd;
  // Asleep where packets are not due: a rate that leaves time for it. A feeder sleeps where nobody empties its ring.
  const slow = place === 'asleep' || (streamed && place === 'work');
  return runDesign(
    source,
    design(death.design),
    quickPlan({
      workers: inline ? 1 : 2,
      clock: inline ? 'capture' : 'wall',
      // Every connection is everybody's.
      steer: 'round-robin',
      loops: comesToAnEnd ? 1 : 1e6,
      durationMs: sweeperAtEnd ? 500 : null,
      sweepIntervalMs: 20,
      // Connections are made in every loop, or nobody would want ct_lock after the first.
      uniqueIpLoops: 1,
      maxConns: 200_000,
      pacing: slow ? { mode: 'pps', pps: 50_000 } : { mode: 'topspeed' },
      // The main thread takes ct_lock for the limit, once everybody is at the barrier.
      config: { file: null, entries: { ...config.entries, zoneLimits: { zones: { 7: 1000 } } } },
    }),
    { fault },
  );
}

/** Runs it to its end. */
export async function die(death: Death): Promise<DeathOutcome> {
  const happenedAt = new Float64Array(new SharedArrayBuffer(8));
  let error: Error | null = null;
  try {
    await run(death, faultOf(death, happenedAt));
  } catch (thrown) {
    error = thrown as Error;
  }
  const endMs = performance.timeOrigin + performance.now() - (happenedAt[0] as number);
  return { error, endMs };
}

/** How the victim is named in the error. */
export function nameOf({ victim }: Death): RegExp {
  if (victim.endsWith('sweeper')) return /the sweeper failed/;
  if (victim === 'feeder') return /the feeder failed/;
  return victim === 'inline-worker' ? /worker 0 failed/ : /worker 1 failed/;
}

/** How the lock that it held is named. */
export function lockName({ lock }: Death): RegExp {
  if (lock === 'none') return /holding no lock/;
  return lock === 'conn_lock' ? /holding the lock of connection slot 0/ : new RegExp(`holding ${lock}`);
}
