import { describe, expect, it } from 'vitest';
import { cutFrame, parseSnapLength } from '../../../tools/rewrite/snap-length.js';
import { tcpFrame } from '../../support/packets.js';

describe('--snaplen', () => {
  it('cuts the frame', () => {
    const frame = tcpFrame({ payload: new Uint8Array(500) });
    expect(cutFrame(frame, 96)).toEqual(frame.subarray(0, 96));
  });

  it('leaves shorter frames as they are', () => {
    const frame = tcpFrame();
    expect(cutFrame(frame, frame.length)).toBe(frame);
    expect(cutFrame(frame, 9000)).toBe(frame);
  });

  it('takes whole bytes from 1 to 262144', () => {
    expect([parseSnapLength('1'), parseSnapLength(' 96 '), parseSnapLength('262144')]).toEqual([
      1, 96, 262_144,
    ]);
    for (const text of ['0', '-1', '1.5', 'x', '', '262145', '1e3']) {
      expect(() => parseSnapLength(text), text).toThrow('from 1 to 262144');
    }
  });
});
