/** What is decided of packets before a run: worker, request, and the slots they take. */
import { describe, expect, it } from 'vitest';
import { COMMIT_ALL, createRules } from '../../../tools/config/rules.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { assignPackets } from '../../../tools/replay/packet-choice.js';
import { captured, framesIn, framesTraffic } from '../../support/replay.js';

const OFFICE = 'captures/office-mix.pcap';

/** The frame behind a VLAN tag: no packet that is looked at in the short way. */
function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 5, ...frame.subarray(12));
}

describe('what is decided of packets', () => {
  it('is decided once for traffic, rules and steering', async () => {
    const traffic = await captured([OFFICE], { limit: 100 });
    const first = assignPackets(traffic, COMMIT_ALL, 'rss', 2);
    expect(assignPackets(traffic, COMMIT_ALL, 'rss', 2)).toBe(first);
    expect(assignPackets(traffic, COMMIT_ALL, 'rss', 3).workerOf).not.toEqual(first.workerOf);
  });

  it.each(['single', 'rss', 'flow', 'round-robin'] as const)(
    'is the same for packets whose headers lie elsewhere, steered by %s',
    async (steer) => {
      const traffic = await captured([OFFICE], { limit: 3000 });
      const frames = framesIn(traffic).map(({ frame }) => tagged(frame));
      const config = parseConfig(
        "rules:\n  - match: 'tcp'\n    commit: true\n  - match: 'udp'\n    zone: 3\n    commit: true\n",
        'rules.yaml',
      );
      for (const rules of [() => COMMIT_ALL, () => createRules(config)]) {
        const plain = assignPackets(traffic, rules(), steer, 3);
        const behindTags = assignPackets(await framesTraffic(frames), rules(), steer, 3);
        expect(behindTags.workerOf).toEqual(plain.workerOf);
        expect(behindTags.slots).toEqual(plain.slots);
        expect(plain.slots.opening).toBeGreaterThan(10);
        expect(plain.slots.committed).toBeGreaterThan(plain.slots.opening);
      }
    },
  );
});
