/** Reading the packets of a replay for the first time: kept when they fit the packet store, else counted, to be streamed. */
import { isRepeatable } from '../captures/capture-files.js';
import { ChecksumSample } from './checksum-sample.js';
import { FramePile } from './frame-pile.js';
import type { TimedRange } from './frame-range.js';
import { EmptyTrafficError, PacketCount } from './packet-source.js';
import type { PacketEdits, PacketRequest, PacketSource } from './packet-source.js';
import { readRanges, type CaptureObserver } from './read-ranges.js';
import { givenStore, type StoreSize } from './store-size.js';

/** Raised when traffic that cannot be read twice does not fit the packet store. */
class UnrepeatableTrafficError extends Error {
  constructor(file: string, storeBytes: number) {
    const name = file === '-' ? 'standard input' : file;
    super(
      `${name}: the traffic is larger than the packet store (${Math.floor(storeBytes / 1024 ** 2)} MiB), and streaming reads it ` +
        `again for every design and loop, which ${file === '-' ? 'standard input' : 'a pipe'} cannot do. ` +
        'Save it to a file and replay that, or give a larger --store.',
    );
    this.name = 'UnrepeatableTrafficError';
  }
}

/**
 * Reads the packets that a request names. Memory in use is bounded by the store.
 * @param store its size in bytes, or sizes for both buffers
 * @param observe told about each capture that was read
 * @throws UnrepeatableTrafficError for standard input or a pipe that does not fit; EmptyTrafficError; what reading throws
 */
export async function loadSource(
  request: PacketRequest,
  store: number | StoreSize,
  observe: CaptureObserver = () => {},
): Promise<PacketSource> {
  const { stagedBytes, streamedBytes } = typeof store === 'number' ? givenStore(store) : store;
  const { origin, edits } = request;
  const isCapture = origin.type === 'capture';
  const name = isCapture ? origin.files.join(', ') : origin.name;
  const unrepeatable = isCapture ? origin.files.find((file) => !isRepeatable(file)) : undefined;
  const count = new PacketCount();
  const sample = new ChecksumSample();
  let pile: FramePile | null = stagedBytes > 0 ? new FramePile() : null;
  let packetsRead = 0;
  const take = (range: TimedRange): boolean => {
    count.addRange(range);
    sample.look(range);
    if (pile !== null && count.placeBytes > stagedBytes) {
      if (unrepeatable !== undefined) throw new UnrepeatableTrafficError(unrepeatable, stagedBytes);
      pile = null;
    }
    pile?.add(range);
    return true;
  };
  await readRanges(request, take, (facts) => {
    packetsRead += facts.packets;
    observe(facts);
  });
  if (count.packets === 0) throw new EmptyTrafficError(name, nothingKept(edits, packetsRead));
  const storeBytes = pile === null ? streamedBytes : count.placeBytes;
  return { ...count.counts, name, request, checksums: sample.figures, frames: pile, storeBytes };
}

/** What left nothing over; undefined where nothing could. */
function nothingKept({ filter }: PacketEdits, packetsRead: number): string | undefined {
  const of = packetsRead === 0 ? 'packets' : `${packetsRead} packets`;
  return filter === null ? undefined : `--filter '${filter}' keeps none of the ${of}`;
}
