/**
 * Compiles every design (engine/assembly/designs/NAME.ts that binds an expiry class) in each flavour to
 * dist/engine/wasm/NAME.FLAVOUR.wasm. A module is rebuilt only when a source is newer.
 *
 *   bare    no lock probes, no work counts: for throughput
 *   probed  lock figures, work counts, expiration lag
 *   debug   probed, plus lock-order checks that trap
 *
 * Usage: node engine/build-wasm.mjs [--force] [--out DIR] [--source DIR]
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import asc from 'assemblyscript/asc';

const { values } = parseArgs({
  options: {
    force: { type: 'boolean', default: false },
    out: { type: 'string' },
    source: { type: 'string' },
  },
});
const here = dirname(fileURLToPath(import.meta.url));
const source = resolve(values.source ?? join(here, 'assembly'));
const out = resolve(values.out ?? join(here, '..', 'dist', 'engine', 'wasm'));

/** Files of designs/ that are not designs themselves. */
const NOT_A_DESIGN = new Set(['api.ts', 'constants.ts', 'shared.ts']);
const FLAVOURS = {
  bare: [],
  probed: ['--use', 'CTREPLAY_PROBED=1'],
  debug: ['--use', 'CTREPLAY_PROBED=1', '--use', 'CTREPLAY_DEBUG=1'],
};

async function newestSource(directory) {
  let newest = (await stat(fileURLToPath(import.meta.url))).mtimeMs;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    newest = Math.max(newest, (await stat(join(entry.parentPath ?? entry.path, entry.name))).mtimeMs);
  }
  return newest;
}

async function isFresh(file, newest) {
  try {
    return (await stat(file)).mtimeMs > newest;
  } catch {
    return false;
  }
}

async function compile(design, flavour, target) {
  const { error, stderr } = await asc.main([
    join('designs', `${design}.ts`),
    '--baseDir',
    source,
    '--outFile',
    target,
    '--runtime',
    'stub',
    '--optimizeLevel',
    '3',
    '--shrinkLevel',
    '0',
    '--converge',
    '--noAssert',
    '--importMemory',
    '--sharedMemory',
    '--initialMemory',
    '2',
    '--maximumMemory',
    '65536',
    '--enable',
    'threads',
    '--enable',
    'simd',
    '--enable',
    'bulk-memory',
    '--disableWarning',
    '235',
    ...(flavour === 'debug' ? ['--debug'] : []),
    ...FLAVOURS[flavour],
  ]);
  if (error) throw new Error(`${design} (${flavour}) does not compile:\n${stderr.toString()}`);
}

await mkdir(out, { recursive: true });
const newest = await newestSource(source);
const designs = (await readdir(join(source, 'designs'))).filter(
  (f) => f.endsWith('.ts') && !NOT_A_DESIGN.has(f),
);
for (const file of designs.toSorted()) {
  const design = file.slice(0, -3);
  for (const flavour of Object.keys(FLAVOURS)) {
    const target = join(out, `${design}.${flavour}.wasm`);
    if (!values.force && (await isFresh(target, newest))) continue;
    await compile(design, flavour, target);
  }
}
