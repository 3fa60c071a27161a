/** A few long transfers carry most packets, among many short connections of heavy-tailed size. */
import {
  activeFlowsParameter,
  bytesParameter,
  cpsParameter,
  flowChooser,
  integerParameter,
  ip6ShareParameter,
  realParameter,
} from '../common-parameters.js';
import { uniformPicker } from '../../random/picker.js';
import { FlowPool, poolCapacity } from '../flow-pool.js';
import { PacketWriter } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { mixPair32, Random } from '../../random/random.js';
import { COMMON_PARAMETERS, TimedSource } from '../scenario.js';
import type { Scenario } from '../scenario.js';
import { packetsPerConversation, TcpFlowTable } from '../tcp-flows.js';
import type { TcpPlanner } from '../tcp-flows.js';
import { tuplesOf } from '../tuple-space.js';

const REQUEST_BYTES = 120;
const ELEPHANT_RESPONSE_BYTES = 4 * 2 ** 20;
/** Elephants' flow numbers start here, above those of the mice. */
const ELEPHANT_FLOWS = 0x80000000;

class ElephantsAndMiceSource extends TimedSource {
  readonly maxFrameLength: number;
  readonly #elephants: FlowPool;
  readonly #mice: FlowPool;
  readonly #elephantShare: number;
  #elephantSlots = 0;

  constructor(parameters: ParameterValues, seed: number) {
    super(parameters);
    const random = new Random(seed).derive('elephants-and-mice');
    const writer = new PacketWriter();
    const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
    this.#elephantShare = parameters.number('elephant-share');
    const elephantCount = parameters.number('elephants');
    const large = { activeFlows: elephantCount, leastResponseBytes: ELEPHANT_RESPONSE_BYTES };
    const elephants = tableOf('elephants', large, random, writer, (flowIndex, plan) => {
      plan.family = over6(flowIndex + ELEPHANT_FLOWS) ? 6 : 4;
      plan.requestBytes = REQUEST_BYTES;
      plan.responseBytes = ELEPHANT_RESPONSE_BYTES;
      plan.exchanges = 0;
    });
    const sizeOf = paretoSizes(parameters, random);
    const miceCount = parameters.number('active-flows');
    const cps = parameters.numberOrNull('cps');
    const small = { activeFlows: miceCount, leastResponseBytes: parameters.number('mouse-bytes') };
    const mice = tableOf('mice', small, random, writer, (flowIndex, plan) => {
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.requestBytes = REQUEST_BYTES;
      plan.responseBytes = sizeOf(flowIndex);
      plan.exchanges = cps === null ? 1 : 0;
    });
    this.maxFrameLength = mice.maxFrameLength;
    const scenarioName = 'elephants-and-mice';
    const elephantPps = this.pps * this.#elephantShare;
    this.#elephants = new FlowPool(
      elephants,
      { scenarioName, pps: elephantPps, cps: null, activeFlows: elephantCount },
      uniformPicker(random.derive('elephant turns')),
    );
    this.#mice = new FlowPool(
      mice,
      { scenarioName, pps: this.pps - elephantPps, cps, activeFlows: miceCount },
      uniformPicker(random.derive('mouse turns')),
    );
  }

  protected write(into: Uint8Array, at: number): number {
    if (this.#elephantSlots < Math.floor((this.written + 1) * this.#elephantShare)) {
      this.#elephantSlots++;
      const length = this.#elephants.write(into, at);
      this.flowIndex = ELEPHANT_FLOWS + this.#elephants.flowIndex;
      return length;
    }
    const length = this.#mice.write(into, at);
    this.flowIndex = this.#mice.flowIndex;
    return length;
  }
}

interface TableSize {
  readonly activeFlows: number;
  /** Of the connections that the planner plans. */
  readonly leastResponseBytes: number;
}

function tableOf(
  block: 'elephants' | 'mice',
  { activeFlows, leastResponseBytes }: TableSize,
  random: Random,
  writer: PacketWriter,
  planner: TcpPlanner,
): TcpFlowTable {
  const own = random.derive(block);
  const tuples = tuplesOf(block, { clients: 4096, servers: 16, serverPorts: [80, 443] }, own);
  const capacity = poolCapacity(activeFlows);
  const minPacketsPerFlow = packetsPerConversation(REQUEST_BYTES, leastResponseBytes);
  return new TcpFlowTable({ capacity, minPacketsPerFlow }, tuples, writer, planner, own);
}

/** Sizes of a bounded Pareto distribution by flow number: most are small, a few are large. */
function paretoSizes(parameters: ParameterValues, random: Random): (flowIndex: number) => number {
  const key = random.derive('sizes').u32();
  const shape = parameters.number('pareto-shape');
  const least = parameters.number('mouse-bytes');
  const most = Math.max(least, parameters.number('max-mouse-bytes'));
  const tail = 1 - (least / most) ** shape;
  return (flowIndex) => {
    const u = mixPair32(key, flowIndex) / 2 ** 32;
    return Math.min(most, Math.floor(least * (1 - u * tail) ** (-1 / shape)));
  };
}

export const elephantsAndMice: Scenario = {
  name: 'elephants-and-mice',
  summary: 'a few long transfers with most of the packets, among many short connections of heavy-tailed size',
  parameters: [
    ...COMMON_PARAMETERS,
    integerParameter('elephants', 'connections', [10, 1, 1_000_000], 'long transfers'),
    realParameter('elephant-share', 'share of packets', [0.8, 0.01, 0.99], 'packets of the long transfers'),
    activeFlowsParameter(1000, 'short connections open'),
    cpsParameter('as many short connections as their packets allow'),
    bytesParameter('mouse-bytes', 200, 1, 1_000_000, 'smallest response of a short connection'),
    bytesParameter('max-mouse-bytes', 1_000_000, 1, 100_000_000, 'largest response of a short connection'),
    realParameter(
      'pareto-shape',
      '',
      [1.2, 0.1, 10],
      'shape of the bounded Pareto distribution of short connections; smaller is heavier-tailed',
    ),
    ip6ShareParameter(),
  ],
  generate: (parameters, seed) => new ElephantsAndMiceSource(parameters, seed),
};
