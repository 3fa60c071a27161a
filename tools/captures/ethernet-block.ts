import { ETHERNET_HEADER_BYTES } from '../wire/ethernet.js';
import { emptyNetworkPart, LINKTYPE_ETHERNET, locateNetworkPart } from './link-type.js';
import type { RecordBlock } from './record-block.js';

const part = emptyNetworkPart();
const ADDRESS_BYTES = 6;
const TYPE_AT = 12;

/**
 * Turns the frames of a block into the Ethernet frames that `toEthernetFrame` makes of its records, in place: the Ethernet header is
 * written over the link header and what stands before it, which belongs to the record, or to one that is done with. The block's bytes
 * have to be the reader's own.
 *
 * Records of link types that cannot be replayed must not be in it.
 */
export function toEthernetBlock(block: RecordBlock): void {
  const { bytes, count, starts, lengths, wireBytes, linkTypes } = block;
  for (let index = 0; index < count; index += 1) {
    const linkType = linkTypes[index] as number;
    if (linkType === LINKTYPE_ETHERNET) continue;
    const start = starts[index] as number;
    const length = lengths[index] as number;
    if (!locateNetworkPart(linkType, bytes, start, length, part)) {
      throw new RangeError(`a block holds a record of link type ${linkType}`);
    }
    const { etherType, sourceAt } = part;
    const at = part.start - ETHERNET_HEADER_BYTES;
    const senderAt = at + ADDRESS_BYTES;
    // First of all: the address may lie where the header is going to be.
    if (sourceAt < 0) bytes.fill(0, senderAt, at + TYPE_AT);
    else bytes.copyWithin(senderAt, sourceAt, sourceAt + ADDRESS_BYTES);
    bytes.fill(0, at, senderAt);
    bytes[at + TYPE_AT] = etherType >> 8;
    bytes[at + TYPE_AT + 1] = etherType & 0xff;
    const gained = start - at;
    starts[index] = at;
    lengths[index] = length + gained;
    wireBytes[index] = Math.max((wireBytes[index] as number) + gained, 0);
    linkTypes[index] = LINKTYPE_ETHERNET;
  }
}
