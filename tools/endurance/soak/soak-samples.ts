/** What is looked at during a soak. */
import { readdirSync } from 'node:fs';
import type { TablePoint } from '../../replay/table-watcher.js';
import type { FlatnessRule } from './flatness.js';

/** The process at one moment. */
export interface ProcessSample {
  readonly tMs: number;
  readonly packets: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** What JavaScript objects hold outside the heap; the engine's shared memory is not in it. */
  readonly externalBytes: number;
  /** Open file handles; null where the system does not report it. */
  readonly handles: number | null;
}

export interface SoakSample extends ProcessSample {
  /** How much later packets are than their rate says, against the first sample. */
  readonly driftMs: number;
  readonly connections: number | null;
  readonly expired: number | null;
  readonly slotsInUse: number | null;
  /** Slots that wait for a grace period. */
  readonly graceBacklog: number | null;
}

export type SoakFigure = Exclude<keyof SoakSample, 'tMs' | 'packets'>;

const MIB = 1024 ** 2;

/** What must stay flat, and what counts as growth. */
export const RULES: Readonly<Record<SoakFigure, FlatnessRule>> = {
  rssBytes: { name: 'resident memory', unit: 'bytes', level: 'low', share: 0.05, least: 32 * MIB },
  heapBytes: { name: 'JavaScript heap', unit: 'bytes', level: 'low', share: 0.2, least: 16 * MIB },
  externalBytes: {
    name: 'memory outside the heap',
    unit: 'bytes',
    level: 'low',
    share: 0.1,
    least: 16 * MIB,
  },
  handles: { name: 'file handles', unit: 'handles', level: 'median', share: 0, least: 2 },
  driftMs: { name: 'pacing drift', unit: 'ms', level: 'median', share: 0, least: 20 },
  connections: { name: 'connections', unit: 'connections', level: 'median', share: 0.05, least: 500 },
  expired: { name: 'expired connections', unit: 'connections', level: 'median', share: 0.25, least: 2000 },
  slotsInUse: { name: 'slots in use', unit: 'slots', level: 'median', share: 0.05, least: 500 },
  graceBacklog: { name: 'grace backlog', unit: 'slots', level: 'median', share: 0.5, least: 500 },
};

/** Looks at the process now. */
export function sampleProcess(tMs: number, packets: number): ProcessSample {
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    tMs,
    packets,
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    handles: openHandles(),
  };
}

function openHandles(): number | null {
  try {
    // One of them is the directory being read.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return null;
  }
}

/**
 * Brings samples of the process and of the table together by time.
 * @param pps the rate that the packets have
 */
export function joinSamples(
  process: readonly ProcessSample[],
  table: readonly TablePoint[],
  pps: number,
): SoakSample[] {
  const [first] = process;
  if (first === undefined) return [];
  let at = 0;
  return process.map((sample) => {
    while (at + 1 < table.length && (table[at + 1] as TablePoint).tMs <= sample.tMs) at++;
    const point = table[at];
    return {
      ...sample,
      driftMs: sample.tMs - first.tMs - ((sample.packets - first.packets) / pps) * 1000,
      connections: point?.nConn ?? null,
      expired: point?.expiredPresent ?? null,
      slotsInUse: point?.slabInUse ?? null,
      graceBacklog: point?.gracePending ?? null,
    };
  });
}
