/** How many threads could run at the same time where a result was measured. */
import type { Environment } from './schema.js';

/** As many as affinity and control group left of the cores; older results know only how many there were. */
export function usableCores({ coresUsable, coresOnline }: Environment): number | null {
  return coresUsable ?? coresOnline ?? null;
}
