import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { writeExecParams } from '../../../engine/host/exec-params.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { udpFrame } from '../../support/packets.js';
import { layoutConstants } from '../races/race-run.js';
import { primitiveRun } from '../shm/primitive-threads.js';

const { CO_LINK, POISON } = layoutConstants(['CO_LINK', 'POISON']) as { CO_LINK: number; POISON: number };

describe('the lists of timeout-lists', () => {
  it('are plain ones: a connection that was removed leads nowhere, as nobody may stand on it', () => {
    const { run, main } = primitiveRun(
      loadEngine('timeout-lists', 'debug', process.env['CTREPLAY_RACE_WASM']),
      1,
    );
    const { constants: c } = run.engine;
    const { regions, packetStoreBytes } = run.plan;
    const store = new PacketStore(byteOffset(regions.packets + 4096), packetStoreBytes - 4096, c.PACKET_SIZE);
    main.exports.goOnline();
    writeExecParams(main.view, c, main.paramsAt, { commit: true });
    const connections = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((src) => {
      const frame = udpFrame({ src });
      const { address } = new PacketHandle(main.view, c, store.take(frame.length), frame);
      main.exports.locatePacket(address);
      main.view.setUint32(main.packetsAt, address, true);
      // Twice: created, then refreshed, which moves it.
      for (let i = 0; i < 2; i++) {
        main.exports.resetPacketState(address);
        main.exports.execute(main.packetsAt, 1, main.paramsAt, 1000);
      }
      return main.view.getUint32(address + c.PK_CONN, true);
    });
    expect(new Set(connections).size).toBe(3);
    const nextOf = (conn: number): number => main.view.getUint32(conn + CO_LINK + 4, true);
    const poison = POISON >>> 0;
    expect(connections.map(nextOf)).not.toContain(poison);
    main.exports.flush(-1);
    expect(connections.map(nextOf)).toEqual([poison, poison, poison]);
  });
});
