import { describe, expect, it } from 'vitest';
import type { CaptureRecord } from '../../../tools/captures/capture-record.js';
import { cutFrame, cutRecord, parseSnapLength } from '../../../tools/rewrite/snap-length.js';
import { tcpFrame } from '../../support/packets.js';

function record(frame: Uint8Array, originalLength = frame.length): CaptureRecord {
  return {
    recordIndex: 1,
    fileOffset: 24,
    timestampNs: 5n,
    frame,
    originalLength,
    linkType: 1,
    interfaceIndex: 0,
  };
}

describe('--snaplen', () => {
  it('cuts the frame and keeps the length on the wire', () => {
    const frame = tcpFrame({ payload: new Uint8Array(500) });
    const cut = cutRecord(record(frame), 96);
    expect(cut.frame).toEqual(frame.subarray(0, 96));
    expect(cut).toEqual({ ...record(frame), frame: frame.subarray(0, 96), originalLength: frame.length });
    // Cut before already: the first length counts.
    expect(cutRecord(record(frame.subarray(0, 200), 1500), 96).originalLength).toBe(1500);
  });

  it('leaves shorter frames as they are', () => {
    const frame = tcpFrame();
    expect(cutRecord(record(frame), frame.length).frame).toBe(frame);
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
