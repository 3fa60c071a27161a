/** Comparing what two trackers made of the same packets. */
import { entryKey, type DumpEntry } from './dump-parse.js';
import { explain } from './explanations.js';
import type { PacketOutcome, TrackerRun } from './tracker-run.js';

/** One disagreement. */
export interface ConformDifference {
  /** From 1; null for the final table. */
  readonly packetNumber: number | null;
  readonly what: 'state' | 'frame' | 'outputs' | 'table';
  readonly ours: string;
  readonly ovs: string;
  /** Revision that explains it, or null. */
  readonly explanation: string | null;
}

/** How two runs compare. */
export interface ConformReport {
  readonly packets: number;
  /** Packets that reached both trackers. */
  readonly compared: number;
  /** Packets that the switch does not give to its tracker, by reason. */
  readonly notTracked: Readonly<Record<string, number>>;
  readonly agreeing: number;
  readonly connections: number;
  readonly differences: readonly ConformDifference[];
}

/** Compares packet by packet, then the tables. */
export function compareRuns(ours: TrackerRun, ovs: TrackerRun): ConformReport {
  const differences: ConformDifference[] = [];
  const notTracked: Record<string, number> = {};
  let compared = 0;
  let agreeing = 0;
  ovs.packets.forEach((theirs, index) => {
    if (theirs.notTracked !== null) {
      notTracked[theirs.notTracked] = (notTracked[theirs.notTracked] ?? 0) + 1;
      return;
    }
    compared += 1;
    const difference = comparePacket(index + 1, ours.packets[index] as PacketOutcome, theirs);
    if (difference === null) agreeing += 1;
    else differences.push(difference);
  });
  const table = compareTables(ours.table, ovs.table);
  if (table !== null) differences.push(table);
  return {
    packets: ovs.packets.length,
    compared,
    notTracked,
    agreeing,
    connections: ovs.table.length,
    differences,
  };
}

function comparePacket(
  packetNumber: number,
  ours: PacketOutcome,
  ovs: PacketOutcome,
): ConformDifference | null {
  const difference = (
    what: ConformDifference['what'],
    mine: string,
    theirs: string,
  ): ConformDifference | null =>
    mine === theirs
      ? null
      : {
          packetNumber,
          what,
          ours: mine,
          ovs: theirs,
          explanation: explain({ what, ours: mine, ovs: theirs }),
        };
  const states = (outcome: PacketOutcome): string =>
    outcome.outputs.length === 0 ? 'held' : outcome.outputs.map((output) => output.state).join(', ');
  const frames = (outcome: PacketOutcome): string =>
    outcome.outputs.map((output) => Buffer.from(output.frame).toString('hex')).join(', ');
  return (
    difference('outputs', `${ours.outputs.length} packets`, `${ovs.outputs.length} packets`) ??
    difference('state', states(ours), states(ovs)) ??
    difference('frame', frames(ours), frames(ovs))
  );
}

function compareTables(ours: readonly DumpEntry[], ovs: readonly DumpEntry[]): ConformDifference | null {
  const keys = (entries: readonly DumpEntry[]): string[] =>
    entries.map((entry) => entryKey(entry)).toSorted();
  const [mine, theirs] = [keys(ours), keys(ovs)];
  const only = (these: readonly string[], those: readonly string[]): string => {
    const left = [...those];
    const extra = these.filter((key) => {
      const at = left.indexOf(key);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    return extra.join('\n');
  };
  const [extraOurs, extraOvs] = [only(mine, theirs), only(theirs, mine)];
  if (extraOurs === '' && extraOvs === '') return null;
  return {
    packetNumber: null,
    what: 'table',
    ours: extraOurs,
    ovs: extraOvs,
    explanation: explain({ what: 'table', ours: extraOurs, ovs: extraOvs }),
  };
}
