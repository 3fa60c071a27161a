import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { sweptDesigns } from '../../support/designs.js';
import { configFromSuggestion } from '../../../tools/config/suggested.js';
import { lagByGroup, lagDistribution, needsLagGroups } from '../../../tools/replay/collect-lag.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { design, type PlanChanges, quickPlan, scenario } from '../../support/replay.js';

const SHORT_S = 1;
const LONG_S = 20;
const SWEEP_S = 2;
/** What the designs may be late by beside what is examined here: the sweep's pause, and a minimum between passes. */
const SLACK_S = 1;

async function lagOf(name: string, parameters: Record<string, number>, changes: PlanChanges = {}) {
  const given = { 'short-timeout': SHORT_S, 'long-timeout': LONG_S, ...parameters };
  const opened = openScenario('zone-policies', given, 1);
  const traffic = await scenario('zone-policies', given);
  const config = configFromSuggestion(opened.suggestedConfig!);
  const finished = await runDesign(
    traffic,
    design(name),
    quickPlan({
      clock: 'capture',
      sweepIntervalMs: SWEEP_S * 1000,
      config,
      ...changes,
    }),
  );
  return { ...lagByGroup(finished.run, 1), overall: lagDistribution(finished.run, 1) };
}

describe.each(sweptDesigns())('lag by zone and policy, %s', (name) => {
  it('adds up to the lag over all, and tells what keeps short timeouts waiting', async () => {
    // 40,000 packets at 1,000/s: 40 s, in which every timeout passes.
    const { perZone, perPolicy, overall } = await lagOf(name, { packets: 40_000, pps: 1000 });
    for (const groups of [perZone, perPolicy]) {
      expect(groups?.length).toBeGreaterThanOrEqual(2);
      expect(groups?.reduce((sum, group) => sum + (group.removed ?? 0), 0)).toBe(overall?.count);
    }
    const worst = Math.max(...(perZone ?? []).map((group) => (group.lag?.p50Ns ?? 0) / 1e9));
    // Where only the heads of lists are looked at, short timeouts wait behind long ones (retention, spec §6.1).
    if (traitsOf(name).hidesExpired) expect(worst).toBeGreaterThan(LONG_S - SHORT_S - SWEEP_S - SLACK_S);
    else expect(worst).toBeLessThan(SWEEP_S + SLACK_S);
  });
});

describe('lag groups', () => {
  it('are kept only where requests differ in zone or policy', () => {
    expect(needsLagGroups([{ zone: 3 }])).toBe(false);
    expect(needsLagGroups([{ zone: 3 }, { zone: 3, commit: true }])).toBe(false);
    expect(needsLagGroups([{ zone: 3 }, { zone: 4 }])).toBe(true);
    expect(needsLagGroups([{ timeoutPolicy: 1 }, {}])).toBe(true);
  });

  it('beyond the fifteenth are counted together', async () => {
    const { perZone, overall } = await lagOf('rculist-sweep', {
      packets: 40_000,
      pps: 1000,
      'zone-pairs': 10,
    });
    expect(perZone).toHaveLength(16);
    expect(perZone?.at(-1)?.key).toBe('others');
    expect(perZone?.reduce((sum, group) => sum + (group.removed ?? 0), 0)).toBe(overall?.count);
  });
});
