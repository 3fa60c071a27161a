/** The ct_states that a packet can leave a tracker with. */
import { STATE_BITS } from '../../engine/host/state-text.js';

const NEW = 1 << 0;
const EST = 1 << 1;
const INV = 1 << 4;
const TRK = 1 << 5;

/**
 * The ct_states that a packet can have after one pass through a tracker: it has been tracked, and is not new and
 * established at once; a fragment that is given up is invalid and nothing else (spec §1.5).
 */
export const TRACKED_STATES: readonly number[] = Array.from(
  { length: 1 << STATE_BITS.length },
  (_, bits) => bits,
).filter((bits) => bits === INV || ((bits & TRK) !== 0 && (bits & (NEW | EST)) !== (NEW | EST)));
