/** Lifts results written by older versions of ctreplay to the version this one reads. */
import { shownJson } from '../text/json-text.js';
import { RESULT_VERSION } from './schema.js';

/** Takes a result of version `v` and returns the same result in version `v + 1`. */
export type UpgradeStep = (old: Record<string, unknown>) => Record<string, unknown>;

/** `UPGRADES.get(v)` lifts version `v` by one. Version 1 is the first, so there is nothing to lift yet. */
export const UPGRADES: ReadonlyMap<number, UpgradeStep> = new Map();

/** Thrown when a version cannot be read: newer than this tool, older than any step, or no version at all. */
export class VersionError extends Error {
  override name = 'VersionError';
}

/**
 * Returns `raw` lifted step by step to `target`, with its `version` set; `raw` itself is not changed.
 * @throws VersionError when the version is missing, newer than `target`, or no step starts from it.
 */
export function upgradeResult(
  raw: Record<string, unknown>,
  steps: ReadonlyMap<number, UpgradeStep> = UPGRADES,
  target: number = RESULT_VERSION,
): Record<string, unknown> {
  const version = raw['version'];
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
    throw new VersionError(`version: expected a whole number from 1 on, got ${shownJson(version)}`);
  }
  if (version > target) {
    throw new VersionError(
      `version: ${version} is newer than ${target}, the newest this ctreplay reads; use the ctreplay that wrote it or a later one`,
    );
  }
  let lifted = raw;
  for (let from = version; from < target; from += 1) {
    const step = steps.get(from);
    if (step === undefined) {
      throw new VersionError(
        `version: no way from ${from} to ${from + 1}; run the measurement again with this ctreplay`,
      );
    }
    lifted = { ...step(lifted), version: from + 1 };
  }
  return lifted;
}
