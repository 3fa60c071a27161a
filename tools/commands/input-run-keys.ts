/** From the flags that say how traffic is replayed to the keys of a matrix's inputs, which say the same. */
import type { InputSpec } from '../bench/matrix-spec.js';
import type { LatencyMode } from '../replay/replay-plan.js';
import type { EditFlags } from './edit-options.js';
import type { ReplayFlags } from './replay-options.js';

/** The flags of rates, edits and runs that an input of a matrix can have. */
export type InputRunFlags = Pick<
  ReplayFlags,
  | 'loop'
  | 'duration'
  | 'uniqueIpLoops'
  | 'sameAddresses'
  | 'steer'
  | 'clock'
  | 'timeScale'
  | 'maxConns'
  | 'sweepInterval'
  | 'latency'
  | 'warmup'
  | 'config'
  | 'timeline'
  | 'burst'
  | keyof EditFlags
> & { readonly limit?: number; readonly uniqueIp?: boolean };

/**
 * The keys for every input of a matrix, of the flags that were given.
 * @param isGiven whether a flag was on the command line, so that defaults do not override a file
 */
export function inputRunKeys(
  flags: Partial<InputRunFlags>,
  isGiven: (name: string) => boolean,
): Partial<InputSpec> {
  const keys: Record<string, unknown> = {
    loop: flags.loop,
    durationMs: flags.duration,
    uniqueIpLoops: flags.uniqueIpLoops,
    sameAddresses: flags.uniqueIp === true ? false : flags.sameAddresses,
    clock: isGiven('clock') ? flags.clock : undefined,
    timeScale: isGiven('timeScale') ? flags.timeScale : undefined,
    maxConns: flags.maxConns,
    sweepIntervalMs: flags.sweepInterval,
    config: flags.config,
    limit: flags.limit,
    timelineMs: flags.timeline,
    burst: flags.burst,
    filter: flags.filter,
    srcipmap: flags.srcipmap,
    dstipmap: flags.dstipmap,
    snaplen: flags.snaplen,
    maxGapMs: flags.maxGap,
  };
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined));
}

/** A latency mode as a matrix writes it: `all`, `off`, `sample=100`. */
export function latencyText(latency: LatencyMode): string {
  return latency.mode === 'sample' ? `sample=${latency.interval}` : latency.mode;
}
