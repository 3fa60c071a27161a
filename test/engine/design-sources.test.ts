/** What the build makes of the sources of designs. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { designsOf, type DesignSource } from '../../engine/design-sources.mjs';
import { compiledDesigns, manifestOf } from '../../engine/host/design-traits.js';
import { loadEngine } from '../../engine/host/module.js';
import { scratchFolder } from '../support/command.js';

const ASSEMBLY = fileURLToPath(new URL('../../engine/assembly', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../designs', import.meta.url));
const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

/** Sources with one file of expiry/ more, or another one. */
function sourcesWith(file: string, text: string): string {
  const folder = scratchFolder();
  folders.push(folder);
  for (const part of ['expiry', 'designs'])
    cpSync(join(ASSEMBLY, part), join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'expiry', `${file}.ts`), text);
  return folder;
}

function named(designs: readonly DesignSource[], name: string): DesignSource {
  const found = designs.find((design) => design.name === name);
  if (found === undefined) throw new Error(`no design ${name}`);
  return found;
}

const oldDesign = (): string => readFileSync(join(ASSEMBLY, 'expiry', 'timeout-lists.ts'), 'utf8');

describe('a design is one file', () => {
  it('with the traits of another one but those that it replaces, and an entry that binds its class', () => {
    const text =
      "export * from './rculist-sweep';\nexport const TRAIT_ORDER: u32 = 77;\nexport const TRAIT_LAG_BOUND_MS: u32 = 1_500;\n" +
      'export const PRESET_EAGER: u32 = 9;\nexport class MyOwnDesign extends RculistSweep {}\n';
    const { manifest, files, testsOnly } = named(
      designsOf(sourcesWith('my-own-design', text), null),
      'my-own-design',
    );
    const base = manifestOf('rculist-sweep');
    expect(testsOnly).toBe(false);
    expect(manifest?.traits).toMatchObject({
      order: 77,
      lagBoundMs: 1500,
      sweepIntervalMs: base.traits.sweepIntervalMs,
    });
    expect(manifest?.presets).toEqual({ ...base.presets, eager: 9 });
    expect(files['designs/my-own-design.ts']).toContain('class Expiry extends MyOwnDesign');
    expect(files['designs/my-own-design.ts']).not.toContain('%');
    expect(files['designs/micro-my-own-design.ts']).not.toContain('%');
  });

  it.each([
    [
      'is missing',
      (text: string) => text.replace(/^export const TRAIT_HIDES_EXPIRED.*\n/m, ''),
      /mine\.ts: TRAIT_HIDES_EXPIRED is missing.*bool/,
    ],
    [
      'has another type',
      (text: string) => text.replace('TRAIT_HIDES_EXPIRED: bool = true', 'TRAIT_HIDES_EXPIRED: u32 = 1'),
      /TRAIT_HIDES_EXPIRED is of another type/,
    ],
    [
      'is computed',
      (text: string) => text.replace('TRAIT_LAG_BOUND_MS: u32 = 5000', 'TRAIT_LAG_BOUND_MS: u32 = 5 * 1000'),
      /mine\.ts: TRAIT_LAG_BOUND_MS is '5 \* 1000'; write a number/,
    ],
    [
      'does not exist',
      (text: string) => `${text}\nexport const TRAIT_HIDES_EXPIRD: bool = true;\n`,
      /no trait TRAIT_HIDES_EXPIRD/,
    ],
    [
      'splits creation into a number of shards that is no power of two',
      (text: string) => `${text}\nexport const TRAIT_SHARDS: u32 = 12;\n`,
      /mine\.ts: TRAIT_SHARDS is 12; write a power of two up to 64/,
    ],
    [
      'splits creation, without saying that it is prepared before',
      (text: string) => `${text}\nexport const TRAIT_SHARDS: u32 = 16;\n`,
      /TRAIT_SHARDS is 16, but .*TRAIT_CREATES_NARROWLY: bool = true/,
    ],
  ])('a trait that %s is named with file and remedy', (_what, change, message) => {
    expect(() => designsOf(sourcesWith('mine', change(oldDesign())), null)).toThrow(message);
  });

  it('that replaces a method which the other one calls on itself is refused, unless it replaces the caller too', () => {
    const withMethods = (...methods: string[]): string =>
      "export * from './table-scan';\nexport const TRAIT_ORDER: u32 = 77;\nexport class Mine extends TableScan {\n" +
      `${methods.map((method) => `  ${method} {\n  }\n`).join('')}}\n`;
    const made = (text: string): DesignSource => named(designsOf(sourcesWith('mine', text), null), 'mine');
    expect(() => made(withMethods('roundMs(): i64'))).toThrow(
      /mine\.ts: roundMs\(\) is called by sweep\(\) of expiry\/table-scan\.ts.*replace sweep\(\) itself/,
    );
    expect(() =>
      made(withMethods('roundMs(): i64', 'sweep(now: i64): i64 { return super.sweep(now); }')),
    ).toThrow(/roundMs/);
    expect(made(withMethods('roundMs(): i64', 'sweep(now: i64): i64')).manifest).not.toBeNull();
    expect(made(withMethods('sweep(now: i64): i64')).manifest).not.toBeNull();
  });

  it('sources from before that have entries of their own', () => {
    const folder = scratchFolder();
    folders.push(folder);
    mkdirSync(join(folder, 'designs'));
    for (const file of ['api', 'constants', 'shared', 'mine', 'micro-mine', 'test-mine'])
      writeFileSync(join(folder, 'designs', `${file}.ts`), '');
    const found = designsOf(folder, null).map(({ name, testsOnly, hasMicro, manifest }) => [
      name,
      testsOnly,
      hasMicro,
      manifest,
    ]);
    expect(found).toEqual([
      ['mine', false, true, null],
      ['test-mine', true, false, null],
    ]);
  });
});

describe('compiled designs', () => {
  it('are those of the sources, each with what it declares; those for tests are marked, and without loops', () => {
    const designs = designsOf(ASSEMBLY, FIXTURES);
    expect(designs.map(({ name }) => name).toSorted()).toEqual(compiledDesigns());
    for (const { name, testsOnly, hasMicro } of designs) {
      expect(manifestOf(name).testsOnly, name).toBe(testsOnly);
      expect(hasMicro, name).toBe(!testsOnly);
      expect(loadEngine(name, 'bare').presets, name).toEqual(manifestOf(name).presets);
    }
    expect(designs.filter(({ testsOnly }) => testsOnly).map(({ name }) => name)).toEqual(['test-slow']);
  });

  it('that were not built are told with what to do', () => {
    expect(() => manifestOf('nowhere')).toThrow(/nowhere.*npm run build/);
  });
});
