/** Conversations whose requests are fragmented UDP datagrams. Memory: one datagram per conversation going on. */
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import { fragmentRanges, writeFragment } from './fragmenter.js';
import type { FragmentRange } from './fragmenter.js';
import {
  ETHERNET_LENGTH,
  IP6_FRAGMENT_LENGTH,
  IPV4_LENGTH,
  IPV6_LENGTH,
  put16,
  UDP_LENGTH,
} from './headers.js';
import { PacketWriter } from './packet-writer.js';
import type { IpFamily } from './packet-writer.js';
import { Random } from '../random/random.js';
import type { TupleSpace } from './tuple-space.js';

export interface FragmentFlowOptions {
  capacity: number;
  /** UDP payload of a request, in bytes. */
  datagramBytes: number;
  /** UDP payload of an answer, in bytes; not fragmented. */
  answerBytes: number;
  /** Largest IP packet, in bytes. */
  mtu: number;
  ip6Share: number;
  answerShare: number;
  /** Shares of datagrams: fragments in shuffled order, one fragment lost, one sent twice, one overlapping. */
  shuffleShare: number;
  lossShare: number;
  duplicateShare: number;
  overlapShare: number;
}

/** Bytes by which an overlapping fragment starts early; a fragment's unit. */
const OVERLAP_BYTES = 8;

interface Slot {
  flowIndex: number;
  family: IpFamily;
  /** The whole datagram as one frame. */
  frame: Uint8Array;
  /** What is sent, in order. */
  ranges: FragmentRange[];
  sent: number;
  answered: boolean;
  phase: number;
}

export class FragmentFlowTable implements FlowTable {
  readonly capacity: number;
  readonly minPacketsPerFlow: number;
  readonly maxFrameLength: number;
  readonly #slots: (Slot | undefined)[];
  readonly #datagramLength: number;
  readonly #random: Random;

  readonly #options: FragmentFlowOptions;
  readonly #tuples: TupleSpace;
  readonly #writer: PacketWriter;

  constructor(options: FragmentFlowOptions, tuples: TupleSpace, writer: PacketWriter, random: Random) {
    this.#options = options;
    this.#tuples = tuples;
    this.#writer = writer;
    this.capacity = options.capacity;
    this.#slots = Array.from({ length: options.capacity });
    this.#datagramLength = UDP_LENGTH + options.datagramBytes;
    this.#random = random.derive('fragments');
    this.minPacketsPerFlow =
      (1 - options.ip6Share) * this.#meanFragments(4) +
      options.ip6Share * this.#meanFragments(6) +
      options.answerShare;
    this.maxFrameLength =
      ETHERNET_LENGTH + Math.max(options.mtu, IPV6_LENGTH + UDP_LENGTH + options.answerBytes);
  }

  #ranges(family: IpFamily): FragmentRange[] {
    const headers = family === 6 ? IPV6_LENGTH + IP6_FRAGMENT_LENGTH : IPV4_LENGTH;
    return fragmentRanges(this.#datagramLength, headers, this.#options.mtu);
  }

  /** What is sent of a datagram in the mean: one that is whole is not disturbed. */
  #meanFragments(family: IpFamily): number {
    const { overlapShare, duplicateShare, lossShare } = this.#options;
    const { length } = this.#ranges(family);
    return length === 1 ? 1 : length + overlapShare + duplicateShare - lossShare;
  }

  begin(slot: number, flowIndex: number): void {
    const options = this.#options;
    const random = this.#random;
    const family: IpFamily = random.chance(options.ip6Share) ? 6 : 4;
    const held = (this.#slots[slot] ??= {
      flowIndex,
      family,
      frame: new Uint8Array(PacketWriter.MAX_HEADERS + options.datagramBytes),
      ranges: [],
      sent: 0,
      answered: false,
      phase: PHASE.open,
    });
    held.flowIndex = flowIndex;
    held.family = family;
    held.answered = random.chance(options.answerShare);
    held.sent = 0;
    held.phase = PHASE.open;
    this.#tuples.pick(flowIndex);
    this.#writer.family = family;
    this.#writer.udp(held.frame, 0, { ends: this.#tuples.there, count: options.datagramBytes });
    if (family === 4) put16(held.frame, ETHERNET_LENGTH + 6, 0);
    held.ranges = this.#disturb(this.#ranges(family));
  }

  /** Applies loss, duplication, overlap and shuffling to a datagram's fragments, each by its share. */
  #disturb(ranges: FragmentRange[]): FragmentRange[] {
    const options = this.#options;
    const random = this.#random;
    const result = [...ranges];
    if (ranges.length > 1) {
      if (random.chance(options.overlapShare)) {
        const { offsetBytes, lengthBytes } = ranges[1 + random.below(ranges.length - 1)]!;
        const most = ranges[0]!.lengthBytes;
        const overlapping = {
          offsetBytes: offsetBytes - OVERLAP_BYTES,
          lengthBytes: Math.min(most, lengthBytes + OVERLAP_BYTES),
        };
        result.splice(random.below(result.length + 1), 0, overlapping);
      }
      if (random.chance(options.lossShare)) result.splice(random.below(result.length), 1);
      if (random.chance(options.duplicateShare)) {
        result.splice(random.below(result.length), 0, result[random.below(result.length)]!);
      }
      if (random.chance(options.shuffleShare)) shuffle(result, random);
    }
    return result;
  }

  askToClose(slot: number): void {
    // A datagram is sent to its end all the same, but now before others.
    this.#slots[slot]!.phase = PHASE.closing;
  }

  flowIndex(slot: number): number {
    return this.#slots[slot]!.flowIndex;
  }

  phase(slot: number): number {
    return this.#slots[slot]!.phase;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    const held = this.#slots[slot]!;
    if (held.sent === held.ranges.length) {
      held.phase = PHASE.closed;
      this.#tuples.pick(held.flowIndex);
      this.#writer.family = held.family;
      return this.#writer.udp(into, at, { ends: this.#tuples.back, count: this.#options.answerBytes });
    }
    const range = held.ranges[held.sent++]!;
    if (held.sent === held.ranges.length && !held.answered) held.phase = PHASE.closed;
    const more = range.offsetBytes + range.lengthBytes < this.#datagramLength;
    const id = held.family === 6 ? held.flowIndex : held.flowIndex & 0xffff;
    return writeFragment(into, at, held.frame, { range, id, more });
  }
}

function shuffle<T>(list: T[], random: Random): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}
