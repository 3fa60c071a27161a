import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { tcpFrame } from '../../support/packets.js';
import { A, B, perDesign, type TrackerBed } from '../../support/tracker-bed.js';

const CLIENT = `${A}:40000`;
const SERVER = `${B}:80`;

type Fields = NonNullable<Parameters<TrackerBed['tcp']>[3]>;
const client = (t: TrackerBed, flags: string, fields: Fields = {}): string =>
  t.tcp(CLIENT, SERVER, flags, fields);
const server = (t: TrackerBed, flags: string, fields: Fields = {}): string =>
  t.tcp(SERVER, CLIENT, flags, fields);
const peers = (t: TrackerBed): string => (t.only.tcp ?? []).map((peer) => peer.state).join('/');
const scale = (shift: number): Uint8Array => Uint8Array.of(3, 3, shift, 1);

perDesign((bed, design) => {
  describe('opening', () => {
    it('SYN, SYN+ACK, ACK: states, peers and timeouts (spec §3, §5)', () => {
      const t = bed();
      expect(client(t, 'S', { seq: 1000 })).toBe('new|trk');
      expect(client(t, 'S', { seq: 1000 })).toBe('new|trk');
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['SYN_SENT/CLOSED', 30]);
      expect(server(t, 'SA', { seq: 5000, ack: 1001 })).toBe('est|rpl|trk');
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['ESTABLISHED/SYN_SENT', 30]);
      expect(client(t, 'A', { seq: 1001, ack: 5001 })).toBe('est|trk');
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['ESTABLISHED/ESTABLISHED', 86400]);
    });

    it.each(['S', 'A', 'FA', 'PA', 'FPUA', 'R', 'RA'])('%s may begin a connection', (flags) => {
      const t = bed();
      expect(client(t, flags, { seq: 9, ack: 9 })).toBe('new|trk');
      expect(t.entries()).toHaveLength(1);
    });

    it.each(['SA', 'SF', 'SR', '', 'F', 'P', 'U', 'FP'])("'%s' may not", (flags) => {
      const t = bed();
      expect(client(t, flags)).toBe('inv|trk');
      expect(t.entries()).toHaveLength(0);
    });

    it('a connection met in the middle is liberal about windows on both sides', () => {
      const t = bed();
      expect(client(t, 'A', { seq: 7, ack: 9, payload: 'x'.repeat(100) })).toBe('new|trk');
      expect(t.only.tcp?.map((peer) => peer.liberal)).toEqual([true, true]);
      expect(server(t, 'A', { seq: 9, ack: 107, payload: 'y' })).toBe('est|rpl|trk');
    });

    it('knows window scales: at most 14, and none unless both sides have one', () => {
      const t = bed();
      client(t, 'S', { seq: 1000, options: scale(15) });
      expect(t.only.tcp?.[0]).toMatchObject({ windowScale: 14, windowScaleKnown: true });
      server(t, 'SA', { seq: 5000, ack: 1001 });
      expect(t.only.tcp?.map((peer) => peer.windowScale)).toEqual([0, 0]);
    });
  });

  describe('closing', () => {
    it('one side, then the other', () => {
      const t = bed();
      t.establish();
      expect(client(t, 'FA', { seq: 1001, ack: 5001 })).toBe('est|trk');
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['CLOSING/ESTABLISHED', 900]);
      expect(server(t, 'A', { seq: 5001, ack: 1002 })).toBe('est|rpl|trk');
      expect(peers(t)).toBe('FIN_WAIT_2/ESTABLISHED');
      server(t, 'FA', { seq: 5001, ack: 1002 });
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['FIN_WAIT_2/CLOSING', 45]);
      client(t, 'A', { seq: 1002, ack: 5002 });
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['FIN_WAIT_2/FIN_WAIT_2', 30]);
    });

    it('a reset ends it at once, when its number fits', () => {
      const t = bed();
      t.establish();
      expect(client(t, 'R', { seq: 1002 })).toBe('inv|trk');
      expect(peers(t)).toBe('ESTABLISHED/ESTABLISHED');
      expect(client(t, 'R', { seq: 1001 })).toBe('est|trk');
      expect([peers(t), t.only.timeoutSeconds]).toEqual(['TIME_WAIT/TIME_WAIT', 30]);
    });

    it('a SYN opens a closed connection anew, oriented by that SYN', () => {
      const t = bed();
      t.establish();
      client(t, 'R', { seq: 1001 });
      expect(server(t, 'S', { seq: 77 })).toBe('new|trk');
      expect(t.only.original).toMatchObject({ src: B, srcPort: 80 });
      // The old record goes at once, or waits for the sweep: that is the difference between the designs.
      expect(t.tracker.connCount).toBe(traitsOf(design).expireRemoves ? 1 : 2);
      t.sweepAll();
      expect(t.tracker.connCount).toBe(1);
    });

    it('a SYN while only one side has closed is out of place', () => {
      const t = bed();
      t.establish();
      client(t, 'FA', { seq: 1001, ack: 5001 });
      expect(client(t, 'S', { seq: 7000 })).toBe('inv|trk');
    });
  });

  describe('windows', () => {
    it.each([
      ['data at the far end of the window', 'PA', { seq: 3000, ack: 5001, payload: 'x' }, 'est|trk'],
      ['data behind it', 'PA', { seq: 3001, ack: 5001, payload: 'x' }, 'inv|trk'],
      ['data a window back', 'PA', { seq: -1000, ack: 5001, payload: 'x' }, 'est|trk'],
      ['data before that', 'PA', { seq: -1001, ack: 5001, payload: 'x' }, 'inv|trk'],
      ['an ack as far back as allowed', 'A', { seq: 1001, ack: 5001 - 67035 }, 'est|trk'],
      ['an ack behind that', 'A', { seq: 1001, ack: 5001 - 67036 }, 'inv|trk'],
      ['an ack as far ahead as allowed', 'A', { seq: 1001, ack: 5001 + 67035 }, 'est|trk'],
      ['an ack ahead of that', 'A', { seq: 1001, ack: 5001 + 67036 }, 'inv|trk'],
      ['a bare ack with any number', 'A', { seq: 123_456_789, ack: 5001 }, 'est|trk'],
    ] as const)('%s', (_what, flags, fields, state) => {
      const t = bed();
      t.establish();
      const before = t.lines();
      expect(client(t, flags, { ...fields, seq: fields.seq >>> 0, ack: fields.ack >>> 0 })).toBe(state);
      if (state === 'inv|trk') expect(t.lines()).toEqual(before);
    });

    it('are not looked at when the check is off', () => {
      const t = bed({ tcpSeqCheck: false });
      t.establish();
      expect(client(t, 'PA', { seq: 900_000, ack: 5001, payload: 'x' })).toBe('est|trk');
    });

    it('a transfer with scaled windows stays established, byte by byte, over the wrap of sequence numbers', () => {
      const start = 0xffff_f000;
      const t = bed();
      client(t, 'S', { seq: start, options: scale(7) });
      server(t, 'SA', { seq: start, ack: start + 1, options: scale(7) });
      client(t, 'A', { seq: start + 1, ack: start + 1, window: 500 });
      let seq = start + 1;
      for (let i = 0; i < 64; i++) {
        expect(
          client(t, 'PA', { seq: seq >>> 0, ack: start + 1, window: 500, payload: 'x'.repeat(1000) }),
        ).toBe('est|trk');
        seq += 1000;
        expect(server(t, 'A', { seq: start + 1, ack: seq >>> 0, window: 500 })).toBe('est|rpl|trk');
      }
    });
  });

  it('malformed headers and impossible flags change nothing', () => {
    const t = bed();
    t.establish();
    const before = t.lines();
    const bad = [
      { dataOffsetWords: 4 },
      { dataOffsetWords: 6 },
      { badChecksums: ['tcp'] as const },
      { flags: '' },
      { flags: 'SF' },
      { flags: 'P' },
    ];
    for (const fields of bad) {
      const seen = t.send(tcpFrame({ src: A, dst: B, seq: 1001, ack: 5001, ...fields }));
      expect(seen.state).toBe('inv|trk');
      expect(seen.reason, JSON.stringify(fields)).toMatch(/^tcp-(header|checksum|flags)$/);
    }
    expect(t.lines()).toEqual(before);
  });

  it('any segments in any order leave at most one live connection per tuple', () => {
    const t = bed();
    const segment = fc.record({
      fromServer: fc.boolean(),
      flags: fc.nat(63),
      seq: fc.constantFrom(0, 1, 2, 1000, 70_000, 0xffff_fff0),
      ack: fc.constantFrom(0, 1, 2, 70_000, 0xffff_fff0),
      waitMs: fc.constantFrom(0, 1, 31_000),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 30 }), (segments) => {
        t.tracker.reset();
        for (const { fromServer, flags, seq, ack, waitMs } of segments) {
          t.wait(waitMs);
          const [src, dst, srcPort, dstPort] = fromServer ? [B, A, 80, 40000] : [A, B, 40000, 80];
          const { state } = t.send(tcpFrame({ src, dst, srcPort, dstPort, flags, seq, ack }));
          expect(state).toMatch(/^(new|est|inv|est\|rpl)\|trk$/);
          expect(t.entries().filter((entry) => entry.expirationMs > t.nowMs).length).toBeLessThan(2);
        }
        t.tracker.flush();
        expect(t.tracker.connCount).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
