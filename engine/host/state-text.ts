/** Names of the ct_state bits, lowest first (spec §2; Open vSwitch, ovs-fields(7), "ct_state"). */
export const STATE_BITS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'] as const;

const TEXT: readonly string[] = Array.from({ length: 256 }, (_, state) => {
  const names = STATE_BITS.filter((_name, bit) => (state & (1 << bit)) !== 0);
  return names.length === 0 ? '0' : names.join('|');
});

/** Text form of a ct_state: bit names from low to high, joined by `|`; `0` when none is set. */
export function stateText(state: number): string {
  return TEXT[state & 255] ?? '0';
}
