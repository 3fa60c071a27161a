/**
 * How many connection slots the traffic of one loop can take, by its packets: a packet opens a connection when it is the first
 * of its tuple in its zone, a TCP SYN also when the tuple is known, since it replaces a connection that is closed. A
 * connection that may be translated takes a second slot, for its un-NAT companion.
 */
import { portsOf } from '../captures/analysis-flows.js';
import { dissect, emptyDissection, type Dissection } from '../wire/dissect.js';
import { FlowSet } from '../captures/flow-set.js';
import type { PacketRules } from '../config/rules.js';
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { countInThread } from './slots-thread.js';
import { eachFrame, type StagedRangeVisitor } from './frame-range.js';
import type { Assignment } from './packet-store.js';
import type { StagedTraffic } from './staging.js';

/** Slots that one loop can take. */
export interface TrafficSlots {
  /** Where no packet finds a connection of a loop before. */
  readonly opening: number;
  /** Where each finds those of the loop before, and none of them has expired. */
  readonly reopening: number;
  /** Where every packet that may open a connection does. */
  readonly committed: number;
}

const TCP = 6;
const TCP_FLAGS_AT = 13;
const SYN_AND_ACK = 0x12;
const SYN = 0x02;

interface Known {
  readonly rules: PacketRules;
  readonly steering: string;
  readonly slots: TrafficSlots;
}

/** Of traffic that is replayed through several designs, or again and again. */
const known = new WeakMap<StagedTraffic, Known>();

/** Fewer packets are counted before a thread has started. */
const LEAST_PACKETS_FOR_THREAD = 200_000;

/**
 * Counts the slots of staged traffic. Of much traffic in shared memory it is another thread that counts, so that the packets can be
 * loaded meanwhile.
 * @param steering what decided the assignment, as a text: an equal one for equal traffic and rules has an equal outcome
 */
export async function countTrafficSlots(
  traffic: StagedTraffic,
  rules: PacketRules,
  { requestOf }: Assignment,
  steering: string,
): Promise<TrafficSlots> {
  const before = known.get(traffic);
  if (before !== undefined && before.rules === rules && before.steering === steering) return before.slots;
  const ranges = traffic.packets < LEAST_PACKETS_FOR_THREAD ? null : (traffic.sharedRanges?.() ?? null);
  const counted = ranges === null ? null : await countInThread({ ranges, requests: rules.requests, requestOf });
  const slots = counted ?? countSlots((visit) => traffic.forEachRange(visit), rules.requests, requestOf);
  known.set(traffic, { rules, steering, slots });
  return slots;
}

/** Counts the slots that ranges in order can take. */
export function countSlots(
  forEachRange: (visit: StagedRangeVisitor) => void,
  requests: readonly ExecRequest[],
  requestOf: Uint32Array,
): TrafficSlots {
  const flows = new FlowSet();
  const headers = emptyDissection();
  let opening = 0;
  let reopening = 0;
  let committed = 0;
  const visit = eachFrame((frame, index) => {
    const request = requests[requestOf[index] as number];
    if (request?.commit !== true) return;
    dissect(frame, headers);
    const ports = portsOf(frame, headers);
    if (ports === null || headers.protocol === null) return;
    const { addressesAt, addressBytes, protocol } = headers;
    const slots = request.nat === undefined ? 1 : 2;
    const isNew = flows.add(
      frame,
      addressesAt,
      addressBytes,
      protocol,
      ports.source,
      ports.destination,
      request.zone,
    );
    // A forced commit replaces a connection that was opened the other way round.
    const replaces = request.force === true || isSyn(frame, headers);
    committed += slots;
    if (isNew || replaces) opening += slots;
    if (replaces) reopening += slots;
  });
  forEachRange(visit);
  return { opening, reopening, committed };
}

function isSyn(frame: Uint8Array, { protocol, l4 }: Dissection): boolean {
  if (protocol !== TCP || l4 === null) return false;
  return ((frame[l4 + TCP_FLAGS_AT] ?? 0) & SYN_AND_ACK) === SYN;
}
