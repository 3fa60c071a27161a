/** ct_state bits in order of their value, lowest first (Open vSwitch, ovs-fields(7), "ct_state"). */
export const CT_STATE_BITS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'] as const;

/** How many combinations of the bits there are. */
export const CT_STATE_COUNT = 1 << CT_STATE_BITS.length;

const NEW = 1 << 0;
const EST = 1 << 1;
const INV = 1 << 4;
const TRK = 1 << 5;

/**
 * The values that a packet can have after one pass through a tracker: it has been tracked, and is not new and
 * established at once; a fragment that is given up is invalid and nothing else (spec §1.5).
 */
export const TRACKED_STATES: readonly number[] = Array.from(
  { length: CT_STATE_COUNT },
  (_, bits) => bits,
).filter((bits) => bits === INV || ((bits & TRK) !== 0 && (bits & (NEW | EST)) !== (NEW | EST)));

/** Text form of a ct_state value: bit names from low to high joined by `|`, `0` when none is set. */
export function formatCtState(bits: number): string {
  const names = CT_STATE_BITS.filter((_, index) => (bits & (1 << index)) !== 0);
  return names.length === 0 ? '0' : names.join('|');
}

/** The inverse of {@link formatCtState}; null when the text is not a ct_state. */
export function parseCtState(text: string): number | null {
  if (text === '0') return 0;
  let bits = 0;
  for (const name of text.split('|')) {
    const index = (CT_STATE_BITS as readonly string[]).indexOf(name);
    if (index < 0) return null;
    bits |= 1 << index;
  }
  return bits;
}
