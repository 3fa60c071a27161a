/** Warnings on a terminal: in full only what changes the conclusion, once, with the design it is about; the rest in one line. */
import { describe, expect, it } from 'vitest';
import { warningLines } from '../../../tools/report/terminal-warnings.js';
import { renderTerminal } from '../../../tools/report/terminal.js';
import type { Run } from '../../../tools/result/runs.js';
import { painter } from '../../../tools/text/terminal-style.js';
import { sampleRuns } from './sample-runs.js';

/** Two designs with two trials each; the table was full in both trials of the old one. */
function warned(): Run[] {
  const runs = sampleRuns({ kind: 'bench', trials: 2, workers: [1], packets: 100 });
  for (const { result } of runs) {
    result.warnings = [
      { code: 'noisy', text: 'a thread lost 3.0% of its time', advice: 'Stop other programs.' },
      { code: 'load-high', text: 'the load average was 2.50', advice: 'Wait.' },
    ];
    for (const one of result.cases) {
      one.warnings =
        one.design === 'timeout-lists'
          ? [
              {
                code: 'table-full',
                text: `${5 + one.trial} packets found the table full`,
                advice: 'Raise it.',
              },
            ]
          : [];
    }
  }
  return runs;
}

const RUNS = warned();
const linesOf = (brief: boolean): string[] => warningLines(RUNS, brief, 120, painter(false)).split('\n');

describe('warnings', () => {
  it('that change the conclusion are told once, with the design; the others in one line', () => {
    expect(linesOf(true)).toEqual([
      'Warning: timeout-lists: 5 packets found the table full. Raise it.',
      'noisy machine: 2 notes, --verbose',
    ]);
  });

  it('are all told with --verbose, and none is said of the machine that is about a design', () => {
    const lines = linesOf(false);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^Warning: /);
    expect(lines.join('\n')).not.toContain('notes, --verbose');
  });

  it('stand below the table of a run', () => {
    const text = renderTerminal(RUNS, { width: 120, colour: false, detail: 'brief' });
    expect(text.indexOf('noisy machine: 2 notes')).toBeGreaterThan(text.indexOf('packets/s'));
    expect(text.match(/found the table full/g)).toHaveLength(1);
  });
});
