import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeExecParams, type ExecRequest } from '../../../engine/host/exec-params.js';
import { loadEngine } from '../../../engine/host/module.js';
import type { EngineThread } from '../../../engine/host/thread.js';
import { buildFrame, echoFrame, quoteOf, tcpFrame, udpFrame } from '../../support/packets.js';
import { A, B, N, perDesign } from '../../support/tracker-bed.js';
import { primitiveRun } from '../shm/primitive-threads.js';

const ip6 = { src: 'fd00::1', dst: 'fd00::2' };
const port = 'PORT 10,1,1,1,15,160\r\n';
const quoted = quoteOf(udpFrame({ src: A, dst: B }), 500);

/** Whole frames of every kind, to damage. */
const WHOLE: readonly Uint8Array[] = [
  udpFrame({ payload: 'hello' }),
  udpFrame({ ...ip6, vlans: [1, 2] }),
  tcpFrame({ flags: 'S', options: Uint8Array.of(2, 4, 5, 0xb4, 3, 3, 7, 0) }),
  tcpFrame({ ...ip6, flags: 'PA', dstPort: 21, payload: 'EPRT |2|fd00::1|4000|\r\n' }),
  tcpFrame({ dstPort: 21, flags: 'PA', payload: port }),
  udpFrame({ dstPort: 69, payload: '\0\x01x\0octet\0' }),
  echoFrame(),
  echoFrame(ip6),
  buildFrame({ ipv4: { src: '10.9.9.9', dst: A }, icmp: { type: 3, code: 1, rest: 0, quote: quoted } }),
  buildFrame({
    ipv6: { ...ip6, src: 'fd00::9', dst: ip6.src },
    icmpv6: { type: 2, rest: 1280, quote: quoteOf(tcpFrame({ ...ip6, flags: 'S' }), 500) },
  }),
  buildFrame({
    ipv4: { src: A, dst: B, options: new Uint8Array(40).fill(1) },
    udp: { srcPort: 1, dstPort: 2 },
  }),
  buildFrame({
    ipv6: { ...ip6, extensions: [{ type: 0 }, { type: 60 }, { type: 44 }, { type: 51 }] },
    udp: { srcPort: 1, dstPort: 2 },
  }),
  buildFrame({ ipv4: { src: A, dst: B, moreFragments: true, id: 7 }, payload: new Uint8Array(1400) }),
  buildFrame({ ipv4: { src: A, dst: B, fragmentOffsetBytes: 1400, id: 7 }, payload: new Uint8Array(1400) }),
  // A datagram that ends with its network header, as its lengths say.
  buildFrame({ ipv4: { src: A, dst: B, protocol: 17 } }),
  buildFrame({ ipv6: { ...ip6, nextHeader: 17 } }),
];

/** An Ethernet header and all of a network header that there is room for: types and tags that lead to each reader. */
const SHORT: readonly Uint8Array[] = [
  [0x08, 0],
  [0x86, 0xdd],
  [0x81, 0, 0, 1, 0x08, 0],
  [0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x86, 0xdd],
  [0, 100, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0],
  [0, 100, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd],
].map((type) => Uint8Array.of(...new Uint8Array(12), ...type, ...new Uint8Array(60).fill(0x2c)));

const damaged = fc
  .record({
    whole: fc.constantFrom(...WHOLE),
    changes: fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 4 }),
    cut: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(100) }),
    padding: fc.constantFrom(0, 0, 1, 18),
  })
  .map(({ whole, changes, cut, padding }) => {
    const frame = new Uint8Array(Math.max(0, whole.length - cut) + padding);
    frame.set(whole.subarray(0, Math.min(whole.length, frame.length)));
    // Damage to the headers is what gets deepest; addresses of the last bytes count too.
    for (const [at, value] of changes) if (frame.length > 0) frame[at % frame.length] = value;
    return frame;
  });

const REQUESTS: readonly ExecRequest[] = [
  { commit: true },
  { commit: true, helper: 'ftp', nat: { type: 'src', minAddress: N } },
  { commit: true, helper: 'tftp', nat: { type: 'dst', minAddress: B, ports: [80, 90] } },
  { commit: true, nat: { type: 'src', minAddress: 'fd00::f0' } },
  { commit: true, force: true, zone: 3 },
  { commit: true, helper: 'ftp', tpDst: 80 },
  { nat: { type: 'none' }, mark: { value: 1, mask: 3 } },
  {},
];
const request = fc.constantFrom(...REQUESTS);

const STATE = /^(0|(new|est|rel|rpl|inv|trk|snat|dnat)(\|(est|rel|rpl|inv|trk|snat|dnat))*)$/;

/** A tracker whose frames end where the memory ends: what is read or written behind one traps. It touches ahead, so that reads too. */
class LastBytes {
  readonly #thread: EngineThread;
  readonly #descriptor: number;

  constructor(design: string) {
    const engine = loadEngine(design, 'debug', process.env['CTREPLAY_RACE_WASM']);
    const needs = { fragmentSlots: 16, slabSlots: 4096 };
    const { run, main } = primitiveRun(engine, 1, needs, { touchAhead: 'on' });
    this.#thread = main;
    this.#descriptor = run.plan.regions.packets;
    main.exports.goOnline();
  }

  /** Runs a frame as it comes, with what the last pass left, and timed. Returns the states. */
  run(frame: Uint8Array, asked: ExecRequest, nowMs: number): number[] {
    const { view, bytes, exports, packetsAt, paramsAt, run } = this.#thread;
    const { constants: c } = run.engine;
    const at = bytes.length - frame.length;
    writeExecParams(view, c, paramsAt, asked);
    view.setUint32(packetsAt, this.#descriptor, true);
    const execute = (timed: boolean): number => {
      if (timed) exports.executeTimed(packetsAt, 1, paramsAt, nowMs, 0);
      else exports.execute(packetsAt, 1, paramsAt, nowMs);
      return view.getUint8(this.#descriptor + c.PK_CT_STATE);
    };
    const load = (): void => {
      bytes.set(frame, at);
      bytes.fill(0, this.#descriptor, this.#descriptor + c.PACKET_SIZE);
      view.setUint32(this.#descriptor + c.PK_FRAME, at, true);
      view.setUint32(this.#descriptor + c.PK_LENGTH, frame.length, true);
      view.setUint32(this.#descriptor + c.PK_CAPACITY, frame.length, true);
      exports.locatePacket(this.#descriptor);
    };
    load();
    const states = [execute(false), execute(false)];
    load();
    states.push(execute(true));
    exports.quiesce();
    return states;
  }
}

perDesign((bed, design) => {
  describe('no byte behind a frame is read or written', () => {
    it('however short it is', () => {
      const memory = new LastBytes(design);
      let tracked = 0;
      for (const whole of [...WHOLE, ...SHORT]) {
        const lengths = new Set([...Array(90).keys(), 130, whole.length - 1, whole.length]);
        for (const length of lengths) {
          if (length > whole.length) continue;
          for (const asked of REQUESTS) {
            const states = memory.run(whole.slice(0, length), asked, 1000);
            tracked += states.filter((state) => (state & 0x13) === 1).length;
          }
        }
      }
      // Not all of them were refused.
      expect(tracked).toBeGreaterThan(50);
    });

    it('whatever is in it', () => {
      const memory = new LastBytes(design);
      let nowMs = 1000;
      fc.assert(
        fc.property(fc.array(fc.tuple(damaged, request), { minLength: 5, maxLength: 30 }), (list) => {
          for (const [frame, asked] of list) memory.run(frame, asked, (nowMs += 200));
        }),
        { numRuns: process.env['CTREPLAY_LONG'] === undefined ? 60 : 4000 },
      );
    });
  });

  describe('no bytes stop the tracker, whatever they are', () => {
    it.each([
      ['damaged packets', damaged],
      ['noise', fc.uint8Array({ maxLength: 200 })],
      [
        'noise behind an Ethernet header',
        fc
          .tuple(
            fc.constantFrom([8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8]),
            fc.uint8Array({ maxLength: 120 }),
          )
          .map(([type, rest]) => Uint8Array.of(...new Uint8Array(12), ...type, ...rest)),
      ],
    ] as const)('%s', (_name, frame) => {
      const t = bed({ switches: { ftpIpv4Extended: true } });
      const { tracker } = t;
      const packets = fc.array(fc.tuple(frame as fc.Arbitrary<Uint8Array>, request), {
        minLength: 5,
        maxLength: 30,
      });
      let sent = 0;
      fc.assert(
        fc.property(packets, (list) => {
          for (const [bytes, asked] of list) {
            const handle = tracker.packet(bytes);
            const { returned, held } = tracker.execute(handle, asked, t.nowMs);
            sent += 1;
            for (const each of returned) expect(each.state).toMatch(STATE);
            const own = returned.find((each) => each.handle === handle);
            expect(held || own !== undefined).toBe(true);
            // A packet that is rejected is left as it was; none shrinks or grows, but where a helper translates its text.
            if (own?.state === 'inv|trk') expect(own.frameChanged).toBe(false);
            if (asked.nat === undefined && !held) expect(handle.copyFrame().length).toBe(bytes.length);
            tracker.release(handle);
          }
          t.wait(3000);
          tracker.sweep(t.nowMs);
        }),
        { numRuns: process.env['CTREPLAY_LONG'] === undefined ? 40 : 4000 },
      );
      const verdicts = [...tracker.counters().verdicts.values()].reduce((sum, each) => sum + each, 0);
      const held = [...tracker.counters().reasons].find(
        ([code]) => tracker.reason(code)?.name === 'fragment-held',
      );
      expect(verdicts + (held?.[1] ?? 0)).toBeGreaterThanOrEqual(sent);
      tracker.flush();
      expect([tracker.connCount, tracker.tableCount]).toEqual([0, 0]);
    });
  });

  it('bytes behind the frame have no influence on its verdict', () => {
    // Room behind a frame holds what an earlier packet left there: the same frame gives the same, whatever that was.
    fc.assert(
      fc.property(fc.array(fc.tuple(damaged, request), { maxLength: 12 }), fc.nat(255), (list, dirt) => {
        const run = (fill: number): string[] => {
          const t = bed();
          const dirty = t.tracker.packet(new Uint8Array(1500).fill(fill));
          t.tracker.release(dirty);
          return list.map(([bytes, asked]) => {
            const handle = t.tracker.packet(bytes);
            const text = t.tracker
              .execute(handle, asked, t.nowMs)
              .returned.map((each) => each.state + Buffer.from(each.handle.copyFrame()).toString('hex'))
              .join();
            t.tracker.release(handle);
            return text;
          });
        };
        expect(run(dirt)).toEqual(run(0));
      }),
      { numRuns: process.env['CTREPLAY_LONG'] === undefined ? 40 : 2000 },
    );
  });
});
