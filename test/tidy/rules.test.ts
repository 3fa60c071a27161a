/** The rules of the repository, each with a fault planted in a copy in memory that it must find. */
import { describe, expect, it } from 'vitest';
import { complaintsOf, planted, repository, type Rule } from './sources.js';
import {
  circles,
  deadFiles,
  fileSize,
  layers,
  packages,
  topLevel,
  unusedExports,
} from './structure-rules.js';
import { threadsLoadLittle } from './thread-rules.js';
import { documentPaths, namedFiles, namedSymbols, specCitations } from './words-rules.js';

const sources = repository();

interface Fault {
  readonly rule: Rule;
  /** Files that are changed or added. */
  readonly files: Readonly<Record<string, string>>;
  /** What the complaints must say. */
  readonly found: RegExp;
}

const text = (path: string): string => sources.get(path) ?? '';

const FAULTS: readonly Fault[] = [
  {
    rule: layers,
    files: { 'tools/wire/planted.ts': "import { measure } from '../replay/session.js';\n" },
    found:
      /tools\/wire\/planted\.ts:1: tools\/wire imports tools\/replay\/session\.ts, which is not below it/,
  },
  {
    rule: layers,
    files: { 'engine/assembly/records/planted.ts': "import { lock } from '../shm/mutex';\n" },
    found: /engine\/assembly\/records imports engine\/assembly\/shm\/mutex\.ts, which is not below it/,
  },
  {
    rule: layers,
    files: { 'tools/new-folder/planted.ts': 'export {};\n' },
    found: /tools\/new-folder\/planted\.ts:1: its folder is in no layer/,
  },
  {
    rule: layers,
    files: { 'ARCHITECTURE.md': `${text('ARCHITECTURE.md')}\n\`\`\`layers\ntools/gone  was here\n\`\`\`\n` },
    found: /the layers name tools\/gone, which is not there/,
  },
  {
    rule: topLevel,
    files: { 'planted.pcap': '' },
    found: /planted\.pcap:1: it lies at the top level/,
  },
  {
    rule: topLevel,
    files: { 'scripts/planted.ts': 'export {};\n' },
    found: /scripts\/planted\.ts:1: it lies at the top level/,
  },
  {
    rule: circles,
    files: {
      'tools/text/planted-a.ts': "import { b } from './planted-b.js';\nexport const a = b;\n",
      'tools/text/planted-b.ts':
        "import type { a } from './planted-a.js';\nexport const b = 1 as typeof a;\n",
    },
    found: /a circle of imports: .*planted-[ab]\.ts, .*planted-[ab]\.ts/,
  },
  {
    rule: circles,
    files: {
      'engine/assembly/shm/planted-a.ts': "import { b } from './planted-b';\nexport const a: u32 = b;\n",
      'engine/assembly/shm/planted-b.ts': "import { a } from './planted-a';\nexport const b: u32 = a;\n",
    },
    found: /a circle of imports: .*planted/,
  },
  {
    rule: deadFiles,
    files: { 'tools/text/planted-orphan.ts': 'export const a = 1;\n' },
    found: /planted-orphan\.ts:1: nothing imports or starts this file/,
  },
  {
    rule: unusedExports,
    files: {
      'tools/text/escape.ts': `${text('tools/text/escape.ts')}export function plantedUnused(): void {}\n`,
    },
    found: /tools\/text\/escape\.ts:\d+: nothing imports plantedUnused/,
  },
  {
    rule: packages,
    files: { 'package.json': text('package.json').replace('"zod"', '"left-pad": "1.0.0",\n    "zod"') },
    found: /package\.json:\d+: nothing in tools\/ or engine\/ imports left-pad/,
  },
  {
    rule: fileSize,
    files: { 'tools/text/planted-long.ts': 'const a = 1;\n'.repeat(501) },
    found: /planted-long\.ts:501: 501 lines/,
  },
  {
    rule: threadsLoadLittle,
    files: {
      'tools/replay/pace.ts': `import { makePlan } from './replay-plan.js';\n${text('tools/replay/pace.ts')}`,
    },
    found:
      /zod is loaded by a thread: tools\/replay\/worker\.ts -> \S*worker-loop\.ts -> \S*pace\.ts -> \S*replay-plan\.ts/,
  },
  {
    rule: specCitations,
    files: { 'tools/text/planted.ts': '/** As the original does (spec §99.4). */\nexport {};\n' },
    found: /the specification has no §99\.4/,
  },
  {
    rule: namedFiles,
    files: { 'tools/text/planted.ts': '/** The other half is in shm/long-gone.ts. */\nexport {};\n' },
    found: /there is no shm\/long-gone\.ts/,
  },
  {
    rule: namedSymbols,
    files: {
      'tools/text/planted.ts':
        '/** Called by `longGoneFunction` and PLANTED_CONSTANT, see {@link goneLink}. */\nexport {};\n',
    },
    found: /goneLink[\s\S]*PLANTED_CONSTANT[\s\S]*longGoneFunction/,
  },
  {
    rule: documentPaths,
    files: { 'docs/planted.md': 'See [there](gone.md).\n' },
    found: /the link gone\.md leads nowhere/,
  },
  {
    rule: documentPaths,
    files: { 'docs/planted.md': 'See [there](bench.md#no-such-heading).\n' },
    found: /docs\/bench\.md has no heading #no-such-heading/,
  },
  {
    rule: documentPaths,
    files: { 'docs/planted.md': 'It is in `tools/gone/file.ts`.\n' },
    found: /there is no tools\/gone\/file\.ts/,
  },
];

describe.each([...new Set(FAULTS.map(({ rule }) => rule))].map((rule) => [rule.name, rule] as const))(
  '%s',
  (_name, rule) => {
    it('holds', () => {
      expect(complaintsOf(rule, sources)).toEqual([]);
    });

    it.each(FAULTS.filter((fault) => fault.rule === rule))(
      'finds a planted fault: $found',
      ({ files, found }) => {
        const complaints = complaintsOf(rule, planted(sources, files)).join('\n');
        expect(complaints).toMatch(found);
        expect(complaints).toContain(rule.instead);
      },
    );
  },
);
