/**
 * `--srcipmap` and `--dstipmap`: addresses moved from one network into another, as tcprewrite does it. The first network
 * that holds an address counts; the bits behind the prefix of the new network are those of the old address.
 */
import type { AddressRule } from './address-edit.js';
import { parseSubnet, subnetHolds, type Subnet } from './subnet.js';
import { shortened } from '../text/escape.js';

/** One network and where its addresses go. */
export interface IpMapEntry {
  readonly from: Subnet;
  readonly to: Subnet;
}

/** In the order of the option; the first that holds an address counts. */
export type IpMap = readonly IpMapEntry[];

const EXAMPLE = "'10.0.0.0/8:172.16.0.0/12', or '[2001:db8::/32]:[fd00::/32]'; several joined by commas";

/**
 * Parses `CIDR:CIDR,CIDR:CIDR`; IPv6 networks in brackets. A single address stands for itself.
 * @throws RangeError naming the part that is wrong and the form that is right
 */
export function parseIpMap(text: string): IpMap {
  return text.split(',').map((part, index) => {
    const place = `entry ${index + 1} ('${shortened(part)}')`;
    const match = /^\s*(\[[^\]]*\]|[^:[\]]*):(\[[^\]]*\]|[^:[\]]*)\s*$/.exec(part);
    if (match === null) {
      const hint = /:.*:/.test(part) ? 'IPv6 networks need brackets. ' : '';
      throw new RangeError(`${place} is no pair of networks. ${hint}Give ${EXAMPLE}.`);
    }
    const [from, to] = [match[1] as string, match[2] as string].map((side) => {
      try {
        return parseSubnet(side.replaceAll(/[[\]]/g, ''));
      } catch (error) {
        throw new RangeError(`${place}: ${(error as Error).message}.`, { cause: error });
      }
    }) as [Subnet, Subnet];
    if (from.family !== to.family) {
      throw new RangeError(
        `${place} maps IPv${from.family} to IPv${to.family}; both networks have to be of one IP version.`,
      );
    }
    return { from, to };
  });
}

/** The rule of two maps, either of which may be empty. */
export function ipMapRule(sourceMap: IpMap, destinationMap: IpMap): AddressRule {
  return {
    pairwise: false,
    apply(pair) {
      const half = pair.length / 2;
      moveAddress(pair, 0, half, sourceMap);
      moveAddress(pair, half, half, destinationMap);
    },
  };
}

function moveAddress(bytes: Uint8Array, at: number, length: number, map: IpMap): void {
  const entry = map.find(({ from }) => from.bytes.length === length && subnetHolds(from, bytes, at));
  if (entry === undefined) return;
  const { to } = entry;
  for (let i = 0; i < length; i++) {
    const networkBits = Math.min(8, Math.max(0, to.prefixBits - i * 8));
    const mask = (0xff << (8 - networkBits)) & 0xff;
    bytes[at + i] = (to.bytes[i] as number) | ((bytes[at + i] as number) & ~mask & 0xff);
  }
}
