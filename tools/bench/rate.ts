/** Rates of a matrix: text to pacing and back. */
import { loadText } from '../replay/case-id.js';
import type { PacingRequest } from '../replay/replay-plan.js';
import { parseNumber } from '../text/quantities.js';

/** How packets are paced in a cell, as the replay takes it. A profile comes from trials of a replay only: nothing else writes one. */
export type Rate = PacingRequest;

/** Of bit rates, in Mbit/s. */
const BIT_UNITS: Readonly<Record<string, number>> = { bps: 1e-6, kbps: 1e-3, mbps: 1, gbps: 1e3 };

/** `topspeed`, `100k` or `100kpps` (packets/s), `50mbps` or `1gbps`, `x2` (capture speed); null for anything else. */
export function parseRate(text: string): Rate | null {
  const word = text.trim();
  if (word === 'topspeed') return { mode: 'topspeed' };
  const positive = (digits: string): number | null => {
    const value = parseNumber(digits);
    return Number.isFinite(value) && value > 0 && value <= 1e9 ? value : null;
  };
  if (word.startsWith('x')) {
    const multiplier = positive(word.slice(1));
    return multiplier === null ? null : { mode: 'multiplier', multiplier };
  }
  const bits = /^(.*?)([kmg]?bps)$/i.exec(word);
  if (bits !== null) {
    const value = positive((bits[1] ?? '').trim());
    const unit = BIT_UNITS[(bits[2] ?? '').toLowerCase()] as number;
    return value === null || value * unit > 1e6 ? null : { mode: 'mbps', mbps: value * unit };
  }
  const pps = positive(word.endsWith('pps') ? word.slice(0, -3) : word);
  return pps === null ? null : { mode: 'pps', pps };
}

/** The rate as part of a cell's id; `parseRate` reads back all but a profile. */
export function rateText(rate: Rate): string {
  return loadText(rate);
}
