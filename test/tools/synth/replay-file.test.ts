/** Every scenario: replaying the file gives the counts by verdict, class and reason that feeding it directly gives. */
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../../tools/config/read-config.js';
import { configFromSuggestion } from '../../../tools/config/suggested.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import { stageTraffic, type StagedTraffic } from '../../../tools/replay/staging.js';
import { captureTraffic } from '../../../tools/replay/traffic.js';
import { openScenario, SCENARIOS } from '../../../tools/synth/registry.js';
import { drainSource } from '../../../tools/synth/write-capture.js';
import { caseOf, design, quickPlan, scenario } from '../../support/replay.js';
import { Scratch } from '../captures/scratch.js';
import { VARIANTS } from './support/variants.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const PACKETS = 2000;
const SEED = 9;

describe('replaying the file of', () => {
  it.each(SCENARIOS.map(({ name }) => name))('%s gives the counts of feeding it directly', async (name) => {
    const { parameters } = VARIANTS.findLast((variant) => variant.name === name)!;
    const given = { ...parameters, packets: PACKETS };
    const { source, suggestedConfig } = openScenario(name, given, SEED);
    const file = scratch.path(`${name}.pcap`);
    const writer = new PcapWriter(file);
    drainSource(source, (record) => writer.write(record));
    writer.close();
    // What the scenario wants the tracker to be told, or translation and zones would not be met.
    const config = suggestedConfig === null ? DEFAULT_CONFIG : configFromSuggestion(suggestedConfig);
    const replay = async (traffic: StagedTraffic): Promise<unknown> => {
      const options = quickPlan({
        clock: 'capture',
        warmupPackets: 0,
        config,
      });
      const finished = await runDesign(traffic, design('rculist-sweep'), options);
      return caseOf(finished, name).packets;
    };
    const direct = await replay(await scenario(name, given, SEED));
    expect(direct).toMatchObject({ injected: PACKETS });
    expect(await replay(await stageTraffic(captureTraffic([file]), null))).toEqual(direct);
  });
});
