import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A file beside a module as compiled, also when the module itself runs from source under a test runner: threads are started from
 * compiled files only.
 * @param moduleUrl `import.meta.url` of the module
 * @param name of the file, with extension
 */
export function compiledFile(moduleUrl: string, name: string): string {
  const here = dirname(fileURLToPath(moduleUrl));
  const compiled = join(here, name);
  if (existsSync(compiled)) return compiled;
  let root = here;
  while (!existsSync(join(root, 'package.json'))) {
    const parent = dirname(root);
    if (parent === root) throw new Error(`no package.json above ${here}: run ctreplay from its package`);
    root = parent;
  }
  return join(root, 'dist', relative(root, here), name);
}
