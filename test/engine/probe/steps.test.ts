import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadEngine } from '../../../engine/host/module.js';
import { DESIGNS } from '../../support/tracker-bed.js';

/** Files whose atomic accesses are steps. */
const PROTOCOLS = ['shm/mutex', 'shm/epoch', 'shm/bucket', 'shm/hash-map', 'shm/rculist', 'shm/slab'];

function sourceOf(file: string): string {
  return readFileSync(new URL(`../../../engine/assembly/${file}.ts`, import.meta.url), 'utf8');
}

/** Names of the steps that probe/steps.ts numbers. */
const names = [...sourceOf('probe/steps').matchAll(/^export const (S_\w+): u32 = (\d+);/gm)].map(
  ([, name, id]) => ({ name: name as string, id: Number(id) }),
);

describe.each(DESIGNS)('steps of %s', (design) => {
  it('are asked for by the torture flavour and by no other', () => {
    for (const flavour of ['bare', 'probed', 'debug', 'torture'] as const) {
      const { module } = loadEngine(design, flavour);
      const imports = WebAssembly.Module.imports(module).map(({ name }) => name);
      expect(imports.includes('step'), flavour).toBe(flavour === 'torture');
      const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
      expect(exports.includes('plantFault'), flavour).toBe(flavour === 'torture');
      expect(exports.includes('S_LOCK_TRY'), flavour).toBe(flavour === 'torture');
    }
  });
});

describe('steps', () => {
  it('have a number each, and each is made somewhere', () => {
    expect(names.length).toBeGreaterThan(40);
    expect(new Set(names.map(({ id }) => id)).size).toBe(names.length);
    const designs = DESIGNS.map((design) => `expiry/${design}`);
    const tracker = ['conntrack/create', 'conntrack/lookup', 'conntrack/zone-limits'];
    const sources = [...PROTOCOLS, ...tracker, ...designs].map(sourceOf).join('\n');
    for (const { name } of names) expect(sources, name).toMatch(new RegExp(`step\\(${name}\\);`));
  });
});
