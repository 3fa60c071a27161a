/**
 * From a matrix to its cells. A group is what may be compared: one input, one number of workers, one rate; its cells are the
 * designs, and in some groups the controls. Groups run one after the other; the cells of a group take turns.
 */
import { settingsSuffix } from '../replay/case-id.js';
import { latencyOf, MatrixError, nameOfInput, type InputSpec, type MatrixSpec } from './matrix-spec.js';
import { rateText, type Rate } from './rate.js';

/** What a cell is for: a design of the matrix, the same design again (A/A), or probed but not timed. */
export type CellRole = 'design' | 'control' | 'untimed';

/** One combination that is run again and again. */
export interface Cell {
  /** Equal for every trial, stable from run to run: `syn-flood/rculist-sweep/w2/topspeed`. */
  readonly id: string;
  readonly groupIndex: number;
  readonly input: InputSpec;
  readonly inputName: string;
  readonly design: string;
  readonly workers: number;
  readonly rate: Rate;
  readonly role: CellRole;
}

/** Two cells of a group that are compared. */
export interface Pair {
  readonly base: string;
  readonly head: string;
  /** `control`: a design with itself; `probes`, in older results only: a design with itself without probes and clocks. */
  readonly kind: 'designs' | 'control' | 'probes';
}

/** Cells that take turns and are compared. */
export interface Group {
  readonly index: number;
  readonly name: string;
  readonly cells: readonly Cell[];
  readonly pairs: readonly Pair[];
  /** Sessions of its own; absent = those of the matrix. */
  readonly sessions?: number;
}

/** Part `index` (from 1) of `count` of a matrix. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** `2/4` as a shard; null for anything else. */
export function parseShard(text: string): Shard | null {
  const match = /^(\d+)\/(\d+)$/.exec(text.trim());
  if (match === null) return null;
  const shard = { index: Number(match[1]), count: Number(match[2]) };
  return shard.index >= 1 && shard.index <= shard.count ? shard : null;
}

/**
 * The groups of a matrix, or of one shard of it, in the order in which they run.
 * @param cores usable cores: the lone A/A control goes where threads are busiest without outnumbering them
 * @throws MatrixError when the shard is empty
 */
export function planMatrix(spec: MatrixSpec, cores: number, shard: Shard | null = null): Group[] {
  const places = spec.inputs.flatMap((input) =>
    spec.workers.flatMap((workers) => (input.rates ?? spec.rates).map((rate) => ({ input, workers, rate }))),
  );
  const chosen = places
    .map((place, index) => ({ ...place, index }))
    .filter(({ index }) => shard === null || index % shard.count === shard.index - 1);
  if (chosen.length === 0) {
    throw new MatrixError(
      `shard ${shard?.index}/${shard?.count} holds nothing: the matrix has ${places.length} group(s); use at most as many shards`,
    );
  }
  const control = controlPlace(chosen, cores);
  const atTopSpeed = chosen.filter(({ rate }) => rate.mode === 'topspeed');
  const untimedPlace = atTopSpeed.length === 0 ? null : controlPlace(atTopSpeed, cores);
  return chosen.map(({ input, workers, rate, index }): Group => {
    const name = nameOfInput(input);
    const base = `${name}/`;
    const load = `/w${workers}/${rateText(rate)}${settingsSuffix(spec)}`;
    const cell = (design: string, role: CellRole): Cell => ({
      id: `${base}${design}${load}${role === 'design' ? '' : `/${role}`}`,
      groupIndex: index,
      input,
      inputName: name,
      design,
      workers,
      rate,
      role,
    });
    const [first] = spec.designs as [string, ...string[]];
    const designs = spec.designs.map((design) => cell(design, 'design'));
    const controlled = spec.control === 'each' || (spec.control === 'one' && index === control);
    const controls = controlled ? [cell(first, 'control')] : [];
    // Only where a bare run tells what both cost together, and only where there are clocks to leave out.
    const wantsUntimed =
      spec.build === 'both' &&
      rate.mode === 'topspeed' &&
      latencyOf(spec).mode !== 'off' &&
      (spec.probeCost === 'each' || (spec.probeCost === 'one' && index === untimedPlace));
    const untimed = wantsUntimed ? spec.designs.map((design) => cell(design, 'untimed')) : [];
    return {
      index,
      name: `${name}, ${workers} ${workers === 1 ? 'worker' : 'workers'}, ${rateText(rate)}`,
      cells: [...designs, ...controls, ...untimed],
      pairs: [
        ...designs.flatMap((from, at) =>
          designs.slice(at + 1).map((to): Pair => ({ base: from.id, head: to.id, kind: 'designs' })),
        ),
        ...controls.map((same): Pair => ({ base: (designs[0] as Cell).id, head: same.id, kind: 'control' })),
      ],
    };
  });
}

/** Index of the group that gets the lone control: most workers that still have a core each, earliest in the matrix. */
function controlPlace(places: readonly { workers: number; index: number }[], cores: number): number {
  const rank = (workers: number): number => (workers <= cores ? workers : -workers);
  return places.reduce((best, place) => (rank(place.workers) > rank(best.workers) ? place : best)).index;
}
