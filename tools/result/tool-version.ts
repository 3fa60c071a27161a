/** Which ctreplay wrote a result. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../engine/host/module.js';
import type { Result } from './schema.js';

/** Version of the package. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Version and, in a git checkout, the commit: `-dirty` is appended when tracked files differ from it. */
export function toolVersion(): Result['tool'] {
  return { name: 'ctreplay', version: packageVersion(), commit: readCommit() };
}

let known: { readonly commit: string | null } | null = null;

/** Asked of git once: that the files change under a running program says nothing of the program. */
function readCommit(): string | null {
  known ??= { commit: askGit() };
  return known.commit;
}

function askGit(): string | null {
  const root = packageRoot();
  if (!existsSync(join(root, '.git'))) return null;
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', ['-C', root, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}-dirty`;
  } catch {
    // No git program, or a folder that only looks like a checkout.
    return null;
  }
}
