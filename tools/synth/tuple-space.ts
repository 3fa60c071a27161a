/** Distinct connection tuples by flow number, computed and not stored. */
import { EPHEMERAL_PORTS, FIRST_EPHEMERAL_PORT } from './ephemeral-ports.js';
import { Permutation } from '../random/permutation.js';
import type { Random } from '../random/random.js';

/** Ranges from which tuples are made. Hosts are 32-bit numbers, see `PacketWriter`. */
export interface TupleRanges {
  firstClient: number;
  clients: number;
  firstServer: number;
  servers: number;
  /** Servers' ports, cycled through with the servers. */
  serverPorts: readonly number[];
  firstClientPort?: number;
  clientPorts?: number;
}

/**
 * Numbers flows onto (client, client port, server, server port) in a seeded order. Flow n and flow n + size share a
 * tuple; nearer flows never do.
 */
export class TupleSpace {
  client = 0;
  clientPort = 0;
  server = 0;
  serverPort = 0;
  /** How many distinct tuples there are, at most 2^32. */
  readonly size: number;
  readonly #order: Permutation;
  readonly #firstClientPort: number;
  readonly #clientPorts: number;

  readonly #ranges: TupleRanges;

  constructor(ranges: TupleRanges, random: Random) {
    this.#ranges = ranges;
    this.#firstClientPort = ranges.firstClientPort ?? FIRST_EPHEMERAL_PORT;
    this.#clientPorts = ranges.clientPorts ?? EPHEMERAL_PORTS;
    const all = ranges.clients * this.#clientPorts * ranges.servers * ranges.serverPorts.length;
    this.size = Math.min(all, 2 ** 32);
    this.#order = new Permutation(this.size, random.derive('tuples'));
  }

  /** Sets the four fields to the tuple of flow `flowIndex`. */
  pick(flowIndex: number): void {
    let rest = this.#order.at(flowIndex % this.size);
    const { clients, servers, serverPorts } = this.#ranges;
    this.client = this.#ranges.firstClient + (rest % clients);
    rest = Math.floor(rest / clients);
    this.server = this.#ranges.firstServer + (rest % servers);
    rest = Math.floor(rest / servers);
    this.serverPort = serverPorts[rest % serverPorts.length]!;
    this.clientPort = this.#firstClientPort + Math.floor(rest / serverPorts.length);
  }
}
