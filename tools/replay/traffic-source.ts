/** Where traffic comes from, as plain data: the feeder thread opens it again for every design and loop. */
import { ChecksumSample, type ChecksumFigures } from './checksum-sample.js';
import { compileFilter } from '../rewrite/filter.js';
import type { IpMap } from '../rewrite/ip-map.js';
import { makeRewriter } from '../rewrite/rewriter.js';
import type { ParameterValue } from '../synth/parameters.js';
import { openScenario } from '../synth/registry.js';
import { isRepeatable } from '../captures/capture-files.js';
import { PreparedCapture } from '../captures/prepared-reader.js';
import type { CaptureReading } from '../captures/reader.js';
import { editTraffic } from './edited-traffic.js';
import { stagePrepared } from './prepared-staging.js';
import { isPrepared } from '../captures/prepared-file.js';
import {
  EmptyTrafficError,
  isStaged,
  stageOrSurvey,
  storeBytesOf,
  type StagedTraffic,
  type TrafficSurvey,
} from './staging.js';
import { givenStore, type StoreSize } from './store-size.js';
import {
  captureTraffic,
  scenarioTraffic,
  type CaptureObserver,
  type RangeVisitor,
  type Traffic,
} from './traffic.js';

/** What to change, as given on the command line; null leaves it as it is. */
export interface EditsAsGiven {
  readonly filter: string | null;
  readonly sourceMap: IpMap | null;
  readonly destinationMap: IpMap | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
  /** Whether wrong checksums are made right; absent = they are left as they are. */
  readonly checksums?: 'fix' | null;
  /** Longest time between two packets, nanoseconds. */
  readonly maxGapNs?: number | null;
}

/** No edits. */
export const AS_IT_IS: EditsAsGiven = {
  filter: null,
  sourceMap: null,
  destinationMap: null,
  snapLength: null,
};

/** Only wrong checksums are made right. */
export const CHECKSUMS_FIXED: EditsAsGiven = { ...AS_IT_IS, checksums: 'fix' };

/** Captures, one after the other, or a scenario. */
export type TrafficOrigin =
  | { readonly type: 'capture'; readonly files: readonly string[]; readonly reading?: CaptureReading }
  | {
      readonly type: 'scenario';
      readonly name: string;
      readonly parameters: Readonly<Record<string, ParameterValue | undefined>>;
      readonly seed: number;
    };

/** Everything that says which packets are replayed. Can be posted to a thread. */
export interface TrafficSource {
  readonly origin: TrafficOrigin;
  readonly edits: EditsAsGiven;
  /** Packets to stop after; null = all. */
  readonly limit: number | null;
}

/** Traffic that does not fit the packet store: known in its outlines, and read again when it is replayed. */
export interface StreamedTraffic extends TrafficSurvey {
  readonly source: TrafficSource;
  /** Bytes for the rings, of all workers together. */
  readonly storeBytes: number;
}

/** Traffic of one loop, as a run takes it, and what a look at its checksums found while it was read. */
export type ReplayTraffic = (StagedTraffic | StreamedTraffic) & { readonly checksums?: ChecksumFigures };

/** Whether traffic is read while it is replayed. */
export function isStreamed(traffic: ReplayTraffic): traffic is StreamedTraffic {
  return 'source' in traffic;
}

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
 * Opens the traffic once, edited; `limit` is left to the reader.
 * @param observe called with each capture that was read
 * @throws ScenarioError, FilterError
 */
export function openTraffic(
  { origin, edits }: TrafficSource,
  observe: CaptureObserver | null = null,
): Traffic {
  const traffic =
    origin.type === 'capture'
      ? captureTraffic(origin.files, origin.reading, observe)
      : scenarioTraffic(origin.name, openScenario(origin.name, origin.parameters, origin.seed).source);
  return editTraffic(traffic, {
    filter: edits.filter === null ? null : compileFilter(edits.filter),
    rewriter: makeRewriter({
      sourceMap: edits.sourceMap ?? undefined,
      destinationMap: edits.destinationMap ?? undefined,
    }),
    snapLength: edits.snapLength,
    fixChecksums: edits.checksums === 'fix',
    maxGapNs: edits.maxGapNs ?? null,
  });
}

/**
 * Reads the traffic: keeps it when it fits the store, or leaves it to be streamed.
 * @param store its size in bytes, or sizes for both
 * @param observe called with each capture that was read; not about one prepared capture as it is
 * @throws UnrepeatableTrafficError for standard input or a pipe that does not fit; EmptyTrafficError; what reading throws
 */
export async function loadTraffic(
  source: TrafficSource,
  store: number | StoreSize,
  observe: CaptureObserver = () => {},
): Promise<ReplayTraffic> {
  const sample = new ChecksumSample();
  const { stagedBytes, streamedBytes } = typeof store === 'number' ? givenStore(store) : store;
  const prepared = preparedFile(source);
  if (prepared !== null && fits(prepared, stagedBytes)) {
    const staged = stagePrepared(prepared, source.limit);
    staged.forEach((frame, _index, wireBytes) => sample.look(frame, wireBytes));
    return { ...staged, checksums: sample.figures };
  }
  const { origin, limit, edits } = source;
  const unrepeatable =
    origin.type === 'capture' ? origin.files.find((file) => !isRepeatable(file)) : undefined;
  let packetsRead = 0;
  const opened = openTraffic(source, (facts) => {
    packetsRead += facts.packets;
    observe(facts);
  });
  try {
    const traffic = await stageOrSurvey(lookedAt(opened, sample), limit, stagedBytes, () => {
      if (unrepeatable !== undefined) throw new UnrepeatableTrafficError(unrepeatable, stagedBytes);
    });
    const checksums = sample.figures;
    return isStaged(traffic)
      ? { ...traffic, checksums }
      : { ...traffic, source, storeBytes: streamedBytes, checksums };
  } catch (error) {
    if (!(error instanceof EmptyTrafficError) || edits.filter === null) throw error;
    const of = packetsRead === 0 ? 'packets' : `${packetsRead} packets`;
    throw new EmptyTrafficError(opened.name, `--filter '${edits.filter}' keeps none of the ${of}`);
  }
}

/** The traffic, each packet of which is shown to the sample as it passes. */
function lookedAt(traffic: Traffic, sample: ChecksumSample): Traffic {
  const ranges = traffic.forEachRange?.bind(traffic);
  return {
    name: traffic.name,
    forEach: (visit) =>
      traffic.forEach((frame, timestampNs, wireBytes) => {
        sample.look(frame, wireBytes);
        return visit(frame, timestampNs, wireBytes);
      }),
    ...(ranges === undefined
      ? {}
      : {
          forEachRange: (limit: number | null, visit: RangeVisitor) =>
            ranges(limit, (range) => {
              sample.lookAtRange(range);
              return visit(range);
            }),
        }),
  };
}

/** The file, when the traffic is one prepared capture as it is; null otherwise. */
function preparedFile({ origin, edits }: TrafficSource): string | null {
  if (origin.type !== 'capture' || Object.values(edits).some((edit) => edit != null)) return null;
  const [file] = origin.files;
  return file !== undefined && origin.files.length === 1 && isPrepared(file) ? file : null;
}

function fits(file: string, storeBytes: number): boolean {
  const capture = PreparedCapture.open(file);
  capture.close();
  const { frameBytes, recordCount } = capture.summary;
  return storeBytesOf(frameBytes, recordCount) <= storeBytes;
}
