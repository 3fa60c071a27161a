import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  findResults,
  formatJsonPath,
  parseResult,
  readResult,
  ResultFileError,
  writeResult,
} from '../../../tools/result/result-file.js';
import { upgradeResult, VersionError, type UpgradeStep } from '../../../tools/result/upgrade.js';
import { sampleResult } from '../../support/results.js';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'ctreplay-result-'))));
afterAll(async () => rm(folder, { recursive: true, force: true }));

describe('writing and reading a result', () => {
  it('gives back what was written, fields of a later tool included, and leaves nothing else behind', async () => {
    const value = { ...sampleResult({ minimal: true }), later: { field: [1, 2] } };
    const dir = join(folder, 'round-trip', 'deep');
    const file = await writeResult(dir, value);
    expect(await readResult(file)).toEqual(value);
    expect(await readResult(dir)).toEqual(value);
    expect(await readdir(dir)).toEqual(['result.json']);
  });

  it('refuses to write a result that breaks the format, and keeps the old file', async () => {
    const dir = join(folder, 'kept');
    const good = sampleResult({ minimal: true });
    const file = await writeResult(dir, good);
    const before = await readFile(file, 'utf8');
    const bad = structuredClone(good);
    bad.cases[1]!.elapsedNs = Number.NaN;
    await expect(writeResult(dir, bad)).rejects.toThrow(/result\.json: cases\[1\]\.elapsedNs: /);
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await readdir(dir)).toEqual(['result.json']);
  });

  it('refuses two cases with one id and trial', () => {
    const value = sampleResult({ minimal: true });
    value.cases.push(structuredClone(value.cases[0]!));
    expect(() => parseResult(JSON.stringify(value), 'x.json')).toThrow(
      /x\.json: cases\[2\]: .*is there twice/,
    );
  });

  it.each([
    ['', /f\.json: is empty/],
    ['{"format":', /f\.json: is not JSON/],
    ['[]', /f\.json: holds no JSON object/],
    [`{"format":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, /f\.json: is nested more than 100 levels deep/],
    ['{"format":{"a":1}}', /f\.json: format: expected "ctreplay-result", got an object/],
    [`{"format":"ctreplay-result","version":"${'9'.repeat(1000)}"}`, /got "9{59}…$/],
    ['{"hello":1}', /f\.json: format: expected "ctreplay-result", got nothing/],
    ['{"format":"ctreplay-result"}', /f\.json: version: expected a whole number/],
    ['{"format":"ctreplay-result","version":2}', /f\.json: version: 2 is newer than 1/],
    ['{"format":"ctreplay-result","version":1}', /f\.json: tool: .*\(and \d+ more faults/],
  ])('says what is wrong with %j', (text, message) => {
    expect(() => parseResult(text, 'f.json')).toThrow(message);
  });

  it('accepts a byte order mark', () => {
    const value = sampleResult({ minimal: true });
    expect(parseResult(`\ufeff${JSON.stringify(value)}`, 'f.json')).toEqual(value);
  });

  it('names the file that is not there', async () => {
    await expect(readResult(join(folder, 'none.json'))).rejects.toThrow(/none\.json: there is no such file/);
  });

  it('never crashes on damaged text: it reads or says ResultFileError', () => {
    const text = JSON.stringify(sampleResult({ minimal: true }));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, insert) => {
        const damaged = text.slice(0, at) + insert + text.slice(at + insert.length);
        try {
          parseResult(damaged, 'damaged.json');
        } catch (error) {
          expect(error).toBeInstanceOf(ResultFileError);
          expect((error as Error).message).toMatch(/^damaged\.json: /);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('finding results', () => {
  it('takes files, folders and folders of folders, each once', async () => {
    const root = join(folder, 'tree');
    await writeResult(join(root, 'b'), sampleResult({ minimal: true }));
    await writeResult(join(root, 'a', 'deep'), sampleResult({ minimal: true }));
    await writeFile(join(root, 'readme.txt'), 'x');
    const first = join(root, 'a', 'deep', 'result.json');
    const second = join(root, 'b', 'result.json');
    expect(await findResults([root])).toEqual([first, second]);
    expect(await findResults([second, root])).toEqual([second, first]);
  });

  it('calls a folder without results an error', async () => {
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await expect(findResults([empty])).rejects.toThrow(/empty: holds no result\.json/);
  });
});

describe('versions', () => {
  const steps = new Map<number, UpgradeStep>([
    [1, (old: Record<string, unknown>) => ({ ...old, two: true })],
    [2, (old: Record<string, unknown>) => ({ ...old, three: old['two'] })],
  ]);

  it('are lifted one step at a time', () => {
    const old = { version: 1 };
    expect(upgradeResult(old, steps, 3)).toEqual({ version: 3, two: true, three: true });
    expect(old).toEqual({ version: 1 });
    expect(upgradeResult({ version: 2, two: 'kept' }, steps, 3)).toEqual({
      version: 3,
      two: 'kept',
      three: 'kept',
    });
  });

  it('without a way up are refused', () => {
    expect(() => upgradeResult({ version: 3 }, steps, 4)).toThrow(VersionError);
    expect(() => upgradeResult({ version: '1' }, steps, 3)).toThrow(/got "1"/);
  });
});

describe('JSON paths', () => {
  it('quote what is not a plain name', () => {
    expect(formatJsonPath(['cases', 0, 'packets', 'verdicts', 'new|trk'])).toBe(
      'cases[0].packets.verdicts["new|trk"]',
    );
  });
});
