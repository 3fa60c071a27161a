/** Distinct connection tuples by flow number, computed and not stored. */
import { EPHEMERAL_PORTS, FIRST_EPHEMERAL_PORT } from './ephemeral-ports.js';
import { Permutation } from '../random/permutation.js';
import type { Random } from '../random/random.js';
import { firstClient, firstServer, type HostBlock } from './host-plan.js';
import type { Ends } from './packet-writer.js';

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
  readonly #there = { src: 0, dst: 0, srcPort: 0, dstPort: 0 };
  readonly #back = { src: 0, dst: 0, srcPort: 0, dstPort: 0, backwards: true };
  /** From the client of the flow that was picked last to its server, and from the server to the client. */
  readonly there: Ends = this.#there;
  readonly back: Ends = this.#back;
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

  /** Sets both ends to those of flow `flowIndex`. */
  pick(flowIndex: number): void {
    let rest = this.#order.at(flowIndex % this.size);
    const { clients, servers, serverPorts } = this.#ranges;
    const there = this.#there;
    const back = this.#back;
    there.src = back.dst = this.#ranges.firstClient + (rest % clients);
    rest = Math.floor(rest / clients);
    there.dst = back.src = this.#ranges.firstServer + (rest % servers);
    rest = Math.floor(rest / servers);
    there.dstPort = back.srcPort = serverPorts[rest % serverPorts.length]!;
    there.srcPort = back.dstPort = this.#firstClientPort + Math.floor(rest / serverPorts.length);
  }
}

/** The tuples of a block's clients and servers. */
export function tuplesOf(
  block: HostBlock,
  ranges: Omit<TupleRanges, 'firstClient' | 'firstServer'>,
  random: Random,
): TupleSpace {
  return new TupleSpace(
    { firstClient: firstClient(block), firstServer: firstServer(block), ...ranges },
    random,
  );
}
