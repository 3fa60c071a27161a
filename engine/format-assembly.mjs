/**
 * Formats the engine's AssemblyScript, which prettier does not parse: decorators on functions are no TypeScript. For the time of
 * formatting they are comments; nothing else in the engine is beyond its parser.
 *
 * Usage: node engine/format-assembly.mjs [--check]
 * Exit code: 0 when every file is formatted (after writing, without --check), 1 with --check when one is not; each is named.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const FOLDERS = ['engine/assembly', 'test/designs'];

/** Decorators of functions as comments. */
export function maskDecorators(text) {
  return text.replace(/^( *\/\/ @ts-ignore: decorator\n *)@(.*)$/gm, '$1//@$2');
}

/** The decorators back again. */
function unmaskDecorators(text) {
  return text.replace(/^( *\/\/ @ts-ignore: decorator\n *)\/\/@(.*)$/gm, '$1@$2');
}

/** The text as prettier would have it. */
export async function formatAssembly(text) {
  const options = await resolveConfig(join(ROOT, 'package.json'));
  return unmaskDecorators(await format(maskDecorators(text), { ...options, parser: 'typescript' }));
}

/** Files of the engine that are AssemblyScript, from the root. */
export function assemblyFiles() {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`),
  ).toSorted();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  for (const file of assemblyFiles()) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const formatted = await formatAssembly(text);
    if (formatted === text) continue;
    console.log(check ? `${file} is not formatted; run npm run format` : file);
    if (check) process.exitCode = 1;
    else writeFileSync(join(ROOT, file), formatted);
  }
}
