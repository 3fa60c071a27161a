/** What race threads do: flows, rules and operations, laid out in the run's memory. */
import { writeExecParams, type ExecRequest } from '../../../engine/host/exec-params.js';
import { writeKey, type ConnTuple } from '../../../engine/host/connection-view.js';
import { PacketStore } from '../../../engine/host/packet-store.js';
import { PacketHandle } from '../../../engine/host/packet-handle.js';
import { byteOffset, type ByteOffset } from '../../../engine/host/quantities.js';
import type { EngineThread } from '../../../engine/host/thread.js';
import { attributeValues } from '../../../engine/host/timeout-attributes.js';
import { echoFrame, tcpFrame, udpFrame } from '../../support/packets.js';

/** Operations besides packets, by the names that race-worker.mjs gives them. */
export type Operation =
  | 'walk'
  | 'countExpired'
  | 'flushAll'
  | 'flushZone'
  | 'flushTuple'
  | 'setZoneLimit'
  | 'setDefaultLimit'
  | 'deleteZoneLimit'
  | 'setConnLimit'
  | 'setPolicy'
  | 'deletePolicy'
  | 'offline'
  | 'sweepHere';

interface Flow {
  readonly name: string;
  readonly frames: readonly Uint8Array[];
  /** No state of the tracker makes a packet of this flow invalid. */
  readonly neverInvalid: boolean;
}

interface Rule {
  readonly name: string;
  /** Flows that this rule applies to. */
  readonly flows: 'udp' | 'tcp' | 'mixed' | 'sameHash' | 'private';
  readonly request: ExecRequest;
}

export interface Scenario {
  readonly rules: readonly Rule[];
  readonly operations: readonly Operation[];
  /** Chance of an operation after a batch. */
  readonly operationPercent: number;
  /** The sweeper moves the clock on by up to this much before each pass; 0 = time stands still. */
  readonly clockStepMs: number;
  readonly connLimit: number;
  readonly zones: number;
  readonly limitedZone: number;
}

const PLAIN: ExecRequest = { zone: 1, commit: true };

/** Everything at once: every kind of creation, expiry and removal, with limits, policies and translation. */
export const EVERYTHING: Scenario = {
  rules: [
    { name: 'commit', flows: 'mixed', request: PLAIN },
    { name: 'commit of flows with one hash', flows: 'sameHash', request: PLAIN },
    { name: 'commit of few TCP flows', flows: 'tcp', request: { zone: 1, commit: true } },
    { name: 'no commit', flows: 'mixed', request: { zone: 1 } },
    { name: 'forced commit', flows: 'mixed', request: { zone: 5, commit: true, force: true } },
    { name: 'limited zone', flows: 'udp', request: { zone: 3, commit: true } },
    { name: 'policy', flows: 'udp', request: { zone: 4, commit: true, timeoutPolicy: 7 } },
    {
      name: 'snat',
      flows: 'private',
      request: {
        zone: 2,
        commit: true,
        nat: { type: 'src', minAddress: '192.0.2.1', ports: [5000, 5007] },
      },
    },
    {
      name: 'dnat',
      flows: 'private',
      request: { zone: 6, commit: true, nat: { type: 'dst', minAddress: '198.51.100.7' } },
    },
    { name: 'bare nat', flows: 'private', request: { zone: 2, nat: { type: 'none' } } },
    {
      name: 'mark',
      flows: 'udp',
      request: { zone: 1, commit: true, mark: { value: 5, mask: 0xff }, label: { value: 1n, mask: 1n } },
    },
  ],
  operations: [
    'walk',
    'countExpired',
    'flushAll',
    'flushZone',
    'flushTuple',
    'flushTuple',
    'setZoneLimit',
    'setDefaultLimit',
    'deleteZoneLimit',
    'setConnLimit',
    'setPolicy',
    'deletePolicy',
    'offline',
    'offline',
    'sweepHere',
  ],
  operationPercent: 30,
  clockStepMs: 4000,
  connLimit: 40,
  zones: 7,
  limitedZone: 3,
};

/**
 * Nothing expires and nothing is forced out: then no flow may ever have two connections, whatever the interleaving. (With
 * expiry it may: a packet that found the old connection just before it expired refreshes it after a new one was made.)
 */
export const NO_EXPIRY: Scenario = {
  ...EVERYTHING,
  rules: EVERYTHING.rules.filter(
    ({ flows, request }) => flows !== 'tcp' && flows !== 'mixed' && !request.force && !request.nat,
  ),
  operations: ['walk', 'flushAll', 'flushZone', 'flushTuple', 'flushTuple', 'offline', 'sweepHere'],
  clockStepMs: 0,
};

/** A slab that is always full, so that every slot is used again as soon as it may be. */
export const TURNOVER: Scenario = {
  ...EVERYTHING,
  rules: EVERYTHING.rules.filter(({ flows }) => flows === 'udp' || flows === 'sameHash'),
  operations: ['flushAll', 'flushTuple', 'flushTuple', 'flushTuple', 'sweepHere'],
  operationPercent: 60,
  connLimit: 10_000,
};

/** A scenario in the run's memory, as race-worker.mjs reads it. */
export interface LaidScenario {
  readonly flows: Readonly<
    Record<Rule['flows'], { name: string; neverInvalid: boolean; packets: ByteOffset[] }[]>
  >;
  readonly rules: { name: string; flows: Rule['flows']; params: ByteOffset; nat: boolean }[];
  readonly keys: ByteOffset[];
  readonly attributes: ByteOffset[];
  readonly operations: readonly Operation[];
  readonly operationPercent: number;
  readonly clockStepMs: number;
  readonly zones: number;
  readonly limitedZone: number;
}

/** Writes frames, parameters, keys and policies from `base` on. */
export function layScenario(thread: EngineThread, scenario: Scenario, base: ByteOffset): LaidScenario {
  const { constants } = thread.run.engine;
  const { regions, packetStoreBytes } = thread.run.plan;
  let next: number = base;
  const take = (size: number): ByteOffset => {
    const at = byteOffset(next);
    next += Math.ceil(size / 16) * 16;
    return at;
  };
  const rules = scenario.rules.map(({ name, flows, request }) => {
    const params = take(constants.PARAMS_SIZE);
    writeExecParams(thread.view, constants, params, request);
    return { name, flows, params, nat: request.nat !== undefined };
  });
  const keys = flushedTuples().map((tuple) => {
    const key = take(constants.KEY_SIZE);
    writeKey(thread.view, constants, key, tuple, 1);
    return key;
  });
  const attributes = [{ udp_first: 1, udp_single: 2 }, { udp_first: 300, udp_multiple: 300 }, {}].map(
    (seconds) => {
      const at = take(64);
      attributeValues(seconds).forEach((value, i) => thread.view.setUint32(at + i * 4, value, true));
      return at;
    },
  );
  const storeAt = byteOffset(Math.ceil(next / 64) * 64);
  const store = new PacketStore(storeAt, regions.packets + packetStoreBytes - storeAt, constants.PACKET_SIZE);
  const lay = (group: readonly Flow[]): { name: string; neverInvalid: boolean; packets: ByteOffset[] }[] =>
    group.map(({ name, neverInvalid, frames }) => ({
      name,
      neverInvalid,
      packets: frames.map((frame) => {
        const place = store.take(frame.length);
        const handle = new PacketHandle(thread.view, constants, place, frame);
        thread.exports.locatePacket(handle.address);
        return handle.address;
      }),
    }));
  const { operations, operationPercent, clockStepMs, zones, limitedZone } = scenario;
  return {
    flows: {
      udp: lay(udpFlows()),
      tcp: lay(tcpFlows(4)),
      mixed: lay([...udpFlows(), ...tcpFlows(60), ...echoFlows(), ...udp6Flows()]),
      sameHash: lay(sameHashFlows()),
      private: lay(privateFlows()),
    },
    rules,
    keys,
    attributes,
    operations,
    operationPercent,
    clockStepMs,
    zones,
    limitedZone,
  };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function udpPair(src: string, dst: string, srcPort: number, dstPort: number): Uint8Array[] {
  return [
    udpFrame({ src, dst, srcPort, dstPort, payload: 'query' }),
    udpFrame({ src: dst, dst: src, srcPort: dstPort, dstPort: srcPort, payload: 'answer' }),
  ];
}

function udpFlows(): Flow[] {
  return numbers(100).map((i) => ({
    name: `UDP flow ${i}`,
    frames: udpPair(`10.0.0.${i + 1}`, '10.1.0.1', 40000 + i, 53),
    neverInvalid: true,
  }));
}

function udp6Flows(): Flow[] {
  return numbers(40).map((i) => ({
    name: `UDP/IPv6 flow ${i}`,
    frames: udpPair(`2001:db8::${i + 1}`, '2001:db8:1::1', 40000 + i, 53),
    neverInvalid: true,
  }));
}

function tcpFlows(count: number): Flow[] {
  return numbers(count).map((i) => {
    const there = { src: `10.2.0.${i + 1}`, dst: '10.3.0.1', srcPort: 30000 + i, dstPort: 80 };
    const back = { src: there.dst, dst: there.src, srcPort: 80, dstPort: there.srcPort };
    const frames = [
      tcpFrame({ ...there, seq: 100, flags: 'S' }),
      tcpFrame({ ...back, seq: 900, ack: 101, flags: 'SA' }),
      tcpFrame({ ...there, seq: 101, ack: 901, flags: 'A' }),
      tcpFrame({ ...there, seq: 101, ack: 901, flags: 'FA' }),
      tcpFrame({ ...back, seq: 901, ack: 102, flags: 'FA' }),
      tcpFrame({ ...back, seq: 901, flags: 'R' }),
    ];
    return { name: `TCP flow ${i}`, frames, neverInvalid: false };
  });
}

function echoFlows(): Flow[] {
  return numbers(20).map((i) => {
    const src = `10.4.0.${i + 1}`;
    const dst = '10.5.0.1';
    const frames = [
      echoFrame({ src, dst, id: i + 1 }),
      echoFrame({ src: dst, dst: src, id: i + 1, reply: true }),
    ];
    // An echo reply to nothing cannot open a connection.
    return { name: `echo flow ${i}`, frames, neverInvalid: false };
  });
}

/** Both ends alike: the symmetric hash of every one of them is the same, so they hang on one chain. */
function sameHashFlows(): Flow[] {
  return numbers(12).map((i) => {
    const end = `10.6.0.${i + 1}`;
    const frame = udpFrame({ src: end, dst: end, srcPort: 7000 + i, dstPort: 7000 + i, payload: 'self' });
    return { name: `flow with itself ${i}`, frames: [frame], neverInvalid: true };
  });
}

/** Flows that are translated; replies are made from what they were translated to. */
function privateFlows(): Flow[] {
  return numbers(24).map((i) => ({
    name: `private flow ${i}`,
    frames: [
      udpFrame({ src: `10.7.0.${i + 1}`, dst: '203.0.113.1', srcPort: 20000 + i, dstPort: 53, payload: 'q' }),
    ],
    neverInvalid: false,
  }));
}

function flushedTuples(): ConnTuple[] {
  return numbers(30).map((i) =>
    i % 3 === 0
      ? {
          family: 4,
          src: `10.6.0.${i / 3 + 1}`,
          dst: `10.6.0.${i / 3 + 1}`,
          protocol: 17,
          srcPort: 7000 + i / 3,
          dstPort: 7000 + i / 3,
        }
      : { family: 4, src: `10.0.0.${i + 1}`, dst: '10.1.0.1', protocol: 17, srcPort: 40000 + i, dstPort: 53 },
  );
}
