/** UDP conversations: datagrams from the client, answered or not. */
import { ExchangeFlowTable, type ExchangeOptions, type ExchangePlan } from './exchange-flows.js';
import { PacketWriter } from './packet-writer.js';

/** Makes the payloads. `write…` return the number of bytes put into `scratch`. */
export interface DatagramContent {
  readonly maxBytes: number;
  writeRequest(scratch: Uint8Array, flowIndex: number): number;
  writeResponse(scratch: Uint8Array, flowIndex: number): number;
}

/** What a table of UDP flows is made of. */
export interface UdpFlowOptions extends ExchangeOptions<ExchangePlan> {
  /** Share of the conversations that are answered: those have two packets at least. */
  readonly answerShare: number;
  readonly content: DatagramContent;
}

export class UdpFlowTable extends ExchangeFlowTable<ExchangePlan> {
  readonly minPacketsPerFlow: number;
  readonly maxFrameLength: number;
  readonly #scratch: Uint8Array;
  readonly #content: DatagramContent;

  constructor(options: UdpFlowOptions) {
    super(options, { family: 4, vlanId: 0, answered: true, exchanges: 1 });
    const { answerShare, content } = options;
    this.#content = content;
    this.minPacketsPerFlow = 1 + answerShare;
    this.maxFrameLength = PacketWriter.MAX_HEADERS + content.maxBytes;
    this.#scratch = new Uint8Array(content.maxBytes);
  }

  protected writeRequest(slot: number, into: Uint8Array, at: number): number {
    const content = this.#scratch;
    const count = this.#content.writeRequest(content, this.flowIndex(slot));
    return this.writer.udp(into, at, { ends: this.tuples.there, content, count });
  }

  protected writeAnswer(slot: number, into: Uint8Array, at: number): number {
    const content = this.#scratch;
    const count = this.#content.writeResponse(content, this.flowIndex(slot));
    return this.writer.udp(into, at, { ends: this.tuples.back, content, count });
  }
}
