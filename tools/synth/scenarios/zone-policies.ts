/**
 * The retention defect: zones whose timeout policies differ share one expiration list per timeout class in the old
 * design. One connection with a long timeout at the head of a list hides every expired one with a short timeout behind it, until it
 * expires itself. Zones are VLANs here, in pairs: a short-lived one and, one number up, a long-lived one.
 */
import {
  activeFlowsParameter,
  bytesParameter,
  cpsParameter,
  integerParameter,
  shareParameter,
} from '../common-parameters.js';
import { fillerContent } from '../filler-content.js';
import { uniformPicker } from '../../random/picker.js';
import { poolCapacity } from '../flow-pool.js';
import { PacketWriter } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { mixPair32, Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario, SuggestedConfig } from '../scenario.js';
import { tuplesOf } from '../tuple-space.js';
import { UdpFlowTable } from '../udp-flows.js';

const LONG_POLICY = 1;
const SHORT_POLICY = 2;

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('zone-policies');
  const longShare = parameters.number('long-share');
  const pairs = parameters.number('zone-pairs');
  const first = parameters.number('first-zone');
  const key = random.derive('zones').u32();
  const bytes = parameters.number('payload-bytes');
  const exchanges = parameters.numberOrNull('cps') === null ? 1 : 0;
  const ranges = { clients: 16384, servers: 16, serverPorts: [7777, 27015] };
  const tuples = tuplesOf('zone-policies', ranges, random);
  const table = new UdpFlowTable({
    capacity: poolCapacity(parameters.number('active-flows')),
    answerShare: 0,
    tuples,
    writer: new PacketWriter(),
    content: fillerContent(bytes),
    planner: (flowIndex, plan) => {
      // Evenly spread, the very first flow among them: a blocker stands at the head from the start.
      const long = Math.ceil((flowIndex + 1) * longShare) > Math.ceil(flowIndex * longShare);
      const pair = mixPair32(key, flowIndex) % pairs;
      plan.vlanId = first + 2 * pair + (long ? 1 : 0);
      plan.answered = false;
      plan.exchanges = exchanges;
    },
  });
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

function udpTimeouts(seconds: number): Record<string, number> {
  return { UDP_FIRST: seconds, UDP_SINGLE: seconds, UDP_MULTIPLE: seconds };
}

function suggestedConfig(parameters: ParameterValues): SuggestedConfig {
  const first = parameters.number('first-zone');
  const zones = Array.from({ length: 2 * parameters.number('zone-pairs') }, (_, i) => first + i);
  return {
    reason:
      'zones by VLAN with a long and a short timeout policy: the old design keeps the expired short-lived connections behind a long-lived one',
    zoneFrom: 'vlan',
    policies: [
      { id: LONG_POLICY, attributes: udpTimeouts(parameters.number('long-timeout')) },
      { id: SHORT_POLICY, attributes: udpTimeouts(parameters.number('short-timeout')) },
    ],
    zonePolicies: zones.map((zone, i) => ({ zone, policyId: i % 2 === 1 ? LONG_POLICY : SHORT_POLICY })),
  };
}

export const zonePolicies: Scenario = {
  name: 'zone-policies',
  summary: 'zones (VLANs) with long and short timeout policies mixed: what the old design fails to expire',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(1000, 'flows that further packets are spread over, with --cps,'),
    cpsParameter('every packet is a new flow'),
    shareParameter(
      'long-share',
      'flows',
      0.01,
      'flows in zones with the long timeout; above 0 the first one always is',
    ),
    integerParameter(
      'zone-pairs',
      'pairs',
      [1, 1, 1000],
      'pairs of a short-lived zone and, one number up, a long-lived one',
    ),
    integerParameter('first-zone', 'VLAN id', [101, 1, 2000], 'VLAN and zone of the first short-lived zone'),
    integerParameter('long-timeout', 's', [300, 1, 4_000_000], 'timeout of the long policy'),
    integerParameter('short-timeout', 's', [1, 1, 4_000_000], 'timeout of the short policy'),
    bytesParameter('payload-bytes', 32, 0, 1400, 'payload of a datagram'),
  ],
  generate,
  suggestedConfig,
};
