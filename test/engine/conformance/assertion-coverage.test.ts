/** Which test shows each assertion of the specification (§12): printed as a table, and complete. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readVectors } from '../../../tools/oracle/vector-format.js';
import { PROOF } from '../../support/conformance.js';

const ASSERTIONS = 118;
const engineTests = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Tests whose titles carry no number because they show more than one assertion, by a word that has to be in the file. */
const SHOWN_ELSEWHERE: ReadonlyMap<number, { file: string; word: string; what: string }> = new Map([
  [
    110,
    {
      file: 'races/races.test.ts',
      word: 'everything at once',
      what: 'sweepers and flushes race; counts fit',
    },
  ],
  [
    111,
    { file: 'races/races.test.ts', word: 'no expiry', what: 'workers race for tuples; none is there twice' },
  ],
]);

/** Assertions that no test shows, and why. */
const NOT_SHOWN: ReadonlyMap<number, string> = new Map([
  [101, 'about list lengths inside rculist-sweep; what follows from them, assertions 102 and 103, is shown'],
  [112, "a defect of the original's pcap tool with batches; there are no batches in trace (spec §11)"],
]);

function testTitles(): Map<number, string[]> {
  const shown = new Map<number, string[]>();
  const folder = join(engineTests, 'conntrack');
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), 'utf8');
    for (const match of source.matchAll(/'([^'\n]*\(assertions? ([\d, and]+)\)[^'\n]*)'/g)) {
      for (const number of (match[2] as string).matchAll(/\d+/g)) {
        add(shown, Number(number[0]), `conntrack/${file}`);
      }
    }
  }
  return shown;
}

function vectorNames(): Map<number, string[]> {
  const shown = new Map<number, string[]>();
  for (const { name } of readVectors(join(PROOF, 'vectors', 'assertions.jsonl.gz'))) {
    const number = /^a(\d{3})-/.exec(name)?.[1];
    if (number !== undefined) add(shown, Number(number), name);
  }
  return shown;
}

function add(map: Map<number, string[]>, number: number, what: string): void {
  const known = map.get(number) ?? [];
  if (!known.includes(what)) known.push(what);
  map.set(number, known);
}

describe('assertions of the specification', () => {
  it('each is shown by a vector or a test, or has a reason why not', () => {
    const vectors = vectorNames();
    const titles = testTitles();
    const lines: string[] = [];
    const missing: number[] = [];
    for (let number = 1; number <= ASSERTIONS; number++) {
      const elsewhere = SHOWN_ELSEWHERE.get(number);
      const shown = [
        ...(vectors.get(number) ?? []),
        ...(titles.get(number) ?? []),
        ...(elsewhere === undefined ? [] : [`${elsewhere.file} (${elsewhere.what})`]),
      ];
      const reason = NOT_SHOWN.get(number);
      if (shown.length === 0 && reason === undefined) missing.push(number);
      lines.push(`${String(number).padStart(4)}  ${shown.join(', ') || `not shown: ${reason ?? '?'}`}`);
    }
    console.log(`Assertion, and what shows it:\n${lines.join('\n')}`);
    expect(missing).toEqual([]);
    for (const number of NOT_SHOWN.keys()) expect(vectors.has(number) || titles.has(number)).toBe(false);
    for (const { file, word } of SHOWN_ELSEWHERE.values()) {
      expect(readFileSync(join(engineTests, file), 'utf8')).toContain(word);
    }
  });
});
