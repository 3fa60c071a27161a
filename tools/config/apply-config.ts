/** Putting a configuration's limits, policies and settings into a tracker. */
import type { BehaviourSwitches, FragmentSettings } from '../../engine/host/run-memory.js';
import { DEFAULT_FRAGMENTS } from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { attributeValues, type TimeoutSeconds } from '../../engine/host/timeout-attributes.js';
import { ConfigError } from './config-error.js';
import type { TrackerConfig } from './read-config.js';
import { policyIds } from './policies.js';
import type { ConfigFile } from './schema.js';

/** The parts that a tracker or a run starts with. */
export interface ConfigSettings {
  readonly connLimit?: number | undefined;
  readonly tcpSeqCheck?: boolean | undefined;
  readonly switches?: BehaviourSwitches | undefined;
  readonly fragments?: FragmentSettings | undefined;
  readonly sweepIntervalMs?: number | undefined;
  readonly preset?: string | undefined;
}

/** A configuration with settings of its own in place of those that are given. */
export function withSettings(
  config: TrackerConfig,
  {
    maxConns,
    sweepIntervalMs,
  }: { readonly maxConns?: number | undefined; readonly sweepIntervalMs?: number | undefined },
): TrackerConfig {
  const { entries } = config;
  return {
    ...config,
    entries: {
      ...entries,
      ...(maxConns === undefined ? {} : { maxConns }),
      ...(sweepIntervalMs === undefined ? {} : { sweep: { ...entries.sweep, intervalMs: sweepIntervalMs } }),
    },
  };
}

/** Settings of a configuration in the terms of the engine's host. */
export function configSettings({ entries }: TrackerConfig): ConfigSettings {
  return {
    connLimit: entries.maxConns,
    tcpSeqCheck: entries.tcpSeqCheck,
    switches: entries.switches,
    fragments: fragmentSettings(entries.fragments),
    sweepIntervalMs: entries.sweep?.intervalMs,
    preset: entries.sweep?.preset,
  };
}

function fragmentSettings(entry: ConfigFile['fragments']): FragmentSettings | undefined {
  if (entry === undefined) return undefined;
  return {
    enabled4: entry.ipv4 ?? DEFAULT_FRAGMENTS.enabled4,
    enabled6: entry.ipv6 ?? DEFAULT_FRAGMENTS.enabled6,
    minimum4: entry.minSizeV4 ?? DEFAULT_FRAGMENTS.minimum4,
    minimum6: entry.minSizeV6 ?? DEFAULT_FRAGMENTS.minimum6,
    maximum: entry.max ?? DEFAULT_FRAGMENTS.maximum,
  };
}

/** What limits and policies are put into: a Tracker, or a run's thread behind `threadTarget`. */
export interface ConfigTarget {
  setZoneLimit(zone: number, limit: number): number;
  setTimeoutPolicy(id: number, seconds: TimeoutSeconds): number;
}

/**
 * Sets zone limits and timeout policies.
 * @throws ConfigError when the tracker has no room for them
 */
export function applyConfig(target: ConfigTarget, config: TrackerConfig): void {
  const { entries, file } = config;
  const require = (errno: number, what: string): void => {
    if (errno !== 0)
      throw new ConfigError(
        file ?? 'configuration',
        null,
        null,
        `the tracker refuses ${what} (errno ${errno})`,
      );
  };
  if (entries.zoneLimits?.default !== undefined) {
    require(target.setZoneLimit(-1, entries.zoneLimits.default), 'the default zone limit');
  }
  for (const [zone, limit] of Object.entries(entries.zoneLimits?.zones ?? {})) {
    require(target.setZoneLimit(Number(zone), limit), `the limit of zone ${zone}`);
  }
  for (const [name, id] of policyIds(entries)) {
    const seconds = entries.timeoutPolicies?.[name] ?? {};
    require(target.setTimeoutPolicy(id, seconds as TimeoutSeconds), `timeout policy ${name}`);
  }
}

/** A run's thread as a target. */
export function threadTarget(thread: EngineThread): ConfigTarget {
  return {
    setZoneLimit: (zone, limit) => thread.exports.setZoneLimit(zone, limit),
    setTimeoutPolicy(id, seconds) {
      attributeValues(seconds).forEach((value, index) =>
        thread.view.setUint32(thread.attributesAt + index * 4, value, true),
      );
      return thread.exports.setPolicy(id, thread.attributesAt);
    },
  };
}
