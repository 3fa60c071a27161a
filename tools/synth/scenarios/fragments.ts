/** Fragmented UDP datagrams, interleaved, shuffled, lost, doubled and overlapping by share. */
import {
  activeFlowsParameter,
  bytesParameter,
  cpsParameter,
  integerParameter,
  shareParameter,
} from '../common-parameters.js';
import { uniformPicker } from '../../random/picker.js';
import { FragmentFlowTable } from '../fragment-flows.js';
import { PacketWriter } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario } from '../scenario.js';
import { tuplesOf } from '../tuple-space.js';

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('fragments');
  const activeFlows = parameters.number('active-flows');
  const tuples = tuplesOf('fragments', { clients: 4096, servers: 16, serverPorts: [2049, 5004] }, random);
  const table = new FragmentFlowTable(
    {
      // Flows are single datagrams that end by themselves, so that few slots beyond the target are needed.
      capacity: 2 * activeFlows + 16,
      datagramBytes: parameters.number('datagram-bytes'),
      answerBytes: 64,
      mtu: parameters.number('mtu'),
      ip6Share: parameters.number('ip6-share'),
      answerShare: parameters.number('answer-share'),
      shuffleShare: parameters.number('shuffle-share'),
      lossShare: parameters.number('loss-share'),
      duplicateShare: parameters.number('duplicate-share'),
      overlapShare: parameters.number('overlap-share'),
    },
    tuples,
    new PacketWriter(),
    random,
  );
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

export const fragments: Scenario = {
  name: 'fragments',
  summary: 'fragmented UDP datagrams, interleaved; shuffled, lost, doubled or overlapping by share',
  parameters: [
    ...COMMON_PARAMETERS,
    { ...activeFlowsParameter(16, 'datagrams under way'), max: 10_000 },
    cpsParameter('as many as their fragments allow'),
    bytesParameter('datagram-bytes', 4000, 1, 65000, 'UDP payload of a datagram'),
    integerParameter(
      'mtu',
      'bytes',
      [1500, 576, 9216],
      'largest IP packet; trackers refuse fragments much below 1280 bytes',
    ),
    shareParameter('ip6-share', 'datagrams', 0.3, 'datagrams over IPv6'),
    shareParameter('answer-share', 'datagrams', 0.5, 'datagrams that the server answers (unfragmented)'),
    shareParameter('shuffle-share', 'datagrams', 0.2, 'datagrams whose fragments come in shuffled order'),
    shareParameter('loss-share', 'datagrams', 0.02, 'datagrams with a fragment missing'),
    shareParameter('duplicate-share', 'datagrams', 0.02, 'datagrams with a fragment sent twice'),
    shareParameter(
      'overlap-share',
      'datagrams',
      0.02,
      'datagrams with a fragment that overlaps its neighbour',
    ),
  ],
  generate,
};
