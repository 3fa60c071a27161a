/** A command of a built ctreplay in a process of its own, for the JSON that it prints. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { RegressError } from './check.js';

const run = promisify(execFile);

/** Longest that a command may take. */
const LIMIT_MS = 300_000;

/** A command that failed, or printed something else than JSON. */
export class TimedRunError extends RegressError {
  /** True when the command does not know its options or what is asked for: that of an older version, as a rule. */
  readonly isUsage: boolean;
  /** Checks of its own audit that the result failed; empty when it is something else. */
  readonly failedChecks: readonly string[];

  constructor(message: string, isUsage: boolean, cause?: unknown, failedChecks: readonly string[] = []) {
    super(message, 1, cause);
    this.name = 'TimedRunError';
    this.isUsage = isUsage;
    this.failedChecks = failedChecks;
  }
}

/**
 * Runs a command and parses what it prints. One whose result fails its own audit, as when the machine did not let it keep its rate,
 * is run once more.
 * @param cli compiled `tools/cli.js` of the build
 * @throws TimedRunError
 */
export async function runForJson(cli: string, args: readonly string[]): Promise<unknown> {
  try {
    return await runOnce(cli, args);
  } catch (error) {
    if (!(error instanceof TimedRunError) || error.failedChecks.length === 0) throw error;
    return runOnce(cli, args);
  }
}

async function runOnce(cli: string, args: readonly string[]): Promise<unknown> {
  const command = `ctreplay ${args.join(' ')}`;
  let stdout: string;
  try {
    ({ stdout } = await run(process.execPath, [cli, ...args], {
      maxBuffer: 1 << 28,
      timeout: LIMIT_MS,
      env: { ...process.env, NO_COLOR: '1' },
    }));
  } catch (error) {
    throw failure(command, error);
  }
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new TimedRunError(`${command} did not print JSON: ${(error as Error).message}`, false, error);
  }
}

/** What `execFile` says of a program that failed. */
interface ProgramFailure {
  readonly code?: unknown;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly killed?: boolean;
}

function failure(command: string, error: unknown): TimedRunError {
  const { code, stdout = '', stderr = '', killed } = error as ProgramFailure;
  if (killed === true) return new TimedRunError(`${command} was ended after ${LIMIT_MS / 1000} s`, false);
  const failed = failedChecksOf(stdout);
  if (failed.length > 0) {
    const text = `${command}: the result failed its own audit (${failed.join(', ')}), so its figures mean nothing`;
    return new TimedRunError(text, false, undefined, failed);
  }
  const reason = stderr.trim().split('\n').slice(-3).join(' ');
  return new TimedRunError(
    `${command} ended with exit code ${String(code)}${reason === '' ? '' : `: ${reason}`}`,
    code === 2,
  );
}

/** Names of the checks that a printed result failed; empty when it is none, or valid. */
function failedChecksOf(stdout: string): string[] {
  try {
    const { failedChecks = [], cases = [] } = JSON.parse(stdout) as {
      failedChecks?: string[];
      cases?: { audit: { name: string; ok: boolean }[] }[];
    };
    const names = cases.flatMap(({ audit }) => audit.filter(({ ok }) => !ok).map(({ name }) => name));
    return [...new Set([...failedChecks, ...names])];
  } catch {
    return [];
  }
}
