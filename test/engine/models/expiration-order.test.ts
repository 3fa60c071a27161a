/** A packet comes by the steps of atomic expirations in the order in which their model makes them. */
import { describe, expect, it } from 'vitest';
import { globalValue } from '../../../engine/host/constants.js';
import { traitsOf } from '../../../engine/host/design-traits.js';
import { writeExecParams, type ExecRequest } from '../../../engine/host/exec-params.js';
import { loadEngine } from '../../../engine/host/module.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { PacketView } from '../../../engine/host/packet-view.js';
import { byteOffset } from '../../../engine/host/quantities.js';
import { EngineThread } from '../../../engine/host/thread.js';
import { udpFrame } from '../../support/packets.js';
import { primitiveRun } from '../shm/primitive-threads.js';
import { expirationModel } from './expiration-model.js';
import { follow } from './explore.js';

const DESIGN = 'rculist-sweep';
const NOW_MS = 1_000_000;
const REPLY = udpFrame({ src: '10.1.1.2', dst: '10.1.1.1', srcPort: 53, dstPort: 40000 });
/** Not of expirations: the map's. */
const IS_MAP = /^S_(FIND|CHAIN|SLOT|WALK)_/;

/** Steps that one packet takes, after a connection of three packets was made at NOW_MS. */
function stepsOf(preset: string | null, frame: Uint8Array, request: ExecRequest, nowMs: number): string[] {
  const engine = loadEngine(DESIGN, 'torture');
  const number = preset === null ? 0 : (engine.presets[preset] as number);
  const { run } = primitiveRun(engine, 1, {}, { preset: number });
  let steps: string[] = [];
  const names = new Map<number, string>();
  const thread = new EngineThread(run, 0, () => 0, {
    step: (id) => void steps.push(names.get(id) ?? `step ${id}`),
  });
  for (const [name, exported] of Object.entries(thread.exports))
    if (name.startsWith('S_')) names.set(globalValue(exported as unknown as WebAssembly.Global) ?? -1, name);
  const { constants: c } = engine;
  const store = new PacketStore(byteOffset(run.plan.regions.packets + 4096), 1 << 16, c.PACKET_SIZE);
  const send = (bytes: Uint8Array, wanted: ExecRequest, ms: number): void => {
    const place = store.take(bytes.length);
    thread.bytes.set(bytes, place.frame);
    new PacketView(thread.view, c, place.descriptor).initialise(place.frame, bytes.length, place.capacity);
    thread.exports.locatePacket(place.descriptor);
    thread.view.setUint32(thread.packetsAt, place.descriptor, true);
    writeExecParams(thread.view, c, byteOffset(run.plan.regions.packets), wanted);
    thread.exports.execute(thread.packetsAt, 1, run.plan.regions.packets, ms);
  };
  thread.exports.goOnline();
  for (const each of [udpFrame(), udpFrame(), REPLY]) send(each, { commit: true }, NOW_MS);
  steps = [];
  send(frame, request, nowMs);
  return steps.filter((step) => !IS_MAP.test(step));
}

/** The model's steps of a packet whose look-up comes first, on one thread. */
function modelled(wanted: number): string[] {
  const model = expirationModel({ packets: [wanted], ends: 0, readers: 1 });
  return follow(model, [{ thread: 0 }, { thread: 1 }]).map((step) => step.replace(/^\d+ /, ''));
}

describe('atomic expirations: the order of the engine is that of the model', () => {
  const { atomicExpiryPreset, oneHoldPreset } = traitsOf(DESIGN);

  it('of a packet that stores another expiration, and of one that finds it there', () => {
    expect(stepsOf(oneHoldPreset, REPLY, {}, NOW_MS + 1)).toEqual(modelled(22));
    expect(stepsOf(oneHoldPreset, REPLY, {}, NOW_MS)).toEqual(modelled(11));
  });

  it('with a lock for mark and label besides', () => {
    const metadata = ['S_LOCK_TRY', 'S_UNLOCK'];
    expect(stepsOf(atomicExpiryPreset, REPLY, {}, NOW_MS + 1)).toEqual([...modelled(22), ...metadata]);
  });

  it('of a forced end, which takes no lock for it', () => {
    const steps = stepsOf(atomicExpiryPreset, REPLY, { force: true, commit: true }, NOW_MS);
    expect(steps.slice(0, 3)).toEqual(['S_EXPIRATION_READ', 'S_EXPIRATION_READ', 'S_EXPIRATION_END']);
  });

  it('and no other preset makes them', () => {
    const steps = stepsOf(null, REPLY, { force: true, commit: true }, NOW_MS + 1);
    expect(steps.filter((step) => step.startsWith('S_EXPIRATION_'))).toEqual([]);
    const hold = ['S_LOCK_TRY', 'S_UNLOCK'];
    expect(stepsOf(null, REPLY, {}, NOW_MS + 1)).toEqual([...hold, ...hold, ...hold]);
  });
});
