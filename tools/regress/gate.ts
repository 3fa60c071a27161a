/** Running the levels of the gate one after the other. */
import { mkdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { designLabel, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import type { MatrixResult } from '../bench/matrix-result.js';
import type { InputLoader, LoadedInput } from '../bench/replay-runner.js';
import type { InputPacket } from '../oracle/capture-run.js';
import { writeAtomically } from '../report/result-file.js';
import { Random } from '../synth/random.js';
import { compareBuilds, settleCompiler, type AgainstCell } from './against.js';
import { RegressError, type Check } from './check.js';
import { confirmed, measureAfresh, withOtherSeed } from './confirm.js';
import { buildRef, buildWorkTree, repositoryRoot } from './engine-builds.js';
import {
  exactBaselineText,
  exactChecks,
  exactFileIn,
  readExactBaseline,
  type ExactBaseline,
} from './exact-baseline.js';
import { exactName, runExact, type ExactFigures } from './exact-run.js';
import { ratioBaselineText, ratioFileIn, readRatioBaseline } from './ratio-baseline.js';
import { measureRatios, PROBED_BASELINE, ratioBaselineOf, ratioCells, ratioChecks } from './ratio-run.js';
import {
  loadRegressInput,
  regressInputName,
  type RegressConfig,
  type RegressInput,
} from './regress-config.js';
import { cellFigures, requireCells, thresholdChecks } from './thresholds.js';

/** The parts of the gate by name. */
export const GATE_LEVELS = ['exact', 'ratios', 'against'] as const;
export type GateLevel = (typeof GATE_LEVELS)[number];

/** What a gate is run with. */
export interface GateOptions {
  readonly config: RegressConfig;
  readonly levels: ReadonlySet<GateLevel>;
  /** Folder of the committed baseline. */
  readonly baseline: string;
  /** Git ref of level 3. */
  readonly against: string | null;
  /** Write the baseline instead of comparing with it. */
  readonly update: boolean;
  readonly load: InputLoader;
  /** File of the process that a regression of level 3 is confirmed in. */
  readonly againstEntry: string;
  /** File of the process that a session of level 2 runs in. */
  readonly sessionEntry: string;
  readonly commandLine: readonly string[];
  /** Folder from which the git repository is looked for. */
  readonly cwd: string;
  /** Told what happens now, in one line. */
  readonly onProgress: (text: string) => void;
}

/** What it found, and what it ran on. */
export interface GateFindings {
  readonly checks: readonly Check[];
  readonly facts: readonly string[];
  /** Files written by an update. */
  readonly written: readonly string[];
}

/**
 * Runs the levels asked for.
 * @throws RegressError, EngineError, ConfigError, MatrixError, … when it cannot be run
 */
export async function runGate(options: GateOptions): Promise<GateFindings> {
  const findings: GateFindings[] = [];
  // Before minutes are spent on measuring what no threshold could then be held against.
  if (options.levels.has('ratios'))
    requireCells(options.config.thresholds, ratioCells(options.config.ratios));
  if (options.levels.has('exact')) findings.push(await gateExact(options));
  if (options.levels.has('ratios')) findings.push(await gateRatios(options));
  if (options.levels.has('against')) findings.push(await gateAgainst(options));
  return {
    checks: findings.flatMap(({ checks }) => checks),
    facts: findings.flatMap(({ facts }) => facts),
    written: findings.flatMap(({ written }) => written),
  };
}

function choicesOf(names: readonly string[]): DesignChoice[] {
  return resolveDesigns(names.join(','));
}

function packetsOf({ traffic }: LoadedInput): InputPacket[] {
  const packets: InputPacket[] = [];
  traffic.forEach((frame, index) => {
    packets.push({
      packetNumber: index + 1,
      timestampNs: BigInt(Math.round(traffic.timesNs[index] as number)),
      frame: frame.slice(),
    });
  });
  return packets;
}

async function gateExact(options: GateOptions): Promise<GateFindings> {
  const { config, baseline: folder, update, onProgress } = options;
  const { seed, inputs, touchAhead } = config.exact;
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
  const found = new Map<string, ExactFigures>();
  for (const input of inputs) {
    onProgress(`exact: ${regressInputName(input)}`);
    const loaded = await loadRegressInput(options.load, input, seed);
    const packets = packetsOf(loaded);
    for (const choice of choicesOf(config.designs)) {
      const exact = { name: regressInputName(input), packets, config: loaded.config, touchAhead };
      found.set(exactName(choice, exact), runExact(choice, exact, seed));
    }
  }
  const current: ExactBaseline = { seed, cells: found };
  const checks = exactChecks(baseline ?? current, found, file);
  if (update) {
    await writeBaseline(folder, file, exactBaselineText(current));
    return { checks: baseline === null ? [] : asChanges(checks), facts: [], written: [file] };
  }
  return { checks, facts: [`Exact figures: ${file}, seed ${seed}, ${found.size} cells`], written: [] };
}

async function gateRatios(options: GateOptions): Promise<GateFindings> {
  const { config, baseline: folder, update, onProgress } = options;
  const file = ratioFileIn(folder);
  const baseline = await readRatioBaseline(folder);
  if (baseline === null && !update) {
    throw new RegressError(
      `${file}: there is no baseline; make one with regress --update and commit it, or leave this level out with --level exact`,
    );
  }
  const checksOf = (result: MatrixResult): Check[] =>
    ratioChecks(baseline ?? ratioBaselineOf(result, config.ratios.metrics), result, config.ratios, file);
  const result = await measureRatios(
    config.ratios,
    {
      load: options.load,
      sessionEntry: options.sessionEntry,
      commandLine: options.commandLine,
      onTrial: (cell) => onProgress(`ratios: ${cell}`),
    },
    // A baseline is worth all trials. A cell that it lacks stays open however often it is run.
    (soFar) =>
      !update &&
      checksOf(soFar).every(({ verdict, details }) => verdict !== 'inconclusive' || details.length === 0),
  );
  const current = ratioBaselineOf(result, config.ratios.metrics);
  const before = baseline ?? current;
  const isSameMachine = current.machineId !== null && current.machineId === before.machineId;
  const checks = checksOf(result);
  const thresholds = thresholdChecks(config.thresholds, {
    found: cellFigures(result.cases),
    baseline: before.figures,
    throughputNotComparable: before.throughput === 'bare' ? null : PROBED_BASELINE,
    notComparable:
      isSameMachine || config.acrossMachines
        ? null
        : `the baseline was measured on another machine (${before.cpuModel ?? 'unknown CPU'}); set acrossMachines: true to compare all the same`,
  });
  if (update) {
    await writeBaseline(folder, file, ratioBaselineText(current));
    return { checks: baseline === null ? [] : asChanges(checks), facts: [], written: [file] };
  }
  return {
    checks: [...checks, ...thresholds],
    facts: [
      `Ratios: ${file}, measured ${before.measuredAt.slice(0, 10)} on ${before.cpuModel ?? 'an unknown CPU'}${isSameMachine ? '' : ', another machine than this'}`,
    ],
    written: [],
  };
}

async function gateAgainst(options: GateOptions): Promise<GateFindings> {
  const { config, against, onProgress } = options;
  if (against === null) throw new RegressError('--level against needs --against GIT-REF', 2);
  settleCompiler();
  const repository = await repositoryRoot(options.cwd);
  onProgress(`against: compiling ${against}`);
  const base = await buildRef(repository, against);
  onProgress('against: compiling the working tree');
  const head = await buildWorkTree(repository);
  const rule = { ...config.against, seed: config.exact.seed };
  const cells: { readonly input: RegressInput; readonly cell: AgainstCell }[] = [];
  for (const input of config.against.inputs) {
    const loaded = await loadRegressInput(options.load, input, rule.seed);
    for (const choice of choicesOf(config.designs)) {
      const { traffic, config: tracker } = loaded;
      const cell = { inputName: regressInputName(input), choice, traffic, config: tracker };
      cells.push({ input, cell });
    }
  }
  const checks: Check[] = [];
  for (const { input, cell } of cells) {
    const design = designLabel(cell.choice);
    const name = `${cell.inputName}/${design}`;
    onProgress(`against: ${name}`);
    const check = compareBuilds(cell, base, head, rule, cells.length, {
      clock: () => performance.now() * 1e6,
      random: new Random(rule.seed).derive(name),
      onLook: (which, rounds, text) => onProgress(`against: ${which}, ${rounds} rounds: ${text}`),
    });
    const request = { input, design, base, head, rule, cellCount: cells.length };
    const again = (): Promise<Check> => {
      onProgress(`against: ${name}, once more in a fresh process`);
      return measureAfresh(withOtherSeed(request), options.againstEntry);
    };
    checks.push(await confirmed(check, again));
  }
  return { checks, facts: [`Speed: ${head.label} against ${base.label}, on this machine`], written: [] };
}

async function writeBaseline(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeAtomically(file, text);
}

/** Of an update: what changed is told, and is no failure. */
function asChanges(checks: readonly Check[]): Check[] {
  return checks.map((check) =>
    check.verdict === 'pass' ? check : { ...check, verdict: 'skipped' as const },
  );
}
