/** What both trackers are told, from a configuration file. */
import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { FragmentSettings } from '../../engine/host/run-memory.js';
import type { TimeoutSeconds } from '../../engine/host/timeout-attributes.js';
import { configSettings } from '../config/apply-config.js';
import type { TrackerConfig } from '../config/read-config.js';
import { createRules, policyIds } from '../config/rules.js';
import { readPackets } from '../oracle/capture-run.js';
import type { InputPacket } from './tracker-run.js';

/** All that both trackers are told; what is absent keeps the tracker's default. */
export interface ConformSetup {
  /** The requests that packets make, by index. */
  readonly requests: readonly ExecRequest[];
  readonly connLimit?: number | undefined;
  readonly tcpSeqCheck?: boolean | undefined;
  readonly fragments?: FragmentSettings | undefined;
  /** Zone -1 is the default entry. */
  readonly zoneLimits?: readonly { readonly zone: number; readonly limit: number }[] | undefined;
  /** By policy id. */
  readonly timeoutPolicies?: ReadonlyMap<number, TimeoutSeconds> | undefined;
}

/** What drives the trackers' time: the capture's timestamps, or nothing. */
export type ConformClock = 'capture' | 'frozen';

/** Packets, and the setup whose requests they name. */
export interface ConformInput {
  readonly setup: ConformSetup;
  readonly packets: readonly InputPacket[];
}

const NS_PER_MS = 1_000_000n;

/**
 * Reads captures as packets for the trackers, each with its request, at times in whole milliseconds since the first packet. A
 * timestamp before the one before it is taken as equal to it.
 * @throws CaptureError when a capture cannot be read or is empty
 */
export async function loadInput(
  captures: readonly string[],
  config: TrackerConfig,
  clock: ConformClock,
): Promise<ConformInput> {
  const rules = createRules(config);
  const packets: InputPacket[] = [];
  let firstNs: bigint | null = null;
  let lastMs = 0;
  for await (const { frame, timestampNs } of readPackets(captures)) {
    firstNs ??= timestampNs;
    if (clock === 'capture') lastMs = Math.max(lastMs, Number((timestampNs - firstNs) / NS_PER_MS));
    packets.push({ frame, timestampMs: lastMs, requestIndex: rules.choose({ frame, worker: 0 }) });
  }
  const { entries } = config;
  const { connLimit, tcpSeqCheck, fragments } = configSettings(config);
  const zoneLimits = [
    ...(entries.zoneLimits?.default === undefined ? [] : [{ zone: -1, limit: entries.zoneLimits.default }]),
    ...Object.entries(entries.zoneLimits?.zones ?? {}).map(([zone, limit]) => ({
      zone: Number(zone),
      limit,
    })),
  ];
  const timeoutPolicies = new Map(
    [...policyIds(entries)].map(([name, id]) => [
      id,
      (entries.timeoutPolicies?.[name] ?? {}) as TimeoutSeconds,
    ]),
  );
  return {
    setup: { requests: rules.requests, connLimit, tcpSeqCheck, fragments, zoneLimits, timeoutPolicies },
    packets,
  };
}
