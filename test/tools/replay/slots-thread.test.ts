import { describe, expect, it } from 'vitest';
import { COMMIT_ALL } from '../../../tools/config/rules.js';
import { assignPackets } from '../../../tools/replay/packet-choice.js';
import { framesOf } from '../../../tools/replay/packet-source.js';
import { countInThread } from '../../../tools/replay/slots-thread.js';
import { countSlots } from '../../../tools/replay/traffic-slots.js';
import { captured } from '../../support/replay.js';

const OFFICE = 'captures/office-mix.pcap';

describe('slots of a capture', () => {
  it('are the same when another thread counts them, in memory that both see', async () => {
    const traffic = await captured([OFFICE]);
    const { requestOf } = assignPackets(traffic, COMMIT_ALL, 'rss', 2);
    const { requests } = COMMIT_ALL;
    const frames = framesOf(traffic);
    const ranges = frames.sharedRanges() ?? [];
    expect(ranges.length).toBeGreaterThan(0);
    const counted = countSlots((visit) => frames.forEachRange(visit), requests, requestOf);
    expect(counted.opening).toBeGreaterThan(10);
    expect(await countInThread({ ranges, requests, requestOf })).toEqual(counted);
  });

  it('are left to the caller where the thread fails', async () => {
    const broken = [{ bytes: new Uint8Array(0), count: 3, starts: null, lengths: null, wireBytes: null }];
    const request = { ranges: broken as never, requests: [{ commit: true }], requestOf: new Uint32Array(3) };
    expect(await countInThread(request)).toBeNull();
  });
});
