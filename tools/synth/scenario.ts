/** What a traffic scenario is, and the base of the sources of packets that scenarios make. */
import { integerParameter, realParameter } from './common-parameters.js';
import type { HostNetworks } from './host-plan.js';
import type { ParameterSpec, ParameterValues } from './parameters.js';

/**
 * Packets on demand, in bounded memory, without an object per packet. One source serves one reader.
 *
 * @example
 * for (let length; (length = source.next(buffer, 0)) > 0; ) use(buffer.subarray(0, length), source.timestampNs);
 */
export interface PacketGenerator {
  /** Packets that the source gives in all; known beforehand and exact. */
  readonly packetCount: number;
  /** No frame is longer, in bytes. */
  readonly maxFrameLength: number;
  /** Of the packet written last: nanoseconds since the first packet, from the nominal rate. */
  readonly timestampNs: number;
  /** Of the packet written last: number of its flow (connection), counting from 0, unsigned 32 bits. */
  readonly flowIndex: number;
  /**
   * Writes the next Ethernet frame at `at`, where `maxFrameLength` bytes must be free.
   *
   * @returns its length in bytes, or 0 after the last packet
   * @throws RangeError when the buffer has no room at `at`
   */
  next(into: Uint8Array, at: number): number;
}

/** A NAT rule that a scenario's replies rely on, in the terms of the tracker's commit. */
export interface SuggestedNat {
  type: 'src' | 'dst';
  /** Translated address: dotted, or RFC 5952 text for IPv6. One rule per address family. */
  addr: string;
  /** Translated ports, lowest and highest; null keeps the port where it is free. */
  port: readonly [number, number] | null;
  /** Whose connections are translated; absent = everybody's. */
  between?: HostNetworks;
  /** Helper of their control connections. */
  helper?: 'ftp' | 'tftp';
  /** Timeout policy of their connections; absent = that of the zone. */
  policyId?: number;
}

/** Configuration of the tracker under which a scenario shows what it is for. Empty parts are left out. */
export interface SuggestedConfig {
  /** Why, in one sentence for the user. */
  reason: string;
  nat?: readonly SuggestedNat[];
  /** Helper of control connections that no translation is for. */
  helper?: 'ftp' | 'tftp';
  /** The zone of a packet is its (outer) VLAN id, 0 when untagged. */
  zoneFrom?: 'vlan';
  /** Timeout policies: seconds by attribute (`UDP_FIRST`, `TCP_ESTABLISHED`, ...). */
  policies?: readonly { id: number; attributes: Readonly<Record<string, number>> }[];
  /** Which policy new connections of a zone get; zones not named get policy 0. */
  zonePolicies?: readonly { zone: number; policyId: number }[];
}

/** A named kind of traffic. */
export interface Scenario {
  readonly name: string;
  /** One line for a list. */
  readonly summary: string;
  readonly parameters: readonly ParameterSpec[];
  /**
   * A fresh source; the same parameters and seed give the same packets, byte for byte and nanosecond for nanosecond.
   *
   * @throws ScenarioError when parameters contradict each other
   */
  generate(parameters: ParameterValues, seed: number): PacketGenerator;
  /**
   * What the tracker needs for these parameters, or null when its defaults do.
   *
   * @param amongOthers whether other scenarios' packets go through the same tracker, which are to be left alone
   */
  suggestedConfig?(parameters: ParameterValues, amongOthers: boolean): SuggestedConfig | null;
}

/** The parameters that every scenario has. */
export const COMMON_PARAMETERS: readonly ParameterSpec[] = [
  integerParameter('packets', 'packets', [1_000_000, 1, 1e12], 'how many packets to make, exactly'),
  realParameter(
    'pps',
    'packets/s',
    [100_000, 0.001, 1e9],
    'nominal rate: packet i is stamped i/pps seconds after the first',
  ),
];

/** Counts, stamps and bounds-checks packets; a scenario adds how one packet is written. */
export abstract class TimedSource implements PacketGenerator {
  readonly packetCount: number;
  abstract readonly maxFrameLength: number;
  timestampNs = 0;
  flowIndex = 0;
  /** Packets written so far. */
  protected written = 0;
  protected readonly pps: number;

  constructor(parameters: ParameterValues) {
    this.packetCount = parameters.number('packets');
    this.pps = parameters.number('pps');
  }

  next(into: Uint8Array, at: number): number {
    if (this.written >= this.packetCount) return 0;
    if (at + this.maxFrameLength > into.length) {
      throw new RangeError(
        `no room for a frame of up to ${this.maxFrameLength} bytes at ${at} of a buffer of ${into.length} bytes`,
      );
    }
    // From the index, never by adding up: no drift however long the run.
    this.timestampNs = Math.round((this.written * 1e9) / this.pps);
    const length = this.write(into, at);
    this.written++;
    return length;
  }

  /** Writes packet number `written`, sets `flowIndex`, and returns the frame's length in bytes. */
  protected abstract write(into: Uint8Array, at: number): number;
}
