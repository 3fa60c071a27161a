import { describe, expect, it } from 'vitest';
import { collect } from './support/collect.js';

const port = (value: number): string => value.toString(16).padStart(4, '0');

/** Specification section 11, written out: MACs, type, IP header with checksum a4cd, ports, length 8, no checksum. */
function expectedFrame(srcPort: number, dstPort: number): string {
  return `50540000000a50540000000908004500001c000000000011a4cd0a0101010a010102${port(srcPort)}${port(dstPort)}00080000`;
}

const frames = (parameters: Record<string, string | number>): string[] =>
  collect('ovs-benchmark', parameters).map(({ frame }) => Buffer.from(frame).toString('hex'));

describe('ovs-benchmark', () => {
  it('sends one frame again and again without change', () => {
    expect(frames({ packets: 70 })).toEqual(Array.from({ length: 70 }, () => expectedFrame(1, 2)));
  });

  it('changes the destination port within a batch with change', () => {
    const expected = Array.from({ length: 70 }, (_, i) => expectedFrame(1, 2 + (i % 32)));
    expect(frames({ packets: 70, change: 'yes' })).toEqual(expected);
  });

  it('gives each thread its source port, batch by batch', () => {
    const expected = Array.from({ length: 24 }, (_, i) =>
      expectedFrame(1 + (Math.floor(i / 4) % 3), 2 + (i % 4)),
    );
    expect(frames({ packets: 24, threads: 3, batch: 4, change: 'yes' })).toEqual(expected);
  });
});
