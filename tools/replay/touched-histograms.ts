/**
 * The first use of a page takes the system longer than a packet takes. Where times are going to be recorded is used before the run, so
 * that no packet pays for it; what no run of this kind writes to is left alone, as it is most of the memory for histograms.
 */
import type { EngineRun } from '../../engine/host/run-memory.js';
import { REGION_HEADER_BYTES } from '../measure/histogram-region.js';
import { countsIndex, LATENCY_CONFIG } from '../measure/log-linear.js';
import { touchPages } from './touched-pages.js';

/** Beside a longer time the first use of a page is nothing. */
const LONG_NS = 2 ** 24;
const CELL_BYTES = 8;

/** What a run records. */
export interface RecordedTimes {
  readonly workers: number;
  /** Service times of packets. */
  readonly service: boolean;
  /** Response times as well. */
  readonly response: boolean;
}

/** Uses the memory for what will be recorded, without changing it. All threads stand at the barrier. */
export function touchHistograms(run: EngineRun, { workers, service, response }: RecordedTimes): void {
  const c = run.engine.constants;
  const bytes = new Uint8Array(run.memory.buffer);
  const shortBytes = REGION_HEADER_BYTES + countsIndex(LATENCY_CONFIG, LONG_NS) * CELL_BYTES;
  const { regions, histogramStride } = run.plan;
  const keepsGroups = new DataView(run.memory.buffer).getUint32(c.CONTROL + c.C_LAG_GROUPS, true) !== 0;
  for (let thread = 0; thread <= workers; thread++) {
    const base = regions.histograms + thread * histogramStride;
    const touchSeries = (from: number, to: number): void => {
      for (let at = base + from; at < base + to; at += c.FINE_BYTES) touchPages(bytes, at, shortBytes);
    };
    // The last thread sweeps, and has no packets.
    if (service && thread < workers) touchSeries(c.H_SERVICE, c.H_RESPONSE);
    if (response && thread < workers) touchSeries(c.H_RESPONSE, c.H_LAG);
    // Lags, locks, NAT and intervals, which the bare build fills in part where it times; then those by zone and policy, where they are kept.
    if (service || run.engine.flavour !== 'bare')
      touchPages(bytes, base + c.H_LAG, (keepsGroups ? c.HISTOGRAMS_SIZE : c.H_LAG_ZONES) - c.H_LAG);
  }
}
