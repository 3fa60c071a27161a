/** Level 3 of the gate: this working tree against another ref, the engine alone and the whole. */
import { performance } from 'node:perf_hooks';
import { designLabel } from '../../engine/host/designs.js';
import { nameOfInput } from '../bench/matrix-spec.js';
import { Random } from '../random/random.js';
import { compareHosts, type HostRule } from './against-hosts.js';
import { compareBuilds, settleCompiler, type AgainstCell } from './against.js';
import { RegressError, type Check } from './check.js';
import { confirmed, measureAfresh, withOtherSeed } from './confirm.js';
import { buildRef, buildWorkTree, repositoryRoot, type EngineBuild } from './engine-builds.js';
import type { GateFindings, LevelOptions } from './gate-options.js';
import { buildHostOfRef, buildHostOfWorkTree, isSameHost } from './host-builds.js';
import { choicesOf } from './level-exact.js';
import { loadRegressInput, type RegressInput } from './regress-config.js';
import { runForJson } from './run-command.js';

/** The two sides, and where they come from. */
interface Sides {
  readonly repository: string;
  readonly ref: string;
  readonly base: EngineBuild;
  readonly head: EngineBuild;
}

/**
 * Builds both sides and compares their speed.
 * @throws RegressError when a side does not build, EngineError, TimedRunError
 */
export async function gateAgainst(options: LevelOptions): Promise<GateFindings> {
  const { against: ref, onProgress } = options;
  if (ref === null) throw new RegressError('--level against needs --against GIT-REF', 2);
  settleCompiler();
  const repository = await repositoryRoot(options.cwd);
  onProgress(`against: compiling ${ref}`);
  const base = await buildRef(repository, ref);
  onProgress('against: compiling the working tree');
  const head = await buildWorkTree(repository);
  const sides: Sides = { repository, ref, base, head };
  const checks = [...(await compareEngines(options, sides)), ...(await compareWhole(options, sides))];
  return { checks, facts: [`Speed: ${head.label} against ${base.label}, on this machine`], written: [] };
}

/** The engine alone, one thread, in this process. */
async function compareEngines(options: LevelOptions, { base, head }: Sides): Promise<Check[]> {
  const { config, only, onProgress } = options;
  const rule = { ...config.against, seed: config.exact.seed };
  const cells: { readonly input: RegressInput; readonly cell: AgainstCell; readonly name: string }[] = [];
  for (const input of config.against.inputs) {
    const inputName = nameOfInput(input);
    const choices = choicesOf(config.designs)
      .map((choice) => ({ choice, name: `${inputName}/${designLabel(choice)}` }))
      .filter(({ name }) => only === null || only.has(name));
    if (choices.length === 0) continue;
    const { traffic, config: tracker } = await loadRegressInput(options.load, input, rule.seed);
    for (const { choice, name } of choices) {
      cells.push({ input, name, cell: { inputName, choice, traffic, config: tracker } });
    }
  }
  const checks: Check[] = [];
  for (const { input, cell, name } of cells) {
    onProgress(`against: ${name}`);
    const check = compareBuilds(cell, { base, head }, rule, cells.length, {
      clock: () => performance.now() * 1e6,
      random: new Random(rule.seed).derive(name),
      onLook: (which, rounds, text) => onProgress(`against: ${which}, ${rounds} rounds: ${text}`),
    });
    const design = designLabel(cell.choice);
    const request = { input, design, base, head, rule, cellCount: cells.length };
    const again = (): Promise<Check> => {
      onProgress(`against: ${name}, once more in a fresh process`);
      return measureAfresh(withOtherSeed(request), options.againstEntry);
    };
    checks.push(await confirmed(check, again));
  }
  return checks;
}

const WHOLE = 'host, the whole of it';

/** Host and replay code with the engine, in processes of their own. */
async function compareWhole(options: LevelOptions, sides: Sides): Promise<Check[]> {
  const { config, only, onProgress } = options;
  const { names, tolerances, rounds, maxRounds } = config.runs;
  if (names.length === 0) return [];
  if (only !== null && ![...only].some((name) => name.startsWith('host, '))) return [];
  onProgress(`against: building ${sides.ref} and the working tree`);
  const without = ({ label }: EngineBuild): Check[] => [
    whole('skipped', `${label} holds no ctreplay to build, so only the engines were compared`),
  ];
  const base = await buildHostOfRef(sides.repository, sides.ref, sides.base);
  if (base === null) return without(sides.base);
  const head = await buildHostOfWorkTree(sides.repository, sides.head);
  if (head === null) return without(sides.head);
  if (await isSameHost(base, head)) {
    return [whole('pass', `all that runs is the same, byte for byte, at ${base.label}`)];
  }
  const { designs, mutex } = config.ratios;
  const { seed } = config.exact;
  const rule: HostRule = {
    names,
    tolerances,
    rounds,
    maxRounds,
    settings: { designs, mutex, seed },
    confidence: config.against.confidence,
  };
  const random = new Random(seed).derive('hosts');
  return compareHosts(
    base,
    head,
    rule,
    {
      command: runForJson,
      random,
      onRound: (round, open) => onProgress(`against: both whole, round ${round + 1}, ${open} commands open`),
    },
    only,
  );
}

function whole(verdict: Check['verdict'], text: string): Check {
  return { level: 'against', name: WHOLE, verdict, text, details: [] };
}
