/**
 * Every scenario: replaying the file gives the counts by verdict, class and reason that feeding it directly gives, since what is
 * staged of it is the same to the byte and the nanosecond. The replays themselves are made of scenarios that want the tracker to be
 * told something; with CTREPLAY_LONG of all.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../../tools/config/read-config.js';
import { configFromSuggestion } from '../../../tools/config/suggested.js';
import { PcapWriter } from '../../../tools/captures/pcap-writer.js';
import { runDesign } from '../../../tools/replay/run-control.js';
import { framesOf, type PacketSource } from '../../../tools/replay/packet-source.js';
import { openScenario, SCENARIOS } from '../../../tools/synth/registry.js';
import { drainSource } from '../../../tools/synth/write-capture.js';
import { caseOf, captured, design, framesIn, quickPlan, scenario } from '../../support/replay.js';
import { Scratch } from '../captures/scratch.js';
import { VARIANTS } from './support/variants.js';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const PACKETS = 2000;
const SEED = 9;

const NAMES = SCENARIOS.map(({ name }) => name);
const IS_LONG = process.env['CTREPLAY_LONG'] !== undefined;
const REPLAYED = IS_LONG ? NAMES : ['nat-exhaustion', 'zone-policies', 'fragments'];

function parametersOf(name: string): Record<string, number | string> {
  return { ...VARIANTS.findLast((variant) => variant.name === name)!.parameters, packets: PACKETS };
}

/** What is staged of the file of a scenario. */
function staged(name: string): Promise<PacketSource> {
  const { source } = openScenario(name, parametersOf(name), SEED);
  const file = scratch.path(`${name}.pcap`);
  const writer = new PcapWriter(file);
  drainSource(source, (record) => writer.write(record));
  writer.close();
  return captured([file]);
}

function contents(traffic: PacketSource): unknown {
  const frames = framesIn(traffic).map(({ frame }) => Buffer.from(frame).toString('latin1'));
  return { frames, timesNs: [...framesOf(traffic).timesNs] };
}

describe('the file of', () => {
  it.each(NAMES)('%s holds the packets that are fed directly', async (name) => {
    const direct = contents(await scenario(name, parametersOf(name), SEED));
    expect(direct).toMatchObject({ frames: { length: PACKETS } });
    expect(contents(await staged(name))).toEqual(direct);
  });
});

describe('replaying the file of', () => {
  it.each(REPLAYED)('%s gives the counts of feeding it directly', async (name) => {
    const { suggestedConfig } = openScenario(name, parametersOf(name), SEED);
    // What the scenario wants the tracker to be told, or translation and zones would not be met.
    const config = suggestedConfig === null ? DEFAULT_CONFIG : configFromSuggestion(suggestedConfig);
    const replay = async (traffic: PacketSource): Promise<unknown> => {
      const options = quickPlan({
        clock: 'capture',
        warmupPackets: 0,
        config,
      });
      const finished = await runDesign(traffic, design('rculist-sweep'), options);
      return caseOf(finished, name).packets;
    };
    const direct = await replay(await scenario(name, parametersOf(name), SEED));
    expect(direct).toMatchObject({ injected: PACKETS });
    expect(await replay(await staged(name))).toEqual(direct);
  });
});
