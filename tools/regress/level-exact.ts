/** Level 1 of the gate. */
import { designLabel, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { nameOfInput } from '../bench/matrix-spec.js';
import { frameAt } from '../replay/frame-range.js';
import { framesOf, type LoadedInput } from '../replay/packet-source.js';
import type { InputPacket } from '../oracle/capture-run.js';
import { makeFolder, writeAtomically } from '../result/write-file.js';
import { RegressError, type Check } from './check.js';
import { designFigures, type DesignFigures } from './design-figures.js';
import {
  exactBaselineText,
  exactChecks,
  exactFileIn,
  readExactBaseline,
  type ExactBaseline,
} from './exact-baseline.js';
import { exactName, runExact, type ExactFigures } from './exact-run.js';
import type { GateFindings, LevelOptions } from './gate-options.js';
import { loadRegressInput } from './regress-config.js';

/** The designs of a list of names. */
export function choicesOf(names: readonly string[]): DesignChoice[] {
  return resolveDesigns(names.join(','));
}

/**
 * Runs every input through every design and compares the counts with the baseline, or writes it.
 * @throws RegressError without a baseline, or with one of another seed
 */
export async function gateExact(options: LevelOptions): Promise<GateFindings> {
  const { config, baseline: folder, update } = options;
  const { seed } = config.exact;
  const file = exactFileIn(folder);
  const baseline = await readExactBaseline(folder);
  if (baseline === null && !update) {
    throw new RegressError(`${file}: there is no baseline; make one with regress --update and commit it`);
  }
  if (baseline !== null && baseline.seed !== seed && !update) {
    throw new RegressError(
      `${file}: was made with seed ${baseline.seed}, not ${seed}; set exact.seed or run regress --update`,
    );
  }
  const current = await countAll(options);
  const checks = exactChecks(baseline ?? current, current, file);
  if (update) {
    await writeBaseline(folder, file, exactBaselineText(current));
    return { checks: baseline === null ? [] : asChanges(checks), facts: [], written: [file] };
  }
  const facts = [`Exact figures: ${file}, seed ${seed}, ${current.cells.size} cells`];
  return { checks, facts, written: [] };
}

async function countAll({ config, load, onProgress }: LevelOptions): Promise<ExactBaseline> {
  const { seed, inputs, touchAhead } = config.exact;
  const choices = choicesOf(config.designs);
  const designs = new Map<string, DesignFigures>();
  for (const choice of choices) {
    onProgress(`exact: ${designLabel(choice)}`);
    designs.set(designLabel(choice), designFigures(choice));
  }
  const cells = new Map<string, ExactFigures>();
  for (const input of inputs) {
    onProgress(`exact: ${nameOfInput(input)}`);
    const loaded = await loadRegressInput(load, input, seed);
    const packets = packetsOf(loaded);
    for (const choice of choices) {
      const exact = { name: nameOfInput(input), packets, config: loaded.config, touchAhead };
      cells.set(exactName(choice, exact), runExact(choice, exact, seed));
    }
  }
  return { seed, designs, cells };
}

/** The packets of an input, one by one. */
export function packetsOf({ traffic }: Pick<LoadedInput, 'traffic'>): InputPacket[] {
  const packets: InputPacket[] = [];
  const frames = framesOf(traffic);
  frames.forEachRange((range) => {
    for (let at = 0; at < range.count; at++) {
      const timestampNs = BigInt(Math.round(frames.timesNs[packets.length] as number));
      packets.push({ packetNumber: packets.length + 1, timestampNs, frame: frameAt(range, at).slice() });
    }
  });
  return packets;
}

/** Writes a file of the baseline. */
export async function writeBaseline(folder: string, file: string, text: string): Promise<void> {
  await makeFolder(folder);
  await writeAtomically(file, text);
}

/** Of an update: what changed is listed, and is no failure. */
function asChanges(checks: readonly Check[]): Check[] {
  return checks.map((check) =>
    check.verdict === 'pass' ? check : { ...check, verdict: 'skipped' as const },
  );
}
