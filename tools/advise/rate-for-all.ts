/**
 * The rate at which designs are compared: one that each of them holds. What is measured to find it is thrown away; the trials come after
 * it, in processes of their own.
 */
import { designLabel, type DesignChoice } from '../../engine/host/designs.js';
import { readMachine, type MachineAtStart } from '../replay/machine.js';
import type { PacketSource } from '../replay/packet-source.js';
import type { PacingRequest, ReplayPlan } from '../replay/replay-plan.js';
import { measureCase } from '../replay/session.js';
import { whollyInvalidText } from '../result/rejected-input.js';
import type { Input, ResultCase } from '../result/schema.js';
import { ppsOf } from '../result/throughput.js';
import { formatRate } from '../text/quantities.js';
import { pacedPlan, topSpeedPlan, type RunLengths } from './advice-runs.js';

/** Of the slowest design's throughput at top speed: probes and clocks may cost half of it, and a tail at the limit is a queue. */
const SHARE_OF_SLOWEST = 0.25;
/** Halvings before it is given up. */
const MOST_RATES = 6;
/** Length of a run that only tells whether a rate is held. */
const LOOK_MS = 1000;
/** Such runs of a design before it is said not to hold it: what the machine does once is no property of a design. */
const LOOKS = 3;

/** A rate that some design does not hold: a usage error where it was asked for. */
class RateNotHeldError extends Error {
  override name = 'RateNotHeldError';
  /** Exit code of the command line. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What the rate is looked for with. */
export interface RateRequest {
  readonly traffic: PacketSource;
  readonly input: Input;
  readonly plan: ReplayPlan;
  readonly lengths: RunLengths;
  readonly choices: readonly DesignChoice[];
  /** Called before each run. */
  readonly onRun?: (text: string) => void;
  /** Measures a plan of a design; absent = the replay. */
  readonly measure?: (choice: DesignChoice, plan: ReplayPlan) => Promise<ResultCase>;
}

/**
 * The rate that the plan asks for, once every design has held it; without one, a quarter of the slowest design's throughput, halved until all
 * hold it.
 * @throws RateNotHeldError naming the design and what it reached; Error when none of the packets is valid
 */
export async function rateForAll(request: RateRequest): Promise<PacingRequest> {
  const { plan, choices } = request;
  const measure = request.measure ?? measureWith(request, readMachine());
  if (plan.pacing.mode !== 'topspeed') {
    const late = await firstLate(request, plan.pacing, measure);
    if (late !== null)
      throw new RateNotHeldError(`${late}; give a lower rate, or leave that design out (--design)`, 2);
    return plan.pacing;
  }
  let slowest = Number.POSITIVE_INFINITY;
  for (const choice of choices) {
    request.onRun?.(`${designLabel(choice)} at top speed`);
    const entry = await measure(choice, topSpeedPlan(plan, request.lengths));
    const invalid = whollyInvalidText(entry);
    if (invalid !== null) throw new Error(invalid);
    slowest = Math.min(slowest, ppsOf(entry) ?? 0);
  }
  let pps = roundedDown(slowest * SHARE_OF_SLOWEST);
  let late: string | null = null;
  for (let attempt = 0; attempt < MOST_RATES; attempt++) {
    const pacing: PacingRequest = { mode: 'pps', pps };
    late = await firstLate(request, pacing, measure);
    if (late === null) return pacing;
    pps = roundedDown(pps / 2);
  }
  throw new RateNotHeldError(
    `no rate was found that all designs hold: ${late}; 'ctreplay doctor' tells what this machine lacks, --pps gives a rate`,
    1,
  );
}

/** Two digits: a rate that people can name. */
export function roundedDown(pps: number): number {
  if (!(pps >= 1)) return 1;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(pps)) - 1);
  return Math.floor(pps / unit) * unit;
}

/** The first design that does not hold a rate, in words; null when all do. */
async function firstLate(
  { plan, lengths, choices, onRun }: RateRequest,
  pacing: PacingRequest,
  measure: NonNullable<RateRequest['measure']>,
): Promise<string | null> {
  const whole = pacedPlan(plan, pacing, lengths);
  const look = { ...whole, durationMs: Math.min(whole.durationMs ?? Number.POSITIVE_INFINITY, LOOK_MS) };
  for (const choice of choices) {
    const label = designLabel(choice);
    onRun?.(`${label} at ${pacing.mode === 'pps' ? formatRate(pacing.pps) : 'the rate asked for'}`);
    let late: string | null = null;
    for (let attempt = 0; attempt < LOOKS; attempt++) {
      late = lateText(label, await measure(choice, look));
      if (late === null) break;
    }
    if (late !== null) return late;
  }
  return null;
}

/** What a run reached, where that is not the rate; null where it is. */
function lateText(label: string, entry: ResultCase): string | null {
  const invalid = whollyInvalidText(entry);
  if (invalid !== null) throw new Error(invalid);
  if (entry.audit.every(({ ok, name }) => ok || !name.startsWith('rate-achieved'))) return null;
  const { achievedPps, targetPps } = entry.pacing;
  return `${label} reached ${formatRate(achievedPps)} of the ${formatRate(targetPps)} asked for`;
}

function measureWith(
  { traffic, input }: RateRequest,
  machine: MachineAtStart,
): NonNullable<RateRequest['measure']> {
  return (choice, plan) =>
    measureCase({ traffic, input, choice, plan, id: `${input.name}/${designLabel(choice)}/rate`, machine });
}
