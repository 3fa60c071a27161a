/**
 * The packets of Open vSwitch's `ovstest test-conntrack benchmark`, byte for byte: per thread one prepared batch of
 * 42-byte UDP frames that is sent again and again. It measures the update path; only the first pass creates.
 */
import { integerParameter } from '../common-parameters.js';
import { put16, putIpv4, PROTOCOL_UDP, putUdp } from '../headers.js';
import type { ParameterValues } from '../parameters.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { Scenario } from '../scenario.js';

export const OVS_BENCHMARK_FRAME_LENGTH = 42;

const MACS = Uint8Array.of(0x50, 0x54, 0, 0, 0, 0x0a, 0x50, 0x54, 0, 0, 0, 0x09);
const SRC = 0x0a010101;
const DST = 0x0a010102;

/**
 * Writes one frame of the workload: 10.1.1.1:(1 + thread) to 10.1.1.2:2 or, with `change`, port 2 + place; identification and TTL
 * 0, no UDP checksum.
 *
 * @param threadIndex from 0
 * @param place place in the thread's batch, from 0
 * @param change whether the destination port differs within a batch
 */
export function writeOvsBenchmarkFrame(
  into: Uint8Array,
  at: number,
  threadIndex: number,
  place: number,
  change: boolean,
): number {
  into.set(MACS, at);
  put16(into, at + 12, 0x0800);
  putIpv4(into, at + 14, {
    totalLength: 28,
    id: 0,
    flagsAndOffset: 0,
    ttl: 0,
    protocol: PROTOCOL_UDP,
    src: SRC,
    dst: DST,
  });
  putUdp(into, at + 34, 1 + threadIndex, change ? 2 + place : 2, 8);
  return OVS_BENCHMARK_FRAME_LENGTH;
}

/** The threads' batches in turn. */
class OvsBenchmarkSource extends TimedSource {
  readonly maxFrameLength = OVS_BENCHMARK_FRAME_LENGTH;
  readonly #threads: number;
  readonly #batch: number;
  readonly #change: boolean;

  constructor(parameters: ParameterValues) {
    super(parameters);
    this.#threads = parameters.number('threads');
    this.#batch = parameters.number('batch');
    this.#change = parameters.text('change') === 'yes';
  }

  protected write(into: Uint8Array, at: number): number {
    const place = this.written % this.#batch;
    const threadIndex = Math.floor(this.written / this.#batch) % this.#threads;
    this.flowIndex = this.#change ? threadIndex * this.#batch + place : threadIndex;
    return writeOvsBenchmarkFrame(into, at, threadIndex, place, this.#change);
  }
}

export const ovsBenchmark: Scenario = {
  name: 'ovs-benchmark',
  summary:
    "the packets of Open vSwitch's 'test-conntrack benchmark': one UDP batch per thread, sent again and again",
  parameters: [
    ...COMMON_PARAMETERS,
    integerParameter(
      'threads',
      'threads',
      [1, 1, 65535],
      'threads whose batches take turns; each has its own source port',
    ),
    integerParameter('batch', 'packets', [32, 1, 32], 'packets in a batch'),
    {
      name: 'change',
      unit: '',
      kind: 'choice',
      default: 'no',
      choices: ['yes', 'no'],
      description: 'whether every packet of a batch is a connection of its own',
    },
  ],
  generate: (parameters) => new OvsBenchmarkSource(parameters),
};
