/** ICMP and ICMPv6: pings, errors about live connections from hosts and routers, and errors about nothing. */
import {
  activeFlowsParameter,
  bytesParameter,
  cpsParameter,
  flowChooser,
  integerParameter,
  shareParameter,
} from '../common-parameters.js';
import { uniformPicker } from '../../random/picker.js';
import { poolCapacity } from '../flow-pool.js';
import { routerOf } from '../host-plan.js';
import { ICMP_KIND, IcmpFlowTable } from '../icmp-flows.js';
import { PacketWriter } from '../packet-writer.js';
import { ScenarioError } from '../parameters.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { mixPair32, Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario } from '../scenario.js';
import { tuplesOf } from '../tuple-space.js';

const ERRORS = [ICMP_KIND.portUnreachable, ICMP_KIND.timeExceeded, ICMP_KIND.tooBig] as const;

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('icmp-mix');
  const errorShare = parameters.number('error-share');
  const unsolicitedShare = parameters.number('unsolicited-share');
  if (errorShare + unsolicitedShare > 1) {
    throw new ScenarioError(
      `scenario icmp-mix: --error-share ${errorShare} and --unsolicited-share ${unsolicitedShare} add up to more than 1`,
    );
  }
  const kindKey = random.derive('kinds').u32();
  const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
  const answerShare = parameters.number('answer-share');
  const answered = flowChooser(random, 'answered', answerShare);
  const pingShare = 1 - errorShare - unsolicitedShare;
  const held = parameters.numberOrNull('cps') !== null;
  const echoes = parameters.number('echoes');
  const ranges = { clients: 4096, servers: 256, serverPorts: [33434, 33435, 8443] };
  const tuples = tuplesOf('icmp-mix', ranges, random);
  const table = new IcmpFlowTable({
    capacity: poolCapacity(parameters.number('active-flows')),
    tuples,
    writer: new PacketWriter(),
    router: routerOf('icmp-mix'),
    echoBytes: parameters.number('echo-bytes'),
    minPacketsPerFlow: 1 + errorShare + pingShare * answerShare,
    planner: (flowIndex, plan) => {
      const draw = mixPair32(kindKey, flowIndex) / 2 ** 32;
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.answered = true;
      plan.exchanges = held ? 0 : 1;
      if (draw < unsolicitedShare) plan.kind = ICMP_KIND.unsolicited;
      else if (draw < unsolicitedShare + errorShare) plan.kind = ERRORS[flowIndex % ERRORS.length]!;
      else {
        plan.kind = ICMP_KIND.ping;
        plan.answered = answered(flowIndex);
        if (!held) plan.exchanges = echoes;
      }
    },
  });
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

export const icmpMix: Scenario = {
  name: 'icmp-mix',
  summary: 'pings, ICMP errors about live UDP and TCP connections, and errors about nothing; ICMP and ICMPv6',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(100, 'pings and probes going on'),
    cpsParameter('as many as --pps allows'),
    integerParameter('echoes', 'requests', [4, 1, 65535], 'echo requests of one ping (without --cps)'),
    bytesParameter('echo-bytes', 56, 0, 1400, 'payload of an echo'),
    shareParameter('answer-share', 'pings', 0.95, 'pings that are answered'),
    shareParameter('error-share', 'flows', 0.3, 'flows that are datagrams answered by an error'),
    shareParameter('unsolicited-share', 'flows', 0.02, 'flows that are errors about packets that never were'),
    shareParameter('ip6-share', 'flows', 0.3, 'flows over IPv6'),
  ],
  generate,
};
