/**
 * A system that is not the one the test runs on: files of /proc and /sys, the load average and the clock as the program and all its
 * threads read them. It is a module that Node loads before the program, in every thread, so everything above is the real path.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is different. */
export interface FakeSystem {
  /**
   * Texts by path, a pattern when it holds `*`. A list gives one text after the other to the reads of a thread, the last one again
   * and again; null is a file that does not exist.
   */
  readonly files?: Readonly<Record<string, string | null | readonly (string | null)[]>>;
  readonly loadAverage?: number;
  /** Body of a function of `now` (ms), `calls` (of this thread, from 1) and `isMain`: what `performance.now` gives. */
  readonly clock?: string;
}

/** Writes the module into a folder; gives the environment that has it loaded. */
export function fakeSystem(folder: string, system: FakeSystem): { NODE_OPTIONS: string } {
  const file = join(folder, `system-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(file, moduleText(system));
  return { NODE_OPTIONS: `--require ${file}` };
}

function moduleText({ files = {}, loadAverage, clock }: FakeSystem): string {
  const rules = Object.entries(files).map(([path, texts]) => ({
    pattern: `^${path
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('[^/]*')}$`,
    texts: Array.isArray(texts) ? texts : [texts],
  }));
  return `
const fs = require('node:fs');
const os = require('node:os');
const { syncBuiltinESMExports } = require('node:module');
const { isMainThread: isMain } = require('node:worker_threads');
const rules = ${JSON.stringify(rules)}.map((rule) => ({ ...rule, pattern: new RegExp(rule.pattern), reads: 0 }));
const readFileSync = fs.readFileSync;
fs.readFileSync = function (path, ...rest) {
  const rule = typeof path === 'string' ? rules.find(({ pattern }) => pattern.test(path)) : undefined;
  if (rule === undefined) return readFileSync.call(this, path, ...rest);
  const text = rule.texts[Math.min(rule.reads++, rule.texts.length - 1)];
  if (text === null) throw Object.assign(new Error('ENOENT: no such file: ' + path), { code: 'ENOENT' });
  return text;
};
${loadAverage === undefined ? '' : `os.loadavg = () => [${loadAverage}, 0, 0];`}
${
  clock === undefined
    ? ''
    : `
const real = performance.now.bind(performance);
let calls = 0;
performance.now = () => {
  const now = real();
  calls++;
  ${clock}
};`
}
syncBuiltinESMExports();
`;
}
