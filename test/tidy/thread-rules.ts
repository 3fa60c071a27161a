/** What the threads of a run load: each of them loads all of it anew, before it can do anything. */
import { importsOf } from './graph.js';
import { lineAt, type Complaint, type Rule, type Sources } from './sources.js';

/** Modules that threads are started with. */
const ENTRIES = [
  'tools/replay/worker.ts',
  'tools/replay/feeder.ts',
  'tools/replay/ovs-benchmark-worker.ts',
  'tools/captures/reading-entry.ts',
];
/** What a capture is read with, which the feeder does. */
const READERS = ['tinyglobby', 'pcap-parser'];
const PACKAGE_IMPORT = /^import\s+(?!type\b)(?:[^;']*\sfrom\s+)?'([^.'][^']*)'/gm;

/** Everything that is loaded with a module, and by which module each is imported. */
function loadedWith(entry: string, sources: Sources): Map<string, string | null> {
  const loaded = new Map<string, string | null>([[entry, null]]);
  const imports = importsOf(sources).filter(({ typesOnly }) => !typesOnly);
  for (const [file] of loaded) {
    for (const { from, to } of imports) if (from === file && !loaded.has(to)) loaded.set(to, file);
  }
  return loaded;
}

function wayTo(file: string, loaded: ReadonlyMap<string, string | null>): string {
  const by = loaded.get(file) ?? null;
  return by === null ? file : `${wayTo(by, loaded)} -> ${file}`;
}

export const threadsLoadLittle: Rule = {
  name: 'the threads of a run load no package but what reads captures',
  instead:
    'Put what the thread needs into a file that does without the package: zod alone takes a tenth of a second in every thread of every run',
  check: (sources) => {
    const complaints: Complaint[] = [];
    for (const entry of ENTRIES) {
      if (!sources.has(entry)) {
        complaints.push({ file: 'test/tidy/thread-rules.ts', line: 1, what: `there is no ${entry} any more` });
      }
      const loaded = loadedWith(entry, sources);
      for (const file of loaded.keys()) {
        const text = sources.get(file) ?? '';
        for (const { 1: name = '', index } of text.matchAll(PACKAGE_IMPORT)) {
          if (name.startsWith('node:') || READERS.includes(name)) continue;
          complaints.push({
            file,
            line: lineAt(text, index),
            what: `${name} is loaded by a thread: ${wayTo(file, loaded)}`,
          });
        }
      }
    }
    return complaints;
  },
};
