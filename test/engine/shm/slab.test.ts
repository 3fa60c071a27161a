import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { loadEngine } from '../../../engine/host/module.js';
import { writeExecParams } from '../../../engine/host/exec-params.js';
import { Tracker } from '../../../engine/host/tracker.js';
import { udpFrame } from '../../support/packets.js';
import { primitiveRun, problems, runTasks } from './primitive-threads.js';

const LONG = process.env['CTREPLAY_LONG'] !== undefined;
const DESIGNS = availableDesigns();

describe.each(DESIGNS)('slots: %s', (design) => {
  it('does not take a reused slot for the connection that a packet carries', () => {
    const tracker = Tracker.create({ design, flavour: 'debug', slabSlots: 4 });
    const mark = (value: number) => ({ commit: true, mark: { value, mask: 0xff } }) as const;
    const packet = tracker.packet(udpFrame({ src: '10.0.0.1' }));
    tracker.execute(packet, mark(1), 1000);
    tracker.flush();
    for (let i = 0; i < 4; i++) tracker.run(udpFrame({ src: `10.0.1.${i}` }), mark(2), 1000);
    // The packet comes again with what it carries: its connection is gone and the slot is another's.
    const [again] = tracker.execute(packet, {}, 1000).returned;
    expect(again?.mark).toBe(0);
  });

  it('gives every slot back when the last thread leaves, whoever retired it', async () => {
    const threads = 2;
    const { run, main } = primitiveRun(
      loadEngine(design, 'debug', process.env['CTREPLAY_RACE_WASM']),
      threads,
      { slabSlots: 64, buckets: 16 },
    );
    const { constants } = run.engine;
    const { regions, packetStoreBytes } = run.plan;
    const params = byteOffset(regions.packets);
    writeExecParams(main.view, constants, params, { commit: true });
    const store = new PacketStore(
      byteOffset(regions.packets + 4096),
      packetStoreBytes - 4096,
      constants.PACKET_SIZE,
    );
    const packets = Array.from({ length: threads }, () => {
      const frame = udpFrame();
      const handle = new PacketHandle(main.view, constants, store.take(frame.length), frame);
      main.exports.locatePacket(handle.address);
      return handle.address;
    });
    const list = packets.map((_, i) => regions.packets + 1024 + i * 128);
    const rounds = LONG ? 100_000 : 2_000;
    const task = { task: 'createOnce', options: { rounds, packets, list, params } } as const;
    const reports = await runTasks(run, 1, [task, task]);
    expect(problems(reports)).toEqual([]);
    // In each round at least one thread saw the flow as new.
    expect(reports.reduce((sum, { done }) => sum + done, 0)).toBeGreaterThanOrEqual(rounds);
    const word = (offset: number): number => main.view.getUint32(constants.CONTROL + offset, true);
    expect(main.exports.connCount()).toBe(0);
    expect(word(constants.C_SLAB_IN_USE)).toBe(0);
    expect(word(constants.C_GRACE_PENDING)).toBe(0);
  });
});
