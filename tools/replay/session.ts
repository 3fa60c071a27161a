/**
 * A session: the same traffic through one design after the other, and the result of all of them.
 *
 * Each design gets its own memory, laid out from the same bytes, so nothing of one run is left for the next.
 */
import { designLabel, resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { ignoresChecksums } from '../config/checksum-handling.js';
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
import type { PacketSource } from './packet-source.js';
import { parseObjective, rateToBeginWith, searchRate } from './rate-search.js';
import { endsByItself } from './plan-loops.js';
import { flavourOf, type ReplayPlan } from './replay-plan.js';
import { runDesign, type RunHooks } from './run-control.js';
import { shortRunWarnings } from './short-run.js';
import { joinRuns } from './throughput.js';

/** What a run is for: `all` where a design is run once. */
export type RunPurpose = 'all' | 'throughput' | 'figures';

/** What a session is given beside its plan. */
export interface SessionHooks extends RunHooks {
  readonly onDesign?: (label: string, index: number, total: number) => void;
  /** One run of a design begins; called before each, also of a design that is run once. */
  readonly onRun?: (label: string, purpose: RunPurpose) => void;
  /** Asked between runs; true ends the session there. */
  readonly isInterrupted?: () => boolean;
}

/** What a session is and where it is written down. */
export interface SessionRequest {
  readonly traffic: PacketSource;
  readonly input: ResultCase['input'];
  readonly plan: ReplayPlan;
  /** Arguments as given, for the result. */
  readonly commandLine: readonly string[];
}

/**
 * Replays the traffic through every design in turn and returns the result, audited. An interrupted session keeps the
 * designs that ran, the last one marked partial. Where the plan asks for it, the highest rate is searched instead.
 * @throws ReplayFailure when a thread failed, EngineError when a design cannot run
 */
export async function runSession(request: SessionRequest, hooks: SessionHooks = {}): Promise<Result> {
  if (request.plan.search !== null) return runSearch(request, request.plan.search, hooks);
  const { plan, traffic, input } = request;
  const designs = resolveDesigns(plan.designs.join(','));
  const machine = readMachine();
  const cases: ResultCase[] = [];
  let interrupted = false;
  for (const [index, choice] of designs.entries()) {
    interrupted ||= hooks.isInterrupted?.() === true;
    if (interrupted) break;
    const label = designLabel(choice);
    hooks.onDesign?.(label, index, designs.length);
    const id = caseId(input.name, label, plan);
    const each = await measureCase({ traffic, input, choice, plan, id, machine }, hooks);
    cases.push(each);
    interrupted = each.partial === true;
  }
  return makeResult(request, machine, cases, interrupted);
}

/** A case to be measured. */
export interface CaseRequest {
  readonly traffic: PacketSource;
  readonly input: ResultCase['input'];
  readonly choice: DesignChoice;
  readonly plan: ReplayPlan;
  /** Name of the cell. */
  readonly id: string;
  readonly machine: MachineAtStart;
}

/**
 * Measures one design: at top speed and with both builds in two runs on the same traffic, else in one. When it
 * is interrupted in the first, the case is that of the bare run alone.
 * @throws ReplayFailure when a thread failed, EngineError when the design cannot run
 */
export async function measureCase(request: CaseRequest, hooks: SessionHooks = {}): Promise<ResultCase> {
  const run = await measureRuns(request, hooks);
  return { ...run, warnings: [...(run.warnings ?? []), ...shortRunWarnings(run, request.machine)] };
}

async function measureRuns(request: CaseRequest, hooks: SessionHooks): Promise<ResultCase> {
  const { plan, machine } = request;
  if (plan.build !== 'both' || plan.pacing.mode !== 'topspeed') return measureRun(request, 'all', hooks);
  const forThroughput: ReplayPlan = { ...plan, build: 'bare', latency: { mode: 'off' } };
  const bare = await measureRun({ ...request, plan: forThroughput }, 'throughput', hooks);
  if (bare.partial === true) return bare;
  if (hooks.isInterrupted?.() === true) return { ...bare, partial: true };
  const figures = await measureRun(request, 'figures', hooks);
  return joinRuns({
    bare,
    figures,
    batch: plan.batch,
    latency: plan.latency,
    clockCostNs: machine.clock.costNs,
    samePackets: endsByItself(plan),
    sameVerdicts: plan.clock === 'capture' && plan.workers === 1,
  });
}

/**
 * One run as a case. A function of its own, so that nothing holds the memory of its run when the next one starts: the
 * variables of a function that waits live on.
 */
export async function measureRun(
  { traffic, input, choice, plan, id, machine }: CaseRequest,
  purpose: RunPurpose,
  hooks: SessionHooks = {},
): Promise<ResultCase> {
  const label = designLabel(choice);
  hooks.onRun?.(label, purpose);
  const finished = await runDesign(traffic, choice, plan, hooks);
  const facts = caseFacts(machine, traffic, plan);
  const made = makeCase(finished, { id, trial: 0, designLabel: label, input, facts });
  return { ...made, ...identifying(plan) };
}

/** What of the plan is part of what a cell is, and not in the case otherwise (result/identity.ts). */
function identifying({
  config,
  durationMs,
  pacing,
  burst,
}: ReplayPlan): Pick<ResultCase, 'configSha256' | 'durationMs' | 'profile' | 'burst'> {
  return {
    configSha256: Object.keys(config.entries).length === 0 ? 'none' : hashOf(config.entries),
    durationMs,
    profile: pacing.mode === 'profile' ? loadText(pacing) : null,
    ...(burst === 1 ? {} : { burst }),
  };
}

const SEARCH_PRECISION = 0.05;
const SEARCH_STEPS = 16;

/**
 * For each design: one run at top speed for the upper bound, then runs at rates that close in on the highest one that holds the
 * objective. Every step is a case of the result. The bound comes from the bare build without clocks, and the rates are held by
 * the bare build with them, since an objective is about times; where the plan names one build, both by that one, timed.
 */
async function runSearch(
  request: SessionRequest,
  { objective, stepMs }: NonNullable<ReplayPlan['search']>,
  hooks: SessionHooks,
): Promise<Result> {
  const { traffic, input, plan } = request;
  const designs = resolveDesigns(plan.designs.join(','));
  const conditions = parseObjective(objective);
  const machine = readMachine();
  const cases: ResultCase[] = [];
  const searches: RateSearch[] = [];
  const bareSteps = plan.build === 'both';
  const step: ReplayPlan = {
    ...plan,
    build: bareSteps ? 'bare' : plan.build,
    loops: null,
    durationMs: stepMs,
  };
  let interrupted = false;
  const measure = async (choice: DesignChoice, changes: Partial<ReplayPlan>): Promise<ResultCase> => {
    const own = { ...step, ...changes };
    const id = caseId(input.name, designLabel(choice), own);
    const each = await measureRun(
      { traffic, input, choice, plan: own, id, machine },
      own.pacing.mode === 'topspeed' ? 'throughput' : 'all',
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
    const outcome = await searchRate(conditions, bounds, (pps) =>
      measure(choice, { pacing: { mode: 'pps', pps: Math.max(1, Math.round(pps)) } }),
    );
    searches.push({
      design: designLabel(choice),
      objective,
      build: flavourOf(step),
      timed: step.latency.mode !== 'off',
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
function caseFacts(
  machine: MachineAtStart,
  { checksums }: PacketSource,
  plan: ReplayPlan,
): CaseContext['facts'] {
  return {
    clock: machine.clock,
    coresUsable: machine.figures.coresUsable,
    checksums: { ...checksums, ignored: ignoresChecksums(plan.config) },
  };
}

function makeResult(
  request: SessionRequest,
  machine: MachineAtStart,
  cases: readonly ResultCase[],
  interrupted: boolean,
): Result {
  const { plan } = request;
  const report = reportMachine(machine, plan.pin ? true : null, cases);
  return {
    format: RESULT_FORMAT,
    version: RESULT_VERSION,
    tool: toolVersion(),
    createdAt: new Date().toISOString(),
    commandLine: [...request.commandLine],
    environment: report.environment,
    configuration: JSON.parse(JSON.stringify(plan)) as Result['configuration'],
    seed: plan.seed,
    partial: interrupted,
    valid: cases.every(isValid),
    bound: cases.find((each) => each.bound != null)?.bound ?? null,
    warnings: collectWarnings(report.facts),
    cases: [...cases],
  };
}
