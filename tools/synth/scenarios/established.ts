/** Long TCP connections that are set up once and then only carry data: the refresh path of a tracker. */
import {
  activeFlowsParameter,
  bytesParameter,
  choiceParameter,
  cpsParameter,
  flowChooser,
  ip6ShareParameter,
  realParameter,
} from '../common-parameters.js';
import { uniformPicker } from '../../random/picker.js';
import { poolCapacity } from '../flow-pool.js';
import { PacketWriter } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario } from '../scenario.js';
import { packetsPerConversation, TcpFlowTable } from '../tcp-flows.js';
import { tuplesOf } from '../tuple-space.js';
import { zipfPicker } from '../../random/zipf.js';

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('established');
  const requestBytes = parameters.number('request-bytes');
  const responseBytes = parameters.number('response-bytes');
  const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
  const ranges = { clients: 16384, servers: 64, serverPorts: [443, 5432, 6379] };
  const tuples = tuplesOf('established', ranges, random);
  const table = new TcpFlowTable(
    {
      capacity: poolCapacity(parameters.number('active-flows')),
      minPacketsPerFlow: packetsPerConversation(requestBytes, responseBytes),
    },
    tuples,
    new PacketWriter(),
    (flowIndex, plan) => {
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.requestBytes = requestBytes;
      plan.responseBytes = responseBytes;
      plan.exchanges = 0;
    },
    random,
  );
  const turns = random.derive('turns');
  const zipf = parameters.text('distribution') === 'zipf';
  const picker = zipf ? zipfPicker(turns, parameters.number('zipf-exponent')) : uniformPicker(turns);
  return new PooledSource(parameters, table, picker);
}

export const established: Scenario = {
  name: 'established',
  summary: 'N long TCP connections, set up first (3 packets each), then exchanging data; uniform or Zipf',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(10_000, 'connections held open'),
    cpsParameter(
      'none beyond --active-flows; with it, connections open at that rate from the start, and replace the oldest beyond --active-flows',
    ),
    choiceParameter('distribution', ['uniform', 'zipf'], 'how packets spread over the connections'),
    realParameter(
      'zipf-exponent',
      '',
      [1, 0.01, 10],
      'skew with zipf: the k-th connection speaks k^-exponent as often as the first',
    ),
    bytesParameter('request-bytes', 100, 1, 1_000_000, 'payload of a request'),
    bytesParameter('response-bytes', 400, 0, 100_000_000, 'payload of a response'),
    ip6ShareParameter(),
  ],
  generate,
};
