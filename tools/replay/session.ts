/**
 * A session: the same traffic through one design after the other, and the result of all of them.
 *
 * Each design gets its own memory, laid out from the same bytes, so nothing of one run is left for the next.
 */
import { designLabel, presetNumber, type DesignChoice } from '../../engine/host/designs.js';
import { loadEngine, type Flavour } from '../../engine/host/module.js';
import type {
  BehaviourSwitches,
  FragmentSettings,
  MutexPolicy,
  TouchAhead,
} from '../../engine/host/run-memory.js';
import type { EngineThread } from '../../engine/host/thread.js';
import { readEnvironment } from '../measure/environment.js';
import { coreSiblings, planPins } from '../measure/pinning.js';
import { systemFiles } from '../measure/system-files.js';
import { collectWarnings } from '../measure/warnings.js';
import {
  RESULT_FORMAT,
  RESULT_VERSION,
  type RateSearch,
  type Result,
  type ResultCase,
} from '../result/schema.js';
import { hashOf } from '../result/identity.js';
import { toolVersion } from '../result/tool-version.js';
import { caseId, loadText } from './case-id.js';
import { makeCase } from './case-result.js';
import type { CaseContext } from './collect-run.js';
import { readMachine, reportMachine, type MachineAtStart } from './machine.js';
import type { PacingRequest } from './pace.js';
import { rateToBeginWith, searchRate, type Condition } from './rate-search.js';
import type { TrackerConfig } from '../config/read-config.js';
import type { PacketRules } from '../config/rules.js';
import { runReplay, type FinishedRun } from './run-control.js';
import type { RunOptions } from './run-options.js';
import { joinRuns } from './throughput.js';
import { releaseMemory } from './release-memory.js';
import { shortRunWarnings } from './run-length.js';
import { storeBytesOf } from './staging.js';
import type { SteerMode } from './steer.js';
import { isStreamed, type ReplayTraffic } from './traffic-source.js';
import type { FaultInjection, LatencyMode } from './worker-input.js';

/** How traffic is replayed, for every design alike. */
export interface ReplayOptions {
  /** Build of the run that everything but throughput comes from. */
  readonly flavour: Flavour;
  /**
   * At top speed, throughput comes from a run of its own before that one, of the bare build and without clocks; absent = no.
   * At a given rate there is nothing to measure by it, and there is one run.
   */
  readonly bareThroughput?: boolean | undefined;
  /** Folder of the compiled designs; absent = the package's own. */
  readonly wasmFolder?: string | undefined;
  readonly workers: number;
  readonly pacing: PacingRequest;
  /** Packets that leave together; absent = each on its own. */
  readonly burst?: number | undefined;
  readonly steer: SteerMode;
  readonly batch: number;
  /** Infinity = until `durationMs`. */
  readonly loops: number;
  readonly durationMs: number | null;
  readonly clock: 'wall' | 'capture';
  readonly timeScale: number;
  /** Connection limit; null = the tracker's default of 3,000,000. */
  readonly maxConns: number | null;
  /** Preset for designs that have it and were named without one; absent or null = the design's own. */
  readonly preset?: string | null | undefined;
  /** Null = the design's own. */
  readonly sweepIntervalMs: number | null;
  readonly latency: LatencyMode;
  readonly warmupPackets: number;
  readonly timelineMs: number;
  readonly pin: boolean;
  readonly seed: number;
  readonly rules: PacketRules;
  /** What the rules were made from, for streamed traffic; absent = the default, everything committed. */
  readonly config?: TrackerConfig | undefined;
  /** Loops that share their addresses; absent or null = 1: each has its own. */
  readonly uniqueIpLoops?: number | null | undefined;
  /** Every loop has the same addresses, so that it meets the connections of those before. */
  readonly sameAddresses?: boolean | undefined;
  readonly configure: (thread: EngineThread) => void;
  readonly tcpSeqCheck?: boolean | undefined;
  readonly switches?: BehaviourSwitches | undefined;
  readonly fragments?: FragmentSettings | undefined;
  /** How waiters of a lock spin; absent = as glibc's. */
  readonly mutex?: MutexPolicy | undefined;
  /** Whether batches touch ahead; absent = auto. */
  readonly touchAhead?: TouchAhead | undefined;
  readonly fault?: FaultInjection | null | undefined;
}

/** What a run is for: `all` where a design is run once. */
export type RunPurpose = 'all' | 'throughput' | 'figures';

/** Progress of a session, for the terminal. */
export interface SessionHooks {
  readonly onDesign?: (label: string, index: number, total: number) => void;
  /** One run of a design begins; called before each, also of a design that is run once. */
  readonly onRun?: (label: string, purpose: RunPurpose) => void;
  /** Asked between runs; true ends the session there. */
  readonly isInterrupted?: () => boolean;
  readonly onProgress?: RunOptions['onProgress'];
  readonly onInterval?: RunOptions['onInterval'];
  /** Receives the function that ends the session early; called once per design. */
  readonly onStart?: RunOptions['onStart'];
}

/**
 * Every so many lock holds are timed, on workers and sweeper alike; beside these a design has its long holds timed (the old
 * one's pass). A prime: 64 connections fill whole pages, so every 64th creation would be one that meets a fresh page.
 */
export const HOLD_INTERVAL = 251;
const DEFAULT_MAX_CONNS = 3_000_000;
/** A run of more is not left to the collector's leisure. */
const MUCH_MEMORY_BYTES = 128 * 1024 ** 2;

/** Runs one design over the traffic once. */
export async function runDesign(
  traffic: ReplayTraffic,
  choice: DesignChoice,
  options: ReplayOptions,
  hooks: SessionHooks = {},
): Promise<{ readonly finished: FinishedRun; readonly runOptions: RunOptions }> {
  // Who streams has not the memory to hold two runs at once, and the store may take a third of what there is.
  if (isStreamed(traffic) || storeBytesOf(traffic.frameBytes, traffic.packets) > MUCH_MEMORY_BYTES)
    releaseMemory();
  const engine = loadEngine(choice.design, options.flavour, options.wasmFolder);
  const maxConns = options.maxConns ?? DEFAULT_MAX_CONNS;
  const cpus = options.pin ? pinCpus(options.workers) : [];
  const runOptions: RunOptions = {
    engine,
    choice,
    settings: {
      seed: options.seed,
      hashBasis: Math.imul(options.seed + 1, 0x9e3779b1) >>> 0,
      preset: presetNumber(
        { design: choice.design, preset: presetOf(choice, options, engine.presets) },
        engine.presets,
      ),
      sweepIntervalMs: options.sweepIntervalMs ?? undefined,
      connLimit: maxConns,
      tcpSeqCheck: options.tcpSeqCheck,
      switches: options.switches,
      fragments: options.fragments,
      mutex: options.mutex,
      touchAhead: options.touchAhead,
      holdInterval: options.flavour === 'bare' ? 0 : HOLD_INTERVAL,
    },
    workers: options.workers,
    pacing: options.pacing,
    burst: options.burst ?? 1,
    steer: options.steer,
    batch: options.batch,
    loops: options.loops,
    durationMs: options.durationMs,
    clock: options.clock,
    timeScale: options.timeScale,
    // A run cannot create more connections than it has packets, so the table need not be larger.
    maxConns: Math.min(maxConns, traffic.packets * options.loops),
    latency: options.latency,
    warmupPackets: options.warmupPackets,
    timelineMs: options.timelineMs,
    rules: options.rules,
    config: options.config,
    uniqueIpLoops: loopsPerChange(options),
    configure: options.configure,
    cpus,
    fault: options.fault ?? null,
    onProgress: hooks.onProgress ?? null,
    onInterval: hooks.onInterval ?? null,
    onStart: hooks.onStart ?? null,
  };
  return { finished: await runReplay(traffic, runOptions), runOptions };
}

/**
 * Loops that share their addresses; null where addresses never change. A loop under the addresses of the one before is another
 * question: it meets that one's connections, dead or alive, and packets look duplicates over.
 */
function loopsPerChange({ loops, sameAddresses, uniqueIpLoops }: ReplayOptions): number | null {
  return loops === 1 || sameAddresses === true ? null : (uniqueIpLoops ?? 1);
}

function presetOf(
  choice: DesignChoice,
  options: ReplayOptions,
  presets: Readonly<Record<string, number>>,
): string | null {
  if (choice.preset !== null || options.preset == null) return choice.preset;
  // A design without presets runs as it is.
  return Object.keys(presets).length === 0 ? null : options.preset;
}

/** A CPU per worker and one for the sweeper, as far as there are any. */
function pinCpus(workers: number): readonly number[] {
  const allowed = readEnvironment(systemFiles).cpusAllowed ?? [];
  if (allowed.length === 0) return [];
  return planPins(workers + 1, allowed, (cpu) => coreSiblings(systemFiles, cpu)).cpus;
}

/** What a session is and where it is written down. */
export interface SessionRequest {
  readonly traffic: ReplayTraffic;
  readonly input: ResultCase['input'];
  readonly designs: readonly DesignChoice[];
  readonly options: ReplayOptions;
  /** Arguments as given, for the result. */
  readonly commandLine: readonly string[];
  /** Every option in force, for the result. */
  readonly configuration: Result['configuration'];
}

/**
 * Replays the traffic through every design in turn and returns the result, audited. An interrupted session keeps the
 * designs that ran, the last one marked partial.
 * @throws ReplayFailure when a thread failed, EngineError when a design cannot run
 */
export async function runSession(request: SessionRequest, hooks: SessionHooks = {}): Promise<Result> {
  const { designs, options, traffic, input } = request;
  const machine = readMachine();
  const cases: ResultCase[] = [];
  let interrupted = false;
  for (const [index, choice] of designs.entries()) {
    interrupted ||= hooks.isInterrupted?.() === true;
    if (interrupted) break;
    const label = designLabel(choice);
    hooks.onDesign?.(label, index, designs.length);
    const id = caseId(input.name, label, options);
    const each = await measureCase({ traffic, input, choice, options, id, machine }, hooks);
    cases.push(each);
    interrupted = each.partial === true;
  }
  return makeResult(request, machine, cases, interrupted);
}

/** A case to be measured. */
export interface CaseRequest {
  readonly traffic: ReplayTraffic;
  readonly input: ResultCase['input'];
  readonly choice: DesignChoice;
  readonly options: ReplayOptions;
  /** Name of the cell. */
  readonly id: string;
  readonly machine: MachineAtStart;
}

/**
 * Measures one design: at top speed and where `bareThroughput` asks for it in two runs on the same traffic, else in one. When it
 * is interrupted in the first, the case is that of the bare run alone.
 * @throws ReplayFailure when a thread failed, EngineError when the design cannot run
 */
export async function measureCase(request: CaseRequest, hooks: SessionHooks = {}): Promise<ResultCase> {
  const one = await measureRuns(request, hooks);
  return { ...one, warnings: [...(one.warnings ?? []), ...shortRunWarnings(one, request.machine)] };
}

async function measureRuns(request: CaseRequest, hooks: SessionHooks): Promise<ResultCase> {
  const { options, machine } = request;
  const throughput = throughputOptions(options);
  if (throughput === null) return measureRun(request, options, 'all', hooks);
  const bare = await measureRun(request, throughput, 'throughput', hooks);
  if (bare.partial === true) return bare;
  if (hooks.isInterrupted?.() === true) return { ...bare, partial: true };
  const figures = await measureRun(request, options, 'figures', hooks);
  const samePackets = Number.isFinite(options.loops) && options.durationMs === null;
  return joinRuns({
    bare,
    figures,
    batch: options.batch,
    latency: options.latency,
    clockCostNs: machine.clock.costNs,
    samePackets,
    sameVerdicts: options.clock === 'capture' && options.workers === 1,
  });
}

/** Options of the run for throughput; null where the run for everything else does for it, or the rate is given. */
function throughputOptions(options: ReplayOptions): ReplayOptions | null {
  if (options.bareThroughput !== true || options.pacing.mode !== 'topspeed') return null;
  if (options.flavour === 'bare' && options.latency.mode === 'off') return null;
  return { ...options, flavour: 'bare', latency: { mode: 'off' } };
}

/**
 * One run as a case. A function of its own, so that nothing holds the memory of its run when the next one starts: the
 * variables of a function that waits live on.
 */
async function measureRun(
  { traffic, input, choice, id, machine }: CaseRequest,
  options: ReplayOptions,
  purpose: RunPurpose,
  hooks: SessionHooks,
): Promise<ResultCase> {
  const label = designLabel(choice);
  hooks.onRun?.(label, purpose);
  const startedAt = new Date();
  const { finished, runOptions } = await runDesign(traffic, choice, options, hooks);
  const made = makeCase(finished, runOptions, {
    id,
    trial: 0,
    startedAt,
    designLabel: label,
    input,
    facts: caseFacts(machine, traffic, options),
  });
  return { ...made, ...identifying(options) };
}

/** What of the options is part of what a cell is, and not in the case otherwise (result/identity.ts). */
function identifying({
  config,
  durationMs,
  pacing,
}: ReplayOptions): Pick<ResultCase, 'configSha256' | 'durationMs' | 'profile'> {
  return {
    configSha256:
      config === undefined || Object.keys(config.entries).length === 0 ? 'none' : hashOf(config.entries),
    durationMs,
    profile: pacing.mode === 'profile' ? loadText(pacing) : null,
  };
}

/** What a search for the highest rate needs beside a session. */
export interface SearchRequest extends SessionRequest {
  /** As given, for the result. */
  readonly objectiveText: string;
  readonly objective: readonly Condition[];
  /** Length of one step in milliseconds. */
  readonly stepMs: number;
}

const SEARCH_PRECISION = 0.05;
const SEARCH_STEPS = 16;

/**
 * For each design: one run at top speed for the upper bound, then runs at rates that close in on the highest one that holds the
 * objective. Every step is a case of the result. The bound comes from the bare build without clocks, and the rates are held by
 * the bare build with them, since an objective is about times; `bareThroughput` off: both by the build asked for, timed.
 */
export async function runSearch(request: SearchRequest, hooks: SessionHooks = {}): Promise<Result> {
  const { traffic, input, designs, objective, objectiveText, stepMs } = request;
  const machine = readMachine();
  const cases: ResultCase[] = [];
  const searches: RateSearch[] = [];
  const bareSteps = request.options.bareThroughput === true;
  const loop: ReplayOptions = {
    ...request.options,
    flavour: bareSteps ? 'bare' : request.options.flavour,
    bareThroughput: false,
    loops: Number.POSITIVE_INFINITY,
    durationMs: stepMs,
  };
  let interrupted = false;
  const measure = async (choice: DesignChoice, changes: Partial<ReplayOptions>): Promise<ResultCase> => {
    const options = { ...loop, ...changes };
    const id = caseId(input.name, designLabel(choice), options);
    const each = await measureRun(
      { traffic, input, choice, options, id, machine },
      options,
      changes.pacing?.mode === 'topspeed' ? 'throughput' : 'all',
      hooks,
    );
    interrupted ||= each.partial === true && each.elapsedNs < stepMs * 0.9e6;
    interrupted ||= hooks.isInterrupted?.() === true;
    cases.push(each);
    return each;
  };
  for (const [index, choice] of designs.entries()) {
    hooks.onDesign?.(designLabel(choice), index, designs.length);
    const top = await measure(choice, {
      pacing: { mode: 'topspeed' },
      ...(bareSteps ? { latency: { mode: 'off' } } : {}),
    });
    if (interrupted) break;
    const bounds = {
      highest: rateToBeginWith(designLabel(choice), top, stepMs),
      precision: SEARCH_PRECISION,
      maxSteps: SEARCH_STEPS,
      isEnded: () => interrupted,
    };
    const outcome = await searchRate(objective, bounds, (pps) =>
      measure(choice, { pacing: { mode: 'pps', pps: Math.max(1, Math.round(pps)) } }),
    );
    searches.push({
      design: designLabel(choice),
      objective: objectiveText,
      build: loop.flavour === 'bare' ? 'bare' : 'probed',
      timed: loop.latency.mode !== 'off',
      bestPps: outcome.best,
      steps: outcome.steps.map(({ pps, held, run }) => ({ pps, held, caseId: run.id })),
    });
    if (interrupted) break;
  }
  // Whether a rate was reached is for the objective to judge here, and too high a rate is an answer, not a fault.
  const judged = cases.map((each) => ({
    ...each,
    audit: each.audit.filter((check) => !check.name.startsWith('rate-achieved')),
  }));
  return { ...makeResult(request, machine, judged, interrupted), rateSearches: searches };
}

/** Whether every check passed. No check at all proves nothing. */
export function isValid(each: ResultCase): boolean {
  return each.audit.length > 0 && each.audit.every((check) => check.ok);
}

/** Facts about the machine and the traffic that warnings about one run need. */
export function caseFacts(
  machine: MachineAtStart,
  { checksums }: ReplayTraffic,
  { switches }: Pick<ReplayOptions, 'switches'>,
): CaseContext['facts'] {
  return {
    clock: machine.clock,
    coresUsable: machine.figures.coresUsable,
    checksums:
      checksums === undefined ? null : { ...checksums, ignored: switches?.checksumsIgnored === true },
  };
}

function makeResult(
  request: SessionRequest,
  machine: MachineAtStart,
  cases: readonly ResultCase[],
  interrupted: boolean,
): Result {
  const { options } = request;
  const report = reportMachine(machine, options.pin ? true : null, cases);
  return {
    format: RESULT_FORMAT,
    version: RESULT_VERSION,
    tool: toolVersion(),
    createdAt: new Date().toISOString(),
    commandLine: [...request.commandLine],
    environment: report.environment,
    configuration: request.configuration,
    seed: options.seed,
    partial: interrupted,
    valid: cases.every(isValid),
    bound: cases.find((each) => each.bound != null)?.bound ?? null,
    warnings: collectWarnings(report.facts),
    cases: [...cases],
  };
}
