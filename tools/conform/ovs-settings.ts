import { configSettings } from '../config/apply-config.js';
import { policyIds } from '../config/policies.js';
import { ConformSetupError } from './conform-error.js';
import type { ConformInput } from './conform-input.js';
import type { OvsSandbox } from './ovs-sandbox.js';

/**
 * Applies everything of a configuration but its rules.
 * @throws ConformSetupError where Open vSwitch cannot do the same
 * @throws OvsFailedError
 */
export async function applySettings(sandbox: OvsSandbox, input: ConformInput): Promise<void> {
  const { connLimit, tcpSeqCheck, fragments } = configSettings(input.config);
  if (connLimit !== undefined) await sandbox.appctl('dpctl/ct-set-maxconns', `${connLimit}`);
  if (tcpSeqCheck === false) await sandbox.appctl('dpctl/ct-disable-tcp-seq-chk');
  const { zoneLimits } = input.config.entries;
  if (zoneLimits?.default !== undefined) {
    await sandbox.appctl('dpctl/ct-set-limits', `default=${zoneLimits.default}`);
  }
  for (const [zone, limit] of Object.entries(zoneLimits?.zones ?? {})) {
    await sandbox.appctl('dpctl/ct-set-limits', `zone=${zone},limit=${limit}`);
  }
  if (fragments !== undefined) {
    if (!fragments.enabled4) await sandbox.appctl('dpctl/ipf-set-disabled', 'v4');
    if (!fragments.enabled6) await sandbox.appctl('dpctl/ipf-set-disabled', 'v6');
    await sandbox.appctl('dpctl/ipf-set-min-frag', 'v4', `${fragments.minimum4}`);
    await sandbox.appctl('dpctl/ipf-set-min-frag', 'v6', `${fragments.minimum6}`);
    await sandbox.appctl('dpctl/ipf-set-max-nfrags', `${fragments.maximum}`);
  }
  await applyTimeouts(sandbox, input);
}

/** The switch has one timeout policy a zone; here a request names its policy. */
async function applyTimeouts(sandbox: OvsSandbox, input: ConformInput): Promise<void> {
  const policyOfZone = new Map<number, number>();
  for (const { zone = 0, timeoutPolicy = 0 } of input.requests) {
    const other = policyOfZone.get(zone);
    if (other !== undefined && other !== timeoutPolicy) {
      const reason = `zone ${zone} is used with timeout policies ${other} and ${timeoutPolicy}; Open vSwitch has one a zone`;
      throw new ConformSetupError('timeout policies', reason);
    }
    policyOfZone.set(zone, timeoutPolicy);
  }
  const { entries } = input.config;
  const policies = new Map(
    [...policyIds(entries)].map(([name, id]) => [id, entries.timeoutPolicies?.[name]] as const),
  );
  const used = [...policyOfZone].flatMap(([zone, id]) => {
    const seconds = policies.get(id);
    return seconds === undefined ? [] : [{ zone, seconds }];
  });
  if (used.length === 0) return;
  // The switch learns of policies through a Datapath record, which nothing has made for a dummy datapath.
  const record = 'create Datapath datapath_version=0 -- set Open_vSwitch . datapaths:dummy=@dp';
  await sandbox.vsctl('--', '--id=@dp', ...record.split(' '));
  for (const { zone, seconds } of used) {
    const policy = Object.entries(seconds).map(([name, value]) => `${name.toLowerCase()}=${value}`);
    await sandbox.vsctl('add-zone-tp', 'dummy', `zone=${zone}`, ...policy);
  }
}
