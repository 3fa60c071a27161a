/**
 * A regression that was seen is measured once more in a process of its own, with other seeds: other addresses, other places
 * of the compiled code, another time. Only what both find is a regression; what one finds is inconclusive.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { resolveDesigns, type DesignChoice } from '../../engine/host/designs.js';
import { nameOfInput } from '../bench/matrix-spec.js';
import type { InputLoader } from '../bench/replay-runner.js';
import { Random } from '../random/random.js';
import { compareBuilds, settleCompiler, type AgainstRule } from './against.js';
import { RegressError, type Check } from './check.js';
import type { EngineBuild } from './engine-builds.js';
import { loadRegressInput, type RegressInput } from './regress-config.js';

/** One cell to measure, as another process gets it. */
export interface ConfirmRequest {
  readonly input: RegressInput;
  /** Design with its preset, as on the command line. */
  readonly design: string;
  readonly base: EngineBuild;
  readonly head: EngineBuild;
  readonly rule: AgainstRule;
  readonly cellCount: number;
}

type Answer = { readonly check: Check } | { readonly failed: string };

/** The same request with seeds that have nothing to do with those of before. */
export function withOtherSeed(request: ConfirmRequest): ConfirmRequest {
  const seed = new Random(request.rule.seed).derive('confirm').u32();
  return { ...request, rule: { ...request.rule, seed } };
}

/**
 * Measures a cell in a fresh process.
 * @param entry file of the process, which calls {@link serveConfirm}
 * @throws RegressError when it ends without an answer
 */
export async function measureAfresh(request: ConfirmRequest, entry: string): Promise<Check> {
  const child = fork(entry, [], { execArgv: [] });
  let answer: Answer | null = null;
  child.on('message', (message: Answer) => (answer = message));
  const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  // If it is gone already, its end is what is to be told.
  child.send(request, () => {});
  const [[code]] = (await ended) as [[number | null], unknown];
  const found = answer as Answer | null;
  if (found !== null && 'check' in found) return found.check;
  throw new RegressError(
    `the process that was to confirm ${request.design} on ${nameOfInput(request.input)} ${found === null ? `ended with exit code ${code}` : `failed: ${found.failed}`}`,
  );
}

/** Answers one request and ends; the inside of the fresh process. */
export function serveConfirm(load: InputLoader): void {
  process.on('disconnect', () => process.exit(1));
  process.once('message', (request: ConfirmRequest) => {
    void measure(request, load)
      .then((check): Answer => ({ check }))
      .catch((error: unknown): Answer => ({ failed: (error as Error).message }))
      .then((answer) => process.send?.(answer, () => process.exit(0)));
  });
}

async function measure(request: ConfirmRequest, load: InputLoader): Promise<Check> {
  settleCompiler();
  const { input, base, head, rule, cellCount } = request;
  const { traffic, config } = await loadRegressInput(load, input, rule.seed);
  const inputName = nameOfInput(input);
  const [choice] = resolveDesigns(request.design) as [DesignChoice];
  const cell = { inputName, choice, traffic, config };
  return compareBuilds(cell, { base, head }, rule, cellCount, {
    clock: () => performance.now() * 1e6,
    random: new Random(rule.seed).derive(`${inputName} ${request.design}`),
  });
}

/**
 * What is left of a check: a regression stays one only when it is found again.
 * @param again measures the same cell afresh; called only for a regression
 */
export async function confirmed(check: Check, again: () => Promise<Check>): Promise<Check> {
  if (check.verdict !== 'regression') return check;
  const second = await again();
  const details = [...check.details, `in a fresh process: ${second.text}`, ...second.details];
  if (second.verdict === 'regression') {
    return { ...check, text: `${check.text}; a fresh process found it as well`, details };
  }
  return {
    ...check,
    verdict: 'inconclusive',
    isOpen: true,
    text: `${check.text}, but a fresh process did not find it (${second.verdict}: ${second.text})`,
    details,
  };
}
