/**
 * Exhausting a source NAT: in rounds, more clients than there are translated ports open a connection to one server.
 * The surplus must find no port. The server then answers every translated port, data flows, the connections end by RST, and the
 * same clients open them again at once; the next round brings new clients, who get ports as old ones expire.
 *
 * Which client gets which port is the tracker's choice, so a generator cannot know whom the server's packet to a
 * port reaches. All connections therefore move in step with equal sequence numbers: whichever connection holds the
 * port, the packet fits it.
 */
import { formatAddress } from '../../../engine/host/addresses.js';
import { ipv4Text } from '../addresses.js';
import { choiceParameter, integerParameter, portRange, shareParameter } from '../common-parameters.js';
import { EPHEMERAL_PORTS, FIRST_EPHEMERAL_PORT } from '../ephemeral-ports.js';
import { firstClient, firstServer, NAT_ADDRESS, networksOf } from '../host-plan.js';
import { TCP_ACK, TCP_PSH, TCP_RST, TCP_SYN } from '../headers.js';
import { host6, PacketWriter, type Ends } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { Permutation } from '../../random/permutation.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { Scenario, SuggestedConfig } from '../scenario.js';

const REQUEST_BYTES = 100;
const RESPONSE_BYTES = 300;
const CLIENTS = 65000;
const SERVER_PORT = 443;

/** A step of a round: one packet for each of its members, before the next step begins. */
interface Step {
  /** `all`: the clients of the round; `served`: as many as there are ports; `ports`: the server, to each port. */
  members: 'all' | 'served' | 'ports';
  flags: number;
  payloadBytes: number;
  /** Sequence numbers used up before this step, beyond the initial ones. */
  clientSeq: number;
  serverSeq: number;
}

const TCP_STEPS: readonly Step[] = [
  { members: 'all', flags: TCP_SYN, payloadBytes: 0, clientSeq: 0, serverSeq: 0 },
  { members: 'ports', flags: TCP_SYN | TCP_ACK, payloadBytes: 0, clientSeq: 1, serverSeq: 0 },
  { members: 'served', flags: TCP_ACK, payloadBytes: 0, clientSeq: 1, serverSeq: 1 },
  { members: 'served', flags: TCP_PSH | TCP_ACK, payloadBytes: REQUEST_BYTES, clientSeq: 1, serverSeq: 1 },
  {
    members: 'ports',
    flags: TCP_PSH | TCP_ACK,
    payloadBytes: RESPONSE_BYTES,
    clientSeq: 1 + REQUEST_BYTES,
    serverSeq: 1,
  },
  {
    members: 'served',
    flags: TCP_RST | TCP_ACK,
    payloadBytes: 0,
    clientSeq: 1 + REQUEST_BYTES,
    serverSeq: 1 + RESPONSE_BYTES,
  },
  // Re-use: the same tuples open again while their ports are still taken by the closed connections.
  { members: 'served', flags: TCP_SYN, payloadBytes: 0, clientSeq: 0, serverSeq: 0 },
];

const UDP_STEPS: readonly Step[] = [
  { members: 'all', flags: 0, payloadBytes: REQUEST_BYTES, clientSeq: 0, serverSeq: 0 },
  { members: 'ports', flags: 0, payloadBytes: RESPONSE_BYTES, clientSeq: 0, serverSeq: 0 },
  { members: 'served', flags: 0, payloadBytes: REQUEST_BYTES, clientSeq: 0, serverSeq: 0 },
];

class NatExhaustionSource extends TimedSource {
  readonly maxFrameLength = PacketWriter.MAX_HEADERS + RESPONSE_BYTES;
  readonly #writer = new PacketWriter();
  readonly #steps: readonly Step[];
  readonly #ports: number;
  readonly #firstPort: number;
  readonly #clients: number;
  readonly #server = firstServer('nat-exhaustion');
  readonly #tuples: Permutation;
  readonly #clientIsn: number;
  readonly #serverIsn: number;
  #round = 0;
  #step = 0;
  #member = 0;

  constructor(parameters: ParameterValues, seed: number) {
    super(parameters);
    const random = new Random(seed).derive('nat-exhaustion');
    this.#steps = parameters.text('protocol') === 'udp' ? UDP_STEPS : TCP_STEPS;
    this.#writer.family = parameters.text('ip-version') === '6' ? 6 : 4;
    [this.#firstPort, this.#ports] = portRange(parameters);
    this.#clients = this.#ports + Math.ceil(this.#ports * parameters.number('overfill'));
    this.#tuples = new Permutation(CLIENTS * EPHEMERAL_PORTS, random.derive('clients'));
    this.#clientIsn = random.u32();
    this.#serverIsn = random.u32();
  }

  protected write(into: Uint8Array, at: number): number {
    const step = this.#steps[this.#step]!;
    const member = this.#member++;
    const members = step.members === 'all' ? this.#clients : this.#ports;
    const length =
      step.members === 'ports'
        ? this.#fromServer(into, at, step, member)
        : this.#fromClient(into, at, step, member);
    if (this.#member === members) this.#advance();
    return length;
  }

  #advance(): void {
    this.#member = 0;
    this.#step++;
    if (this.#step < this.#steps.length) return;
    this.#step = 0;
    this.#round++;
  }

  #fromClient(into: Uint8Array, at: number, step: Step, member: number): number {
    const flow = (this.#round * this.#clients + member) % this.#tuples.size;
    this.flowIndex = flow >>> 0;
    const place = this.#tuples.at(flow);
    return this.#send(into, at, step, {
      src: firstClient('nat-exhaustion') + 1 + (place % CLIENTS),
      dst: this.#server,
      srcPort: FIRST_EPHEMERAL_PORT + Math.floor(place / CLIENTS),
      dstPort: SERVER_PORT,
    });
  }

  /** Flow numbers of the server's packets tell the translated port; they lie above those of the clients. */
  #fromServer(into: Uint8Array, at: number, step: Step, member: number): number {
    const dstPort = this.#firstPort + member;
    this.flowIndex = 0xffff0000 + dstPort;
    const ends = { src: this.#server, dst: NAT_ADDRESS, srcPort: SERVER_PORT, dstPort, backwards: true };
    return this.#send(into, at, step, ends);
  }

  #send(into: Uint8Array, at: number, step: Step, ends: Ends): number {
    const writer = this.#writer;
    const { flags, payloadBytes } = step;
    if (flags === 0) return writer.udp(into, at, { ends, count: payloadBytes });
    const clientSeq = this.#clientIsn + step.clientSeq;
    const serverSeq = this.#serverIsn + step.serverSeq;
    const [seq, peerSeq] = ends.backwards === true ? [serverSeq, clientSeq] : [clientSeq, serverSeq];
    const ack = (flags & TCP_ACK) === 0 ? 0 : peerSeq;
    return writer.tcp(into, at, { ends, seq, ack, flags, count: payloadBytes });
  }
}

const POLICY = 1;

function suggestedConfig(parameters: ParameterValues, amongOthers: boolean): SuggestedConfig {
  const [first, ports] = portRange(parameters);
  const timeout = parameters.number('timeout');
  const six = parameters.text('ip-version') === '6';
  return {
    reason:
      'the server answers the translated ports, so new connections must be committed with this source NAT',
    nat: [
      {
        type: 'src',
        addr: six ? formatAddress(6, host6(NAT_ADDRESS)) : ipv4Text(NAT_ADDRESS),
        port: [first, first + ports - 1],
        policyId: POLICY,
        ...(amongOthers ? { between: networksOf('nat-exhaustion', six ? 6 : 4) } : {}),
      },
    ],
    policies: [
      {
        id: POLICY,
        attributes: {
          TCP_SYN_SENT: timeout,
          TCP_SYN_RECV: timeout,
          TCP_CLOSE: timeout,
          UDP_FIRST: timeout,
          UDP_SINGLE: timeout,
          UDP_MULTIPLE: timeout,
        },
      },
    ],
  };
}

export const natExhaustion: Scenario = {
  name: 'nat-exhaustion',
  summary:
    'rounds of connections that fill and overfill a small range of translated ports, with replies and re-use',
  parameters: [
    ...COMMON_PARAMETERS,
    choiceParameter('protocol', ['tcp', 'udp'], 'protocol of the connections'),
    integerParameter(
      'ports',
      'ports',
      [100, 1, 64512],
      'translated ports; to at most 128 every port is found, beyond it the search gives up earlier',
    ),
    integerParameter('first-port', 'port', [20000, 1, 65535], 'lowest translated port'),
    shareParameter('overfill', 'ports', 0.5, 'clients beyond the number of ports in each round'),
    integerParameter(
      'timeout',
      's',
      [1, 1, 4_000_000],
      'suggested timeout of half-open, closed and UDP connections: how soon ports come free',
    ),
    choiceParameter('ip-version', ['4', '6'], 'address family'),
  ],
  generate: (parameters, seed) => new NatExhaustionSource(parameters, seed),
  suggestedConfig,
};
