/** What a run says while it goes: `--stats`, a line an interval for people, and `--stream`, JSON lines for programs. */
import type { LiveInterval } from '../replay/live-intervals.js';
import type { RunPurpose } from '../replay/session.js';
import { formatNs, formatRate, formatShare } from '../text/quantities.js';

/** What watches a run. */
export interface LiveWatcher {
  readonly onRun: (design: string, purpose: RunPurpose) => void;
  readonly onInterval: (interval: LiveInterval) => void;
}

/** Lines for people on standard error, with or without a terminal: time, design, pps, p50, p99, lock wait. */
export function statsLines(write: (text: string) => void): LiveWatcher {
  let run = '';
  return {
    onRun: (design, purpose) => {
      run = purpose === 'throughput' ? `${design}, throughput` : design;
    },
    onInterval: ({ tMs, intervalMs, pps, p50Ns, p99Ns, lockWaitShare }) =>
      write(
        `${((tMs + intervalMs) / 1e3).toFixed(1).padStart(7)} s  ${run}  ${formatRate(pps)}  p50 ${formatNs(p50Ns)}  ` +
          `p99 ${formatNs(p99Ns)}  lock wait ${formatShare(lockWaitShare)}\n`,
      ),
  };
}

/** A JSON object a line on standard output: `run` when one begins, `interval` for each; the command adds `result` at the end. */
export function streamLines(write: (text: string) => void): LiveWatcher {
  let design = '';
  let purpose: RunPurpose = 'all';
  const line = (object: object): void => write(`${JSON.stringify(object)}\n`);
  return {
    onRun: (name, what) => {
      [design, purpose] = [name, what];
      line({ event: 'run', design, purpose });
    },
    onInterval: (interval) => line({ event: 'interval', design, purpose, ...interval }),
  };
}
