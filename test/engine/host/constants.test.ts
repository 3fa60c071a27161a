import { describe, expect, it } from 'vitest';
import { readConstants } from '../../../engine/host/constants.js';
import { planMemory } from '../../../engine/host/memory-plan.js';
import { loadEngine } from '../../../engine/host/module.js';

/** What a compiled engine exports. */
function exportsOf(): WebAssembly.Exports {
  const { module } = loadEngine('rculist-sweep', 'probed');
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  return new WebAssembly.Instance(module, { env: { memory, clock: () => 0 } }).exports;
}

describe('constants of an engine', () => {
  it('are 0 where an earlier revision lacks them: it can still be measured beside this one', () => {
    const { H_NAT_SERVICE, ...earlier } = exportsOf();
    expect(H_NAT_SERVICE).toBeInstanceOf(WebAssembly.Global);
    expect(readConstants(exportsOf(), 'rculist-sweep').H_NAT_SERVICE).toBeGreaterThan(0);
    expect(readConstants(earlier, 'rculist-sweep')).toEqual({
      ...readConstants(exportsOf(), 'rculist-sweep'),
      H_NAT_SERVICE: 0,
    });
  });

  it('of the record lie elsewhere, or nowhere, in an engine from before it was made smaller', () => {
    const larger = { ...exportsOf() };
    const gone = ['C_SIDE_BASE', 'SIDE_SIZE', 'CO_KEPT', 'CO_PARENT_TUPLE', 'CO_PEER', 'CONN_ANNEX'];
    gone.push('CONN_TRANSLATED', 'KEPT_LABEL', 'PARENT_TUPLE_SIZE', 'SD_LABEL');
    for (const name of gone) delete larger[name];
    const constants = readConstants(larger, 'rculist-sweep');
    const plan = planMemory(constants, { threads: 1, maxConns: 1000, nat: false, packetStoreBytes: 0 });
    expect([constants.SIDE_SIZE, plan.regions.side]).toEqual([0, plan.regions.fragments]);
  });

  it('are missed by name where every revision has them', () => {
    const { H_SERVICE: _, ...broken } = exportsOf();
    expect(() => readConstants(broken, 'rculist-sweep')).toThrow(
      /rculist-sweep: the compiled module lacks H_SERVICE.*npm run build/,
    );
  });
});
