/** What a prediction for more workers than were measured rests on, and no measurement shows. */
import { manifestOf, type DesignTraits } from '../../engine/host/design-traits.js';
import { EngineError } from '../../engine/host/engine-error.js';
import type { MeasuredPoint } from './feed.js';

/**
 * Assumptions behind predictions from the times of a point, as sentences: those of every design, and those that follow from what a design
 * declares of itself.
 * @param traits of the design; null where it is not known here, as of a result from elsewhere
 */
export function restsOn({ workers, parameters }: MeasuredPoint, traits: DesignTraits | null): string[] {
  const as = `as with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const { ctLocks = 1, ctPerPacket, sweeper } = parameters;
  return [
    `Memory and interconnect: the work of a packet is taken ${as}. What more cores cost each other in shared caches, memory bandwidth and ` +
      'lines that move between them was not measured, so this is an upper bound.',
    ...(ctPerPacket > 0
      ? [`ct_lock: its hold time is taken ${as}, also where its line would come from a farther core.`]
      : []),
    ...(ctLocks > 1
      ? [
          `Shards: each of ${ctLocks} locks is taken to be met equally often. A small table has fewer, and what shards share, free slots and ` +
            'counts, is taken for work that nobody waits for.',
        ]
      : []),
    sweeperText(sweeper !== null, traits),
  ];
}

function sweeperText(isMeasured: boolean, traits: DesignTraits | null): string {
  if (!isMeasured)
    return 'The sweeper is left out: it held ct_lock in fewer than two passes of a run. Longer runs would show it.';
  const looks = traits?.sweepLooksAtLiving === true ? ', and this design looks at each that lives' : '';
  return `The sweeper: its passes are taken as they were, although more cores open more connections, which all have to be removed${looks}.`;
}

/** Traits of a design by its label, `rculist-sweep@v7`; null of one that this build does not have. */
export function traitsOfLabel(label: string): DesignTraits | null {
  try {
    return manifestOf(label.split('@', 1)[0] as string).traits;
  } catch (error) {
    if (error instanceof EngineError) return null;
    throw error;
  }
}
