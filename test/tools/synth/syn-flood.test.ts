import { describe, expect, it } from 'vitest';
import { ScenarioError } from '../../../tools/synth/parameters.js';
import { openScenario } from '../../../tools/synth/registry.js';
import { dissect } from '../../support/dissect.js';
import { get32 } from '../../../tools/synth/headers.js';
import { collect, forEachPacket } from './support/collect.js';

const SYN = 0x02;

/** Counts distinct IPv4 sources of attack SYNs in a bitmap of the whole address space. */
function countSources(packets: number): { distinct: number; total: number } {
  const { source } = openScenario('syn-flood', { packets }, 7);
  const seen = new Uint8Array(2 ** 29);
  let distinct = 0;
  let total = 0;
  forEachPacket(source, (frame) => {
    const address = get32(frame, 26);
    const bit = 1 << (address & 7);
    if ((seen[address >>> 3]! & bit) === 0) distinct++;
    seen[address >>> 3]! |= bit;
    total++;
  });
  return { distinct, total };
}

describe('syn-flood', () => {
  it('spoofs a new address for every SYN', () => {
    const sources = new Set<number>();
    forEachPacket(openScenario('syn-flood', { packets: 300_000 }, 7).source, (frame) =>
      sources.add(get32(frame, 26)),
    );
    expect(sources.size).toBe(300_000);
  });

  it.runIf(process.env['CTREPLAY_LONG'])('spoofs 10 million distinct addresses in bounded memory', () => {
    const before = process.memoryUsage().rss;
    expect(countSources(10_000_000)).toEqual({ distinct: 10_000_000, total: 10_000_000 });
    // The bitmap that counts takes 512 MiB of this; the source itself takes next to nothing.
    expect(process.memoryUsage().rss - before).toBeLessThan(640 * 2 ** 20);
  });

  it('sends bare SYNs from unicast addresses outside the scenarios own network', () => {
    for (const { frame } of collect('syn-flood', { packets: 2000 })) {
      const seen = dissect(frame);
      const octet = Number(seen.src.split('.')[0]);
      expect(seen.badChecksums).toEqual([]);
      expect([seen.flags, seen.dst, seen.dport, seen.payload.length]).toEqual([SYN, '10.200.0.1', 80, 0]);
      expect(octet > 0 && octet < 224 && octet !== 10 && octet !== 127).toBe(true);
    }
  });

  it('re-uses a limited number of sources with new ports', () => {
    const tuples = new Set<string>();
    const sources = new Set<string>();
    for (const { frame } of collect('syn-flood', { packets: 5000, sources: 100 })) {
      const { src, sport } = dissect(frame);
      sources.add(src);
      tuples.add(`${src}:${sport}`);
    }
    expect([sources.size, tuples.size]).toEqual([100, 5000]);
  });

  it('gives legitimate connections exactly their share', () => {
    const packets = collect('syn-flood', { packets: 10_000, 'legit-share': 0.25, 'active-flows': 20 });
    const legitimate = packets
      .filter(({ flowIndex }) => flowIndex >= 0x80000000)
      .map(({ frame }) => dissect(frame));
    expect(legitimate.length).toBe(2500);
    expect(legitimate.every(({ src, dst }) => src.startsWith('10.1.') || dst.startsWith('10.1.'))).toBe(true);
    expect(legitimate.some(({ payload }) => payload.length > 0)).toBe(true);
  });

  it('starts new half-open connections at --cps whatever --pps is', () => {
    const flows = new Set(
      collect('syn-flood', { packets: 10_000, pps: 10_000, cps: 1000 }).map((packet) => packet.flowIndex),
    );
    expect(Math.abs(flows.size - 1000)).toBeLessThanOrEqual(1);
    expect(() => openScenario('syn-flood', { pps: 10_000, cps: 20_000 }, 1)).toThrow(ScenarioError);
  });

  it('answers a share of the SYNs, once each and with the right numbers', () => {
    const syns = new Map<string, number>();
    let answers = 0;
    for (const { frame } of collect('syn-flood', { packets: 10_000, 'backscatter-share': 0.5 })) {
      const seen = dissect(frame);
      expect(seen.badChecksums).toEqual([]);
      if (seen.flags === SYN) syns.set(`${seen.src}:${seen.sport}`, seen.seq);
      else {
        const key = `${seen.dst}:${seen.dport}`;
        expect(seen.ack).toBe((syns.get(key)! + 1) >>> 0);
        syns.delete(key);
        answers++;
      }
    }
    expect(answers / 10_000).toBeCloseTo(1 / 3, 1);
  });

  it('floods over IPv6 too', () => {
    const seen = collect('syn-flood', { packets: 100, 'ip-version': '6' }).map(({ frame }) => dissect(frame));
    expect(seen.every(({ layers, badChecksums }) => layers[1] === 'ipv6' && badChecksums.length === 0)).toBe(
      true,
    );
    expect(new Set(seen.map(({ src }) => src)).size).toBe(100);
  });

  it('names a target that is no address', () => {
    expect(() => openScenario('syn-flood', { target: 'example.org' }, 1)).toThrow(
      "--target is 'example.org'",
    );
  });
});
