/** Ids of timeout policies. */
import type { ConfigFile } from './schema.js';

/** Name of policy 0, which connections without a policy have. */
export const DEFAULT_POLICY = 'default';

/**
 * Ids by name: a name of digits is the id itself, `default` is 0, and the others get what is left from 1 up, in the order
 * of the file.
 */
export function policyIds(entries: ConfigFile): ReadonlyMap<string, number> {
  const names = Object.keys(entries.timeoutPolicies ?? {});
  const isId = (name: string): boolean => /^\d+$/.test(name);
  const taken = new Set([0, ...names.filter(isId).map(Number)]);
  const ids = new Map<string, number>();
  let next = 1;
  for (const name of names) {
    if (isId(name)) ids.set(name, Number(name));
    else if (name === DEFAULT_POLICY) ids.set(name, 0);
    else {
      while (taken.has(next)) next += 1;
      ids.set(name, next);
      next += 1;
    }
  }
  return ids;
}
