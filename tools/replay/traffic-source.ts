/** Where traffic comes from, as plain data: the feeder thread opens it again for every design and loop. */
import { ChecksumSample, type ChecksumFigures } from './checksum-sample.js';
import { compileFilter } from '../rewrite/filter.js';
import type { IpMap } from '../rewrite/ip-map.js';
import { makeRewriter } from '../rewrite/rewriter.js';
import type { ParameterValue } from '../synth/parameters.js';
import { openScenario } from '../synth/registry.js';
import { PreparedCapture } from '../captures/prepared-reader.js';
import { editTraffic } from './edited-traffic.js';
import { isPrepared, stagePrepared } from './prepared-staging.js';
import { isStaged, stageOrSurvey, storeBytesOf, type StagedTraffic, type TrafficSurvey } from './staging.js';
import { captureTraffic, scenarioTraffic, type Traffic } from './traffic.js';

/** What to change, as given on the command line; null leaves it as it is. */
export interface EditsAsGiven {
  readonly filter: string | null;
  readonly sourceMap: IpMap | null;
  readonly destinationMap: IpMap | null;
  /** Bytes kept of each frame. */
  readonly snapLength: number | null;
  /** Whether wrong checksums are made right; absent = they are left as they are. */
  readonly checksums?: 'fix' | null;
}

/** No edits. */
export const AS_IT_IS: EditsAsGiven = {
  filter: null,
  sourceMap: null,
  destinationMap: null,
  snapLength: null,
};

/** Captures, one after the other, or a scenario. */
export type TrafficOrigin =
  | { readonly type: 'capture'; readonly files: readonly string[] }
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
export class UnrepeatableTrafficError extends Error {
  constructor(storeBytes: number) {
    super(
      `standard input: the capture is larger than the packet store (${Math.floor(storeBytes / 1024 ** 2)} MiB), and streaming reads it ` +
        'again for every design and loop, which standard input cannot do. Save it to a file and replay that, or give a larger --store.',
    );
    this.name = 'UnrepeatableTrafficError';
  }
}

/**
 * Opens the traffic once, edited; `limit` is left to the reader.
 * @throws ScenarioError, FilterError
 */
export function openTraffic({ origin, edits }: TrafficSource): Traffic {
  const traffic =
    origin.type === 'capture'
      ? captureTraffic(origin.files)
      : scenarioTraffic(origin.name, openScenario(origin.name, origin.parameters, origin.seed).source);
  return editTraffic(traffic, {
    filter: edits.filter === null ? null : compileFilter(edits.filter),
    rewriter: makeRewriter({
      sourceMap: edits.sourceMap ?? undefined,
      destinationMap: edits.destinationMap ?? undefined,
    }),
    snapLength: edits.snapLength,
    fixChecksums: edits.checksums === 'fix',
  });
}

/**
 * Reads the traffic: keeps it when it fits `storeBytes`, or leaves it to be streamed.
 * @throws UnrepeatableTrafficError for standard input that does not fit; EmptyTrafficError; what reading throws
 */
export async function loadTraffic(source: TrafficSource, storeBytes: number): Promise<ReplayTraffic> {
  const sample = new ChecksumSample();
  const prepared = preparedFile(source);
  if (prepared !== null && fits(prepared, storeBytes)) {
    const staged = stagePrepared(prepared, source.limit);
    staged.forEach((frame) => sample.look(frame));
    return { ...staged, checksums: sample.figures };
  }
  const traffic = await stageOrSurvey(lookedAt(openTraffic(source), sample), source.limit, storeBytes);
  if (isStaged(traffic)) return { ...traffic, checksums: sample.figures };
  const { origin } = source;
  if (origin.type === 'capture' && origin.files.includes('-')) throw new UnrepeatableTrafficError(storeBytes);
  return { ...traffic, source, storeBytes, checksums: sample.figures };
}

function lookedAt(traffic: Traffic, sample: ChecksumSample): Traffic {
  return {
    name: traffic.name,
    forEach: (visit) =>
      traffic.forEach((frame, timestampNs) => {
        sample.look(frame);
        return visit(frame, timestampNs);
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
