/** What is decided of packets before a run: worker, request, and the slots they take. */
import { describe, expect, it } from 'vitest';
import { COMMIT_ALL, createRules } from '../../../tools/config/rules.js';
import { parseConfig } from '../../../tools/config/read-config.js';
import { assignPackets } from '../../../tools/replay/packet-choice.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';
import { captured, framesIn, framesTraffic } from '../../support/replay.js';

const OFFICE = 'captures/office-mix.pcap';

/** The frame behind a VLAN tag: no packet that is looked at in the short way. */
function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 5, ...frame.subarray(12));
}

/** Packets of all kinds, each behind one of another kind. */
const MIXED = Array.from({ length: 100 }, (_, index) => [
  udpFrame({ srcPort: 1 + index }),
  udpFrame({ src: `2001:db8::${index + 1}`, dst: '2001:db8:1::1', srcPort: 1 + index }),
  tcpFrame({ src: `10.2.0.${index}`, srcPort: 1 + index, flags: 'S' }),
  echoFrame({ src: `10.3.0.${index}`, id: index }),
  echoFrame({ src: `2001:db8:2::${index + 1}`, dst: '2001:db8::1', id: index }),
  Uint8Array.from({ length: 60 }, (_byte, at) => (at === 12 ? 0x88 : at === 13 ? 0xb5 : index)),
]).flat();

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
      const office = framesIn(await captured([OFFICE], { limit: 2000 })).map(({ frame }) => frame);
      const frames = [...MIXED, ...office];
      const config = parseConfig(
        "rules:\n  - match: 'tcp'\n    commit: true\n  - match: 'udp'\n    zone: 3\n    commit: true\n",
        'rules.yaml',
      );
      for (const rules of [() => COMMIT_ALL, () => createRules(config)]) {
        const plain = assignPackets(await framesTraffic(frames), rules(), steer, 3);
        const behindTags = assignPackets(await framesTraffic(frames.map(tagged)), rules(), steer, 3);
        expect(behindTags.workerOf).toEqual(plain.workerOf);
        expect(behindTags.slots).toEqual(plain.slots);
        expect(plain.slots.opening).toBeGreaterThan(10);
        expect(plain.slots.committed).toBeGreaterThan(plain.slots.opening);
      }
    },
  );

  it('has the slots that a loop can take: of first packets, and of SYNs whenever they come', async () => {
    const syn = tcpFrame({ flags: 'S' });
    const frames = [udpFrame(), udpFrame(), udpFrame({ srcPort: 7 }), syn, syn, tcpFrame({ flags: 'A' })];
    const traffic = await framesTraffic(frames);
    const slots = { opening: 4, reopening: 2, committed: 6 };
    expect(assignPackets(traffic, COMMIT_ALL, 'rss', 2).slots).toEqual(slots);
    // Translated ones have a companion each.
    const nat = "rules:\n  - commit: true\n    nat: { type: src, addr: 192.0.2.1 }\n";
    expect(assignPackets(traffic, createRules(parseConfig(nat, 'nat.yaml')), 'rss', 2).slots).toEqual({
      opening: 8,
      reopening: 4,
      committed: 12,
    });
  });
});
