/** Rules of what comments and documents refer to: files, names, sections of the specification. */
import { posix } from 'node:path';
import { folderOf, isCode, isTest, lineAt, type Complaint, type Rule, type Sources } from './sources.js';

/** A comment, or the prose of a document. */
interface Prose {
  readonly file: string;
  readonly text: string;
  readonly place: number;
}

const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g;

/** All comments of the code and the tests. */
function commentsOf(sources: Sources): Prose[] {
  return [...sources]
    .filter(([path]) => (isCode(path) || isTest(path)) && !path.startsWith('test/tidy/'))
    .flatMap(([file, text]) =>
      [...text.matchAll(COMMENT)].map((match) => ({ file, text: match[0], place: match.index })),
    );
}

function documentsOf(sources: Sources): Prose[] {
  return [...sources]
    .filter(([path]) => path.endsWith('.md') && path !== 'CHANGELOG.md')
    .map(([file, text]) => ({ file, text, place: 0 }));
}

function complaintAt(sources: Sources, prose: Prose, place: number, what: string): Complaint {
  return { file: prose.file, line: lineAt(sources.get(prose.file) ?? '', prose.place + place), what };
}

const SPEC_FILE = 'docs/conntrack-spec.md';
const CITATION = /\bspec,?\s+§\s?(\d+(?:\.\d+)*)/g;

export const specCitations: Rule = {
  name: 'a section of the specification that is cited is there',
  instead: `Cite a heading of ${SPEC_FILE}`,
  check: (sources) => {
    const spec = sources.get(SPEC_FILE) ?? '';
    const sections = new Set([...spec.matchAll(/^#+ (\d+(?:\.\d+)*)/gm)].map((match) => match[1] as string));
    // A citation may go one step further than the headings: to a numbered point of a section.
    const isThere = (cited: string): boolean =>
      sections.has(cited) || sections.has(cited.split('.').slice(0, -1).join('.'));
    return [...commentsOf(sources), ...documentsOf(sources)].flatMap((prose) =>
      [...prose.text.matchAll(CITATION)]
        .filter((match) => !isThere(match[1] as string))
        .map((match) => complaintAt(sources, prose, match.index, `the specification has no §${match[1]}`)),
    );
  },
};

/** Names of the repository's files, by their last part. */
function pathsByName(sources: Sources): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (const path of sources.keys()) {
    const name = posix.basename(path);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  return byName;
}

/** Whether a path or a part of one, as it is written somewhere, means a file or folder of the repository. */
function means(
  sources: Sources,
  byName: ReadonlyMap<string, string[]>,
  from: string,
  written: string,
): boolean {
  const wanted = written.replace(/^\.\//, '');
  if (sources.has(posix.normalize(posix.join(folderOf(from), written)))) return true;
  const compiled = wanted.replace(/\.(c|m)?js$/, '.$1ts');
  return [wanted, compiled].some((name) =>
    (byName.get(posix.basename(name)) ?? []).some((path) => path === name || path.endsWith(`/${name}`)),
  );
}

const SOURCE_FILE = /(?<![\w./*<-])((?:[\w.-]+\/)*[a-z][\w-]*\.(?:ts|cts|mts|mjs|md|sh|py))\b(?!\.\w)/g;
export const namedFiles: Rule = {
  name: 'a file that a comment names is there',
  instead: 'Name the file as it is called now, or take the reference away',
  check: (sources) => {
    const byName = pathsByName(sources);
    return commentsOf(sources).flatMap((prose) =>
      [...prose.text.matchAll(SOURCE_FILE)]
        .map((match) => ({ written: match[1] as string, place: match.index }))
        .filter(({ written }) => !means(sources, byName, prose.file, written) && !fits(sources, written))
        .map(({ written, place }) => complaintAt(sources, prose, place, `there is no ${written}`)),
    );
  },
};

/** Code without its comments: where a name has to occur. */
function wordsOfCode(sources: Sources): Set<string> {
  const words = new Set<string>();
  for (const [path, text] of sources) {
    if (path.startsWith('test/tidy/')) continue;
    if (!isCode(path) && !isTest(path) && !/\.(json|py|sh|css|yml)$/.test(path)) continue;
    const code = /\.(ts|cts|mts|mjs|js)$/.test(path) ? text.replace(COMMENT, '') : text;
    for (const match of code.matchAll(/[A-Za-z_$][\w$]*/g)) words.add(match[0]);
  }
  return words;
}

const LINK = /\{@link\s+([\w.#]+)\s*\}/g;
const CONSTANT = /\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b(?!\.\w)/g;
const QUOTED_NAME = /`([a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)(?:\(\))?`/g;

/** Names of the original, of C, of systems and of other programs, which are nowhere in the code. */
const OTHERS_NAMES = new Set(['CONFIG_SCHED_INFO', 'MAXIMUM_SNAPLEN']);

export const namedSymbols: Rule = {
  name: 'a name that a comment refers to is in the code',
  instead: 'Use the name that it has now, or describe the thing in words',
  check: (sources) => {
    const words = wordsOfCode(sources);
    return commentsOf(sources).flatMap((prose) =>
      [LINK, CONSTANT, QUOTED_NAME]
        .flatMap((pattern) => [...prose.text.matchAll(pattern)])
        .map((match) => ({ name: match[1] as string, place: match.index }))
        .filter(({ name }) => !OTHERS_NAMES.has(name) && !name.endsWith('_NAME'))
        .filter(
          ({ name }) =>
            !name.split(/[.#]/).every((part) => part === '' || words.has(part) || words.has(`TRAIT_${part}`)),
        )
        .map(({ name, place }) => complaintAt(sources, prose, place, `there is no ${name} in the code`)),
    );
  },
};

const MARKDOWN_LINK = /\]\(([^)\s#]*)(#[^)\s]*)?\)/g;
const QUOTED_PATH = /`((?:tools|engine|test|docs|captures|\.ci|\.github)\/[^`\s:{}()]*)`/g;

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return `#${heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')}`;
}

function anchorsOf(text: string): Set<string> {
  return new Set([...text.matchAll(/^#+ (.*)$/gm)].map((match) => anchorOf(match[1] as string)));
}

/** Whether a path with capital placeholders and stars fits something that is there. */
function fits(sources: Sources, written: string): boolean {
  const path = written.replace(/\/$/, '');
  const pattern = path
    .replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
    .replace(/\*+|(?<![a-z])[A-Z][A-Z_]{2,}(?![a-z])/g, '[^/]*');
  const there = new RegExp(`^(?:engine/|engine/assembly/)?${pattern}(?:/|$)`);
  return [...sources.keys()].some((each) => there.test(each));
}

export const documentPaths: Rule = {
  name: 'a path or link in a document leads somewhere',
  instead: 'Give the path as it is now',
  check: (sources) => {
    const byName = pathsByName(sources);
    const complaints: Complaint[] = [];
    for (const prose of documentsOf(sources)) {
      for (const { 1: target = '', 2: anchor, index } of prose.text.matchAll(MARKDOWN_LINK)) {
        if (/^(?:[a-z]+:|<)/.test(target)) continue;
        const path = target === '' ? prose.file : posix.normalize(posix.join(folderOf(prose.file), target));
        const text = sources.get(path);
        if (text === undefined && !fits(sources, path)) {
          complaints.push(complaintAt(sources, prose, index, `the link ${target} leads nowhere`));
        } else if (anchor !== undefined && text !== undefined && !anchorsOf(text).has(anchor)) {
          complaints.push(complaintAt(sources, prose, index, `${path} has no heading ${anchor}`));
        }
      }
      for (const { 1: written = '', index } of prose.text.matchAll(QUOTED_PATH)) {
        if (!fits(sources, written))
          complaints.push(complaintAt(sources, prose, index, `there is no ${written}`));
      }
      for (const { 1: written = '', index } of prose.text.matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)) {
        if (!means(sources, byName, prose.file, written) && !fits(sources, written)) {
          complaints.push(complaintAt(sources, prose, index, `there is no ${written}`));
        }
      }
    }
    return complaints;
  },
};
