/**
 * Joins the compiled modules of the command and of its threads into few files, in the places of those that are started: reading some four
 * hundred takes longer than running most commands. rolldown bundles, as vitest brings it along. What is left out stays as the compiler
 * made it, for the library (tools/api.ts) and the tests.
 */
import { copyFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const chunks = join('tools', 'joined');

/** Started as programs or threads, by their paths. */
const STARTED = [
  'tools/cli',
  'tools/captures/reading-entry',
  'tools/commands/against-entry',
  'tools/commands/session-entry',
  'tools/replay/feeder',
  'tools/replay/ovs-benchmark-worker',
  'tools/replay/placing-task',
  'tools/replay/worker',
];

rmSync(join(root, 'dist', chunks), { recursive: true, force: true });
await build({
  input: Object.fromEntries(STARTED.map((name) => [name, join(root, `${name}.ts`)])),
  platform: 'node',
  transform: { target: 'node20' },
  // Packages stay where they are, but for the one that comes in a hundred files.
  external: (name) => /^[^./]/.test(name) && !name.startsWith('zod'),
  output: {
    dir: join(root, 'dist'),
    format: 'esm',
    chunkFileNames: join(chunks, '[name].js'),
    comments: false,
    sourcemap: true,
  },
});
const zod = dirname(createRequire(import.meta.url).resolve('zod/package.json'));
copyFileSync(join(zod, 'LICENSE'), join(root, 'dist', chunks, 'zod.LICENSE'));
