/** Short UDP flows like name look-ups: each asks once from a fresh port and is answered or not. */
import {
  activeFlowsParameter,
  cpsParameter,
  flowChooser,
  integerParameter,
  ip6ShareParameter,
  shareParameter,
} from '../common-parameters.js';
import { dnsContent } from '../dns-content.js';
import { uniformPicker } from '../../random/picker.js';
import { poolCapacity } from '../flow-pool.js';
import { PacketWriter } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario } from '../scenario.js';
import { tuplesOf } from '../tuple-space.js';
import { UdpFlowTable } from '../udp-flows.js';

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('udp-churn');
  const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
  const answerShare = parameters.number('answer-share');
  const answered = flowChooser(random, 'answered', answerShare);
  const exchanges = parameters.numberOrNull('cps') === null ? parameters.number('exchanges') : 0;
  const tuples = tuplesOf('udp-churn', { clients: 16384, servers: 4, serverPorts: [53] }, random);
  const table = new UdpFlowTable({
    capacity: poolCapacity(parameters.number('active-flows')),
    answerShare,
    tuples,
    writer: new PacketWriter(),
    content: dnsContent,
    planner: (flowIndex, plan) => {
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.answered = answered(flowIndex);
      plan.exchanges = exchanges;
    },
  });
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

export const udpChurn: Scenario = {
  name: 'udp-churn',
  summary: 'short UDP flows like DNS look-ups: one query from a fresh port, answered or not',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(1000, 'flows awaiting an answer or between queries'),
    cpsParameter('as many as --pps allows with --exchanges each'),
    integerParameter('exchanges', 'queries', [1, 1, 1_000_000], 'queries from one port (without --cps)'),
    shareParameter('answer-share', 'flows', 0.95, 'flows whose queries are answered'),
    ip6ShareParameter(),
  ],
  generate,
};
