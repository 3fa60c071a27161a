/** Connect, request, response, close: short TCP connections, many at once. */
import {
  activeFlowsParameter,
  bytesParameter,
  cpsParameter,
  flowChooser,
  integerParameter,
  ip6ShareParameter,
  shareParameter,
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

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('tcp-crr');
  const requestBytes = parameters.number('request-bytes');
  const responseBytes = parameters.number('response-bytes');
  const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
  const resetShare = parameters.number('reset-share');
  const resets = flowChooser(random, 'reset', resetShare);
  // At a set connection rate, connections live until newer ones push them out, exchanging as the packet rate allows.
  const exchanges = parameters.numberOrNull('cps') === null ? parameters.number('exchanges') : 0;
  const tuples = tuplesOf('tcp-crr', { clients: 4096, servers: 16, serverPorts: [80, 443, 8080] }, random);
  const table = new TcpFlowTable(
    {
      capacity: poolCapacity(parameters.number('active-flows')),
      minPacketsPerFlow: packetsPerConversation(requestBytes, responseBytes, resetShare),
    },
    tuples,
    new PacketWriter(),
    (flowIndex, plan) => {
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.reset = resets(flowIndex);
      plan.requestBytes = requestBytes;
      plan.responseBytes = responseBytes;
      plan.exchanges = exchanges;
    },
    random,
  );
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

export const tcpCrr: Scenario = {
  name: 'tcp-crr',
  summary: 'short TCP connections: connect, request, response, close',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(100, 'connections open'),
    cpsParameter('as many as --pps allows with --exchanges each'),
    integerParameter(
      'exchanges',
      'exchanges',
      [1, 1, 1_000_000],
      'requests a connection before it closes (without --cps)',
    ),
    bytesParameter('request-bytes', 64, 1, 1_000_000, 'payload of a request'),
    bytesParameter('response-bytes', 512, 0, 100_000_000, 'payload of a response'),
    shareParameter('reset-share', 'connections', 0, 'connections that end with RST instead of FIN'),
    ip6ShareParameter(),
  ],
  generate,
};
