/** `--list-designs`: the designs there are, with what they declare of themselves and their presets. */
import { manifestOf } from '../../engine/host/design-traits.js';
import { availableDesigns, DEFAULT_DESIGNS } from '../../engine/host/designs.js';

/** A line a design, and one with its presets where it has some. */
export function designList(): string {
  return availableDesigns()
    .map((name) => {
      const { traits, presets } = manifestOf(name);
      const notes = new Map([
        [traits.defaultPreset, ' (default)'],
        [traits.atomicExpiryPreset, ' (sees without a lock whether a connection is expired)'],
        [traits.oneHoldPreset, " (takes a connection's lock once a packet)"],
      ]);
      const names = Object.keys(presets).map((preset) => `${name}@${preset}${notes.get(preset) ?? ''}`);
      const locks = traits.ctLocksPerRefresh;
      const facts = [
        `${traits.lists} expiration lists`,
        locks === 0
          ? 'an established packet takes no ct_lock'
          : `an established packet takes ct_lock ${locks} ${locks === 1 ? 'time' : 'times'}`,
        `sweeps every ${traits.sweepIntervalMs / 1000} s`,
        ...(traits.createsNarrowly && traits.shards === 0
          ? ['prepares a connection before it takes ct_lock']
          : []),
        ...(traits.shards > 0 ? [`creates under the locks of up to ${traits.shards} shards`] : []),
        ...(DEFAULT_DESIGNS.includes(name) ? ['compared by default'] : []),
      ];
      return `${name}: ${facts.join(', ')}\n${names.length === 0 ? '' : `  presets: ${names.join(', ')}\n`}`;
    })
    .join('');
}
