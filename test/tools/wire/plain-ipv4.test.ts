/** The short way to the layers of plain IPv4 packets against the full one, over damaged frames in the middle of other bytes. */
import { expect, it } from 'vitest';
import { emptyLayerOffsets, locateLayers, locatePlainIpv4 } from '../../../tools/wire/layer-offsets.js';
import { Random, tcpFrame, udpFrame } from '../../support/packets.js';

it('says what the full way says, or nothing', () => {
  const random = new Random(1);
  const frames = [
    tcpFrame(),
    udpFrame({ payload: new Uint8Array(30) }),
    udpFrame({ vlans: [{ id: 5 }] }),
    udpFrame({ src: 'fd00::1', dst: 'fd00::2' }),
  ];
  let plain = 0;
  for (let trial = 0; trial < 20_000; trial++) {
    const frame = Uint8Array.from(frames[random.below(frames.length)]!);
    for (let left = random.below(3); left > 0; left--) frame[random.below(40)] = random.below(256);
    const length = random.below(3) === 0 ? random.below(frame.length + 1) : frame.length;
    const at = random.below(9);
    const bytes = Uint8Array.from({ length: at + frame.length + 40 }, () => random.below(256));
    bytes.set(frame.subarray(0, length), at);
    const found = emptyLayerOffsets();
    const expected = emptyLayerOffsets();
    locateLayers(bytes.subarray(at, at + length), expected);
    if (!locatePlainIpv4(bytes, at, length, found)) continue;
    plain++;
    expect(found).toEqual(expected);
  }
  expect(plain).toBeGreaterThan(5000);
  expect(plain).toBeLessThan(15_000);
});
