/** Level 3: the compiled engine of another git ref, and of the working tree. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { markUnfinished, unmarkUnfinished } from '../captures/unfinished-files.js';
import { RegressError } from './check.js';

const run = promisify(execFile);

/** Path of the engine's sources in a repository. */
const SOURCE = 'engine/assembly';

/** A folder of compiled designs. */
export interface EngineBuild {
  /** What it was built from, for people: `HEAD~1 (1a2b3c4)`, `working tree`. */
  readonly label: string;
  readonly folder: string;
}

/** Where builds are kept, so that the same sources are compiled once. */
export function cacheFolder(): string {
  return join(process.env['CTREPLAY_BUILDS'] ?? join(tmpdir(), 'ctreplay-builds'));
}

/** The script that compiles the engine: part of a source checkout, not of an installed package. */
function buildScript(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'engine', 'build-wasm.mjs'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new RegressError(
        '--against compiles the engine, which this installation cannot: run ctreplay from a checkout of its repository',
      );
    }
    folder = parent;
  }
  return join(folder, 'engine', 'build-wasm.mjs');
}

export async function git(repository: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', repository, ...args], { maxBuffer: 1 << 26 });
  return stdout.trim();
}

/**
 * Root of the git repository around a folder.
 * @throws RegressError when there is none
 */
export async function repositoryRoot(folder: string): Promise<string> {
  try {
    return await git(folder, ['rev-parse', '--show-toplevel']);
  } catch (error) {
    throw new RegressError(`--against needs a git repository, which ${folder} is not part of`, 1, error);
  }
}

/**
 * Compiles the engine of a ref. Its sources go to a temporary folder; the repository and its work tree are not touched.
 * @throws RegressError for an unknown ref, one without an engine, or sources that do not compile
 */
export async function buildRef(repository: string, ref: string): Promise<EngineBuild> {
  let commit: string;
  let tree: string;
  try {
    commit = await git(repository, ['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`]);
  } catch (error) {
    throw new RegressError(
      `--against ${ref}: there is no such commit, branch or tag in ${repository}`,
      2,
      error,
    );
  }
  try {
    tree = await git(repository, ['rev-parse', '--verify', `${commit}:${SOURCE}`]);
  } catch (error) {
    throw new RegressError(`--against ${ref}: that commit has no ${SOURCE}`, 1, error);
  }
  const label = `${ref} (${commit.slice(0, 7)})`;
  const script = buildScript();
  const folder = join(cacheFolder(), `tree-${tree}-${scriptKey(script)}`);
  if (existsSync(folder)) return { label, folder };
  await mkdir(cacheFolder(), { recursive: true });
  const scratch = await mkdtemp(join(cacheFolder(), 'building-'));
  markUnfinished(scratch);
  try {
    const sources = join(scratch, 'sources');
    await mkdir(sources);
    const archive = join(scratch, 'sources.tar');
    await git(repository, ['archive', '--format=tar', `--output=${archive}`, commit, SOURCE]);
    await run('tar', ['-xf', archive, '-C', sources]);
    await compile(script, join(sources, SOURCE), join(scratch, 'wasm'), label);
    // Another process may have been quicker; its build is the same.
    await rename(join(scratch, 'wasm'), folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
    unmarkUnfinished(scratch);
  }
  return { label, folder };
}

/**
 * Compiles the engine of the work tree, changes that are not committed included; only what changed since the last time.
 * @throws RegressError when it does not compile
 */
export async function buildWorkTree(repository: string): Promise<EngineBuild> {
  const source = join(repository, SOURCE);
  if (!existsSync(source)) throw new RegressError(`${repository} has no ${SOURCE}: nothing to compare`);
  const key = createHash('sha256').update(repository).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `work-tree-${key}`);
  await compile(buildScript(), source, folder, 'working tree');
  return { label: 'working tree', folder };
}

/** Of the script and of what it imports for the entries of designs. */
function scriptKey(script: string): string {
  const hash = createHash('sha256').update(readFileSync(script));
  return hash
    .update(readFileSync(join(dirname(script), 'design-sources.mjs')))
    .digest('hex')
    .slice(0, 12);
}

async function compile(script: string, source: string, out: string, label: string): Promise<void> {
  try {
    await run(process.execPath, [script, '--source', source, '--out', out], { maxBuffer: 1 << 26 });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new RegressError(`${label}: the engine does not compile:\n${stderr.trim()}`, 1, error);
  }
}

/** Whether a build holds a design: one may be newer than the other build's sources. */
export function hasDesign(design: string, { folder }: EngineBuild): boolean {
  return existsSync(join(folder, `${design}.bare.wasm`));
}

/** Whether two builds of a design are the same bytes: then there is nothing to measure. */
export function isSameBuild(design: string, base: EngineBuild, head: EngineBuild): boolean {
  const bytes = (build: EngineBuild): Buffer => readFileSync(join(build.folder, `${design}.bare.wasm`));
  return bytes(base).equals(bytes(head));
}
