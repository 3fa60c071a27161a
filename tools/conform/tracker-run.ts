import type { DesignChoice } from '../../engine/host/designs.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import type { BehaviourSwitches } from '../../engine/host/run-memory.js';
import type { Tracker } from '../../engine/host/tracker.js';
import type { TrackerConfig } from '../config/read-config.js';
import { FIRST_PACKET_MS } from '../oracle/capture-run.js';
import { configuredTracker } from '../oracle/configured-tracker.js';
import type { ConformInput } from './conform-input.js';
import type { ConformRun, OutputPacket, PacketOutcome } from './conform-run.js';
import { toDumpEntry } from './dump-entry.js';
import { isAddressUnknown, takeChoice, UNKNOWN_ADDRESS } from './nat-choice.js';
import { asOvsExecutes } from './ovs-request.js';

const MIN_SLAB_SLOTS = 1 << 12;

/**
 * Runs packets through a tracker as Open vSwitch ran them: the clock moves only between packets and every move is
 * followed by one clean-up pass; what the switch did not give to its tracker is left out; and where a random hash
 * decides a translation, the switch's choice is asked for.
 * @param reference the same packets' run through Open vSwitch
 * @param switches behaviours on top of those of the configuration
 * @throws EngineError, ConfigError
 */
export function runThroughTracker(
  choice: DesignChoice,
  input: ConformInput,
  reference: ConformRun,
  switches: BehaviourSwitches = {},
): ConformRun {
  const tracker = configuredTracker(choice, withSwitches(input.config, switches), {
    flavour: 'debug',
    // A connection takes two records when it is translated; more than that many packets cannot create.
    slabSlots: Math.max(MIN_SLAB_SLOTS, 2 ** Math.ceil(Math.log2(2 * input.packets.length + 1))),
  });
  const indexOf = new Map<number, number>();
  let nowMs = FIRST_PACKET_MS;
  const packets = input.packets.map(({ frame, timestampMs, requestIndex }, packetIndex): PacketOutcome => {
    if (timestampMs > nowMs) {
      nowMs = timestampMs;
      tracker.sweep(nowMs);
    }
    const there = reference.packets[packetIndex];
    if (there === undefined || there.notCompared !== null) {
      return { outputs: [], notCompared: there?.notCompared ?? 'not run' };
    }
    const asked = asOvsExecutes(input.requests[requestIndex]!, frame);
    const run = (request: ExecRequest): OutputPacket[] =>
      execute(tracker, request, nowMs, { frame, packetIndex }, indexOf);
    if (!isAddressUnknown(asked, packetIndex, there)) {
      return { outputs: run(takeChoice(asked, packetIndex, there)), notCompared: null };
    }
    const before = new Set(tracker.dump(nowMs).map(({ index }) => index));
    const outputs = run(asked);
    const created = tracker.dump(nowMs).filter(({ index }) => !before.has(index));
    // The switch created nothing; so that the rest can be compared, ours is taken back.
    for (const { original, zone } of created) tracker.flushTuple(original, zone, nowMs);
    return { outputs, notCompared: created.length === 0 ? null : UNKNOWN_ADDRESS };
  });
  const live = tracker.dump(nowMs).filter((entry) => entry.expirationMs > nowMs);
  return { packets, table: live.map(toDumpEntry) };
}

function execute(
  tracker: Tracker,
  request: ExecRequest,
  nowMs: number,
  { frame, packetIndex }: { readonly frame: Uint8Array; readonly packetIndex: number },
  indexOf: Map<number, number>,
): OutputPacket[] {
  const handle = tracker.packet(frame);
  indexOf.set(handle.address, packetIndex);
  const { returned } = tracker.execute(handle, request, nowMs);
  const outputs = returned.map((each): OutputPacket => ({
    packetIndex: indexOf.get(each.handle.address) ?? packetIndex,
    state: each.state,
    frame: each.handle.copyFrame(),
  }));
  tracker.release(handle);
  return outputs;
}

function withSwitches(config: TrackerConfig, switches: BehaviourSwitches): TrackerConfig {
  return { ...config, entries: { ...config.entries, switches: { ...config.entries.switches, ...switches } } };
}
