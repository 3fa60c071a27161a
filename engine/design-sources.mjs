/**
 * Designs as they stand in the sources: engine/assembly/expiry/NAME.ts holds the class and, as exported constants, what others need
 * to know of it (its traits, which expiry/expiry.ts explains, and its presets). From these come the entries that are compiled
 * (designs/design.template, designs/micro.template) and the manifest that lies beside the compiled modules (engine/host/design-traits.ts).
 *
 * Sources from before a design was one file have entries of their own in designs/, and no traits.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Traits that every design has to declare, `TRAIT_` left out, and their types. */
const TRAITS = {
  ORDER: 'u32',
  CT_LOCKS_PER_REFRESH: 'u32',
  CREATES_NARROWLY: 'bool',
  EXPIRE_REMOVES: 'bool',
  DUMP_SHOWS_EXPIRED: 'bool',
  SWEEP_LOOKS_AT_LIVING: 'bool',
  HIDES_EXPIRED: 'bool',
  SWEEP_INTERVAL_MS: 'u32',
  LAG_BOUND_MS: 'u32',
  DEFAULT_PRESET: 'u32',
  RECORDED_PRESET: 'u32',
  RECORDED_SWEEPS: 'u32',
  LISTS: 'u32',
  LISTS_AT: 'u32',
  LIST_IS_CLASS: 'bool',
};
/** Traits that the module exports too, for the memory plan; a design that does not have one is 0 there and exports nothing. */
const OPTIONAL = ['TRAIT_AREA_BITS_PER_SLOT', 'TRAIT_AREA_BYTES', 'TRAIT_SHARDS'];
/** Traits that name a preset for which the tracker has code of its own: a design without it compiles none of that. */
const PRESETS_OF_TRACKER = {
  atomicExpiryPreset: 'TRAIT_ATOMIC_EXPIRY_PRESET',
  oneHoldPreset: 'TRAIT_ONE_HOLD_PRESET',
};

/** Files of designs/ that are no entries. */
const NO_ENTRY = new Set(['api.ts', 'constants.ts', 'shared.ts']);
const OLD_MICRO = 'micro-';
const CONSTANT = /^export const ((?:TRAIT|PRESET)_[A-Z0-9_]+): (u32|bool) = ([^;]+);/gm;
const INHERITED = /^export \* from '\.\/([a-z0-9-]+)';$/gm;
/** Head of a method. */
const METHOD = /^ {2}([A-Za-z]\w*)\(.*\)(?:: \w+)? \{/gm;
const IS_DESIGN = /^export const TRAIT_ORDER\b/m;

/**
 * Designs of a source folder, and of a folder of fixtures: designs for tests, which are compiled as if they lay in expiry/.
 * @returns for each its name, whether it is for tests only, its virtual files (path in the sources: content) and its manifest, or
 * null for both where the sources have an entry of their own
 * @throws Error naming file and constant of a trait that is missing or that is no literal, or the method that cannot be replaced
 */
export function designsOf(source, fixtures) {
  const designs = [];
  for (const name of namesIn(join(source, 'expiry'))) {
    const text = readFileSync(join(source, 'expiry', `${name}.ts`), 'utf8');
    if (IS_DESIGN.test(text)) designs.push(describe(source, name, { [`expiry/${name}.ts`]: text }, false));
  }
  for (const name of fixtures === null ? [] : namesIn(fixtures)) {
    const text = readFileSync(join(fixtures, `${name}.ts`), 'utf8');
    designs.push(describe(source, name, { [`expiry/${name}.ts`]: text }, true));
  }
  for (const name of namesIn(join(source, 'designs'))) {
    if (NO_ENTRY.has(`${name}.ts`) || name.startsWith(OLD_MICRO)) continue;
    const hasMicro = existsSync(join(source, 'designs', `${OLD_MICRO}${name}.ts`));
    designs.push({ name, testsOnly: name.startsWith('test-'), hasMicro, files: {}, manifest: null });
  }
  return designs;
}

function namesIn(folder) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
  return files.map((file) => file.slice(0, -'.ts'.length)).toSorted();
}

function describe(source, name, own, testsOnly) {
  requireOwnCalls(source, name, own);
  const constants = constantsOf(source, name, own);
  const traits = {};
  for (const [trait, type] of Object.entries(TRAITS)) {
    const value = constants.get(`TRAIT_${trait}`);
    if (value === undefined || (typeof value === 'boolean') !== (type === 'bool')) {
      throw new Error(
        `expiry/${name}.ts: TRAIT_${trait} is ${value === undefined ? 'missing' : 'of another type'}; ` +
          `write 'export const TRAIT_${trait}: ${type} = ...;' (expiry/expiry.ts says what it means)`,
      );
    }
    traits[camelCase(trait)] = value;
  }
  const unknown = [...constants.keys()].filter(
    (key) =>
      key.startsWith('TRAIT_') &&
      !OPTIONAL.includes(key) &&
      !Object.values(PRESETS_OF_TRACKER).includes(key) &&
      !(key.slice('TRAIT_'.length) in TRAITS),
  );
  if (unknown.length > 0) {
    throw new Error(
      `expiry/${name}.ts: there is no trait ${unknown[0]}; expiry/expiry.ts lists those there are`,
    );
  }
  const presets = [...constants.keys()].filter((key) => key.startsWith('PRESET_'));
  const exported = [...presets, ...OPTIONAL.filter((key) => constants.has(key))];
  traits.shards = shardsOf(name, constants);
  for (const [trait, key] of Object.entries(PRESETS_OF_TRACKER)) traits[trait] = constants.get(key) ?? 0;
  const fill = (template) =>
    readFileSync(join(source, 'designs', template), 'utf8')
      .replaceAll('%NAME%', name)
      .replaceAll('%CLASS%', pascalCase(name))
      .replaceAll(
        '%EXPORTS%',
        exported.length === 0 ? '' : `export { ${exported.join(', ')} } from '../expiry/${name}';`,
      );
  const files = {
    [`designs/${name}.ts`]: fill('design.template'),
    [`designs/${OLD_MICRO}${name}.ts`]: fill('micro.template'),
    ...(testsOnly ? own : {}),
  };
  const numbers = Object.fromEntries(
    presets.map((key) => [
      key.slice('PRESET_'.length).toLowerCase().replaceAll('_', '-'),
      constants.get(key),
    ]),
  );
  return { name, testsOnly, hasMicro: !testsOnly, files, manifest: { testsOnly, traits, presets: numbers } };
}

/** Methods of the class in a design's text, with what stands from each one's head to the next. */
function methodsOf(text) {
  const heads = [...text.matchAll(METHOD)];
  return new Map(
    heads.map((head, index) => [head[1], text.slice(head.index, heads[index + 1]?.index ?? text.length)]),
  );
}

/**
 * A design has no table of methods: a call of a class to itself is resolved when it is compiled, and where a class below replaces the
 * method that is called, the compiler makes a call that traps.
 */
function requireOwnCalls(source, name, own) {
  const text = textOf(source, name, own);
  const replaced = methodsOf(text);
  for (const base of basesOf(source, name, own)) {
    for (const [caller, body] of methodsOf(textOf(source, base, own))) {
      if (replaced.has(caller) && !text.includes(`super.${caller}(`)) continue;
      const called = [...replaced.keys()].find((method) => body.includes(`this.${method}(`));
      if (called === undefined) continue;
      throw new Error(
        `expiry/${name}.ts: ${called}() is called by ${caller}() of expiry/${base}.ts, which could not find this one and ` +
          `would trap (a design has no table of methods); replace ${caller}() itself, without 'super'`,
      );
    }
  }
}

/** Designs whose file a design exports all of, and theirs. */
function basesOf(source, name, own) {
  const bases = [...textOf(source, name, own).matchAll(INHERITED)].map(([, base]) => base);
  return bases.flatMap((base) => [base, ...basesOf(source, base, own)]);
}

function textOf(source, name, own) {
  const path = `expiry/${name}.ts`;
  return own[path] ?? readFileSync(join(source, path), 'utf8');
}

/** Traits and presets of expiry/NAME.ts, with those of a file that it exports all of and does not replace. */
function constantsOf(source, name, own) {
  const path = `expiry/${name}.ts`;
  const text = textOf(source, name, own);
  const constants = new Map();
  for (const [, base] of text.matchAll(INHERITED)) {
    for (const [key, value] of constantsOf(source, base, own)) constants.set(key, value);
  }
  for (const [, key, , literal] of text.matchAll(CONSTANT)) {
    constants.set(key, valueOf(literal, constants, `${path}: ${key}`));
  }
  return constants;
}

function valueOf(literal, constants, where) {
  if (literal === 'true' || literal === 'false') return literal === 'true';
  if (/^[0-9][0-9_]*$/.test(literal)) return Number(literal.replaceAll('_', ''));
  if (constants.has(literal)) return constants.get(literal);
  throw new Error(
    `${where} is '${literal}'; write a number, true, false, or the name of a trait or preset above it`,
  );
}

/** How many shards a design has at most; 0 = none. */
function shardsOf(name, constants) {
  const shards = constants.get('TRAIT_SHARDS') ?? 0;
  if (shards === 0) return 0;
  const where = `expiry/${name}.ts: TRAIT_SHARDS is ${shards}`;
  if (shards > 64 || !Number.isInteger(Math.log2(shards)))
    throw new Error(`${where}; write a power of two up to 64`);
  if (constants.get('TRAIT_CREATES_NARROWLY') !== true)
    throw new Error(
      `${where}, but a creation takes the locks of shards only where it is prepared before; write 'export const TRAIT_CREATES_NARROWLY: bool = true;'`,
    );
  return shards;
}

function camelCase(upper) {
  return upper.toLowerCase().replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

/** Name of the class in expiry/NAME.ts. */
function pascalCase(name) {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
}
