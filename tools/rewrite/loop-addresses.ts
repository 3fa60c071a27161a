/**
 * `--unique-ip` in place: the packets of a loop that lie in memory get the addresses of the next one.
 *
 * The lower address of a packet goes down by what the higher one goes up. Taken as 32-bit numbers their sum stays, and with it
 * every checksum that covers both ends (the Internet checksum is a sum modulo 2^16 - 1, and 2^32 is 1 there): nearly every
 * packet needs two words stored and nothing else. What does not obey that is done by the general rewriter, from a copy of
 * the packet as captured: ICMP errors, which quote a second pair; packets to their own sender, whose ends both go up; those
 * behind an unfinished routing header, whose checksum covers another destination; and those whose address passes 0 or 2^32.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethernet.js';
import { emptyIpPacketPlace, locateIpPacket } from '../wire/ip-packet.js';
import { emptyLayerOffsets, locateLayers, NO_OFFSET } from '../wire/layer-offsets.js';
import { quotedPacketAt } from '../wire/transport.js';
import { makeRewriter, type FrameRewriter } from './rewriter.js';
import { compareEnds } from './unique-ip.js';

/** A frame by its place in memory. */
export interface FramePlace {
  /** Byte address of its first byte. */
  readonly at: number;
  readonly length: number;
}

const NO_WORD = 0;
/** Per packet: addresses of the low and the high word, and the two words as captured. */
const FIELDS = 4;
const HIGHEST_WORD = 0xffff_ffff;

/** Packets that change their addresses from loop to loop. They belong to one thread, which changes no address otherwise. */
export class LoopAddresses {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #loopsPerChange: number;
  readonly #rewriter: FrameRewriter;
  readonly #fields: Float64Array;
  /** Packets for the general rewriter, as captured, by index. */
  readonly #others = new Map<number, { readonly place: FramePlace; readonly captured: Uint8Array }>();
  readonly #placeOf: (index: number) => FramePlace;

  /**
   * Finds what to change. Nothing is changed yet.
   * @param count packets, numbered from 0 to count - 1
   * @param placeOf where a packet's frame lies in `memory`
   * @param loopsPerChange loops that share their addresses
   * @throws RangeError for a number of loops that is not a whole number above 0
   */
  constructor(
    memory: ArrayBufferLike,
    count: number,
    placeOf: (index: number) => FramePlace,
    loopsPerChange: number,
  ) {
    this.#bytes = new Uint8Array(memory);
    this.#view = new DataView(memory);
    this.#loopsPerChange = loopsPerChange;
    this.#rewriter = makeRewriter({ uniqueIpLoops: loopsPerChange }) as FrameRewriter;
    this.#fields = new Float64Array(count * FIELDS);
    this.#placeOf = placeOf;
    for (let index = 0; index < count; index++) this.#inspect(index);
  }

  /** Gives packets `first` to `first + count - 1` the addresses of a loop; each has had those of the loop before. */
  apply(first: number, count: number, loop: number): void {
    const step = this.#stepOf(loop);
    if (loop > 0 && step === this.#stepOf(loop - 1)) return;
    const fields = this.#fields;
    for (let index = first; index < first + count; index++) {
      const lowAt = fields[index * FIELDS] as number;
      if (lowAt === NO_WORD) {
        this.#rewrite(index, loop);
        continue;
      }
      const low = (fields[index * FIELDS + 2] as number) - step;
      const high = (fields[index * FIELDS + 3] as number) + step;
      if (low < 0 || high > HIGHEST_WORD) {
        this.#leaveToRewriter(index);
        this.#rewrite(index, loop);
        continue;
      }
      this.#view.setUint32(lowAt, low);
      this.#view.setUint32(fields[index * FIELDS + 1] as number, high);
    }
  }

  #stepOf(loop: number): number {
    return Math.floor(loop / this.#loopsPerChange);
  }

  #inspect(index: number): void {
    const place = this.#placeOf(index);
    const frame = this.#bytes.subarray(place.at, place.at + place.length);
    const found = endsOf(frame);
    if (found === null) return;
    if (found === 'general') {
      this.#others.set(index, { place, captured: frame.slice() });
      return;
    }
    const fields = this.#fields;
    fields[index * FIELDS] = place.at + found.lowAt;
    fields[index * FIELDS + 1] = place.at + found.highAt;
    fields[index * FIELDS + 2] = this.#view.getUint32(place.at + found.lowAt);
    fields[index * FIELDS + 3] = this.#view.getUint32(place.at + found.highAt);
  }

  /** For good: from the first loop on in which an address would pass the end of its range. */
  #leaveToRewriter(index: number): void {
    const fields = this.#fields;
    this.#view.setUint32(fields[index * FIELDS] as number, fields[index * FIELDS + 2] as number);
    this.#view.setUint32(fields[index * FIELDS + 1] as number, fields[index * FIELDS + 3] as number);
    fields[index * FIELDS] = NO_WORD;
    const place = this.#placeOf(index);
    this.#others.set(index, { place, captured: this.#bytes.slice(place.at, place.at + place.length) });
  }

  /** From the packet as captured; one that has no addresses is in neither list and stays as it is. */
  #rewrite(index: number, loop: number): void {
    const other = this.#others.get(index);
    if (other === undefined) return;
    const { place, captured } = other;
    this.#bytes.set(captured, place.at);
    this.#rewriter.rewrite(this.#bytes.subarray(place.at, place.at + place.length), loop);
  }
}

const layers = emptyLayerOffsets();
const outer = emptyIpPacketPlace();
const quoted = emptyIpPacketPlace();

/** Offsets of the words that move down and up; `general` for the rewriter; null when there is no address to change. */
function endsOf(frame: Uint8Array): { readonly lowAt: number; readonly highAt: number } | 'general' | null {
  locateLayers(frame, layers);
  const { l3, dlType } = layers;
  if (l3 === NO_OFFSET || (dlType !== ETHERTYPE_IPV4 && dlType !== ETHERTYPE_IPV6)) return null;
  if (!locateIpPacket(frame, l3, outer) || outer.family !== (dlType === ETHERTYPE_IPV4 ? 4 : 6)) return null;
  const quotedAt = quotedPacketAt(frame, outer);
  if (quotedAt !== null && locateIpPacket(frame, quotedAt, quoted)) return 'general';
  if (!outer.finalDestination) return 'general';
  const { addressesAt, addressBytes } = outer;
  const order = compareEnds(frame.subarray(addressesAt, addressesAt + 2 * addressBytes));
  if (order === 0) return 'general';
  const sourceAt = addressesAt + addressBytes - 4;
  const destinationAt = sourceAt + addressBytes;
  return order < 0 ? { lowAt: sourceAt, highAt: destinationAt } : { lowAt: destinationAt, highAt: sourceAt };
}
