/** Names of the ct_state bits, lowest first (spec §2). */
const STATE_BITS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'] as const;

const TEXT: readonly string[] = Array.from({ length: 256 }, (_, state) => {
  const names = STATE_BITS.filter((_name, bit) => (state & (1 << bit)) !== 0);
  return names.length === 0 ? '0' : names.join('|');
});

/** Text form of a ct_state: bit names from low to high, joined by `|`; `0` when none is set. */
export function stateText(state: number): string {
  return TEXT[state & 255] ?? '0';
}

/**
 * ct_state of its text form.
 * @throws RangeError naming the word that is none of the bits
 */
export function parseState(text: string): number {
  if (text === '0') return 0;
  let state = 0;
  for (const word of text.split('|')) {
    const bit = (STATE_BITS as readonly string[]).indexOf(word);
    if (bit < 0) throw new RangeError(`'${word}' in '${text}' is none of ${STATE_BITS.join(', ')}`);
    state |= 1 << bit;
  }
  return state;
}
