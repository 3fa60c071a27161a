import { runInThisContext } from 'node:vm';
import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { availableDesigns } from '../../../engine/host/designs.js';
import { loadEngine } from '../../../engine/host/module.js';

setFlagsFromString('--allow-natives-syntax');
const isUncompiled = runInThisContext('(call) => %IsUncompiledWasmFunction(call)') as (
  call: unknown,
) => boolean;

describe.each(availableDesigns())('the module of %s', (design) => {
  it('has every function compiled before its first call', () => {
    const { module, minimumPages } = loadEngine(design, 'probed');
    const memory = new WebAssembly.Memory({ initial: minimumPages, maximum: 65536, shared: true });
    const { exports } = new WebAssembly.Instance(module, { env: { memory, clock: () => 0 } });
    const calls = Object.entries(exports).filter(([, exported]) => typeof exported === 'function');
    expect(calls.length).toBeGreaterThan(10);
    for (const [name, call] of calls) expect(isUncompiled(call), name).toBe(false);
  });
});
