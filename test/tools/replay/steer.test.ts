import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locateLayers, emptyLayerOffsets } from '../../../tools/wire/layer-offsets.js';
import {
  makeSteering,
  RSS_KEYS,
  STEER_MODES,
  Toeplitz,
  type SteerMode,
} from '../../../tools/replay/steer.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';

function workerOf(mode: SteerMode, workers: number, frame: Uint8Array, zone = 0): number {
  const layers = emptyLayerOffsets();
  locateLayers(frame, layers);
  return makeSteering(mode, workers).workerOf(frame, 0, layers, zone);
}

const address = fc.tuple(
  fc.integer({ min: 1, max: 223 }),
  fc.nat(255),
  fc.nat(255),
  fc.integer({ min: 1, max: 254 }),
);
const tuple = fc.record({
  src: address.map((bytes) => bytes.join('.')),
  dst: address.map((bytes) => bytes.join('.')),
  srcPort: fc.integer({ min: 1, max: 65535 }),
  dstPort: fc.integer({ min: 1, max: 65535 }),
});

describe('Toeplitz', () => {
  // Source address, destination address, ports; hash over addresses, over addresses and ports: the verification suite
  // published with the RSS specification.
  it.each([
    ['66.9.149.187', '161.142.100.80', 2794, 1766, 0x323e8fc2, 0x51ccc178],
    ['199.92.111.2', '65.69.140.83', 14230, 4739, 0xd718262a, 0xc626b0ea],
    ['24.19.198.95', '12.22.207.184', 12898, 38024, 0xd2d0a5de, 0x5c2b394a],
  ])('gives the published hash of %s > %s', (src, dst, srcPort, dstPort, overAddresses, overPorts) => {
    const bytes = Uint8Array.from([
      ...src.split('.').map(Number),
      ...dst.split('.').map(Number),
      srcPort >> 8,
      srcPort & 255,
      dstPort >> 8,
      dstPort & 255,
    ]);
    const toeplitz = new Toeplitz(RSS_KEYS.standard);
    expect(toeplitz.update(0, 0, bytes, 0, 8) >>> 0).toBe(overAddresses);
    expect(toeplitz.update(0, 0, bytes, 0, 12) >>> 0).toBe(overPorts);
  });
});

describe('steering', () => {
  it('sends both directions of a flow to one worker: rss and flow', () => {
    fc.assert(
      fc.property(tuple, fc.integer({ min: 1, max: 16 }), ({ src, dst, srcPort, dstPort }, workers) => {
        for (const mode of ['rss', 'flow'] as const) {
          const there = workerOf(mode, workers, udpFrame({ src, dst, srcPort, dstPort }));
          const back = workerOf(
            mode,
            workers,
            udpFrame({ src: dst, dst: src, srcPort: dstPort, dstPort: srcPort }),
          );
          expect(back).toBe(there);
        }
      }),
    );
  });

  it('always names a worker that exists, and the same one for the same tuple', () => {
    fc.assert(
      fc.property(tuple, fc.integer({ min: 1, max: 64 }), (spec, workers) => {
        for (const mode of STEER_MODES) {
          const worker = workerOf(mode, workers, tcpFrame(spec), 7);
          expect(worker).toBeGreaterThanOrEqual(0);
          expect(worker).toBeLessThan(workers);
          if (mode !== 'round-robin') expect(workerOf(mode, workers, tcpFrame(spec), 7)).toBe(worker);
        }
      }),
    );
  });

  it.each(['rss', 'rss-asymmetric', 'flow'] as const)('spreads many flows evenly: %s', (mode) => {
    for (const workers of [2, 3, 4, 8]) {
      const counts = Array.from({ length: workers }, () => 0);
      const steering = makeSteering(mode, workers);
      const layers = emptyLayerOffsets();
      for (let i = 0; i < 4000; i++) {
        const frame = udpFrame({
          src: `10.${i % 7}.${i % 251}.9`,
          dst: '10.9.9.9',
          srcPort: 1024 + i,
          dstPort: 53,
        });
        locateLayers(frame, layers);
        const worker = steering.workerOf(frame, 0, layers, 0);
        counts[worker] = (counts[worker] as number) + 1;
      }
      // Binomial: six standard deviations around the mean.
      const mean = 4000 / workers;
      const bound = 6 * Math.sqrt(mean * (1 - 1 / workers));
      for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(bound);
    }
  });

  it('round-robin takes turns, zone follows the zone, single stays', () => {
    const layers = emptyLayerOffsets();
    const frame = udpFrame();
    locateLayers(frame, layers);
    const turns = makeSteering('round-robin', 3);
    expect([0, 1, 2, 3].map(() => turns.workerOf(frame, 0, layers, 0))).toEqual([0, 1, 2, 0]);
    expect([5, 6, 7].map((zone) => workerOf('zone', 3, frame, zone))).toEqual([2, 0, 1]);
    expect(workerOf('single', 4, frame)).toBe(0);
  });
});
