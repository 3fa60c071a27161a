/** Rules of layers, circles, dead files, unused exports and packages, and the size of files. */
import { circlesIn, importsOf, type Import } from './graph.js';
import { folderOf, isCode, isTest, lineAt, type Complaint, type Rule, type Sources } from './sources.js';

/** The layers of ARCHITECTURE.md, the lowest first; each is a set of folders or files. */
function layersOf(architecture: string): string[][] {
  const blocks = [...architecture.matchAll(/^```layers\n([\s\S]*?)^```/gm)].map(
    (match) => match[1] as string,
  );
  return blocks.flatMap((block) =>
    block
      .split(/\n\s*\n/)
      .map((row) => [...row.matchAll(/^((?:tools|engine)\/\S+)/gm)].map((match) => match[1] as string))
      .filter((row) => row.length > 0)
      .toReversed(),
  );
}

/** The folder or file of the map that a path lies in: the longest that fits. */
function placeOf(path: string, places: readonly string[]): string | null {
  const fitting = places.filter((place) => path === place || path.startsWith(`${place}/`));
  return fitting.toSorted((a, b) => b.length - a.length)[0] ?? null;
}

export const layers: Rule = {
  name: 'imports point downwards through the layers of ARCHITECTURE.md',
  instead:
    'Move what is shared into a folder below both, or pass it in as an argument; a new folder gets its line in the layers of ARCHITECTURE.md',
  check: (sources) => {
    const rows = layersOf(sources.get('ARCHITECTURE.md') ?? '');
    const places = rows.flat();
    const rowOf = new Map(rows.flatMap((row, index) => row.map((place) => [place, index] as const)));
    const complaints: Complaint[] = [];
    for (const place of places) {
      if (![...sources.keys()].some((path) => path === place || path.startsWith(`${place}/`))) {
        complaints.push({
          file: 'ARCHITECTURE.md',
          line: 1,
          what: `the layers name ${place}, which is not there`,
        });
      }
    }
    for (const path of sources.keys()) {
      if (isCode(path) && folderOf(path) !== 'engine' && placeOf(path, places) === null) {
        complaints.push({ file: path, line: 1, what: 'its folder is in no layer' });
      }
    }
    for (const { from, to, line } of importsOf(sources)) {
      const [own, other] = [placeOf(from, places), placeOf(to, places)];
      if (own === null || other === null || own === other) continue;
      if ((rowOf.get(other) as number) >= (rowOf.get(own) as number)) {
        complaints.push({ file: from, line, what: `${own} imports ${to}, which is not below it` });
      }
    }
    return complaints;
  },
};

/** What stands beside the folders at the top: the files that programs look for there, and the four that people do. */
const TOP_FILES =
  /^(ARCHITECTURE\.md|CHANGELOG\.md|CONTRIBUTING\.md|README\.md|LICENSE|Containerfile|action\.yml|package(-lock)?\.json|tsconfig(\.types)?\.json|vitest\.config\.ts|\.[a-z]+(rc\.json|ignore))$/;
const TOP_FOLDERS = /^(\.ci|\.github|captures|docs|engine|results|test|tools)\//;

export const topLevel: Rule = {
  name: 'the top level holds what a newcomer expects there',
  instead: 'Put it into the folder that it belongs to, or outside the repository if it is only yours',
  check: (sources) =>
    [...sources.keys()]
      .filter((path) => !(path.includes('/') ? TOP_FOLDERS : TOP_FILES).test(path))
      .map((file) => ({ file, line: 1, what: 'it lies at the top level' })),
};

export const circles: Rule = {
  name: 'no files import each other in a circle',
  instead: 'Put what both need into a file of its own that imports neither',
  check: (sources) => {
    const edges = new Map<string, Set<string>>();
    for (const path of sources.keys()) edges.set(path, new Set());
    for (const { from, to } of importsOf(sources)) edges.get(from)?.add(to);
    return circlesIn(edges).map((circle) => ({
      file: circle[0] as string,
      line: 1,
      what: `a circle of imports: ${circle.join(', ')}`,
    }));
  },
};

/** Whether the build compiles a module from this file; designs are named in a template by a placeholder. */
function isCompiledEntry(path: string): boolean {
  return /^(engine\/assembly\/(designs|torture|expiry)|test\/designs)\//.test(path);
}

/** Files that something other than an import starts: programs, entries of threads, modules that the build compiles. */
function isEntry(path: string, sources: Sources): boolean {
  if (/^engine\/[^/]*\.(mjs|mts)$/.test(path) || path.endsWith('.d.ts')) return true;
  if (isCompiledEntry(path)) return true;
  const name = (path.split('/').at(-1) as string).replace(/\.(c|m)?ts$/, '');
  const started = new RegExp(`['"\`/]${name}(\\.c?js)?['"\`]`);
  // The bundler and the test runner are given the name of a source.
  const bundled = `${name}.ts'`;
  return [...sources].some(
    ([other, text]) =>
      other !== path &&
      !other.endsWith('.md') &&
      (started.test(text) || (/(\.mjs|^vitest\.config\.ts)$/.test(other) && text.includes(bundled))),
  );
}

/** Whether package.json names what is compiled of this file as the library. */
function isLibrary(path: string, sources: Sources): boolean {
  const { exports = {} } = JSON.parse(sources.get('package.json') ?? '{}') as { exports?: object };
  return JSON.stringify(exports).includes(`./dist/${path.replace(/\.ts$/, '.js')}"`);
}

export const deadFiles: Rule = {
  name: 'every file is imported or started by something',
  instead: 'Remove the file, or import what it is for',
  check: (sources) => {
    const reached = new Set(importsOf(sources).map(({ to }) => to));
    return [...sources.keys()]
      .filter((path) => (isCode(path) || isTest(path)) && /\.(c|m)?ts$/.test(path))
      .filter((path) => !path.endsWith('.test.ts') && !reached.has(path) && !isEntry(path, sources))
      .map((file) => ({ file, line: 1, what: 'nothing imports or starts this file' }));
  },
};

const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(const|let|function\*?|class|interface|type|enum) (\w+)/gm;
const EXPORT_LIST = /^export (?:type )?\{([^}]*)\}/gm;

/** Exports of a text, without types that it uses itself: those describe what its functions take and give. */
function exportsOf(text: string): { name: string; place: number }[] {
  const single = [...text.matchAll(EXPORT)]
    .map((match) => ({ kind: match[1] as string, name: match[2] as string, place: match.index }))
    .filter(({ kind, name }) => !['interface', 'type'].includes(kind) || !isUsedIn(text, name));
  const lists = [...text.matchAll(EXPORT_LIST)].flatMap((match) =>
    (match[1] as string)
      .split(',')
      .map(
        (part) =>
          part
            .trim()
            .replace(/^type\s+/, '')
            .split(/\s+as\s+/)
            .at(-1) as string,
      )
      .filter((name) => name !== '')
      .map((name) => ({ name, place: match.index })),
  );
  return [...single, ...lists];
}

/** Whether a name occurs in code beside its declaration. */
function isUsedIn(text: string, name: string): boolean {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  return [...code.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length > 1;
}

/** Names that are imported from each file; null where all may be. */
function usedNames(imports: readonly Import[]): Map<string, ReadonlySet<string> | null> {
  const used = new Map<string, ReadonlySet<string> | null>();
  const add = (file: string, names: Iterable<string> | null): void => {
    const known = used.get(file);
    if (known === null) return;
    used.set(file, names === null ? null : new Set([...(known ?? []), ...names]));
  };
  for (const { to, names } of imports) add(to, names);
  // What a compiled module passes on becomes its exports.
  for (const { from, to, passesOn } of imports) if (passesOn && isCompiledEntry(from)) add(to, null);
  // Files that pass names on come in chains of two at most.
  for (let round = 0; round < 2; round++) {
    for (const { from, to, passesOn } of imports) {
      const names = used.get(from);
      if (passesOn) add(to, names === undefined ? [] : names);
    }
  }
  return used;
}

export const unusedExports: Rule = {
  name: 'every export is imported somewhere',
  instead: 'Take the word `export` away, or remove what nothing uses',
  check: (sources) => {
    const used = usedNames(importsOf(sources));
    const started = new Set(
      [...sources.values()].flatMap((text) =>
        [...text.matchAll(/'([a-z]\w+)'/g)].map((match) => match[1] as string),
      ),
    );
    const complaints: Complaint[] = [];
    for (const [file, text] of sources) {
      if (!isCode(file) && !isTest(file)) continue;
      const names = used.get(file);
      // Entries export to what starts them; nothing is known of modules that are imported as a whole.
      if (names === null || (names === undefined && isEntry(file, sources))) continue;
      // What the package exports is for programs elsewhere, whatever of it tests take.
      if (isLibrary(file, sources)) continue;
      // Layouts and lists of numbers are stated whole, whether each is asked for or not.
      if (isCompiledEntry(file) || file.startsWith('engine/assembly/records/')) continue;
      for (const { name, place } of exportsOf(text)) {
        // Functions that run on another thread are started by their names.
        if (names?.has(name) !== true && !started.has(name)) {
          complaints.push({ file, line: lineAt(text, place), what: `nothing imports ${name}` });
        }
      }
    }
    return complaints;
  },
};

export const packages: Rule = {
  name: 'every dependency of package.json is used',
  instead: 'Remove the package, or move it to devDependencies where only tests use it',
  check: (sources) => {
    const text = sources.get('package.json') ?? '{}';
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    const code = [...sources].filter(([path]) => isCode(path)).map(([, content]) => content);
    return Object.keys(dependencies)
      .filter(
        (name) => !code.some((content) => content.includes(`'${name}'`) || content.includes(`'${name}/`)),
      )
      .map((name) => ({
        file: 'package.json',
        line: lineAt(text, text.indexOf(`"${name}"`)),
        what: `nothing in tools/ or engine/ imports ${name}`,
      }));
  },
};

const MOST_LINES = 500;

export const fileSize: Rule = {
  name: `no file has more than ${MOST_LINES} lines`,
  instead: 'Split it by meaning: one idea a file, named after it',
  check: (sources) =>
    [...sources]
      .filter(([path]) => isCode(path) || isTest(path))
      .map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES)
      .map(({ file, lines }) => ({ file, line: lines, what: `${lines} lines` })),
};
