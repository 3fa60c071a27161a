import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExecRequest } from '../../../engine/host/exec-params.js';
import type { TouchAhead } from '../../../engine/host/run-memory.js';
import { BatchBed, type BatchPacket } from '../../support/batch-bed.js';
import {
  buildFrame,
  echoFrame,
  fragmentRanges,
  quoteOf,
  tcpFrame,
  udpFrame,
  writeFragment,
} from '../../support/packets.js';
import { A, B, C, COMMIT, N, perDesign, R } from '../../support/tracker-bed.js';
import { layoutConstants } from '../races/race-run.js';

const A6 = 'fd00::1';
const B6 = 'fd00::2';
const [T_TOUCH_HASHES, T_TOUCH_SINK] = Object.values(layoutConstants(['T_TOUCH_HASHES', 'T_TOUCH_SINK'])) as [
  number,
  number,
];

/** The two fragments of a UDP packet. */
function fragments(id: number, srcPort: number): Uint8Array[] {
  const frame = udpFrame({ srcPort, payload: 'x'.repeat(1600) });
  const ranges = fragmentRanges(frame.length - 34, 20, 1500);
  return ranges.map((range, index) => {
    const into = new Uint8Array(2000);
    return into.slice(0, writeFragment(into, 0, frame, { range, id, more: index < ranges.length - 1 }));
  });
}

/** Both directions of a few flows that meet again and again, with whatever else goes with them. */
const FRAMES: readonly Uint8Array[] = [
  ...[40000, 40001, 40002, 40003].flatMap((port) => [
    udpFrame({ src: A, dst: B, srcPort: port, dstPort: 53, payload: 'query' }),
    udpFrame({ src: B, dst: A, srcPort: 53, dstPort: port, payload: 'answer' }),
    udpFrame({ src: A6, dst: B6, srcPort: port, dstPort: 53 }),
    udpFrame({ src: B6, dst: A6, srcPort: 53, dstPort: port }),
  ]),
  tcpFrame({ src: A, dst: B, flags: 'S', seq: 100 }),
  tcpFrame({ src: B, dst: A, srcPort: 80, dstPort: 40000, flags: 'SA', seq: 900, ack: 101 }),
  tcpFrame({ src: A, dst: B, flags: 'A', seq: 101, ack: 901 }),
  tcpFrame({ src: A, dst: B, flags: 'R', seq: 101 }),
  // The answers to translated packets.
  ...[5000, 5001].map((dstPort) => udpFrame({ src: B, dst: N, srcPort: 53, dstPort })),
  tcpFrame({ src: A, dst: B, srcPort: 45000, dstPort: 21, flags: 'S', seq: 100 }),
  tcpFrame({ src: B, dst: A, srcPort: 21, dstPort: 45000, flags: 'SA', seq: 900, ack: 101 }),
  tcpFrame({
    ...{ src: A, dst: B, srcPort: 45000, dstPort: 21, flags: 'PA', seq: 101, ack: 901 },
    payload: 'PORT 10,1,1,1,15,160\r\n',
  }),
  tcpFrame({ src: B, dst: A, srcPort: 20, dstPort: 4000, flags: 'S', seq: 1 }),
  echoFrame({ src: A, dst: B }),
  echoFrame({ src: B, dst: A, reply: true }),
  echoFrame({ src: A6, dst: B6 }),
  buildFrame({
    ipv4: { src: R, dst: A },
    icmp: { type: 3, code: 1, quote: quoteOf(udpFrame({ src: A, dst: B }), 60) },
  }),
  buildFrame({
    ipv6: { src: 'fd00::9', dst: A6 },
    icmpv6: { type: 1, quote: quoteOf(udpFrame({ src: A6, dst: B6 }), 100) },
  }),
  ...fragments(7, 40000),
  ...fragments(8, 40001),
  buildFrame({ vlans: [5], ipv4: { src: A, dst: C }, udp: { srcPort: 1, dstPort: 2 } }),
  buildFrame({ ipv4: { src: A, dst: C, protocol: 47 }, payload: 'tunnel' }),
  buildFrame({ ipv6: { src: A6, dst: B6, extensions: [{ type: 60 }] }, udp: { srcPort: 1, dstPort: 2 } }),
  buildFrame({ etherType: 0x0806, payload: new Uint8Array(28) }),
];

const REQUESTS: readonly ExecRequest[] = [
  COMMIT,
  COMMIT,
  {},
  { commit: true, zone: 3, mark: { value: 7, mask: 0xff } },
  { commit: true, force: true },
  { commit: true, zone: 2, nat: { type: 'src', minAddress: N, ports: [5000, 5001] } },
  { zone: 2, nat: { type: 'none' } },
  { commit: true, helper: 'ftp', nat: { type: 'src', minAddress: N } },
];

/** Packets whole, cut off, or with a byte that is wrong. */
const packet: fc.Arbitrary<BatchPacket> = fc
  .record({
    whole: fc.constantFrom(...FRAMES),
    request: fc.constantFrom(...REQUESTS),
    cut: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(60) }),
    damage: fc.oneof(
      { weight: 5, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.record({ at: fc.nat(60), value: fc.nat(255) }) },
    ),
  })
  .map(({ whole, request, cut, damage }) => {
    const frame = whole.slice(0, Math.max(whole.length - cut, 0));
    if (damage !== null && frame.length > 0) frame[damage.at % frame.length] = damage.value;
    return { frame, request };
  });
const batch = fc.array(packet, { minLength: 1, maxLength: 32 });

/** Everything that can be seen of a run, but how many batches touched ahead. */
function outcome(design: string, touchAhead: TouchAhead, batches: readonly BatchPacket[][]): unknown[] {
  const bed = new BatchBed(design, { touchAhead, seed: 5, hashBasis: 9 });
  const seen = batches.flatMap((each, index) => {
    bed.nowMs += index % 5 === 4 ? 31_000 : 100;
    const states = bed.run(each, index % 2 === 1);
    if (index % 4 === 3) bed.sweep();
    return states;
  });
  const { batches: counted, ...counters } = bed.counters();
  expect(counted).toEqual({ run: batches.length, touched: touchAhead === 'on' ? batches.length : 0 });
  return [seen, counters, bed.lines(), bed.table()];
}

perDesign((_bed, design) => {
  describe('touching ahead', () => {
    it('changes no verdict, no frame, no count, no order and no byte of the table', () => {
      fc.assert(
        fc.property(fc.array(batch, { minLength: 1, maxLength: 12 }), (batches) => {
          const off = outcome(design, 'off', batches);
          expect(outcome(design, 'on', batches)).toEqual(off);
          expect(outcome(design, 'auto', batches)).toEqual(off);
        }),
        { numRuns: process.env['CTREPLAY_LONG'] === undefined ? 25 : 1000 },
      );
    });

    it('foresees the very hashes that look-ups use', () => {
      const bed = new BatchBed(design, { touchAhead: 'on' });
      const frames = [
        udpFrame({ src: A, dst: B }),
        tcpFrame({ src: A, dst: B, flags: 'S' }),
        udpFrame({ src: A6, dst: B6 }),
        tcpFrame({ src: A6, dst: B6, flags: 'S' }),
        buildFrame({ vlans: [5, 6], ipv4: { src: A, dst: C }, udp: { srcPort: 1, dstPort: 2 } }),
        buildFrame({
          ipv4: { src: A, dst: C, options: new Uint8Array(8).fill(1) },
          udp: { srcPort: 3, dstPort: 2 },
        }),
        buildFrame({ ipv4: { src: A, dst: B, protocol: 47 }, payload: 'tunnel' }),
        buildFrame({ ipv6: { src: A6, dst: B6, nextHeader: 47 }, payload: 'tunnel' }),
        // The number of ICMPv6 under IPv4, and the other way round: without ids (spec §1.3.5).
        buildFrame({ ipv4: { src: A, dst: B, protocol: 58 }, payload: new Uint8Array(8).fill(128) }),
        buildFrame({ ipv6: { src: A6, dst: B6, nextHeader: 1 }, payload: new Uint8Array(8).fill(8) }),
      ];
      bed.run(frames.map((frame, zone) => ({ frame, request: { commit: true, zone } })));
      const found = hashesInTable(bed);
      expect(found.length).toBe(frames.length);
      expect(hashesAhead(bed, frames.length).toSorted()).toEqual(found.toSorted());
    });

    it('leaves alone what takes more than a look, and what is not there', () => {
      const bed = new BatchBed(design, { touchAhead: 'on' });
      const datagram = (length: number): Uint8Array => {
        const frame = buildFrame({ ipv4: { src: A, dst: B, protocol: 17 }, payload: new Uint8Array(length) });
        return frame.slice(0, 34 + length);
      };
      const frames = [
        echoFrame({ src: A, dst: B }),
        echoFrame({ src: A6, dst: B6 }),
        ...fragments(3, 1),
        buildFrame({
          ipv6: { src: A6, dst: B6, extensions: [{ type: 60 }] },
          udp: { srcPort: 1, dstPort: 2 },
        }),
        udpFrame().slice(0, 33),
        udpFrame({ src: A6, dst: B6 }).slice(0, 53),
        datagram(0),
        datagram(3),
        new Uint8Array(0),
      ];
      bed.run(frames.map((frame) => ({ frame, request: COMMIT })));
      expect(hashesAhead(bed, 1)).toEqual([0]);
      bed.run([{ frame: datagram(4), request: COMMIT }]);
      expect(hashesAhead(bed, 1)).not.toEqual([0]);
    });

    it('loads the bucket and the lines of the connection', () => {
      const bed = new BatchBed(design, { touchAhead: 'on' });
      const packets = [1, 2, 3].map((srcPort) => ({ frame: udpFrame({ srcPort }), request: COMMIT }));
      bed.run(packets);
      const { thread } = bed;
      const { constants: c } = thread.run.engine;
      const u32 = (at: number): number => thread.view.getUint32(at, true);
      const { regions, buckets } = thread.run.plan;
      const words = new Uint32Array(thread.run.memory.buffer, regions.buckets, (buckets * c.BUCKET_SIZE) / 4);
      let expected = sinkOf(bed);
      for (const conn of records(bed)) {
        // So few are in their first buckets, wherever a design has these.
        const reference = words.indexOf(conn) * 4;
        const bucket = regions.buckets + reference - (reference % c.BUCKET_SIZE);
        expected += u32(bucket) + u32(conn + c.CO_KEY) + u32(conn + c.CO_EXPIRATION);
      }
      bed.run(packets);
      expect(sinkOf(bed)).toBe(expected >>> 0);
    });

    it('follows no reference out of the slab, whatever it finds in a bucket', () => {
      const bed = new BatchBed(design, { touchAhead: 'on' });
      bed.run([{ frame: udpFrame(), request: COMMIT }]);
      const { thread } = bed;
      const { regions, buckets } = thread.run.plan;
      const { constants: c } = thread.run.engine;
      const [conn] = records(bed) as [number];
      const words = new Uint32Array(thread.run.memory.buffer, regions.buckets, (buckets * c.BUCKET_SIZE) / 4);
      const reference = words.indexOf(conn);
      expect(reference).toBeGreaterThan(0);
      // Its tuple is that of the connection, so that its bucket is touched, but no look-up follows.
      const invalid = { frame: udpFrame({ badChecksums: ['ipv4'] }), request: COMMIT };
      const end = regions.slab + thread.run.plan.slabSlots * c.CONN_SIZE;
      for (const wrong of [
        0xffff_fffc,
        0xffff_ff00,
        4,
        regions.slab - c.CONN_SIZE,
        end,
        end - 1,
        conn + c.CONN_SIZE - 1,
      ]) {
        words[reference] = wrong;
        expect(bed.run([invalid])[0]).toMatch(/^inv\|trk /);
      }
      words[reference] = conn;
      expect(bed.run([{ frame: udpFrame(), request: COMMIT }])[0]).toMatch(/^new\|trk |^est\|trk /);
    });

    it('is decided by the setting, by the batch, and by the connections in the table', () => {
      const limit = new BatchBed(design).thread.run.engine.constants.TOUCH_AHEAD_CONNECTIONS;
      const sent = { frame: udpFrame(), request: COMMIT };
      const touched = (touchAhead: TouchAhead, connections: number, packets: number): number => {
        const bed = new BatchBed(design, { touchAhead });
        const { constants: c } = bed.thread.run.engine;
        bed.thread.view.setUint32(c.CONTROL + c.C_N_CONN, connections, true);
        bed.run(Array.from({ length: packets }, () => sent));
        return bed.counters().batches.touched;
      };
      expect(touched('auto', limit - 1, 2)).toBe(0);
      expect(touched('auto', limit, 2)).toBe(1);
      expect(touched('auto', limit, 1)).toBe(0);
      expect(touched('on', 0, 1)).toBe(1);
      expect(touched('off', limit, 32)).toBe(0);
    });
  });
});

function sinkOf({ thread }: BatchBed): number {
  return thread.view.getUint32(blockOf(thread) + T_TOUCH_SINK, true);
}

/** The first hashes that the last batch foresaw, as far as nothing has taken their place. */
function hashesAhead({ thread }: BatchBed, count: number): number[] {
  const at = blockOf(thread) + T_TOUCH_HASHES;
  return Array.from({ length: count }, (_, index) => thread.view.getUint32(at + index * 4, true));
}

function blockOf({ run, index }: BatchBed['thread']): number {
  return run.plan.regions.threads + index * run.engine.constants.THREAD_SIZE;
}

/** Addresses of the connections in the table. */
function records(bed: BatchBed): number[] {
  const { exports } = bed.thread;
  const found: number[] = [];
  for (let at = exports.dumpNext(1, bed.nowMs); at !== 0; at = exports.dumpNext(0, bed.nowMs)) found.push(at);
  return found;
}

function hashesInTable(bed: BatchBed): number[] {
  const { view, run } = bed.thread;
  return records(bed).map((at) => view.getUint32(at + run.engine.constants.CO_HASH, true));
}
