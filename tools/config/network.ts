/** Networks in CIDR notation. */
import { parseAddress, type IpFamily } from '../../engine/host/addresses.js';

/** An address and how many of its leading bits count. */
export interface Network {
  readonly family: IpFamily;
  /** Address bytes, 4 or 16. */
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/**
 * Parses `10.0.0.0/8`, `fd00::/16`, or a single address.
 * @throws RangeError for text that is neither, or bits set behind the prefix
 */
export function parseNetwork(text: string): Network {
  const [addressText = '', prefixText, ...rest] = text.split('/');
  const { family, bytes } = parseAddress(addressText);
  const longest = family === 4 ? 32 : 128;
  const prefixBits = prefixText === undefined ? longest : Number(prefixText);
  if (
    rest.length > 0 ||
    prefixText === '' ||
    !Number.isInteger(prefixBits) ||
    prefixBits < 0 ||
    prefixBits > longest
  ) {
    throw new RangeError(`'${text}' is no network: the prefix is a whole number from 0 to ${longest}`);
  }
  const own = bytes.slice(0, longest / 8);
  for (let bit = prefixBits; bit < longest; bit++) {
    if (((own[bit >> 3] as number) >> (7 - (bit & 7))) & 1) {
      throw new RangeError(`'${text}' has address bits set behind the prefix of ${prefixBits} bits`);
    }
  }
  return { family, bytes: own, prefixBits };
}

/** Whether the address at `at`, of the network's family, lies in it. */
export function contains(network: Network, frame: Uint8Array, at: number): boolean {
  const whole = network.prefixBits >> 3;
  for (let i = 0; i < whole; i++) if (frame[at + i] !== network.bytes[i]) return false;
  const rest = network.prefixBits & 7;
  if (rest === 0) return true;
  const mask = 0xff & (0xff << (8 - rest));
  return (((frame[at + whole] as number) ^ (network.bytes[whole] as number)) & mask) === 0;
}
