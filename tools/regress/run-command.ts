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

  constructor(message: string, isUsage: boolean, cause?: unknown) {
    super(message, 1, cause);
    this.name = 'TimedRunError';
    this.isUsage = isUsage;
  }
}

/**
 * Runs a command and parses what it prints.
 * @param cli compiled `tools/cli.js` of the build
 * @throws TimedRunError
 */
export async function runForJson(cli: string, args: readonly string[]): Promise<unknown> {
  const command = `ctreplay ${args.join(' ')}`;
  let stdout: string;
  try {
    ({ stdout } = await run(process.execPath, [cli, ...args], {
      maxBuffer: 1 << 28,
      timeout: LIMIT_MS,
      env: { ...process.env, NO_COLOR: '1' },
    }));
  } catch (error) {
    const { code, stderr = '', killed } = error as { code?: unknown; stderr?: string; killed?: boolean };
    const said = stderr.trim().split('\n').slice(-3).join(' ');
    const how =
      killed === true ? `was ended after ${LIMIT_MS / 1000} s` : `ended with exit code ${String(code)}`;
    throw new TimedRunError(`${command} ${how}${said === '' ? '' : `: ${said}`}`, code === 2, error);
  }
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new TimedRunError(`${command} did not print JSON: ${(error as Error).message}`, false, error);
  }
}
