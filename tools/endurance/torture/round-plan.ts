/** What a torture round does, drawn from its seed: the same seed and number give the same round. */
import { availableDesigns, type DesignChoice } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';
import { MUTEX_POLICIES, type MutexPolicy } from '../../../engine/host/run-memory.js';
import { mixPair32, Random } from '../../random/random.js';

/**
 * How threads come between each other: `serial` runs one at a time and hands over at steps, by the seed alone, so that a round is the
 * same each time; `parallel` runs them on the machine's CPUs, with delays at steps.
 */
export type TortureMode = 'serial' | 'parallel';
export const TORTURE_MODES: readonly TortureMode[] = ['serial', 'parallel'];

/** Faults that can be planted (engine/assembly/probe/faults.ts), by the name of the exported number. */
export const FAULTS = {
  'mutex-unchecked': 'FAULT_MUTEX_UNCHECKED',
  'orphans-uncalled': 'FAULT_ORPHANS_UNCALLED',
  'slot-early': 'FAULT_SLOT_EARLY',
  'move-late': 'FAULT_MOVE_LATE',
} as const;
export type Fault = keyof typeof FAULTS;

/**
 * What a round has more of than others: `everything` as it comes; `map`: a full table in which entries move, and a thread that only
 * looks at what must be there; `leave`: threads that retire slots and go offline, many short laps.
 */
export type Focus = 'everything' | 'map' | 'leave';

/** A thread that dies in the middle of a lap. */
export interface PlannedDeath {
  readonly lap: number;
  readonly thread: number;
  /** `step`: at its so-many-th step of the lap; `terminate`: from outside, so many milliseconds after the start of the lap. */
  readonly kind: 'step' | 'terminate';
  readonly after: number;
}

export interface RoundPlan {
  /** Seed of the program, and the round's number: together they make the round. */
  readonly seed: number;
  readonly round: number;
  readonly choice: DesignChoice;
  readonly mode: TortureMode;
  readonly focus: Focus;
  readonly threads: number;
  readonly slots: number;
  readonly buckets: number;
  readonly laps: number;
  readonly batchesPerLap: number;
  /** A thread comes to a delay, or hands over, at one step in 2^this on average. */
  readonly delayShift: number;
  readonly operationPercent: number;
  /** Packets of its own flows that a thread sends beside a batch, half of them on average. */
  readonly ownPackets: number;
  /** Own flows of a thread. */
  readonly ownFlows: number;
  readonly connLimit: number;
  readonly mostPackets: number;
  readonly clockStepMs: number;
  readonly mutex: MutexPolicy;
  readonly death: PlannedDeath | null;
  readonly fault: Fault | null;
  /** For everything that the round's threads draw. */
  readonly randomSeed: number;
}

/** What the person wants of the rounds. */
export interface RoundWishes {
  readonly seed: number;
  readonly designs: readonly DesignChoice[];
  readonly modes: readonly TortureMode[];
  readonly deaths: boolean;
  readonly fault: Fault | null;
}

/** Every design with every preset. */
export function everyChoice(): DesignChoice[] {
  return availableDesigns().flatMap((design): DesignChoice[] => {
    const presets = Object.keys(loadEngine(design, 'torture').presets);
    return presets.length === 0 ? [{ design, preset: null }] : presets.map((preset) => ({ design, preset }));
  });
}

/** Table sizes, and the buckets with which moving entries is needed before the table is full. */
const SIZES = [
  { slots: 8, buckets: 1 },
  { slots: 16, buckets: 2 },
  { slots: 24, buckets: 4 },
  { slots: 32, buckets: 4 },
  { slots: 64, buckets: 8 },
] as const;
const FOCI: readonly Focus[] = ['everything', 'everything', 'map', 'leave'];
/** Packets of a call at most. */
export const MOST_PACKETS = 8;
/** One round in so many has a death. */
const DEATH_EVERY = 4;
const DEATH_STEPS = 20_000;
const DEATH_MS = 20;

/** The round of a number. */
export function planRound(wishes: RoundWishes, round: number): RoundPlan {
  const randomSeed = mixPair32(wishes.seed, round);
  const random = new Random(randomSeed);
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;
  // In turn, so that each gets its share of a short run.
  const choice = wishes.designs[round % wishes.designs.length] as DesignChoice;
  const mode = wishes.modes[Math.floor(round / wishes.designs.length) % wishes.modes.length] as TortureMode;
  const threads = random.between(2, 4);
  const focus = pick(FOCI);
  const size = focus === 'map' ? pick(SIZES.slice(1)) : pick(SIZES);
  const laps = focus === 'leave' ? 24 : 6;
  const dies = wishes.deaths && random.below(DEATH_EVERY) === 0;
  const kind = mode === 'parallel' && random.chance(0.5) ? 'terminate' : 'step';
  const death: PlannedDeath = {
    lap: random.below(laps),
    thread: random.below(threads),
    kind,
    after: 1 + random.below(kind === 'step' ? DEATH_STEPS : DEATH_MS),
  };
  return {
    seed: wishes.seed,
    round,
    choice,
    mode,
    focus,
    threads,
    ...size,
    laps,
    ...focused(focus, mode, random),
    ownFlows: Math.max(1, Math.floor(size.slots / (focus === 'map' ? 3 : 4 * threads))),
    connLimit: focus === 'map' ? 2 * size.slots : size.slots,
    mutex: pick(MUTEX_POLICIES),
    death: dies ? death : null,
    fault: wishes.fault,
    randomSeed,
  };
}

type Focused = Pick<
  RoundPlan,
  'batchesPerLap' | 'delayShift' | 'operationPercent' | 'ownPackets' | 'mostPackets' | 'clockStepMs'
>;

/** What the focus decides. Where laps are long, serial rounds hand over less often: it takes its time. */
function focused(focus: Focus, mode: TortureMode, random: Random): Focused {
  const times = mode === 'serial' ? 1 : 4;
  const shift = (least: number, most: number): number =>
    mode === 'serial' ? random.between(least, most) : random.between(6, 12);
  switch (focus) {
    case 'leave':
      return {
        batchesPerLap: 6 * times,
        delayShift: shift(1, 4),
        operationPercent: 80,
        ownPackets: 1,
        mostPackets: 2,
        clockStepMs: 40_000,
      };
    case 'map':
      return {
        batchesPerLap: 40 * times,
        delayShift: shift(2, 5),
        operationPercent: 40,
        ownPackets: 16,
        mostPackets: 4,
        // What is not a thread's own expires now and then and makes room for others.
        clockStepMs: 20_000,
      };
    case 'everything':
      return {
        batchesPerLap: 24 * times,
        delayShift: shift(4, 8),
        operationPercent: random.between(10, 60),
        ownPackets: 1,
        mostPackets: MOST_PACKETS,
        clockStepMs: random.below(4) * 10_000,
      };
  }
}

/** One line: enough to know the round by. */
export function describeRound(plan: RoundPlan): string {
  const { choice, mode, focus, threads, slots } = plan;
  const design = choice.preset === null ? choice.design : `${choice.design}@${choice.preset}`;
  return `round ${plan.round} of seed ${plan.seed}: ${design}, ${mode}, focus on ${focus}, ${threads} threads, ${slots} slots`;
}
