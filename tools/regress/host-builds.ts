/**
 * Level 3: all of ctreplay as it is at another git ref, and in the working tree, each built by its own scripts in a folder of its
 * own with the dependencies of this checkout. The repository and its working tree are only read.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import {
  copyFile,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { markUnfinished, unmarkUnfinished } from '../captures/unfinished-files.js';
import { RegressError } from './check.js';
import { cacheFolder, git, type EngineBuild } from './engine-builds.js';

const run = promisify(execFile);

/** A built ctreplay. */
export interface HostBuild {
  /** For people, as the engine's. */
  readonly label: string;
  /** Its root, which holds `package.json`, `dist`, `captures`, … */
  readonly folder: string;
  /** `dist/tools/cli.js` in it. */
  readonly cli: string;
}

/** What has to be there for a build to be possible. */
const SOURCES = ['package.json', 'tsconfig.json', 'tools/cli.ts', 'engine/build-wasm.mjs'];

/** Characters of a key that name a folder. */
const KEY_LENGTH = 40;

/**
 * Where a build is kept. The paths of both sides are equally long: one build, copied, had 1.3 to 1.4 times the slow packets an
 * interruption under a path of 25 characters that it had under one of 65 (two comparisons, 34 pairs, two designs).
 */
export function hostFolder(side: 'tree' | 'work', key: string): string {
  return join(cacheFolder(), `host-${side}-${key.slice(0, KEY_LENGTH)}`);
}

/**
 * Builds a ref.
 * @param engine its engine, compiled already: not compiled again where the scripts are the same
 * @returns null when the ref has no host code: a repository of engines only
 * @throws RegressError when it does not build
 */
export async function buildHostOfRef(
  repository: string,
  ref: string,
  engine: EngineBuild,
): Promise<HostBuild | null> {
  const commit = await git(repository, ['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`]);
  const listed = await git(repository, ['ls-tree', '-r', '--name-only', '-z', commit, '--', ...SOURCES]);
  if (listed.split('\0').filter((name) => name !== '').length < SOURCES.length) return null;
  const tree = await git(repository, ['rev-parse', `${commit}^{tree}`]);
  const folder = hostFolder('tree', tree);
  if (existsSync(folder)) return hostBuild(engine.label, folder);
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(join(cacheFolder(), 'building-host-'));
  markUnfinished(scratch);
  try {
    const archive = `${scratch}.tar`;
    try {
      await git(repository, ['archive', '--format=tar', `--output=${archive}`, commit]);
      await run('tar', ['-xf', archive, '-C', scratch]);
    } finally {
      await rm(archive, { force: true });
    }
    await build(scratch, engine);
    // Another process may have been quicker; its build is the same.
    await rename(scratch, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
    unmarkUnfinished(scratch);
  }
  return hostBuild(engine.label, folder);
}

/**
 * Builds a copy of the working tree, changes that are not committed included.
 * @returns null as {@link buildHostOfRef}
 * @throws RegressError when it does not build
 */
export async function buildHostOfWorkTree(
  repository: string,
  engine: EngineBuild,
): Promise<HostBuild | null> {
  if (SOURCES.some((name) => !existsSync(join(repository, name)))) return null;
  const folder = hostFolder('work', createHash('sha256').update(repository).digest('hex'));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const listed = await git(repository, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
  for (const name of listed.split('\0').filter((each) => each !== '')) {
    await copyEntry(join(repository, name), join(folder, name));
  }
  await build(folder, engine);
  return hostBuild(engine.label, folder);
}

/** Copies a file or a link. What was removed and not committed is listed all the same, and a submodule as its folder. */
async function copyEntry(from: string, to: string): Promise<void> {
  const entry = await lstat(from).catch(() => null);
  if (entry === null || entry.isDirectory()) return;
  await mkdir(dirname(to), { recursive: true });
  if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
  else await copyFile(from, to);
}

function hostBuild(label: string, folder: string): HostBuild {
  return { label, folder, cli: join(folder, 'dist', 'tools', 'cli.js') };
}

/** Runs the build scripts of the sources in a folder. */
async function build(folder: string, engine: EngineBuild): Promise<void> {
  await rm(join(folder, 'node_modules'), { recursive: true, force: true });
  await symlink(dependencies(), join(folder, 'node_modules'));
  await mkdir(join(folder, 'dist', 'engine'), { recursive: true });
  await cp(engine.folder, join(folder, 'dist', 'engine', 'wasm'), { recursive: true });
  // Without remarks, so that two builds that differ in nothing else are the same files.
  for (const script of [
    ['build:wasm'],
    ['build:ts', '--', '--removeComments'],
    // Older ones do not join modules.
    ['--if-present', 'build:command'],
  ]) {
    try {
      await run('npm', ['run', '--silent', ...script], { cwd: folder, maxBuffer: 1 << 26 });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const output = `${stdout}\n${stderr}`.trim().split('\n').slice(0, 20).join('\n');
      throw new RegressError(
        `${engine.label}: 'npm run ${script.join(' ')}' fails with the dependencies of this checkout:\n${output}`,
        1,
        error,
      );
    }
  }
}

/** `node_modules` of the running ctreplay. */
function dependencies(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'node_modules'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new RegressError(
        '--against builds ctreplay, which needs its node_modules: run ctreplay from a checkout after npm ci',
      );
    }
    folder = parent;
  }
  return join(folder, 'node_modules');
}

/** What a build runs: compiled code, and what it needs beside it. */
const RUNNING = /\.(?:js|cjs|mjs|wasm)$/;

/** Whether two builds run the same code, byte for byte: then there is nothing to measure. */
export async function isSameHost(base: HostBuild, head: HostBuild): Promise<boolean> {
  const [before, after] = [runningFiles(base), runningFiles(head)];
  if (before.length !== after.length || before.some((name, index) => name !== after[index])) return false;
  for (const name of before) {
    const [a, b] = await Promise.all([
      readFile(join(base.folder, 'dist', name)),
      readFile(join(head.folder, 'dist', name)),
    ]);
    if (!a.equals(b)) return false;
  }
  return lockfileOf(base) === lockfileOf(head);
}

function runningFiles({ folder }: HostBuild): string[] {
  const dist = join(folder, 'dist');
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => RUNNING.test(name)).toSorted();
}

function lockfileOf({ folder }: HostBuild): string {
  const file = join(folder, 'package-lock.json');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
