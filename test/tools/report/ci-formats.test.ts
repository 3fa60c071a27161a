import { describe, expect, it } from 'vitest';
import { bencherMetrics, githubBenchmarks } from '../../../tools/report/ci-json.js';
import { junitSuites, junitXml } from '../../../tools/report/junit.js';
import { markdownText } from '../../../tools/report/markdown.js';
import { HOSTILE_TEXTS, hostileRun, sampleRuns } from './sample-runs.js';
import { NO_PYTHON, PYTHON, python } from './python.js';

const bench = sampleRuns({ kind: 'bench', trials: 3, packets: 600 });

describe('github-action-benchmark', () => {
  it('splits by which way is better, with numbers for values', () => {
    const bigger = githubBenchmarks(bench, 'bigger');
    const smaller = githubBenchmarks(bench, 'smaller');
    expect(bigger).toHaveLength(2);
    expect(smaller).toHaveLength(6);
    for (const entry of [...bigger, ...smaller]) {
      expect(
        Object.keys(entry).filter((key) => !['name', 'unit', 'value', 'range', 'extra'].includes(key)),
      ).toEqual([]);
      expect(typeof entry.name).toBe('string');
      expect(entry.value).toBeGreaterThan(0);
    }
    expect(new Set(smaller.map((entry) => entry.name)).size).toBe(6);
  });
});

describe('Bencher Metric Format', () => {
  it('is benchmark, measure, value', () => {
    const metrics = JSON.parse(JSON.stringify(bencherMetrics(bench))) as Record<
      string,
      Record<string, { value: number }>
    >;
    expect(Object.keys(metrics)).toEqual(['syn-flood/timeout-lists/w2', 'syn-flood/rculist-sweep/w2']);
    for (const measures of Object.values(metrics)) {
      expect(Object.keys(measures)).toEqual(['throughput', 'latency', 'latency-p99', 'latency-p99-9']);
      for (const measure of Object.values(measures)) expect(measure.value).toBeGreaterThan(0);
    }
  });

  it('keeps a cell that is called __proto__', () => {
    const run = hostileRun('x');
    run.result.cases[0]!.id = '__proto__';
    expect(JSON.stringify(bencherMetrics([run]))).toContain('"__proto__":{"throughput"');
  });
});

/** The elements and attributes of the Jenkins and GitHub readers' schema, checked by another XML parser. */
const CHECK_JUNIT = `
import sys,json
import xml.etree.ElementTree as E
allowed={'testsuites':({'name','tests','failures','errors','skipped','time'},{'testsuite'}),
 'testsuite':({'name','tests','failures','errors','skipped','time','timestamp'},{'testcase'}),
 'testcase':({'name','classname','time'},{'failure','error','skipped'}),
 'failure':({'message','type'},set()),'error':({'message','type'},set()),'skipped':({'message'},set())}
def walk(e):
  attributes,children=allowed[e.tag]
  assert set(e.attrib)<=attributes,(e.tag,e.attrib)
  for c in e:
    assert c.tag in children,(e.tag,c.tag)
    walk(c)
def check(text):
 root=E.fromstring(text.encode('utf-8'))
 walk(root)
 assert root.tag=='testsuites'
 for s in [root]+list(root):
  cases=list(s.iter('testcase'))
  assert int(s.get('tests'))==len(cases)
  for plural,kind in (('failures','failure'),('errors','error'),('skipped','skipped')):
   assert int(s.get(plural))==sum(1 for c in cases if c.find(kind) is not None),(plural)
 return [[c.get('name'),c.get('classname'),[k.tag for k in c]] for c in root.iter('testcase')]
print(json.dumps([check(t) for t in json.load(sys.stdin)]))
`;

describe('JUnit', () => {
  it.skipIf(!PYTHON)(`is well-formed, follows the schema and counts right (else: ${NO_PYTHON})`, () => {
    const documents = [bench, ...HOSTILE_TEXTS.map((text) => [hostileRun(text)])];
    const found = python<[string, string, string[]][][]>(
      CHECK_JUNIT,
      JSON.stringify(documents.map((runs) => junitXml(junitSuites(runs)))),
    );
    expect(found[0]).toHaveLength(bench[0]!.result.cases.length + 1);
    expect(found).toHaveLength(documents.length);
  });

  it('says error for a failed check, skipped for a noisy control or a case cut short', () => {
    const [run] = sampleRuns({ kind: 'bench', packets: 500 });
    run!.result.cases[0]!.audit[0]!.ok = false;
    run!.result.cases[1]!.partial = true;
    const control = run!.result.comparisons!.find((comparison) => comparison.control === true)!;
    Object.assign(control, {
      significant: true,
      pValue: 0.001,
      ratio: 1.2,
      low: 1.1,
      high: 1.3,
      alpha: 0.05,
    });
    const kinds = junitSuites([run!])[0]!.cases.map((entry) => entry.outcome.kind);
    expect(kinds).toEqual(['error', 'skipped', 'skipped']);
  });
});

describe('Markdown', () => {
  it('has the same number of cells in every row of a table', () => {
    for (const runs of [bench, sampleRuns({}), ...HOSTILE_TEXTS.map((text) => [hostileRun(text)])]) {
      const lines = markdownText(runs).split('\n');
      let width = 0;
      for (const line of lines) {
        if (!line.startsWith('|')) {
          width = 0;
          continue;
        }
        const cells = line.split(/(?<!\\)\|/).length;
        if (width === 0) width = cells;
        expect(cells, line).toBe(width);
      }
    }
  });

  it('lets no HTML, mention or link through', () => {
    for (const text of HOSTILE_TEXTS) {
      const markdown = markdownText([hostileRun(text)]);
      expect(markdown).not.toMatch(/<(?!0\.1 %)/);
      expect(markdown).not.toMatch(/@everyone/);
      expect(markdown).not.toMatch(/(?<!\\)\[[^\]]*(?<!\\)\]\(/);
    }
  });

  it('shows a name as it is: no escape stands inside an entity, and no address is a link', () => {
    const [run] = sampleRuns({
      packets: 100,
      captureName: "it's <b> & https://evil.example www.evil.example",
    });
    const [heading = ''] = /^## .*evil.*$/m.exec(markdownText([run!])) ?? [];
    expect(heading).not.toMatch(/&\\|:\/\/|www\.evil/);
    // As Markdown reads it: backslashes before punctuation go, entities become what they stand for.
    const entities: Record<string, string> = { '&#39;': "'", '&lt;': '<', '&gt;': '>', '&amp;': '&' };
    const shown = heading.replace(
      /\\([!-/:-@[-`{-~])|&#?\w+;/g,
      (found, mark) => mark ?? entities[found] ?? found,
    );
    expect(shown).toContain("it's <b> & https://evil.example www.evil.example");
  });

  it('shows medians, and comparisons as benchstat does', () => {
    const markdown = markdownText(bench);
    expect(markdown).toMatch(/\| delta \|/);
    expect(markdown).toMatch(/\| p=0\.000 n=3 \|/);
    expect(markdown).toContain('~');
  });
});
