/**
 * `--unique-ip`: other addresses in each loop, so that every loop makes new connections, as tcpreplay does it: the lower
 * address of a packet goes down by the number of the loop and the higher one up by as much. Both directions of a
 * connection, and the ICMP errors about it, change alike. Of IPv6 addresses the last 32 bits take part.
 *
 * Loop 0 is the traffic as captured. The two ends move apart, so that a connection between a and b (a < b) meets its own
 * addresses again, exchanged, only after 2^32 - (b - a) changes. A packet from an address to itself has both ends go up.
 * As in tcpreplay, the sum of the two ends stays: pairs of hosts with the same sum, such as .3 with .8 and .2 with .9,
 * come to share addresses in different loops, and are distinguished by ports only. Where an address passes 0 or 2^32 it
 * wraps; tcpreplay then moves it by one more to spare itself the checksum, which is updated here.
 */
import type { AddressRule } from './address-edit.js';

/**
 * @param loopsPerChange loops that share their addresses (`--unique-ip-loops`)
 * @throws RangeError when that is not a whole number above 0
 */
export function uniqueIpRule(loopsPerChange = 1): AddressRule {
  if (!Number.isSafeInteger(loopsPerChange) || loopsPerChange < 1) {
    throw new RangeError(`loops per change of addresses is ${loopsPerChange}, not a whole number above 0`);
  }
  return {
    pairwise: true,
    apply(pair, loop) {
      const step = Math.floor(loop / loopsPerChange) >>> 0;
      const order = compareEnds(pair);
      const half = pair.length / 2;
      // Equal ends have no direction: both go up, or the two directions would part.
      addToEnd(pair, half - 4, order < 0 ? -step : step);
      addToEnd(pair, pair.length - 4, order <= 0 ? step : -step);
    },
  };
}

/**
 * Orders source and destination: by the bits that change, then by the rest.
 * @param pair source, then destination
 */
export function compareEnds(pair: Uint8Array): number {
  const half = pair.length / 2;
  const low = readWord(pair, half - 4) - readWord(pair, pair.length - 4);
  if (low !== 0) return low;
  for (let i = 0; i < half; i++) {
    const difference = (pair[i] as number) - (pair[half + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function addToEnd(pair: Uint8Array, at: number, amount: number): void {
  const value = (readWord(pair, at) + amount) >>> 0;
  for (let i = 0; i < 4; i++) pair[at + i] = (value >>> (24 - i * 8)) & 0xff;
}

function readWord(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x100_0000 +
    (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}
