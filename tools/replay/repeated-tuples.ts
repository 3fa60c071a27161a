/** Whether a run replayed packets again under the same addresses, and what loops with addresses of their own do to FTP and NAT. */
import type { WarningFacts } from '../measure/warnings.js';
import type { Input } from '../result/schema.js';
import { rulesOf } from '../config/rules.js';
import { loopsPerChange } from './plan-loops.js';
import type { FinishedRun } from './run-control.js';

/**
 * Whether packets came again under the same addresses: in a later loop, or because a capture was named twice. They then meet
 * connections of the time before, most of them dead, which is another question than the traffic asks.
 */
export function repeatsTuples(
  { workers, traffic, plan }: Pick<FinishedRun, 'workers' | 'traffic' | 'plan'>,
  input: Input,
): boolean {
  return (loopsPerChange(plan) !== 1 && loopedOver(workers, traffic.packets)) || namesFileTwice(input);
}

/** Whether any packet was replayed a second time; a run that ended within its first loop did not. */
function loopedOver(workers: FinishedRun['workers'], packetsPerLoop: number): boolean {
  const replayed = workers.reduce((sum, { packets }) => sum + packets, 0);
  return replayed > packetsPerLoop || workers.some(({ loops }) => loops > 1);
}

function namesFileTwice({ files }: Input): boolean {
  const known = (files ?? []).map(({ sha256, path }) => sha256 ?? path);
  return new Set(known).size < known.length;
}

/**
 * Packets that no longer say what they said because loops have addresses of their own: from the second loop on, FTP messages
 * name another address than their connection's, and replies to translated addresses go elsewhere. Null where there is
 * neither helper nor NAT, or no second loop.
 */
export function fixedAddresses(
  { workers, traffic, plan }: Pick<FinishedRun, 'workers' | 'traffic' | 'plan'>,
  rejectedByReason: Readonly<Record<string, number>>,
): NonNullable<WarningFacts['fixedAddresses']> | null {
  if (loopsPerChange(plan) === null || !loopedOver(workers, traffic.packets)) return null;
  const { requests } = rulesOf(plan.config);
  const helps = requests.some(({ helper }) => helper !== undefined);
  const translates = requests.some(({ nat }) => nat !== undefined);
  return {
    ftpMessages: helps ? (rejectedByReason['alg-malformed'] ?? 0) : 0,
    natReplies: translates ? (rejectedByReason['cannot-create'] ?? 0) : 0,
  };
}
