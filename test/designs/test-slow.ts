/**
 * test-slow: rculist-sweep made slower on purpose, to try out whether a benchmark notices. Each refresh of a connection
 * computes `preset` dependent additions and rotations more; a CPU hides the first of them behind other work. Nothing else
 * differs, so verdicts, locks and work counts stay those of rculist-sweep. The build compiles it from test/designs/test-slow.ts, for tests only.
 *
 * Presets from 1001 on plant other regressions in place of the steps: `extra-line` reads a cache line more a refresh,
 * `seldom-spin` spins at every thousandth refresh, `long-hold` holds ct_lock for a walk over all lists before each pass,
 * `atomic-store` writes what is there already with an atomic store, `straight-steps` computes 48 steps without a loop. `steps-beside`,
 * `steps-in-ct-lock` and `steps-in-conn-lock` compute 16 steps a pass and take both locks: the same work, under neither of them or under one.
 *
 * Lock order: as rculist-sweep.
 */
import { LC_CONN, LC_CT } from '../probe/counters';
import { CO_EXPIRATION, CO_LOCK } from '../records/connection';
import { C_CT_LOCK, CONTROL, expiryBase, preset, slabBase } from '../records/memory-map';
import { lock, unlock } from '../shm/mutex';
import { listNext } from '../shm/rculist';
import { listHead, N_EXP_LISTS, RculistSweep, X_NEXT_SWEEP } from './rculist-sweep';

export * from './rculist-sweep';
export const TRAIT_ORDER: u32 = 100;
// Numbers below 40 are presets of rculist-sweep itself.
export const PRESET_STEPS_40: u32 = 40;
export const PRESET_STEPS_44: u32 = 44;
export const PRESET_STEPS_48: u32 = 48;
export const PRESET_STEPS_56: u32 = 56;
export const PRESET_STEPS_64: u32 = 64;
export const PRESET_STEPS_96: u32 = 96;
export const PRESET_STEPS_128: u32 = 128;
export const PRESET_EXTRA_LINE: u32 = 1001;
export const PRESET_SELDOM_SPIN: u32 = 1002;
export const PRESET_LONG_HOLD: u32 = 1003;
export const PRESET_ATOMIC_STORE: u32 = 1004;
export const PRESET_STRAIGHT_STEPS: u32 = 1005;
export const PRESET_STEPS_BESIDE: u32 = 1006;
export const PRESET_STEPS_IN_CT_LOCK: u32 = 1007;
export const PRESET_STEPS_IN_CONN_LOCK: u32 = 1008;

const MOST_STEPS: u32 = 1000;
const SPIN_INTERVAL: u32 = 1000;
const SPIN_TURNS: u32 = 20_000;
/** A line of the expiry region that nothing else uses. */
const SPARE_LINE: usize = X_NEXT_SWEEP + 64;

/** Where the computed value goes, so that no compiler leaves the computation out. */
let sink: u64 = 0;
/** Refreshes of this thread. */
let refreshes: u32 = 0;

function steps(x: u64, count: u32): void {
  for (let step: u32 = 0; step < count; step++) x = rotl<u64>(x, 7) + step;
  sink = x;
}

// @ts-ignore: decorator
@inline
function fourSteps(x: u64): u64 {
  return rotl<u64>(rotl<u64>(rotl<u64>(rotl<u64>(x, 7) + 1, 7) + 2, 7) + 3, 7) + 4;
}

// @ts-ignore: decorator
@inline
function sixteenSteps(x: u64): u64 {
  return fourSteps(fourSteps(fourSteps(fourSteps(x))));
}

function refreshedPlanted(conn: usize): void {
  if (preset == PRESET_EXTRA_LINE) sink += load<u64>(expiryBase + SPARE_LINE);
  else if (preset == PRESET_SELDOM_SPIN && ++refreshes % SPIN_INTERVAL == 0) steps(sink, SPIN_TURNS);
  // Nobody else writes it meanwhile: the tests that take this preset have one thread.
  else if (preset == PRESET_ATOMIC_STORE)
    atomic.store<i64>(conn, load<i64>(conn, CO_EXPIRATION), CO_EXPIRATION);
  else if (preset == PRESET_STRAIGHT_STEPS) sink = sixteenSteps(sixteenSteps(sixteenSteps(sink)));
}

function walkHolding(): void {
  lock(CONTROL + C_CT_LOCK, LC_CT);
  for (let list: u32 = 0; list < N_EXP_LISTS; list++) {
    const head = listHead(list);
    for (let link = listNext(head); link != head; link = listNext(link)) sink++;
  }
  unlock(CONTROL + C_CT_LOCK, LC_CT);
}

/** Sixteen steps beside the locks of the tracker and of a connection, or under one of them. */
function stepsAtLocks(): void {
  const conn = slabBase;
  if (preset == PRESET_STEPS_BESIDE) sink = sixteenSteps(sink);
  lock(CONTROL + C_CT_LOCK, LC_CT);
  if (preset == PRESET_STEPS_IN_CT_LOCK) sink = sixteenSteps(sink);
  unlock(CONTROL + C_CT_LOCK, LC_CT);
  lock(conn + CO_LOCK, LC_CONN);
  if (preset == PRESET_STEPS_IN_CONN_LOCK) sink = sixteenSteps(sink);
  unlock(conn + CO_LOCK, LC_CONN);
}

@unmanaged
export class TestSlow extends RculistSweep {
  // @ts-ignore: decorator
  @inline
  refreshed(conn: usize, timeoutClass: u32, now: i64): void {
    super.refreshed(conn, timeoutClass, now);
    if (preset > MOST_STEPS) refreshedPlanted(conn);
    else {
      let x = load<u64>(conn, CO_EXPIRATION);
      for (let step: u32 = 0; step < preset; step++) x = rotl<u64>(x, 7) + step;
      sink = x;
    }
  }

  sweep(now: i64): i64 {
    if (preset == PRESET_LONG_HOLD) walkHolding();
    if (preset >= PRESET_STEPS_BESIDE) stepsAtLocks();
    return super.sweep(now);
  }
}
