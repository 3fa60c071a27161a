/**
 * Port scan: a few scanners try every port of many targets in a shuffled order. Open ports answer with SYN+ACK and are reset, closed ones
 * refuse, filtered ones stay silent. Nearly every probe is a connection of its own that never becomes established.
 */
import {
  choiceParameter,
  flowChooser,
  integerParameter,
  portRange,
  shareParameter,
} from '../common-parameters.js';
import { firstClient, firstServer } from '../host-plan.js';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from '../headers.js';
import { MAX_SEGMENT_BYTES, PacketWriter, SYN_WINDOW, type Ends } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { Permutation } from '../../random/permutation.js';
import { mixPair32, Random } from '../../random/random.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { Scenario } from '../scenario.js';

const PROBE_FLAGS: Readonly<Record<string, number>> = {
  syn: TCP_SYN,
  fin: TCP_FIN,
  null: 0,
  xmas: TCP_FIN | TCP_PSH | TCP_URG,
};
const SYN_ANSWER_OPTIONS = Uint8Array.of(2, 4, MAX_SEGMENT_BYTES >>> 8, MAX_SEGMENT_BYTES & 255);
/** Answers come while this many later probes are sent. */
const IN_FLIGHT = 16;
const UNREACHABLE_PORT = { 4: { type: 3, code: 3 }, 6: { type: 1, code: 4 } } as const;
/** Bytes of the probe that an ICMP error quotes: all of it, since a probe is short. */
const MAX_QUOTE_BYTES = 60;

class PortScanSource extends TimedSource {
  readonly maxFrameLength = PacketWriter.MAX_HEADERS + 8 + MAX_QUOTE_BYTES;
  readonly #writer = new PacketWriter();
  readonly #technique: string;
  readonly #family: 4 | 6;
  readonly #scanners: number;
  readonly #targets: number;
  readonly #firstPort: number;
  readonly #order: Permutation;
  readonly #isOpen: (probe: number) => boolean;
  readonly #answers: (probe: number) => boolean;
  readonly #key: number;
  readonly #quote = new Uint8Array(PacketWriter.MAX_HEADERS + MAX_QUOTE_BYTES);
  /** Probes whose answer, or whose reset of an answer, is still to come: number and step, first come first served. */
  readonly #dueProbe = new Float64Array(IN_FLIGHT);
  readonly #dueStep = new Uint8Array(IN_FLIGHT);
  #dueHead = 0;
  #dueCount = 0;
  #probes = 0;

  constructor(parameters: ParameterValues, seed: number) {
    super(parameters);
    const random = new Random(seed).derive('port-scan');
    this.#technique = parameters.text('technique');
    this.#family = parameters.text('ip-version') === '6' ? 6 : 4;
    this.#scanners = parameters.number('scanners');
    this.#targets = parameters.number('targets');
    const [firstPort, ports] = portRange(parameters);
    this.#firstPort = firstPort;
    this.#order = new Permutation(this.#targets * ports, random.derive('order'));
    this.#isOpen = flowChooser(random, 'open', parameters.number('open-share'));
    this.#answers = flowChooser(random, 'answers', 1 - parameters.number('filtered-share'));
    this.#key = random.derive('numbers').u32();
  }

  protected write(into: Uint8Array, at: number): number {
    this.#writer.family = this.#family;
    if (this.#dueCount === IN_FLIGHT) return this.#takeDue(into, at);
    const probe = this.#probes++;
    if (this.#answers(this.#port(probe))) this.#pushDue(probe, 0);
    return this.#probe(into, at, probe);
  }

  /** The place (target and port) that a probe tries; repeated by later rounds from other ports. */
  #port(probe: number): number {
    return this.#order.at(probe % this.#order.size);
  }

  #pushDue(probe: number, step: number): void {
    const i = (this.#dueHead + this.#dueCount++) % IN_FLIGHT;
    this.#dueProbe[i] = probe;
    this.#dueStep[i] = step;
  }

  #takeDue(into: Uint8Array, at: number): number {
    const probe = this.#dueProbe[this.#dueHead]!;
    const step = this.#dueStep[this.#dueHead]!;
    this.#dueHead = (this.#dueHead + 1) % IN_FLIGHT;
    this.#dueCount--;
    if (step === 1) return this.#reset(into, at, probe);
    if (this.#technique === 'udp') return this.#unreachable(into, at, probe);
    return this.#answer(into, at, probe);
  }

  #scanner(probe: number): number {
    return firstClient('port-scan') + 1 + (probe % this.#scanners);
  }

  #target(probe: number): number {
    return firstServer('port-scan') + (this.#port(probe) % this.#targets);
  }

  #targetPort(probe: number): number {
    return this.#firstPort + Math.floor(this.#port(probe) / this.#targets);
  }

  /** A scanner keeps one source port for a whole round, as scanning tools do, and takes another for the next. */
  #sourcePort(probe: number): number {
    const round = Math.floor(probe / this.#order.size);
    return 1024 + ((mixPair32(this.#key, probe % this.#scanners) + round) % 64512);
  }

  #probe(into: Uint8Array, at: number, probe: number): number {
    this.flowIndex = probe >>> 0;
    const writer = this.#writer;
    const ends = this.#ends(probe);
    if (this.#technique === 'udp') return writer.udp(into, at, { ends, count: 0 });
    const flags = PROBE_FLAGS[this.#technique]!;
    const seq = mixPair32(this.#key, probe);
    return writer.tcp(into, at, { ends, seq, ack: 0, flags, window: 1024, count: 0 });
  }

  /** From the scanner of a probe to its target. */
  #ends(probe: number): Ends {
    return {
      src: this.#scanner(probe),
      dst: this.#target(probe),
      srcPort: this.#sourcePort(probe),
      dstPort: this.#targetPort(probe),
    };
  }

  #endsBack(probe: number): Ends {
    const { src, dst, srcPort, dstPort } = this.#ends(probe);
    return { src: dst, dst: src, srcPort: dstPort, dstPort: srcPort, backwards: true };
  }

  /** SYN+ACK of an open port (to a SYN only), RST of a closed one (RFC 9293 section 3.5.2). */
  #answer(into: Uint8Array, at: number, probe: number): number {
    this.flowIndex = probe >>> 0;
    const writer = this.#writer;
    const open = this.#technique === 'syn' && this.#isOpen(this.#port(probe));
    if (open) this.#pushDue(probe, 1);
    const probeFlags = PROBE_FLAGS[this.#technique]!;
    const used = (probeFlags & (TCP_SYN | TCP_FIN)) === 0 ? 0 : 1;
    const seq = open ? mixPair32(probe, this.#key) : 0;
    const ack = mixPair32(this.#key, probe) + used;
    const flags = open ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK;
    const options = open ? SYN_ANSWER_OPTIONS : null;
    const window = open ? SYN_WINDOW : 0;
    return writer.tcp(into, at, { ends: this.#endsBack(probe), seq, ack, flags, window, options, count: 0 });
  }

  /** The scanner's stack knows nothing of the connection and resets it. */
  #reset(into: Uint8Array, at: number, probe: number): number {
    this.flowIndex = probe >>> 0;
    const seq = mixPair32(this.#key, probe) + 1;
    const ends = this.#ends(probe);
    return this.#writer.tcp(into, at, { ends, seq, ack: 0, flags: TCP_RST, window: 0, count: 0 });
  }

  /** A closed UDP port: an ICMP error that quotes the probe. */
  #unreachable(into: Uint8Array, at: number, probe: number): number {
    const length = this.#probe(this.#quote, 0, probe) - 14;
    this.#quote.copyWithin(0, 14, 14 + length);
    const { type, code } = UNREACHABLE_PORT[this.#family];
    const ends = this.#endsBack(probe);
    return this.#writer.icmp(into, at, { ends, type, code, rest: 0, content: this.#quote, count: length });
  }
}

export const portScan: Scenario = {
  name: 'port-scan',
  summary: 'a few scanners try every port of many targets; open, closed and filtered ports answer as such',
  parameters: [
    ...COMMON_PARAMETERS,
    choiceParameter(
      'technique',
      ['syn', 'fin', 'null', 'xmas', 'udp'],
      'what a probe is; null and xmas have flags that a tracker must call invalid',
    ),
    integerParameter('scanners', 'hosts', [4, 1, 65000], 'scanning hosts'),
    integerParameter('targets', 'hosts', [256, 1, 65000], 'scanned hosts'),
    integerParameter('ports', 'ports', [1024, 1, 65535], 'ports tried on each target'),
    integerParameter('first-port', 'port', [1, 1, 65535], 'lowest port tried'),
    shareParameter('open-share', 'answering ports', 0.02, 'ports that accept (syn only)'),
    shareParameter('filtered-share', 'ports', 0.5, 'ports that never answer'),
    choiceParameter('ip-version', ['4', '6'], 'address family'),
  ],
  generate: (parameters, seed) => new PortScanSource(parameters, seed),
};
