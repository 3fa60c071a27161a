/** A workload at several numbers of threads through several designs, in rounds. */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { requireRightChecksums } from '../replay/checksum-check.js';
import type { MachineAtStart } from '../replay/machine.js';
import type { ContentionRow, ThroughputRatio } from './contention-result.js';
import { measureCell, type CellRound, type OnCase, type ReadyWorkload } from './measure-cell.js';
import { ratiosOf, spreadOf, spreadOfAll } from './spread.js';
import type { RunRequest, Workload } from './workload.js';

export interface WorkloadRequest extends RunRequest {
  readonly designs: readonly DesignChoice[];
  readonly threads: readonly number[];
  readonly rounds: number;
}

export interface WorkloadHooks {
  readonly onCase: OnCase;
  /** Called before each cell of each round, with what it is. */
  readonly onCell: (text: string) => void;
}

export interface WorkloadFigures {
  readonly rows: readonly ContentionRow[];
  readonly ratios: readonly ThroughputRatio[];
}

interface Cell {
  readonly threads: number;
  readonly choice: DesignChoice;
  readonly rounds: CellRound[];
}

/**
 * Runs every cell once a round: forwards, then backwards, so that a drift of the machine meets all alike.
 * @throws WrongChecksumsError, and what loading the traffic and running it throws
 */
export async function measureWorkload(
  workload: Workload,
  request: WorkloadRequest,
  machine: MachineAtStart,
  hooks: WorkloadHooks,
): Promise<WorkloadFigures> {
  const ready = await readyWorkload(workload);
  const cells: Cell[] = request.threads.flatMap((threads) =>
    request.designs.map((choice): Cell => ({ threads, choice, rounds: [] })),
  );
  for (let round = 0; round < request.rounds; round++) {
    for (const cell of round % 2 === 0 ? cells : cells.toReversed()) {
      const { threads, choice } = cell;
      hooks.onCell(
        `${workload.name}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${designLabel(choice)}, ` +
          `round ${round + 1} of ${request.rounds}`,
      );
      cell.rounds.push(await measureCell(ready, { threads, choice, request, machine, onCase: hooks.onCase }));
    }
  }
  return { rows: cells.map((cell) => rowOf(workload.name, cell)), ratios: ratiosOver(workload.name, cells) };
}

async function readyWorkload(workload: Workload): Promise<ReadyWorkload> {
  if (workload.kind !== 'replay') return workload;
  const loaded = await workload.load();
  requireRightChecksums(loaded.traffic, loaded.input, false);
  return { ...workload, loaded };
}

/** The rounds in order. Cells are run backwards in every second round, rounds never are. */
function rowOf(workload: string, { threads, choice, rounds }: Cell): ContentionRow {
  const over = (figure: (round: CellRound) => number | null) => spreadOf(rounds.map(figure));
  return {
    workload,
    threads,
    design: designLabel(choice),
    packets: rounds[0]?.packets ?? 0,
    pps: spreadOfAll(rounds.map((round) => round.pps)),
    ctLockPerPacket: spreadOfAll(rounds.map((round) => round.ctLockPerPacket)),
    contendedShare: over((round) => round.contendedShare),
    waitMeanNs: over((round) => round.waitMeanNs),
    waitP50Ns: over((round) => round.waitP50Ns),
    waitP99Ns: over((round) => round.waitP99Ns),
    sleepsPerContended: over((round) => round.sleepsPerContended),
    meanHoldPerCleanedNs: over((round) => round.meanHoldPerCleanedNs),
    longestHoldPerCleanedNs: over((round) => round.longestHoldPerCleanedNs),
  };
}

/** Throughput of every design against the first one, at each number of threads. */
function ratiosOver(workload: string, cells: readonly Cell[]): ThroughputRatio[] {
  const ratios: ThroughputRatio[] = [];
  for (const cell of cells) {
    const first = cells.find(({ threads }) => threads === cell.threads);
    if (first === undefined || first === cell) continue;
    ratios.push({
      workload,
      threads: cell.threads,
      design: designLabel(cell.choice),
      against: designLabel(first.choice),
      ratio: ratiosOf(
        cell.rounds.map((round) => round.pps),
        first.rounds.map((round) => round.pps),
      ),
    });
  }
  return ratios;
}
