/** Conversations of requests and answers as a state machine over flat arrays: what those of UDP and ICMP have in common. */
import { PHASE } from './flow-pool.js';
import type { FlowTable } from './flow-pool.js';
import type { IpFamily, PacketWriter } from './packet-writer.js';
import type { TupleSpace } from './tuple-space.js';

/** What one conversation does; a planner fills it in when the conversation begins. */
export interface ExchangePlan {
  family: IpFamily;
  /** 802.1Q VLAN id, 0 for none. */
  vlanId: number;
  /** Whether requests are answered. */
  answered: boolean;
  /** Requests; 0 goes on until the pool retires the conversation. */
  exchanges: number;
}

/** What a table is made of. */
export interface ExchangeOptions<Plan extends ExchangePlan> {
  /** Flows at once. */
  readonly capacity: number;
  readonly tuples: TupleSpace;
  readonly writer: PacketWriter;
  readonly planner: (flowIndex: number, plan: Plan) => void;
}

const STAGE = { closed: 0, request: 1, answer: 2 } as const;

export abstract class ExchangeFlowTable<Plan extends ExchangePlan> implements FlowTable {
  abstract readonly minPacketsPerFlow: number;
  abstract readonly maxFrameLength: number;
  readonly capacity: number;
  protected readonly tuples: TupleSpace;
  protected readonly writer: PacketWriter;
  readonly #plan: Plan;
  readonly #planner: (flowIndex: number, plan: Plan) => void;
  readonly #flow: Uint32Array;
  readonly #stage: Uint8Array;
  readonly #closing: Uint8Array;
  readonly #answered: Uint8Array;
  readonly #family: Uint8Array;
  readonly #vlan: Uint16Array;
  readonly #exchangesDone: Uint32Array;
  readonly #exchanges: Uint32Array;

  /** @param plan of the first conversation, before its planner has seen it */
  constructor({ capacity, tuples, writer, planner }: ExchangeOptions<Plan>, plan: Plan) {
    this.capacity = capacity;
    this.tuples = tuples;
    this.writer = writer;
    this.#plan = plan;
    this.#planner = planner;
    this.#flow = new Uint32Array(capacity);
    this.#stage = new Uint8Array(capacity);
    this.#closing = new Uint8Array(capacity);
    this.#answered = new Uint8Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#vlan = new Uint16Array(capacity);
    this.#exchangesDone = new Uint32Array(capacity);
    this.#exchanges = new Uint32Array(capacity);
  }

  begin(slot: number, flowIndex: number): void {
    const plan = this.#plan;
    this.#planner(flowIndex, plan);
    this.keep(slot, plan);
    this.#flow[slot] = flowIndex;
    this.#stage[slot] = this.#first(slot);
    this.#closing[slot] = 0;
    this.#answered[slot] = plan.answered ? 1 : 0;
    this.#family[slot] = plan.family;
    this.#vlan[slot] = plan.vlanId;
    this.#exchanges[slot] = plan.exchanges;
    this.#exchangesDone[slot] = 0;
  }

  askToClose(slot: number): void {
    this.#closing[slot] = 1;
    // There is no farewell: between two exchanges it is over at once.
    if (this.#stage[slot] === this.#first(slot)) this.#stage[slot] = STAGE.closed;
  }

  flowIndex(slot: number): number {
    return this.#flow[slot]!;
  }

  phase(slot: number): number {
    if (this.#stage[slot] === STAGE.closed) return PHASE.closed;
    return this.#closing[slot] === 1 ? PHASE.closing : PHASE.open;
  }

  emit(slot: number, into: Uint8Array, at: number): number {
    this.tuples.pick(this.#flow[slot]!);
    this.writer.family = this.#family[slot] as IpFamily;
    this.writer.vlanId = this.#vlan[slot]!;
    const exchange = this.#exchangesDone[slot]!;
    if (this.#stage[slot] === STAGE.answer) {
      this.#endExchange(slot);
      return this.writeAnswer(slot, into, at, exchange);
    }
    if (this.#answered[slot] === 1) this.#stage[slot] = STAGE.answer;
    else this.#endExchange(slot);
    return this.writeRequest(slot, into, at, exchange);
  }

  /** Keeps what else a plan says of a conversation. */
  protected keep(_slot: number, _plan: Plan): void {}

  /** Whether a conversation has no requests. */
  protected onlyAnswers(_slot: number): boolean {
    return false;
  }

  /** Writes the request of an exchange, counted from 0; tuple and writer are those of the conversation. */
  protected abstract writeRequest(slot: number, into: Uint8Array, at: number, exchange: number): number;
  protected abstract writeAnswer(slot: number, into: Uint8Array, at: number, exchange: number): number;

  #first(slot: number): number {
    return this.onlyAnswers(slot) ? STAGE.answer : STAGE.request;
  }

  #endExchange(slot: number): void {
    const done = this.#exchangesDone[slot]! + 1;
    this.#exchangesDone[slot] = done;
    const over = done === this.#exchanges[slot] || this.#closing[slot] === 1;
    this.#stage[slot] = over ? STAGE.closed : this.#first(slot);
  }
}
