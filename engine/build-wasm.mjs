/**
 * Compiles every design (engine/assembly/expiry/NAME.ts, and test/designs/NAME.ts for tests) in each flavour to
 * dist/engine/wasm/NAME.FLAVOUR.wasm, and its loops for `micro` to dist/engine/wasm/micro/NAME.bare.wasm. The entries are made from
 * templates (design-sources.mjs); what a design declares of itself goes to dist/engine/wasm/NAME.json.
 *
 *   bare    no lock probes, no work counts: for throughput
 *   probed  lock figures, work counts, expiration lag
 *   debug   probed, plus lock-order checks that trap; optimised less, because it compiles several times quicker
 *   torture debug, plus steps and faults that can be planted (probe/steps.ts, probe/faults.ts), which torture/exports.ts makes known;
 *           sources without that file have no such flavour
 *   traced  bare, where every memory access, turn of a loop and run of instructions calls the host (trace-wasm.mjs): for exact counts of work
 *
 * A module is compiled again when the content of a file that its compilation read (or looked for), the options, this
 * script or the compiler has changed, or when the module itself is not the one that was written; what was read is kept
 * beside it in .build/. Modules are compiled side by side, one thread per CPU, and replaced whole, so that a reader never
 * meets half a module.
 *
 * Usage: node engine/build-wasm.mjs [--force] [--out DIR] [--source DIR] [--jobs N] [--verbose]
 * Exit code: 0 when every module is up to date, 1 when one does not compile (the compiler's message is printed; the
 * others are still compiled).
 */
// oxlint-disable unicorn/require-post-message-target-origin -- threads of one process have no origins
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { designsOf } from './design-sources.mjs';
import { traceModule } from './trace-wasm.mjs';

const SCRIPT = fileURLToPath(import.meta.url);
const HERE = dirname(SCRIPT);
const TRACER = join(HERE, 'trace-wasm.mjs');
/** Designs for tests: compiled with the package's own sources only, and no part of the package. */
const FIXTURES = join(HERE, '..', 'test', 'designs');

const OPTIONS = [
  ['--runtime', 'stub'],
  ['--noAssert'],
  ['--importMemory'],
  ['--sharedMemory'],
  ['--initialMemory', '2'],
  ['--maximumMemory', '65536'],
  ['--enable', 'threads'],
  ['--enable', 'simd'],
  ['--enable', 'bulk-memory'],
  ['--disableWarning', '235'],
].flat();
const FAST_CODE = ['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge'];
const FAST_COMPILE = ['--optimizeLevel', '1', '--shrinkLevel', '0', '--debug'];
const FLAVOURS = {
  bare: FAST_CODE,
  probed: [...FAST_CODE, '--use', 'CTREPLAY_PROBED=1'],
  debug: [...FAST_COMPILE, '--use', 'CTREPLAY_PROBED=1', '--use', 'CTREPLAY_DEBUG=1'],
};
FLAVOURS.torture = [...FLAVOURS.debug, '--use', 'CTREPLAY_TORTURE=1'];
/** Compiled into the torture flavour beside the design: what it exports besides. */
const TORTURE_EXPORTS = 'torture/exports.ts';

function digest(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** Content of a file, or null when there is none. */
function contentOf(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EISDIR' || error.code === 'ENOTDIR') return null;
    throw error;
  }
}

/** Designs for tests are not needed in every flavour. */
function flavoursOf({ testsOnly }, source) {
  if (testsOnly) return ['bare', 'probed'];
  const hasTorture = existsSync(join(source, TORTURE_EXPORTS));
  return Object.keys(FLAVOURS).filter((flavour) => flavour !== 'torture' || hasTorture);
}

/** What the structures are compiled for besides the flavour (probe/flavour.ts). */
function traitOptions({ manifest }) {
  const { shards = 0, atomicExpiryPreset = 0, oneHoldPreset = 0 } = manifest?.traits ?? {};
  const constants = {
    CTREPLAY_SHARDS: shards,
    CTREPLAY_ATOMIC_EXPIRY_PRESET: atomicExpiryPreset,
    CTREPLAY_ONE_HOLD_PRESET: oneHoldPreset,
  };
  const given = Object.entries(constants).filter(([, value]) => value !== 0);
  return given.flatMap(([name, value]) => ['--use', `${name}=${value}`]);
}

/** What becomes what: one entry per module. */
function plannedModules(designs, source, out) {
  return designs.flatMap((design) => {
    const { name } = design;
    const plan = (flavour, folder, entries) => ({
      title: `${folder === out ? '' : 'loops of '}${name} (${flavour})`,
      entries,
      source,
      files: design.files,
      target: join(folder, `${name}.${flavour}.wasm`),
      traced: flavour === 'bare' && folder === out ? join(folder, `${name}.traced.wasm`) : null,
      record: join(folder, '.build', `${name}.${flavour}.json`),
      options: [...OPTIONS, ...FLAVOURS[flavour], ...traitOptions(design)],
    });
    const modules = flavoursOf(design, source).map((flavour) =>
      plan(flavour, out, [`designs/${name}.ts`, ...(flavour === 'torture' ? [TORTURE_EXPORTS] : [])]),
    );
    if (design.hasMicro) modules.push(plan('bare', join(out, 'micro'), [`designs/micro-${name}.ts`]));
    return modules;
  });
}

/** What the result depends on besides the sources. */
function toolKey(module) {
  const compiler = contentOf(join(HERE, '..', 'node_modules', 'assemblyscript', 'package.json'));
  return digest(
    [
      ...module.entries,
      ...module.options,
      ...Object.entries(module.files).flat(),
      digest(readFileSync(SCRIPT)),
      module.traced === null ? '' : digest(readFileSync(TRACER)),
      digest(compiler ?? ''),
    ].join('\n'),
  );
}

function isUpToDate(module) {
  const text = contentOf(module.record);
  const output = contentOf(module.target);
  if (text === null || output === null) return false;
  let record;
  try {
    record = JSON.parse(text.toString());
  } catch {
    return false; // Written by something else; compile again.
  }
  if (record.key !== toolKey(module) || record.output !== digest(output)) return false;
  if (module.traced !== null) {
    const traced = contentOf(module.traced);
    if (traced === null || record.traced !== digest(traced)) return false;
  }
  return Object.entries(record.inputs).every(([name, expected]) => {
    const content = contentOf(join(module.source, name));
    return (content === null ? null : digest(content)) === expected;
  });
}

async function replaceFile(path, content) {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}

/** Compiles one module; returns the compiler's message when it fails, else null. */
async function compile(asc, module) {
  const key = toolKey(module);
  const inputs = {};
  let output = null;
  const { error, stderr } = await asc.main(
    [...module.entries, '--baseDir', module.source, '--outFile', 'out.wasm', ...module.options],
    {
      // Also what was looked for in vain counts: a file that appears there would be read.
      readFile(name) {
        if (name in module.files) return module.files[name];
        const content = contentOf(join(module.source, name));
        inputs[name] = content === null ? null : digest(content);
        return content === null ? null : content.toString();
      },
      writeFile(_name, content) {
        output = content;
      },
    },
  );
  if (error || output === null) return stderr.toString() || String(error);
  const record = { key, output: digest(output), inputs };
  if (module.traced !== null) {
    const traced = await traceModule(output);
    record.traced = digest(traced);
    await replaceFile(module.traced, traced);
  }
  await replaceFile(module.target, output);
  await replaceFile(module.record, `${JSON.stringify(record, null, 1)}\n`);
  return null;
}

async function serveCompilations() {
  const { default: asc } = await import('assemblyscript/asc');
  parentPort.on('message', async (module) => {
    try {
      parentPort.postMessage({ failure: await compile(asc, module) });
    } catch (error) {
      parentPort.postMessage({ failure: error.stack });
    }
  });
  parentPort.postMessage('ready');
}

/** Compiles the modules on several threads; calls `done` after each. */
function compileAll(modules, jobs, done) {
  const queue = [...modules];
  const runOne = () =>
    new Promise((finish) => {
      const worker = new Worker(SCRIPT);
      let current = null;
      const fail = (message) => {
        if (current !== null) done(current, message);
        current = null;
        finish();
      };
      worker.on('message', (message) => {
        if (message !== 'ready') done(current, message.failure);
        current = queue.shift() ?? null;
        if (current === null) worker.terminate().then(() => finish());
        else worker.postMessage(current);
      });
      worker.on('error', (error) => fail(`the compiler crashed: ${error.stack ?? error}`));
      worker.on('exit', () => fail('the compiler ended without a result'));
    });
  return Promise.all(Array.from({ length: Math.min(jobs, modules.length) }, runOne));
}

/** Modules whose source is gone would still be offered as designs. */
async function removeStale(folder, modules) {
  let files;
  try {
    files = await readdir(join(folder, '.build'));
  } catch {
    return;
  }
  const wanted = new Set(modules.map(({ record }) => record));
  for (const file of files) {
    const record = join(folder, '.build', file);
    if (wanted.has(record) || !file.endsWith('.json')) continue;
    const name = file.slice(0, -'.json'.length);
    await rm(join(folder, `${name}.wasm`), { force: true });
    if (name.endsWith('.bare')) {
      const design = name.slice(0, -'.bare'.length);
      for (const other of [`${design}.traced.wasm`, `${design}.json`])
        await rm(join(folder, other), { force: true });
    }
    await rm(record);
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      force: { type: 'boolean', default: false },
      out: { type: 'string' },
      source: { type: 'string' },
      jobs: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const source = resolve(values.source ?? join(HERE, 'assembly'));
  const out = resolve(values.out ?? join(HERE, '..', 'dist', 'engine', 'wasm'));
  const jobs = Number(values.jobs ?? availableParallelism());
  if (!Number.isInteger(jobs) || jobs < 1)
    throw new Error(`--jobs is '${values.jobs}', not a whole number from 1`);

  const designs = designsOf(source, values.source === undefined ? FIXTURES : null);
  if (designs.length === 0) throw new Error(`${join(source, 'expiry')} holds no design`);
  const modules = plannedModules(designs, source, out);
  await removeStale(out, modules);
  await removeStale(join(out, 'micro'), modules);
  for (const { name, manifest } of designs)
    if (manifest !== null)
      await replaceFile(join(out, `${name}.json`), `${JSON.stringify(manifest, null, 1)}\n`);
  const outdated = modules.filter((module) => values.force || !isUpToDate(module));
  // Heaviest first, so that the threads end at about the same time.
  outdated.sort(
    (a, b) => Number(b.options.includes('--converge')) - Number(a.options.includes('--converge')),
  );
  const failures = [];
  await compileAll(outdated, jobs, (module, failure) => {
    if (failure === null) {
      if (values.verbose) console.log(`compiled ${module.title}`);
    } else {
      failures.push(module.title);
      console.error(`${module.title} does not compile:\n${failure}`);
    }
  });
  if (failures.length > 0) {
    console.error(
      `build-wasm: ${failures.length} of ${outdated.length} modules failed: ${failures.join(', ')}`,
    );
    process.exitCode = 1;
  }
}

if (isMainThread) {
  await main().catch((error) => {
    console.error(`build-wasm: ${error.message}`);
    process.exitCode = 1;
  });
} else {
  await serveCompilations();
}
