/**
 * What a tracker is free to choose: which port of a range a translated connection gets depends on a hash with a random basis and
 * on random numbers. Two trackers that conform may differ there, so before runs are compared each port of a range is replaced by a
 * number that stands for "this port for this tuple", counted by first appearance, and transport checksums over it by zero. A
 * connection that keeps its port in one run and changes it in the other still shows.
 */
import type { ExecRequest } from '../../engine/host/exec-params.js';
import { dissect, emptyDissection } from '../captures/dissect.js';
import { frameTuple } from '../oracle/frame-tuple.js';
import type { DumpEntry, DumpTuple } from './dump-parse.js';
import type { TrackerRun } from './tracker-run.js';

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6 };

/**
 * A run with the ports of ranges numbered; the run itself when no request has a range to choose from.
 * @param inputs frames as they went in
 */
export function withNumberedPorts(
  run: TrackerRun,
  requests: readonly ExecRequest[],
  inputs: readonly Uint8Array[],
): TrackerRun {
  const ranges = requests.flatMap(({ nat }): PortRange[] => {
    if (nat === undefined || nat.type === 'none' || nat.ports === undefined) return [];
    const [first, last] = nat.ports;
    return first === last ? [] : [{ first, last }];
  });
  if (ranges.length === 0) return run;
  const inRange = (port: number): boolean => ranges.some(({ first, last }) => port >= first && port <= last);
  const numbers = new Map<string, number>();
  const packets = run.packets.map((packet, index) => {
    const input = frameTuple(inputs[index] as Uint8Array) ?? '';
    const numberOf = (port: number): number => {
      if (!inRange(port)) return port;
      const key = `${input} ${port}`;
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return number;
    };
    return {
      ...packet,
      outputs: packet.outputs.map((output) => ({
        ...output,
        frame: numberFramePorts(output.frame, numberOf),
      })),
    };
  });
  return {
    packets,
    table: run.table.map((entry) => numberEntry(entry, (port) => (inRange(port) ? 0 : port))),
  };
}

const layers = emptyDissection();

function numberFramePorts(frame: Uint8Array, numberOf: (port: number) => number): Uint8Array {
  dissect(frame, layers);
  const { l4, protocol } = layers;
  const checksumAt = CHECKSUM_AT[protocol ?? -1];
  if (l4 === null || checksumAt === undefined || l4 + checksumAt + 2 > frame.length) return frame;
  const copy = new Uint8Array(frame);
  const view = new DataView(copy.buffer);
  for (const at of [l4, l4 + 2]) view.setUint16(at, numberOf(view.getUint16(at)));
  view.setUint16(l4 + checksumAt, 0);
  return copy;
}

function numberEntry(entry: DumpEntry, numberOf: (port: number) => number): DumpEntry {
  const numbered = (tuple: DumpTuple): DumpTuple =>
    tuple.ports === null ? tuple : { ...tuple, ports: [numberOf(tuple.ports[0]), numberOf(tuple.ports[1])] };
  return { ...entry, reply: numbered(entry.reply) };
}
