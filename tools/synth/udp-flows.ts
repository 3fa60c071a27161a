/** UDP conversations as a state machine over flat arrays: datagrams from the client, answered or not. */
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import { PacketWriter } from './packet-writer.js';
import type { IpFamily } from './packet-writer.js';
import type { TupleSpace } from './tuple-space.js';

/** What one conversation does; a planner fills it in when the conversation begins. */
export interface UdpFlowPlan {
  family: IpFamily;
  /** 802.1Q VLAN id, 0 for none. */
  vlanId: number;
  /** Whether the server answers. */
  answered: boolean;
  /** Datagrams of the client; 0 goes on until the pool retires the conversation. */
  exchanges: number;
}

export type UdpPlanner = (flowIndex: number, plan: UdpFlowPlan) => void;

/** Makes the payloads. `write…` return the number of bytes put into `scratch`. */
export interface DatagramContent {
  readonly maxBytes: number;
  writeRequest(scratch: Uint8Array, flowIndex: number): number;
  writeResponse(scratch: Uint8Array, flowIndex: number): number;
}

const STAGE = { closed: 0, request: 1, response: 2 } as const;

/** What a table of UDP flows is made of. */
export interface UdpFlowOptions {
  /** Flows at once. */
  readonly capacity: number;
  /** Whether any conversation is answered: those have two packets at least. */
  readonly answers: boolean;
  readonly tuples: TupleSpace;
  readonly writer: PacketWriter;
  readonly content: DatagramContent;
  readonly planner: UdpPlanner;
}

export class UdpFlowTable implements FlowTable {
  readonly minPacketsPerFlow: number;
  readonly maxFrameLength: number;
  readonly #plan: UdpFlowPlan = { family: 4, vlanId: 0, answered: true, exchanges: 1 };
  readonly #scratch: Uint8Array;
  readonly #flow: Uint32Array;
  readonly #stage: Uint8Array;
  readonly #closing: Uint8Array;
  readonly #answered: Uint8Array;
  readonly #family: Uint8Array;
  readonly #vlan: Uint16Array;
  readonly #exchangesLeft: Uint32Array;

  readonly capacity: number;
  readonly #tuples: TupleSpace;
  readonly #writer: PacketWriter;
  readonly #content: DatagramContent;
  readonly #planner: UdpPlanner;

  constructor({ capacity, answers, tuples, writer, content, planner }: UdpFlowOptions) {
    this.capacity = capacity;
    this.#tuples = tuples;
    this.#writer = writer;
    this.#content = content;
    this.#planner = planner;
    this.minPacketsPerFlow = answers ? 2 : 1;
    this.maxFrameLength = PacketWriter.MAX_HEADERS + content.maxBytes;
    this.#scratch = new Uint8Array(content.maxBytes);
    this.#flow = new Uint32Array(capacity);
    this.#stage = new Uint8Array(capacity);
    this.#closing = new Uint8Array(capacity);
    this.#answered = new Uint8Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#vlan = new Uint16Array(capacity);
    this.#exchangesLeft = new Uint32Array(capacity);
  }

  begin(slot: number, flowIndex: number): void {
    this.#planner(flowIndex, this.#plan);
    const plan = this.#plan;
    this.#flow[slot] = flowIndex;
    this.#stage[slot] = STAGE.request;
    this.#closing[slot] = 0;
    this.#answered[slot] = plan.answered ? 1 : 0;
    this.#family[slot] = plan.family;
    this.#vlan[slot] = plan.vlanId;
    this.#exchangesLeft[slot] = plan.exchanges;
  }

  askToClose(slot: number): void {
    this.#closing[slot] = 1;
    // UDP has no farewell: between two exchanges it is over at once.
    if (this.#stage[slot] === STAGE.request) this.#stage[slot] = STAGE.closed;
  }

  flowIndex(slot: number): number {
    return this.#flow[slot]!;
  }

  phase(slot: number): number {
    if (this.#stage[slot] === STAGE.closed) return PHASE.closed;
    return this.#closing[slot] === 1 ? PHASE.closing : PHASE.open;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    const tuples = this.#tuples;
    const writer = this.#writer;
    const content = this.#content;
    const scratch = this.#scratch;
    const flowIndex = this.#flow[slot]!;
    tuples.pick(flowIndex);
    writer.family = this.#family[slot] as IpFamily;
    writer.vlanId = this.#vlan[slot]!;
    const { client, clientPort, server, serverPort } = tuples;
    if (this.#stage[slot] === STAGE.response) {
      this.#endExchange(slot);
      const count = content.writeResponse(scratch, flowIndex);
      return writer.udp(into, at, {
        src: server,
        dst: client,
        srcPort: serverPort,
        dstPort: clientPort,
        content: scratch,
        count,
        backwards: true,
      });
    }
    if (this.#answered[slot] === 1) this.#stage[slot] = STAGE.response;
    else this.#endExchange(slot);
    const count = content.writeRequest(scratch, flowIndex);
    return writer.udp(into, at, {
      src: client,
      dst: server,
      srcPort: clientPort,
      dstPort: serverPort,
      content: scratch,
      count,
    });
  }

  #endExchange(slot: number): void {
    const left = this.#exchangesLeft[slot]!;
    this.#stage[slot] = left === 1 || this.#closing[slot] === 1 ? STAGE.closed : STAGE.request;
    if (left > 0) this.#exchangesLeft[slot] = left - 1;
  }
}
