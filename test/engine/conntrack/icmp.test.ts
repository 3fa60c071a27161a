import { describe, expect, it } from 'vitest';
import { buildFrame, echoFrame, quoteOf, tcpFrame, udpFrame, type IcmpSpec } from '../../support/packets.js';
import { A, B, C, perDesign, R, type TrackerBed } from '../../support/tracker-bed.js';

const A6 = 'fd00::1';
const B6 = 'fd00::2';
const R6 = 'fd00:9::9';

const query = (icmp: IcmpSpec, src = A, dst = B): Uint8Array => buildFrame({ ipv4: { src, dst }, icmp });
const query6 = (icmpv6: IcmpSpec, src = A6, dst = B6): Uint8Array =>
  buildFrame({ ipv6: { src, dst }, icmpv6 });

/** An error from a router to `dst` that quotes `bytes` bytes of a frame's IP packet. */
function errorAbout(
  frame: Uint8Array,
  dst: string,
  type = 3,
  bytes = 28,
  more: Partial<IcmpSpec> = {},
): Uint8Array {
  return query({ type, code: type === 3 ? 3 : 0, rest: 0, quote: quoteOf(frame, bytes), ...more }, R, dst);
}

const there = udpFrame({ src: A, dst: B, srcPort: 1, dstPort: 2 });
const back = udpFrame({ src: B, dst: A, srcPort: 2, dstPort: 1 });

function expired(t: TrackerBed): number {
  return t.entries().filter((entry) => entry.expirationMs <= t.nowMs).length;
}

perDesign((bed) => {
  describe('queries', () => {
    it.each([
      [8, 0],
      [13, 14],
      [15, 16],
    ])('ICMP type %d is answered by %d of the same id', (request, reply) => {
      const t = bed();
      const send = (type: number, id: number, src = A, dst = B): string =>
        t.send(query({ type, id }, src, dst)).state;
      expect([send(request, 9), send(request, 9), send(request, 9)]).toEqual(Array(3).fill('new|trk'));
      expect(send(reply, 8, B, A)).toBe('inv|trk');
      expect(send(reply, 9, B, A)).toBe('est|rpl|trk');
      expect(send(request, 9)).toBe('est|trk');
      expect(t.only.original).toMatchObject({ icmpId: 9, icmpType: request, icmpCode: 0 });
      expect(t.only.reply).toMatchObject({ icmpId: 9, icmpType: reply, icmpCode: 0 });
      expect(t.only.timeoutSeconds).toBe(30);
      // The other side's own query with that id is another connection.
      expect(send(request, 9, B, A)).toBe('new|trk');
    });

    it('IPv6 echo', () => {
      const t = bed();
      expect(t.send(query6({ type: 128, id: 4 })).state).toBe('new|trk');
      expect(t.send(query6({ type: 129, id: 4 }, B6, A6)).state).toBe('est|rpl|trk');
    });

    it('types that nothing asked for, and codes that do not exist', () => {
      const t = bed();
      for (const type of [0, 14, 16, 9, 10, 17, 18])
        expect(t.send(query({ type, id: 1 })).state).toBe('inv|trk');
      for (const type of [129, 133, 135, 136, 143])
        expect(t.send(query6({ type, id: 1 })).state).toBe('inv|trk');
      expect(t.send(query({ type: 8, code: 1, id: 1 })).reason).toBe('icmp-type');
      expect(t.send(echoFrame({ badChecksums: ['icmp'] })).reason).toBe('icmp-checksum');
      expect(t.lines()).toEqual([]);
    });
  });

  describe('errors', () => {
    it.each([3, 4, 5, 11, 12])('type %d about a known connection is related, in either direction', (type) => {
      const t = bed();
      t.send(there);
      t.wait(50_000);
      expect(t.send(errorAbout(there, A, type)).state).toBe('rel|rpl|trk');
      expect(t.send(errorAbout(back, B, type)).state).toBe('rel|trk');
      // An error refreshes nothing.
      expect(t.only.timeoutSeconds).toBe(10);
    });

    it('about nothing known, for another host, with a wrong checksum, or about an error', () => {
      const t = bed();
      t.send(there);
      expect(t.send(errorAbout(udpFrame({ srcPort: 5 }), A)).reason).toBe('related-unknown');
      expect(t.send(errorAbout(there, C)).reason).toBe('icmp-quote');
      expect(t.send(errorAbout(there, A, 3, 28, { checksum: 1 })).reason).toBe('icmp-checksum');
      expect(t.send(errorAbout(errorAbout(there, A), R)).state).toBe('inv|trk');
      expect(t.lines()).toHaveLength(1);
    });

    it('needs 8 bytes of the quoted header behind IPv4, and a whole TCP header behind IPv6', () => {
      const t = bed();
      t.send(there);
      expect(t.send(errorAbout(there, A, 3, 28)).state).toBe('rel|rpl|trk');
      expect(t.send(errorAbout(there, A, 3, 27)).state).toBe('inv|trk');

      const syn = tcpFrame({ src: A6, dst: B6, flags: 'S' });
      t.send(syn);
      const error = (bytes: number): string =>
        t.send(query6({ type: 3, rest: 0, quote: quoteOf(syn, 40 + bytes) }, R6, A6)).state;
      expect([error(20), error(19)]).toEqual(['rel|rpl|trk', 'inv|trk']);
    });

    it('about an echo, quoted by a router', () => {
      const t = bed();
      const echo = echoFrame({ id: 3 });
      t.send(echo);
      expect(t.send(errorAbout(echo, A, 11)).state).toBe('rel|rpl|trk');
      expect(t.send(errorAbout(echoFrame({ id: 4 }), A, 11)).state).toBe('inv|trk');
    });

    it('with force removes the connection and is invalid itself (assertion 57)', () => {
      const t = bed();
      t.send(there);
      expect(t.send(errorAbout(there, A), { commit: true, force: true }).state).toBe('inv|trk');
      expect(t.entries().length - expired(t)).toBe(0);
    });
  });
});
