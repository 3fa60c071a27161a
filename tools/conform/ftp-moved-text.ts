/** FTP messages that Open vSwitch garbles when it replaces the address in them (revision 7c31be6d6 mended it). */
import { dissect, emptyDissection } from '../wire/dissect.js';
import { PROTOCOL_TCP } from '../wire/protocols.js';
import type { Difference } from './compare-runs.js';

const TCP_CHECKSUM_AT = 16;
/** Lengths were kept in so many values. */
const LENGTH_VALUES = 256;
const LONGEST_MESSAGE = 128;
/** The most by which the text of an address can change: of IPv4 from 7 to 15 bytes, of IPv6 from 2 to 39. */
const MOST_GROWTH = { 4: 8, 6: 37 } as const;

const layers = emptyDissection();

interface Message {
  readonly checksumAt: number;
  /** Where the address begins in the frame, and how long it is. */
  readonly addressAt: number;
  readonly addressBytes: number;
  readonly mostGrowth: number;
}

/** The address that an FTP message in a frame announces; null when there is none. */
function findMessage(frame: Uint8Array): Message | null {
  dissect(frame, layers);
  const { ipVersion, l4, protocol } = layers;
  if (ipVersion === null || protocol !== PROTOCOL_TCP || l4 === null || l4 + 20 > frame.length) return null;
  const payloadAt = l4 + ((frame[l4 + 12] as number) >> 4) * 4;
  const text = Buffer.from(frame.subarray(payloadAt, payloadAt + LONGEST_MESSAGE)).toString('latin1');
  const found =
    ipVersion === 4
      ? /^(?<before>(?:PORT|227)[^ ]* \D*)(?<address>\d+,\d+,\d+,\d+)/i.exec(text)
      : /^(?<before>EPRT\D*2\D)(?<address>[\da-f:.]+)/i.exec(text);
  const { before, address } = found?.groups ?? {};
  if (before === undefined || address === undefined) return null;
  return {
    checksumAt: l4 + TCP_CHECKSUM_AT,
    addressAt: payloadAt + before.length,
    addressBytes: address.length,
    mostGrowth: MOST_GROWTH[ipVersion],
  };
}

/**
 * Whether both sides put out the same FTP message with the same new address, and the switch's differs only in what follows the
 * address, as if of its length, counted from the address, only the low 8 bits had been moved along, and the rest had stayed.
 */
export function onlyMovedTextDiffers({ what, outputs }: Difference): boolean {
  if (what !== 'frame' || outputs === null) return false;
  const [mine, theirs] = outputs.map(({ frame }) => frame) as [Uint8Array, Uint8Array];
  const message = findMessage(mine);
  if (message === null || mine.length !== theirs.length) return false;
  for (let growth = -message.mostGrowth; growth <= message.mostGrowth; growth++) {
    if (growth !== 0 && isMovedShort(mine, theirs, message, growth)) return true;
  }
  return false;
}

function isMovedShort(mine: Uint8Array, theirs: Uint8Array, message: Message, growth: number): boolean {
  const { addressAt, addressBytes, checksumAt } = message;
  const oldBytes = addressBytes - growth;
  const total = mine.length - growth - addressAt;
  const moved = (total % LENGTH_VALUES) - oldBytes;
  if (oldBytes <= 0 || total < LENGTH_VALUES || moved < 0) return false;
  const movedEnd = addressAt + addressBytes + moved;
  for (let at = 0; at < movedEnd; at++) {
    const isChecksum = at === checksumAt || at === checksumAt + 1;
    if (!isChecksum && mine[at] !== theirs[at]) return false;
  }
  // What was not moved stands where it stood; where nothing stood, or the old address did, there may be anything.
  for (let at = Math.max(movedEnd, addressAt + oldBytes); at < mine.length - Math.max(growth, 0); at++) {
    if (theirs[at] !== mine[at + growth]) return false;
  }
  return true;
}
