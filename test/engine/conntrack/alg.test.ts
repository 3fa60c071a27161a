import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import { dissect } from '../../support/dissect.js';
import { tcpFrame, udpFrame } from '../../support/packets.js';
import { A, B, N, perDesign, type TrackerBed, V } from '../../support/tracker-bed.js';

const FTP: ExecRequest = { commit: true, helper: 'ftp' };
const SNAT: ExecRequest = { ...FTP, nat: { type: 'src', minAddress: N } };
const DNAT: ExecRequest = { ...FTP, nat: { type: 'dst', minAddress: B } };

/** An FTP control connection from A to `server`, and its segments. */
class Control {
  readonly t: TrackerBed;
  readonly request: ExecRequest;
  readonly ends: { client: string; server: string; seenClient: string; realServer: string };

  constructor(
    t: TrackerBed,
    request: ExecRequest = FTP,
    ends = { client: A, server: B, seenClient: A, realServer: B },
  ) {
    this.t = t;
    this.request = request;
    this.ends = ends;
    this.client('', 'S', { seq: 99 });
    this.server('', 'SA', { seq: 499, ack: 100 });
    this.client('', 'A', { seq: 100, ack: 500 });
  }

  client(payload: string, flags = 'PA', numbers: { seq?: number; ack?: number } = {}) {
    const { client, server } = this.ends;
    const frame = tcpFrame({
      src: client,
      dst: server,
      srcPort: 1024,
      dstPort: 21,
      flags,
      payload,
      ...numbers,
    });
    return this.#pass(frame);
  }

  server(payload: string, flags = 'PA', numbers: { seq?: number; ack?: number } = {}) {
    const { seenClient, realServer } = this.ends;
    return this.#pass(
      tcpFrame({ src: realServer, dst: seenClient, srcPort: 21, dstPort: 1024, flags, payload, ...numbers }),
    );
  }

  #pass(frame: Uint8Array) {
    const seen = this.t.send(frame, this.request);
    const parts = dissect(seen.frame);
    expect(parts.badChecksums).toEqual([]);
    return { ...seen, ...parts, text: Buffer.from(parts.payload).toString() };
  }
}

const port = (address: string, number: number): string =>
  `PORT ${address.replaceAll('.', ',')},${number >> 8},${number & 255}\r\n`;

perDesign((bed, design) => {
  describe('FTP', () => {
    it('an active data connection is related, and belongs to its control connection (assertion 87)', () => {
      const t = bed();
      const control = new Control(t);
      expect(control.client(port(A, 4000), 'PA', { seq: 100, ack: 500 }).state).toBe('est|trk');
      expect(t.tracker.expectations()).toMatchObject([
        { expected: { src: B, dst: A, dstPort: 4000 }, zone: 0 },
      ]);
      expect(t.tcp(`${B}:20`, `${A}:4000`, 'S', {}, FTP)).toBe('new|rel|trk');
      expect(t.tcp(`${A}:4000`, `${B}:20`, 'SA', { ack: 1 }, FTP)).toBe('est|rel|rpl|trk');
      // Any source port, and as often as wanted: a match does not use the expectation up.
      expect(t.tcp(`${B}:2020`, `${A}:4000`, 'S', {}, FTP)).toBe('new|rel|trk');
      expect(t.tcp(`${B}:20`, `${A}:4001`, 'S', {}, FTP)).toBe('new|trk');
      const data = t.entries().filter((entry) => entry.parent !== null);
      expect(data.map((entry) => entry.parent)).toEqual(
        Array(2).fill(expect.objectContaining({ src: A, srcPort: 1024, dst: B, dstPort: 21 })),
      );
    });

    it('the parent of a data connection takes a slot of its own, which goes with it', () => {
      const t = bed();
      const control = new Control(t);
      control.client(port(A, 4000), 'PA', { seq: 100, ack: 500 });
      t.tcp(`${B}:20`, `${A}:4000`, 'S', {}, FTP);
      t.tcp(`${B}:21`, `${A}:4000`, 'S', {}, FTP);
      // One that creates narrowly keeps up to two ready for the next, and with shards 16 more.
      const ready = traitsOf(design).shards > 0 ? 18 : 2;
      const taken = t.tracker.slotsInUse - t.tracker.connCount;
      expect(taken).toBeGreaterThanOrEqual(2);
      expect(taken).toBeLessThanOrEqual(2 + ready);
      t.tracker.flush();
      expect(t.tracker.slotsInUse).toBe(taken - 2);
    });

    it('nothing is expected without a helper', () => {
      const t = bed();
      const control = new Control(t, { commit: true });
      control.client(port(A, 4000), 'PA', { seq: 100, ack: 500 });
      expect(t.tracker.expectations()).toEqual([]);
      expect(t.only.helper).toBeNull();
    });

    it.each([
      ['a foreign address', 'PORT 10,9,9,9,15,160\r\n'],
      ['a number above 255', 'PORT 10,1,1,1,256,160\r\n'],
      ['too few numbers', 'PORT 10,1,1,1,15\r\n'],
      ['no space', 'PORT10,1,1,1,15,160\r\n'],
    ])('%s makes the packet invalid besides what it is (assertion 90)', (_what, text) => {
      const t = bed();
      const seen = new Control(t).client(text, 'PA', { seq: 100, ack: 500 });
      expect(seen).toMatchObject({ state: 'est|inv|trk', reason: 'alg-malformed', text });
      expect(t.tracker.expectations()).toEqual([]);
    });

    it('an address is rewritten, and later sequence numbers with it (assertion 91)', () => {
      const t = bed();
      const control = new Control(t, SNAT, { client: A, server: B, seenClient: N, realServer: B });
      const text = port(A, 4000);
      const announced = control.client(text, 'PA', { seq: 100, ack: 500 });
      expect(announced).toMatchObject({ state: 'est|trk|snat', src: N, text: port(N, 4000), seq: 100 });
      // The address grew by two bytes: what the server acknowledges is two more than what the client sent.
      const length = text.length;
      expect(control.server('', 'A', { seq: 500, ack: 100 + length + 2 }).ack).toBe(100 + length);
      expect(control.client('QUIT\r\n', 'PA', { seq: 100 + length, ack: 500 }).seq).toBe(100 + length + 2);
      const data = t.send(tcpFrame({ src: B, dst: N, srcPort: 20, dstPort: 4000, flags: 'S' }), SNAT);
      expect(data.state).toBe('new|rel|trk|dnat');
      expect(dissect(data.frame)).toMatchObject({ dst: A, dport: 4000, badChecksums: [] });
    });

    it('a passive reply behind a virtual address is rewritten to it (assertion 92)', () => {
      const t = bed();
      const control = new Control(t, DNAT, { client: A, server: V, seenClient: A, realServer: B });
      const seen = control.server('227 Entering Passive Mode (10,1,1,2,19,136).\r\n', 'PA', {
        seq: 500,
        ack: 100,
      });
      expect(seen.text).toBe('227 Entering Passive Mode (10,1,1,100,19,136).\r\n');
      const data = t.send(tcpFrame({ src: A, dst: V, srcPort: 3333, dstPort: 5000, flags: 'S' }), DNAT);
      expect(data.state).toBe('new|rel|trk|dnat');
      expect(dissect(data.frame)).toMatchObject({ dst: B, dport: 5000 });
    });

    it('IPv6 announces with EPRT and EPSV (assertion 95)', () => {
      const ends = { client: 'fd00::1', server: 'fd00::2', seenClient: 'fd00::1', realServer: 'fd00::2' };
      const t = bed();
      const control = new Control(t, FTP, ends);
      expect(control.client('EPRT |2|fd00::1|4000|\r\n', 'PA', { seq: 100, ack: 500 }).state).toBe('est|trk');
      const reply = '229 Entering Extended Passive Mode (|||5000|)\r\n';
      expect(control.server(reply, 'PA', { seq: 500, ack: 123 }).state).toBe('est|rpl|trk');
      const ports = t.tracker.expectations().map((each) => each.expected.dstPort);
      expect(ports.toSorted()).toEqual([4000, 5000]);
      expect(control.client('EPRT |1|10.1.1.1|4000|\r\n', 'PA', { seq: 123, ack: 500 }).state).toBe(
        'est|inv|trk',
      );
    });

    it('extended messages over IPv4 are understood only when switched on', () => {
      const after = (switches: object): number => {
        const t = bed({ switches });
        new Control(t).client(`EPRT |1|${A}|4000|\r\n`, 'PA', { seq: 100, ack: 500 });
        return t.tracker.expectations().length;
      };
      expect([after({}), after({ ftpIpv4Extended: true })]).toEqual([0, 1]);
    });

    it('a data connection inherits the mark, and keeps it (assertion 94)', () => {
      const t = bed();
      const marked = (value: number): ExecRequest => ({ ...FTP, mark: { value, mask: 0xffff_ffff } });
      new Control(t, marked(5)).client(port(A, 4000), 'PA', { seq: 100, ack: 500 });
      const data = t.send(tcpFrame({ src: B, dst: A, srcPort: 20, dstPort: 4000, flags: 'S' }), marked(7));
      expect(data).toMatchObject({ state: 'new|rel|trk', mark: 5 });
    });

    it('an expectation lives in its zone, and as long as its control connection (assertion 96)', () => {
      const t = bed();
      new Control(t).client(port(A, 4000), 'PA', { seq: 100, ack: 500 });
      expect(t.tcp(`${B}:20`, `${A}:4000`, 'S', {}, { ...FTP, zone: 2 })).toBe('new|trk');
      t.tracker.flush(0);
      expect(t.tracker.expectations()).toEqual([]);
      expect(t.tcp(`${B}:20`, `${A}:4000`, 'S', {}, FTP)).toBe('new|trk');
    });
  });

  describe('TFTP', () => {
    it('the answer may come from any port (assertion 93)', () => {
      const t = bed();
      const request: ExecRequest = { commit: true, helper: 'tftp' };
      t.send(
        udpFrame({ src: A, dst: B, srcPort: 3000, dstPort: 69, payload: '\0\x01file\0octet\0' }),
        request,
      );
      expect(t.udp(`${B}:40000`, `${A}:3000`, request)).toBe('new|rel|trk');
      expect(t.udp(`${A}:3000`, `${B}:40000`, request)).toBe('est|rel|rpl|trk');
      expect(t.udp(`${B}:40000`, `${A}:3001`, request)).toBe('new|trk');
    });
  });

  it('an ICMP error about a TCP connection is no FTP, whatever its bytes look like', () => {
    const t = bed();
    const syn =
      '6000000000140640' +
      '20010db8000000000000000000000001' +
      '20010db8000000000000000000000002' +
      '0fa00050000003e800000000500203e83cae0000';
    const ethernet = '020202020202040404040404';
    // Its sender's second byte is TCP's number, where detection looks for that behind a VLAN tag, and its checksum FTP's port.
    const error =
      '6000000000443a40' +
      '20060000000000000000000000000009' +
      '20010db8000000000000000000000001' +
      `0100001500004a69${syn}`;
    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
    expect(t.send(bytes(`${ethernet}86dd${syn}`), { commit: true }).state).toBe('new|trk');
    const frame = bytes(`${ethernet}8100000586dd${error}`);
    const seen = t.send(frame, { commit: true });
    expect(seen.state).toBe('rel|rpl|trk');
    expect(Buffer.from(seen.frame).equals(frame)).toBe(true);
  });
});
