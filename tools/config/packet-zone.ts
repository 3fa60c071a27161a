/** How a packet gets its zone. */
import type { Dissection } from '../wire/dissect.js';
import { addressTest, type FrameTest } from './match.js';
import type { ConfigFile } from './schema.js';

/** Zone of a dissected frame that goes to a worker. */
export type ZoneOf = (frame: Uint8Array, layers: Dissection, worker: number) => number;

/** Compiles the key `zone`. */
export function compileZone(zone: ConfigFile['zone']): ZoneOf {
  if (zone === undefined) return () => 0;
  if (typeof zone === 'number') return () => zone;
  if (zone.from === 'worker') return (_frame, _layers, worker) => (zone.base ?? 0) + worker;
  if (zone.from === 'vlan') return (_frame, layers) => layers.vlanIds[0] ?? zone.default ?? 0;
  const tests = Object.entries(zone.subnets)
    // The longest prefix counts, as in a routing table.
    .toSorted(([a], [b]) => prefixOf(b) - prefixOf(a))
    .map(([network, number]): [FrameTest, number] => [addressTest(network, 0), number]);
  return (frame, layers) => tests.find(([test]) => test(frame, layers, 0))?.[1] ?? zone.default ?? 0;
}

function prefixOf(network: string): number {
  return Number(network.split('/')[1] ?? 128);
}
