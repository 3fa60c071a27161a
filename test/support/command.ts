/** Running the built command as a user would. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built program. */
export const CLI = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'dist', 'tools', 'cli.js');

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `ctreplay` with these arguments in a folder; `env` is added to the environment. */
export function ctreplay(
  args: readonly string[],
  cwd: string,
  input?: Uint8Array,
  env: Readonly<Record<string, string>> = {},
): CommandOutcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...ranOnce(args)], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: '1', ...env },
    ...(input === undefined ? {} : { input }),
  });
  return { code: status, stdout, stderr };
}

/** The arguments of a replay with each design run once, unless a test says how often: repetitions have tests of their own. */
export function ranOnce(args: readonly string[]): readonly string[] {
  const asksForHelp = args.includes('--help') || args.includes('--list-designs');
  return args[0] === 'replay' && !args.includes('--trials') && !asksForHelp
    ? [...args, '--trials', '1']
    : args;
}

/** A fresh empty folder. */
export function scratchFolder(): string {
  return mkdtempSync(join(tmpdir(), 'ctreplay-test-'));
}
