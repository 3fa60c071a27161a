import { globalValue } from '../../engine/host/constants.js';
import { DEFAULT_DESIGN } from '../../engine/host/designs.js';
import { loadEngine, wasmFolder } from '../../engine/host/module.js';

/**
 * Numbers that only the micro modules export; their layout is that of every flavour.
 * @throws Error naming one that they do not export
 */
export function layoutConstants(names: readonly string[]): Record<string, number> {
  const { module } = loadEngine(DEFAULT_DESIGN, 'bare', `${wasmFolder()}/micro`);
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory, clock: () => 0 } });
  return Object.fromEntries(
    names.map((name) => {
      const value = globalValue(exports[name]);
      if (value === null) throw new Error(`the micro module does not export ${name}`);
      return [name, value];
    }),
  );
}
