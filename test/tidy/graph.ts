/**
 * Who imports what. Read from the import statements, since they are all of one form, of the tools' TypeScript and of the engine's
 * AssemblyScript alike: dependency-cruiser reads TypeScript through the compiler's interface, which TypeScript 7 does not have, and
 * would not find the engine's imports.
 */
import { posix } from 'node:path';
import { folderOf, lineAt, type Sources } from './sources.js';

/** One import of another file of the repository. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly line: number;
  /** Names as the other file exports them; null where all may be used. */
  readonly names: readonly string[] | null;
  /** Everything is exported again: what is imported from here is imported from there. */
  readonly passesOn: boolean;
  /** Nothing is left of it at run time. */
  readonly typesOnly: boolean;
}

const STATEMENT =
  /^(?:import|export)\s+(?:type\s+)?(?:(\*)(?:\s+as\s+(\w+))?|(?:\w+\s*,\s*)?\{([^}]*)\}|\w+)\s*from\s*'(\.[^']+)'/gm;
const CALL = /\bimport\('(\.[^']+)'\)/g;
const BARE = /^import\s*'(\.[^']+)'/gm;

/** All imports between the files given. */
export function importsOf(sources: Sources): Import[] {
  const imports: Import[] = [];
  for (const [from, text] of sources) {
    if (!/\.(ts|cts|mts|mjs|js|template)$/.test(from)) continue;
    const add = (
      specifier: string,
      place: number,
      names: readonly string[] | null,
      passesOn = false,
    ): void => {
      const to = resolveImport(sources, from, specifier);
      const typesOnly = /^(import|export)\s+type\b/.test(text.slice(place, place + 20));
      if (to !== null) imports.push({ from, to, line: lineAt(text, place), names, passesOn, typesOnly });
    };
    for (const match of text.matchAll(STATEMENT)) {
      const [, star, alias, list, specifier = ''] = match;
      if (star !== undefined && alias === undefined) add(specifier, match.index, [], true);
      else add(specifier, match.index, alias === undefined ? namesIn(list ?? '') : membersOf(text, alias));
    }
    for (const match of [...text.matchAll(CALL), ...text.matchAll(BARE)])
      add(match[1] as string, match.index, null);
  }
  return imports;
}

/** What is used of a module that was imported as a whole. */
function membersOf(text: string, alias: string): string[] {
  return [...text.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, 'g'))].map((match) => match[1] as string);
}

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map(
      (name) =>
        name
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/)[0] as string,
    )
    .filter((name) => name !== '');
}

function resolveImport(sources: Sources, from: string, specifier: string): string | null {
  const path = posix.normalize(posix.join(folderOf(from), specifier));
  const stem = path.replace(/\.(c|m)?js$/, '.$1ts');
  return [path, stem, `${path}.ts`].find((candidate) => sources.has(candidate)) ?? null;
}

/** Groups of nodes of which each can be reached from each other one (Tarjan 1972), those of one node left out. */
export function circlesIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node) as number);
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) as number, low.get(next) as number));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle);
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return circles;
}
