/**
 * SYN flood: every attack packet is the first SYN of a half-open connection from a spoofed source that never answers.
 * The tracker must make an entry for each, and must expire them all. A share of the packets can belong to
 * legitimate connections, which suffer from the flood.
 */
import { isIPv4 } from 'node:net';
import { choiceParameter, integerParameter, realParameter } from '../common-parameters.js';
import { ipv4Number } from '../addresses.js';
import { uniformPicker } from '../../random/picker.js';
import { FlowPool, poolCapacity } from '../flow-pool.js';
import { TCP_ACK, TCP_SYN } from '../headers.js';
import { PacketWriter, SYN_WINDOW } from '../packet-writer.js';
import { ScenarioError } from '../parameters.js';
import type { ParameterValues } from '../parameters.js';
import { Permutation } from '../../random/permutation.js';
import { mixPair32, Random } from '../../random/random.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { Scenario } from '../scenario.js';
import { packetsPerConversation, TcpFlowTable } from '../tcp-flows.js';
import { TupleSpace } from '../tuple-space.js';

/**
 * First octets of the spoofed addresses: all of unicast space but 10 (where the scenarios' own hosts live) and
 * 127. Every address of these networks is used before any repeats.
 */
const SPOOFED_OCTETS = Array.from({ length: 223 }, (_, i) => i + 1).filter((o) => o !== 10 && o !== 127);
const SPOOFED_ADDRESSES = SPOOFED_OCTETS.length * 2 ** 24;

const CLIENTS = ipv4Number('10.1.0.0');
const REQUEST_BYTES = 120;
const RESPONSE_BYTES = 600;
/** SYNs that pass between an attack SYN and the target's answer to it. */
const BACKSCATTER_DELAY = 64;

class SynFloodSource extends TimedSource {
  readonly maxFrameLength: number;
  readonly #writer = new PacketWriter();
  readonly #spoofed: Permutation;
  readonly #sources: number;
  readonly #legitShare: number;
  readonly #backscatterShare: number;
  readonly #attackPerSlot: number;
  readonly #target: number;
  readonly #targetPort: number;
  readonly #family: 4 | 6;
  readonly #pool: FlowPool;
  readonly #random: Random;
  readonly #key: number;
  readonly #flowBase: number;
  /** Attack SYNs of distinct tuples so far. */
  #attackCount = 0;
  /** Slots given to the attack (SYNs and answers to them) so far. */
  #attackSlots = 0;
  #answered = 0;
  #legitSlots = 0;

  constructor(parameters: ParameterValues, seed: number) {
    super(parameters);
    const random = new Random(seed).derive('syn-flood');
    this.#random = random.derive('attack');
    this.#key = random.derive('ports').u32();
    this.#sources = parameters.numberOrNull('sources') ?? SPOOFED_ADDRESSES;
    this.#spoofed = new Permutation(SPOOFED_ADDRESSES, random.derive('sources'));
    this.#legitShare = parameters.number('legit-share');
    this.#backscatterShare = parameters.number('backscatter-share');
    this.#family = parameters.text('ip-version') === '6' ? 6 : 4;
    this.#target = targetOf(parameters);
    this.#targetPort = parameters.number('target-port');
    const attackPps = this.pps * (1 - this.#legitShare);
    const cps = parameters.numberOrNull('cps');
    if (cps !== null && cps > attackPps * (1 + 1e-9)) {
      throw new ScenarioError(
        `scenario syn-flood: --cps ${cps} is more than the ${attackPps} packets/s that --pps and --legit-share leave to the attack`,
      );
    }
    this.#attackPerSlot = cps === null ? 1 : cps / attackPps;
    const activeFlows = parameters.number('active-flows');
    const ranges = { firstClient: CLIENTS, clients: 65536, firstServer: this.#target, servers: 1 };
    const tuples = new TupleSpace({ ...ranges, serverPorts: [this.#targetPort] }, random);
    const family = this.#family;
    const table = new TcpFlowTable(
      {
        capacity: poolCapacity(activeFlows),
        minPacketsPerFlow: packetsPerConversation(REQUEST_BYTES, RESPONSE_BYTES),
      },
      tuples,
      this.#writer,
      (_flowIndex, plan) => {
        plan.family = family;
        plan.requestBytes = REQUEST_BYTES;
        plan.responseBytes = RESPONSE_BYTES;
      },
      random,
    );
    this.maxFrameLength = table.maxFrameLength;
    const options = { scenarioName: 'syn-flood', pps: this.pps * this.#legitShare, cps: null, activeFlows };
    this.#pool = new FlowPool(table, options, uniformPicker(random.derive('turns')));
    // Flow numbers of the legitimate connections lie above those of the attack.
    this.#flowBase = 0x80000000;
  }

  protected write(into: Uint8Array, at: number): number {
    // The shares are kept exactly, packet by packet, instead of by chance.
    if (this.#legitSlots < Math.floor((this.written + 1) * this.#legitShare)) {
      this.#legitSlots++;
      const length = this.#pool.write(into, at);
      this.flowIndex = (this.#flowBase + this.#pool.flowIndex) >>> 0;
      return length;
    }
    this.#attackSlots++;
    this.#writer.family = this.#family;
    this.#writer.vlanId = 0;
    const answersDue = Math.floor(this.#attackCount * this.#backscatterShare);
    const answerable = this.#attackCount - BACKSCATTER_DELAY;
    if (this.#answered < answersDue && this.#nextAnswer() < answerable) return this.#answer(into, at);
    const distinctDue = Math.floor(this.#attackSlots * this.#attackPerSlot);
    if (this.#attackCount === 0 || this.#attackPerSlot === 1 || this.#attackCount <= distinctDue) {
      return this.#attack(into, at, this.#attackCount++);
    }
    // Slots beyond the asked-for rate of new connections repeat a recent SYN, as a sender without an answer does.
    const back = this.#random.below(Math.min(this.#attackCount, 1024));
    return this.#attack(into, at, this.#attackCount - 1 - back);
  }

  #attack(into: Uint8Array, at: number, index: number): number {
    this.flowIndex = index >>> 0;
    const seq = mixPair32(index, this.#key);
    const ends = {
      src: this.#sourceAddress(index),
      dst: this.#target,
      srcPort: this.#sourcePort(index),
      dstPort: this.#targetPort,
    };
    return this.#writer.tcp(into, at, { ends, seq, ack: 0, flags: TCP_SYN, window: SYN_WINDOW, count: 0 });
  }

  /** The target's SYN+ACK to one of the SYNs, evenly spread over them. */
  #answer(into: Uint8Array, at: number): number {
    const index = this.#nextAnswer();
    this.#answered++;
    this.flowIndex = index >>> 0;
    const seq = mixPair32(this.#key, index);
    const ack = (mixPair32(index, this.#key) + 1) >>> 0;
    const ends = {
      src: this.#target,
      dst: this.#sourceAddress(index),
      srcPort: this.#targetPort,
      dstPort: this.#sourcePort(index),
      backwards: true,
    };
    return this.#writer.tcp(into, at, { ends, seq, ack, flags: TCP_SYN | TCP_ACK, count: 0 });
  }

  #nextAnswer(): number {
    return Math.floor(this.#answered / this.#backscatterShare);
  }

  #sourceAddress(index: number): number {
    const place = this.#spoofed.at(index % this.#sources);
    return SPOOFED_OCTETS[Math.floor(place / 2 ** 24)]! * 2 ** 24 + (place % 2 ** 24);
  }

  /** Ports start anywhere and step by one each time that a source comes round again, so tuples stay distinct. */
  #sourcePort(index: number): number {
    const first = mixPair32(this.#key, index % this.#sources) % 64512;
    return 1024 + ((first + Math.floor(index / this.#sources)) % 64512);
  }
}

function targetOf(parameters: ParameterValues): number {
  const text = parameters.text('target');
  if (!isIPv4(text)) {
    throw new ScenarioError(
      `scenario syn-flood: --target is '${text}', not an IPv4 address such as 10.200.0.1`,
    );
  }
  return ipv4Number(text);
}

export const synFlood: Scenario = {
  name: 'syn-flood',
  summary: 'SYNs from spoofed sources that never complete; optionally legitimate connections among them',
  parameters: [
    ...COMMON_PARAMETERS,
    integerParameter(
      'sources',
      'addresses',
      [null, 1, SPOOFED_ADDRESSES],
      'distinct spoofed addresses, re-used with new ports; default: a new one for every attack SYN',
    ),
    realParameter(
      'legit-share',
      'share of packets',
      [0, 0, 0.99],
      'packets that belong to legitimate connections (connect, request, response, close)',
    ),
    integerParameter(
      'active-flows',
      'connections',
      [100, 1, 4_000_000],
      'legitimate connections open at once',
    ),
    realParameter(
      'cps',
      'connections/s',
      [null, 0.001, 1e9],
      'new half-open connections per second; other attack packets repeat recent SYNs; default: all are new',
    ),
    realParameter(
      'backscatter-share',
      'share of SYNs',
      [0, 0, 1],
      'attack SYNs that the target answers with SYN+ACK, 64 SYNs later',
    ),
    {
      name: 'target',
      unit: 'IPv4 address',
      kind: 'text',
      default: '10.200.0.1',
      description: 'the attacked host (with IPv6: the last 32 bits of its address)',
    },
    integerParameter('target-port', 'port', [80, 1, 65535], 'the attacked port'),
    choiceParameter('ip-version', ['4', '6'], 'address family'),
  ],
  generate: (parameters, seed) => new SynFloodSource(parameters, seed),
};
