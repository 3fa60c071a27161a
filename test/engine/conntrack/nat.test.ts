import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../engine/host/design-traits.js';
import type { ExecRequest, NatRequest } from '../../../engine/host/exec-params.js';
import { dissect } from '../../support/dissect.js';
import { buildFrame, echoFrame, quoteOf, tcpFrame, udpFrame } from '../../support/packets.js';
import { A, B, C, N, perDesign, R, TrackerBed, V } from '../../support/tracker-bed.js';

const X = '10.1.1.9';

/** Requests of a translating middlebox: commit with a translation, and translate what is known. */
const commitNat = (nat: NatRequest): ExecRequest => ({ commit: true, nat });
const source = (ports?: readonly [number, number], minAddress = N, maxAddress?: string): ExecRequest =>
  commitNat({ type: 'src', minAddress, maxAddress, ports });
const destination = (minAddress: string, ports?: readonly [number, number]): ExecRequest =>
  commitNat({ type: 'dst', minAddress, ports });
const KNOWN: ExecRequest = { nat: { type: 'none' } };

/** Sends a frame and takes apart what came out; a wrong checksum throws. */
function pass(t: TrackerBed, frame: Uint8Array, request: ExecRequest) {
  const seen = t.send(frame, request);
  const parts = dissect(seen.frame);
  expect(parts.badChecksums).toEqual([]);
  return { ...seen, ...parts, tuple: `${parts.src}:${parts.sport}>${parts.dst}:${parts.dport}` };
}

const udp = (src: string, srcPort: number, dst: string, dstPort: number): Uint8Array =>
  udpFrame({ src, srcPort, dst, dstPort, payload: 'hello' });

perDesign((bed, design) => {
  describe('source translation', () => {
    it('there and back, with valid checksums', () => {
      const t = bed();
      expect(pass(t, udp(A, 1000, B, 53), source())).toMatchObject({
        state: 'new|trk|snat',
        tuple: `${N}:1000>${B}:53`,
      });
      expect(pass(t, udp(B, 53, N, 1000), KNOWN)).toMatchObject({
        state: 'est|rpl|trk|dnat',
        tuple: `${B}:53>${A}:1000`,
      });
      // Without a request to translate the reply is known, and left as it is.
      expect(pass(t, udp(B, 53, N, 1000), {})).toMatchObject({
        state: 'est|rpl|trk',
        tuple: `${B}:53>${N}:1000`,
      });
      // A reply to the address before translation is somebody else's packet.
      expect(pass(t, udp(B, 53, A, 1000), KNOWN).state).toBe('new|trk');
      expect([t.tracker.connCount, t.tracker.tableCount, t.entries().length]).toEqual([1, 2, 1]);
    });

    it.each([
      [1000, 1024],
      [300, 301],
      [550, 600],
      [65535, 1024],
      [511, 1],
      [1023, 600],
    ])('a taken port %d becomes %d: the next of its window (assertion 67)', (port, next) => {
      const t = bed();
      const expectedNext = port === 1000 ? 1001 : next;
      expect(pass(t, udp(A, port, B, 53), source()).sport).toBe(port);
      expect(pass(t, udp(C, port, B, 53), source()).sport).toBe(expectedNext);
    });

    it('a port range, then exhaustion: untranslated, and not stored (assertion 68)', () => {
      const t = bed();
      const ports = ['10.2.0.1', '10.2.0.2'].map(
        (src) => pass(t, udp(src, 7, B, 53), source([34567, 34568])).sport,
      );
      expect(ports.toSorted()).toEqual([34567, 34568]);
      const third = pass(t, udp('10.2.0.3', 7, B, 53), source([34567, 34568]));
      expect(third).toMatchObject({ state: 'new|trk', reason: 'nat-exhausted', tuple: `10.2.0.3:7>${B}:53` });
      expect(t.tracker.connCount).toBe(2);
    });

    it('uses all of a hundred ports, each once (assertion 69)', () => {
      const t = bed({ seed: 5 });
      const sports = new Set<number>();
      let stored = 0;
      for (let i = 0; i < 300; i++) {
        const seen = pass(t, udp(`10.2.${i >> 8}.${i & 255}`, 5000, B, 53), source([2000, 2099]));
        if (seen.state !== 'new|trk|snat') continue;
        stored += 1;
        sports.add(seen.sport);
      }
      expect([stored, sports.size]).toEqual([100, 100]);
    });

    it('a larger range is filled up to where the bounded search stops (assertion 69)', () => {
      const t = bed({ seed: 5 });
      let stored = 0;
      for (let i = 0; i < 300; i++) {
        const { state } = pass(t, udp(`10.2.${i >> 8}.${i & 255}`, 5000, B, 53), source([2000, 2299]));
        if (state === 'new|trk|snat') stored += 1;
      }
      // 128 + 64 + 32 + 16 + 8 candidates of 300 are looked at.
      expect(stored).toBeGreaterThan(270);
      expect(stored).toBeLessThanOrEqual(300);
      expect(t.tracker.connCount).toBe(stored);
    });

    it('an address range is used by a hash of the tuple, and stays inside', () => {
      const t = bed();
      const used = new Set<string>();
      for (let i = 1; i <= 60; i++) {
        used.add(pass(t, udp(A, i, B, 53), source(undefined, '10.1.1.240', '10.1.1.243')).src);
      }
      expect([...used].toSorted()).toEqual(['10.1.1.240', '10.1.1.241', '10.1.1.242', '10.1.1.243']);
    });

    it('ICMP ids are not moved: a second host with the same id stays untranslated (assertion 71)', () => {
      const t = bed();
      expect(pass(t, echoFrame({ src: A, dst: B, id: 9 }), source()).state).toBe('new|trk|snat');
      expect(pass(t, echoFrame({ src: C, dst: B, id: 9 }), source())).toMatchObject({
        state: 'new|trk',
        src: C,
      });
      expect(pass(t, echoFrame({ src: C, dst: B, id: 10 }), source()).state).toBe('new|trk|snat');
      expect(pass(t, echoFrame({ src: B, dst: N, id: 9, reply: true }), KNOWN).dst).toBe(A);
    });

    it('of the all-zero address keeps the source (assertion 76)', () => {
      const t = bed();
      expect(pass(t, udp(A, 1000, B, 53), source(undefined, '0.0.0.0'))).toMatchObject({
        state: 'new|trk|snat',
        tuple: `${A}:1000>${B}:53`,
      });
      expect(t.tracker.tableCount).toBe(2);
      expect(pass(t, udp(B, 53, A, 1000), KNOWN)).toMatchObject({ state: 'est|rpl|trk|dnat', dst: A });
    });

    it('a UDP checksum of 0 stays 0', () => {
      const t = bed();
      const { frame } = t.send(udpFrame({ src: A, dst: B, checksum: 0 }), source());
      expect(Buffer.from(frame).readUInt16BE(14 + 20 + 6)).toBe(0);
    });

    it('an out-of-window segment is invalid, and translated all the same (assertion 74)', () => {
      const t = bed();
      const segment = (fields: object): Uint8Array => tcpFrame({ src: A, dst: B, ...fields });
      pass(t, segment({ flags: 'S', seq: 1000 }), source());
      pass(
        t,
        tcpFrame({ src: B, dst: N, srcPort: 80, dstPort: 40000, flags: 'SA', seq: 5000, ack: 1001 }),
        KNOWN,
      );
      expect(
        pass(t, segment({ flags: 'PA', seq: 900_000, ack: 5001, payload: 'x' }), source()),
      ).toMatchObject({
        state: 'inv|trk|snat',
        src: N,
      });
    });

    it('a re-opened connection finds its port free or still taken: the designs differ (assertion 78)', () => {
      const t = bed();
      const syn = tcpFrame({ src: A, dst: B, flags: 'S', seq: 1 });
      pass(t, syn, source());
      pass(t, tcpFrame({ src: B, dst: N, srcPort: 80, dstPort: 40000, flags: 'RA', ack: 2 }), KNOWN);
      expect(pass(t, syn, source()).sport).toBe(traitsOf(design).expireRemoves ? 40000 : 40001);
    });
  });

  describe('destination translation', () => {
    it('there and back, with a port (assertions 72, 73)', () => {
      const t = bed();
      expect(pass(t, udp(A, 1000, V, 80), destination(X, [8080, 8080]))).toMatchObject({
        state: 'new|trk|dnat',
        tuple: `${A}:1000>${X}:8080`,
      });
      expect(pass(t, udp(X, 8080, A, 1000), KNOWN)).toMatchObject({
        state: 'est|rpl|trk|snat',
        tuple: `${V}:80>${A}:1000`,
      });
    });

    it('two virtual addresses for one server: the second client port moves', () => {
      const t = bed();
      expect(pass(t, udp(A, 1000, V, 80), destination(X)).sport).toBe(1000);
      expect(pass(t, udp(A, 1000, '10.1.1.101', 80), destination(X)).sport).toBe(1001);
      expect(pass(t, udp(X, 80, A, 1001), KNOWN).tuple).toBe(`10.1.1.101:80>${A}:1000`);
    });
  });

  describe('ICMP errors about translated connections', () => {
    const error = (about: Uint8Array, src: string, dst: string): Uint8Array =>
      buildFrame({ ipv4: { src, dst }, icmp: { type: 3, code: 1, rest: 0, quote: quoteOf(about, 1000) } });

    it('from a router outside: outer and quoted packet go back to the client (assertion 82)', () => {
      const t = bed();
      const out = pass(t, udp(A, 1000, B, 53), source()).frame;
      const seen = pass(t, error(out, R, N), KNOWN);
      expect(seen).toMatchObject({ state: 'rel|rpl|trk|dnat', src: R, dst: A });
      const quoted = dissect(Uint8Array.of(...seen.frame.subarray(0, 14), ...seen.payload));
      expect(quoted).toMatchObject({ src: A, sport: 1000, dst: B, dport: 53, badChecksums: [] });
    });

    it('from the client about a reply: the source becomes the translated address (assertion 83)', () => {
      const t = bed();
      pass(t, udp(A, 1000, B, 53), source());
      expect(pass(t, error(udp(B, 53, A, 1000), A, B), KNOWN)).toMatchObject({
        state: 'rel|trk|snat',
        src: N,
      });
    });

    it('behind a virtual address, a router speaks with that address (assertion 84)', () => {
      const t = bed();
      const out = pass(t, udp(A, 1000, V, 80), destination(X)).frame;
      expect(pass(t, error(out, R, A), KNOWN)).toMatchObject({ state: 'rel|rpl|trk|snat', src: V, dst: A });
    });

    const A6 = 'fd00::1';
    const B6 = 'fd00::2';
    const N6 = 'fd00::f0';
    it.each([
      ['UDP', udpFrame({ src: A6, dst: B6, payload: 'abc' }), 'udp'],
      ['TCP', tcpFrame({ src: A6, dst: B6, flags: 'S' }), 'tcp'],
    ])(
      'IPv6 Packet Too Big about %s keeps its MTU, and every checksum fits (assertion 85)',
      (_name, frame, upper) => {
        const t = bed();
        const out = t.send(frame, source(undefined, N6)).frame;
        const seen = pass(
          t,
          buildFrame({
            ipv6: { src: B6, dst: N6 },
            icmpv6: { type: 2, rest: 1280, quote: quoteOf(out, 1000) },
          }),
          KNOWN,
        );
        expect(seen.state).toBe('rel|rpl|trk|dnat');
        expect(Buffer.from(seen.frame).readUInt32BE(14 + 40 + 4)).toBe(1280);
        const quoted = dissect(Uint8Array.of(...seen.frame.subarray(0, 14), ...seen.payload));
        expect(quoted).toMatchObject({ upper, badChecksums: [] });
        expect(quoted.src.endsWith('01')).toBe(true);
      },
    );
  });

  it('a bare commit is an ordinary connection; with bareNatZeroTuple, as upstream, no reply meets it', () => {
    const bare: ExecRequest = { commit: true, nat: { type: 'none' } };
    const ordinary = bed();
    expect(pass(ordinary, udp(A, 1000, B, 53), bare).state).toBe('new|trk');
    expect(pass(ordinary, udp(B, 53, A, 1000), bare).state).toBe('est|rpl|trk');
    const upstream = bed({ switches: { bareNatZeroTuple: true } });
    expect(pass(upstream, udp(A, 1000, B, 53), bare).state).toBe('new|trk');
    expect(pass(upstream, udp(B, 53, A, 1000), bare).state).toBe('new|trk');
    // The zero tuple of this server is taken: another client port cannot be committed.
    const before = upstream.tracker.connCount;
    expect(pass(upstream, udp(A, 1001, B, 53), bare)).toMatchObject({
      state: 'new|trk',
      reason: 'nat-exhausted',
    });
    expect(upstream.tracker.connCount).toBe(before);
    // A translation that is asked for is the same.
    expect(pass(upstream, udp(A, 7, C, 53), source()).state).toBe('new|trk|snat');
    expect(pass(upstream, udp(C, 53, N, 7), KNOWN).state).toBe('est|rpl|trk|dnat');
  });

  it('a commit with a bare request is no translation: the reply is a reply (assertion 77)', () => {
    const t = bed();
    expect(pass(t, udp(A, 1000, B, 53), { commit: true, nat: { type: 'none' } }).state).toBe('new|trk');
    expect(pass(t, udp(B, 53, A, 1000), KNOWN)).toMatchObject({
      state: 'est|rpl|trk',
      tuple: `${B}:53>${A}:1000`,
    });
    expect(t.lines()).toHaveLength(1);
  });

  describe('translations that change nothing, spec §13', () => {
    it('to the own address or all-zero, expired and not swept, met again: a new connection', () => {
      for (const address of [A, '0.0.0.0']) {
        const t = bed();
        const again = (): string => pass(t, udp(A, 1000, B, 53), source(undefined, address)).state;
        expect(again()).toBe('new|trk|snat');
        t.wait(61_000);
        expect(again()).toBe('new|trk|snat');
        t.wait(61_000);
        expect(pass(t, udp(B, 53, A, 1000), source(undefined, address)).state).toMatch(/^new\|trk/);
        t.sweepAll();
        t.tracker.flush();
        expect([t.tracker.connCount, t.tracker.tableCount]).toEqual([0, 0]);
      }
    });

    it('force on a packet already translated in that zone', () => {
      const t = bed();
      pass(t, udp(A, 1000, B, 53), source());
      const { tracker } = t;
      const reply = tracker.packet(udp(B, 53, N, 1000));
      tracker.execute(reply, KNOWN, t.nowMs);
      reply.view.clearCache();
      const [seen] = tracker.execute(reply, { commit: true, force: true }, t.nowMs).returned;
      // Removed at once with its companion, or dead while the companion still holds the tuple, so that nothing is created.
      const removes = traitsOf(design).expireRemoves;
      expect(seen?.state).toBe(removes ? 'new|trk' : 'est|rpl|trk|dnat');
      const live = t.entries().filter((entry) => entry.expirationMs > t.nowMs);
      expect(live).toHaveLength(removes ? 1 : 0);
      tracker.release(reply);
    });

    it('no sequence of such packets stops the tracker', () => {
      const action = fc.record({
        ends: fc.constantFrom([A, 1000, B, 53], [B, 53, A, 1000], [B, 53, N, 1000], [N, 1000, B, 53]),
        request: fc.constantFrom<ExecRequest>(
          source(undefined, '0.0.0.0'),
          source(undefined, A),
          source(undefined, B),
          source(),
          source([1000, 1001]),
          destination(B),
          destination(A),
          KNOWN,
          { commit: true },
          { commit: true, force: true },
          { commit: true, force: true, nat: { type: 'none' } },
          { ...source(undefined, A), force: true },
        ),
        again: fc.boolean(),
        cached: fc.boolean(),
        waitMs: fc.constantFrom(0, 1, 29_999, 30_000, 61_000),
        sweep: fc.boolean(),
        tcp: fc.boolean(),
        flags: fc.constantFrom('S', 'SA', 'A', 'R'),
      });
      const t = bed();
      const { tracker } = t;
      fc.assert(
        fc.property(fc.array(action, { minLength: 2, maxLength: 25 }), (actions) => {
          tracker.reset();
          let handle = tracker.packet(udp(A, 1, B, 2));
          for (const { ends, request, again, cached, waitMs, sweep, tcp, flags } of actions) {
            t.wait(waitMs);
            if (sweep) tracker.sweep(t.nowMs);
            if (!again) {
              const [src, srcPort, dst, dstPort] = ends as [string, number, string, number];
              tracker.release(handle);
              handle = tracker.packet(
                tcp ? tcpFrame({ src, srcPort, dst, dstPort, flags }) : udp(src, srcPort, dst, dstPort),
              );
            } else if (!cached) handle.view.clearCache();
            tracker.execute(handle, request, t.nowMs);
            expect(dissect(handle.copyFrame()).badChecksums).toEqual([]);
          }
          tracker.flush();
          expect([tracker.connCount, tracker.tableCount]).toEqual([0, 0]);
        }),
        { numRuns: process.env['CTREPLAY_LONG'] === undefined ? 350 : 10_000 },
      );
    });
  });

  it('whatever is translated comes back as it was', () => {
    const t = bed();
    const flow = fc.record({
      host: fc.constantFrom(A, C, '10.1.1.77'),
      port: fc.integer({ min: 1, max: 65535 }),
      server: fc.constantFrom(B, V),
      tcp: fc.boolean(),
      request: fc.constantFrom(source(), source([5000, 5009]), destination(X), destination(X, [80, 83])),
    });
    fc.assert(
      fc.property(fc.array(flow, { maxLength: 20 }), (flows) => {
        t.tracker.reset();
        for (const { host, port, server, tcp, request } of flows) {
          const make = tcp ? tcpFrame : udpFrame;
          const sent = make({
            src: host,
            srcPort: port,
            dst: server,
            dstPort: 53,
            ...(tcp ? { flags: 'S' } : {}),
          });
          const out = pass(t, sent, request);
          if (!/snat|dnat/.test(out.state)) continue;
          const answer = make({
            src: out.dst,
            srcPort: out.dport,
            dst: out.src,
            dstPort: out.sport,
            ...(tcp ? { flags: 'SA', ack: 1 } : {}),
          });
          expect(pass(t, answer, KNOWN).tuple).toBe(`${server}:53>${host}:${port}`);
        }
      }),
      { numRuns: 60 },
    );
  });
});
