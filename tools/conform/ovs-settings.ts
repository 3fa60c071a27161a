import { ConformSetupError } from './conform-error.js';
import type { ConformSetup } from './conform-setup.js';
import type { OvsSandbox } from './ovs-sandbox.js';

/**
 * Applies everything of a setup but its rules.
 * @throws ConformSetupError where Open vSwitch cannot do the same
 * @throws OvsFailedError
 */
export async function applySettings(sandbox: OvsSandbox, setup: ConformSetup): Promise<void> {
  if (setup.connLimit !== undefined) await sandbox.appctl('dpctl/ct-set-maxconns', `${setup.connLimit}`);
  if (setup.tcpSeqCheck === false) await sandbox.appctl('dpctl/ct-disable-tcp-seq-chk');
  for (const { zone, limit } of setup.zoneLimits ?? []) {
    await sandbox.appctl(
      'dpctl/ct-set-limits',
      zone === -1 ? `default=${limit}` : `zone=${zone},limit=${limit}`,
    );
  }
  const { fragments } = setup;
  if (fragments !== undefined) {
    if (!fragments.enabled4) await sandbox.appctl('dpctl/ipf-set-disabled', 'v4');
    if (!fragments.enabled6) await sandbox.appctl('dpctl/ipf-set-disabled', 'v6');
    await sandbox.appctl('dpctl/ipf-set-min-frag', 'v4', `${fragments.minimum4}`);
    await sandbox.appctl('dpctl/ipf-set-min-frag', 'v6', `${fragments.minimum6}`);
    await sandbox.appctl('dpctl/ipf-set-max-nfrags', `${fragments.maximum}`);
  }
  await applyTimeouts(sandbox, setup);
}

/** The switch has one timeout policy a zone; here a request names its policy. */
async function applyTimeouts(sandbox: OvsSandbox, setup: ConformSetup): Promise<void> {
  const policyOfZone = new Map<number, number>();
  for (const { zone = 0, timeoutPolicy = 0 } of setup.requests) {
    const other = policyOfZone.get(zone);
    if (other !== undefined && other !== timeoutPolicy) {
      const reason = `zone ${zone} is used with timeout policies ${other} and ${timeoutPolicy}; Open vSwitch has one a zone`;
      throw new ConformSetupError('timeout policies', reason);
    }
    policyOfZone.set(zone, timeoutPolicy);
  }
  const used = [...policyOfZone].flatMap(([zone, id]) => {
    const seconds = setup.timeoutPolicies?.get(id);
    return seconds === undefined ? [] : [{ zone, seconds }];
  });
  if (used.length === 0) return;
  // The switch learns of policies through a Datapath record, which nothing has made for a dummy datapath.
  await sandbox.vsctl('add-dp', 'dummy');
  for (const { zone, seconds } of used) {
    const policy = Object.entries(seconds).map(([name, value]) => `${name.toLowerCase()}=${value}`);
    await sandbox.vsctl('add-zone-tp', 'dummy', `zone=${zone}`, ...policy);
  }
}
