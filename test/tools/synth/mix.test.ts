/** A mix tells the tracker what each of its parts needs, for that part alone. */
import { describe, expect, it } from 'vitest';
import { configFromSuggestion } from '../../../tools/config/suggested.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { describeSuggestedConfig } from '../../../tools/synth/suggested-config-text.js';
import { caseOf, design, quickPlan, scenario } from '../../support/replay.js';

const SEED = 3;

function configOfMix(mix: string): ReturnType<typeof configFromSuggestion> {
  return configFromSuggestion(openScenario('mix', { mix }, SEED).suggestedConfig!);
}

async function countsOf(mix: string): Promise<ReturnType<typeof caseOf>['packets']> {
  const traffic = await scenario('mix', { mix, packets: 3000 }, SEED);
  const options = quickPlan({ clock: 'capture', warmupPackets: 0, config: configOfMix(mix) });
  return caseOf(await runDesign(traffic, design('rculist-sweep'), options), 'mix').packets;
}

describe('a mix', () => {
  it('translates the FTP sessions in it and no other connection', async () => {
    const { rejectedByReason, verdicts } = await countsOf('ftp-alg=1,tcp-crr=1');
    expect(rejectedByReason).toEqual({});
    // Of what tcp-crr opens, and its servers answer, nothing is translated.
    expect(verdicts).toMatchObject({ 'est|rpl|trk': expect.any(Number), 'new|trk|snat': expect.any(Number) });
  });

  it('leaves the ports of nat-exhaustion to nat-exhaustion, beside a second translation', async () => {
    const { rejectedByReason, verdicts } = await countsOf('zone-policies=2,ftp-alg=2,nat-exhaustion=1');
    // Only packets of nat-exhaustion, a fifth of all, can find no port.
    expect(rejectedByReason?.['nat-exhausted']).toBeLessThan(600);
    expect(verdicts['new|rel|trk|snat']).toBeGreaterThan(0);
  });

  it('keeps the timeout policies of every part', () => {
    const { entries } = configOfMix('nat-exhaustion=1,zone-policies=1');
    const policyOf = (name: string | number | undefined): unknown => entries.timeoutPolicies?.[String(name)];
    expect(policyOf(entries.zonePolicies?.['101'])).toMatchObject({ udp_first: 1 });
    expect(policyOf(entries.zonePolicies?.['102'])).toMatchObject({ udp_first: 300 });
    const translating = entries.rules?.find(({ nat }) => nat !== undefined && 'addr' in nat);
    expect(policyOf(translating?.timeoutPolicy)).toMatchObject({ tcp_close: 1 });
    expect(Object.keys(entries.timeoutPolicies ?? {})).toHaveLength(3);
  });

  it('says of each translation whose it is', () => {
    const { suggestedConfig } = openScenario('mix', { mix: 'nat-exhaustion=1,ftp-alg=1' }, SEED);
    const lines = describeSuggestedConfig(suggestedConfig!).filter((line) => line.startsWith('NAT'));
    expect(lines).toEqual([
      'NAT: commit with source 203.0.113.1, ports 20000-20099, from 10.11.0.0/16 to 10.211.0.0/16, timeout policy 1',
      'NAT: commit with source 203.0.113.1, from 10.12.0.0/16 to 10.212.0.0/16, helper ftp',
      'NAT: commit with source 2001:db8::cb00:7101, from 2001:db8::a0c:0/112 to 2001:db8::ad4:0/112, helper ftp',
    ]);
  });
});
