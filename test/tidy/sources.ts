/** The repository as the rules see it: text by path, so that a test can plant a fault without touching a file. */
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Text of each file by its path from the root. */
export type Sources = ReadonlyMap<string, string>;

/** What a rule has found: where, and what. */
export interface Complaint {
  readonly file: string;
  readonly line: number;
  readonly what: string;
}

/** A rule of the repository, and what to do where it is broken. */
export interface Rule {
  readonly name: string;
  /** Said with every complaint. */
  readonly instead: string;
  readonly check: (sources: Sources) => Complaint[];
}

const TEXT = /\.(ts|cts|mts|mjs|js|md|json|yml|yaml|css|sh|py|template)$/;

/** All files of the repository that are not made by a tool; those that are no text as empty ones. */
export function repository(): Sources {
  const files = globSync('**/*', {
    cwd: ROOT,
    dot: true,
    ignore: ['**/node_modules/**', 'dist/**', 'results/**', '.git', '.git/**', 'package-lock.json'],
  });
  return new Map(
    files
      .toSorted()
      .map((file) => [
        file,
        TEXT.test(file) && !file.startsWith('test/proof/') ? readFileSync(join(ROOT, file), 'utf8') : '',
      ]),
  );
}

/** The sources with other texts at some paths. */
export function planted(sources: Sources, faults: Readonly<Record<string, string>>): Sources {
  return new Map([...sources, ...Object.entries(faults)]);
}

/** A rule's complaints as they are shown. */
export function complaintsOf(rule: Rule, sources: Sources): string[] {
  return rule.check(sources).map(({ file, line, what }) => `${file}:${line}: ${what}. ${rule.instead}`);
}

/** Line number of a place in a text. */
export function lineAt(text: string, place: number): number {
  return text.slice(0, place).split('\n').length;
}

/** Whether a path is TypeScript or AssemblyScript that the project is made of. */
export function isCode(path: string): boolean {
  return /^(tools|engine)\/.*\.(ts|cts|mts|mjs|js)$/.test(path);
}

/** Whether a path is a test or what tests are made with. */
export function isTest(path: string): boolean {
  return path.startsWith('test/');
}

/** Folder of a path, `.` for the root. */
export function folderOf(path: string): string {
  return posix.dirname(path);
}
