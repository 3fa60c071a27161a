/**
 * FTP through an application-layer gateway: control connections announce data connections that the tracker must expect, and,
 * under source NAT, whose announcements it must rewrite.
 */
import { formatAddress } from '../../../engine/host/addresses.js';
import { ipv4Text } from '../addresses.js';
import {
  activeFlowsParameter,
  bytesParameter,
  choiceParameter,
  cpsParameter,
  flowChooser,
  integerParameter,
  shareParameter,
} from '../common-parameters.js';
import { uniformPicker } from '../../random/picker.js';
import { poolCapacity } from '../flow-pool.js';
import { FtpFlowTable } from '../ftp-flows.js';
import { firstClient, firstServer, NAT_ADDRESS, networksOf } from '../host-plan.js';
import { host6, PacketWriter, type IpFamily } from '../packet-writer.js';
import type { ParameterValues } from '../parameters.js';
import { PooledSource } from '../pooled-source.js';
import { Random } from '../../random/random.js';
import { COMMON_PARAMETERS } from '../scenario.js';
import type { PacketGenerator, Scenario, SuggestedConfig, SuggestedNat } from '../scenario.js';

function generate(parameters: ParameterValues, seed: number): PacketGenerator {
  const random = new Random(seed).derive('ftp-alg');
  const over6 = flowChooser(random, 'family', parameters.number('ip6-share'));
  const activeMode = flowChooser(random, 'mode', parameters.number('active-share'));
  const transfers = parameters.numberOrNull('cps') === null ? parameters.number('transfers') : 0;
  const table = new FtpFlowTable(
    {
      capacity: poolCapacity(parameters.number('active-flows')),
      firstClient: firstClient('ftp-alg'),
      clients: 16384,
      firstServer: firstServer('ftp-alg'),
      natHost: parameters.text('nat') === 'yes' ? NAT_ADDRESS : null,
      fileBytes: parameters.number('file-bytes'),
    },
    new PacketWriter(),
    (flowIndex, plan) => {
      plan.family = over6(flowIndex) ? 6 : 4;
      plan.active = activeMode(flowIndex);
      plan.transfers = transfers;
    },
    random,
  );
  return new PooledSource(parameters, table, uniformPicker(random.derive('turns')));
}

function suggestedConfig(parameters: ParameterValues, amongOthers: boolean): SuggestedConfig {
  if (parameters.text('nat') === 'no') {
    return {
      reason: 'data connections are related only when control connections are committed with the helper',
      helper: 'ftp',
    };
  }
  const translation = (family: IpFamily, addr: string): SuggestedNat => ({
    type: 'src',
    addr,
    port: null,
    helper: 'ftp',
    ...(amongOthers ? { between: networksOf('ftp-alg', family) } : {}),
  });
  return {
    reason:
      'servers answer the translated address and count the rewritten PORT lines, so new connections must be committed with this source NAT and the helper',
    nat: [translation(4, ipv4Text(NAT_ADDRESS)), translation(6, formatAddress(6, host6(NAT_ADDRESS)))],
  };
}

export const ftpAlg: Scenario = {
  name: 'ftp-alg',
  summary:
    'FTP control and data connections, active and passive, IPv4 and IPv6, through a source NAT with helper',
  parameters: [
    ...COMMON_PARAMETERS,
    activeFlowsParameter(50, 'control connections open'),
    cpsParameter('as many control connections as --pps allows with --transfers each'),
    integerParameter('transfers', 'files', [1, 1, 1_000_000], 'files fetched by a session (without --cps)'),
    bytesParameter('file-bytes', 6000, 1, 100_000_000, 'size of a file'),
    shareParameter(
      'active-share',
      'sessions',
      0.5,
      'sessions with PORT or EPRT, the others use PASV or EPSV',
    ),
    shareParameter('ip6-share', 'sessions', 0.3, 'sessions over IPv6'),
    choiceParameter(
      'nat',
      ['yes', 'no'],
      'whether clients are behind a source NAT, so that servers answer the translated address',
    ),
  ],
  generate,
  suggestedConfig,
};
