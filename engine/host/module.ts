import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { globalValue, readConstants, type EngineConstants } from './constants.js';
import { EngineError } from './engine-error.js';
import { allocateEngineMemory } from './engine-memory.js';
import { PAGE_BYTES } from './memory-plan.js';

/**
 * How a design was compiled: `bare` without probes, `probed` with lock figures and work counts, `debug` with lock-order
 * checks on top, `torture` with steps and faults that can be planted on top of that (engine/assembly/probe/steps.ts), `traced` as bare where every memory access and turn of a loop calls the host.
 */
export type Flavour = 'bare' | 'probed' | 'debug' | 'torture' | 'traced';

/** What a traced module calls (engine/trace-wasm.mjs). Addresses arrive signed and want `>>> 0`, lengths too. */
export interface EngineTrace {
  /**
   * Before an access. Returns the address.
   * @param kind 1 = read, 2 = write, 4 = atomic, or the sum of these: 7 for an atomic exchange
   */
  readonly touch: (kind: number, bytes: number, offset: number, address: number) => number;
  /** Destination, source and length of a block that is copied or filled, in this order; each returns its argument. */
  readonly touchTo: (address: number) => number;
  readonly touchFrom: (address: number) => number;
  readonly touchLength: (length: number) => number;
  /** At the beginning of every turn of a loop. */
  readonly turn: () => void;
  /** Before `count` instructions that follow each other, constants and local variables left out. */
  readonly ran: (count: number) => void;
}

/** Listens to nothing. */
export const NO_TRACE: EngineTrace = {
  touch: (_kind, _bytes, _offset, address) => address,
  touchTo: (address) => address,
  touchFrom: (address) => address,
  touchLength: (length) => length,
  turn: () => {},
  ran: () => {},
};

/** A compiled design. It can be posted to worker threads: the module is shared, not compiled again. */
export interface EngineModule {
  readonly design: string;
  readonly flavour: Flavour;
  readonly module: WebAssembly.Module;
  readonly constants: EngineConstants;
  /** Presets of the design: name to number; empty when it has none. */
  readonly presets: Readonly<Record<string, number>>;
  /** Least size in 64-KiB pages of the memory that the module imports. */
  readonly minimumPages: number;
}

const cache = new Map<string, EngineModule>();

/** Folder of the compiled designs. */
export function wasmFolder(): string {
  return join(packageRoot(), 'dist', 'engine', 'wasm');
}

/**
 * Folder of the package, whether this file runs from source or compiled.
 * @throws EngineError when no folder above has a package.json
 */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new EngineError({
        reason: `no package.json above ${fileURLToPath(import.meta.url)}`,
        advice: 'Run ctreplay from its package.',
      });
    }
    folder = parent;
  }
  return folder;
}

/**
 * Loads and compiles a design, once per process.
 * @param folder where the compiled designs lie; another one than the package's to compare builds
 * @throws EngineError when it was not built or is of another version
 */
export function loadEngine(design: string, flavour: Flavour, folder: string = wasmFolder()): EngineModule {
  const path = join(folder, `${design}.${flavour}.wasm`);
  const cached = cache.get(path);
  if (cached !== undefined) return cached;
  const engine = compile(path, design, flavour);
  cache.set(path, engine);
  return engine;
}

/**
 * Every function is compiled when its module is (2 ms more), and not when it is first called: that would lie in the service time of
 * the first packet of its kind, and under `ct_lock` in the first removal of a sweep.
 */
setFlagsFromString('--no-wasm-lazy-compilation');

function compile(path: string, design: string, flavour: Flavour): EngineModule {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (cause) {
    throw new EngineError({
      design,
      reason: `cannot read its compiled module ${path}: ${(cause as Error).message}`,
      advice: "Run 'npm run build'.",
      cause,
    });
  }
  let module: WebAssembly.Module;
  try {
    module = new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new EngineError({
      design,
      reason: `${path} is not a usable module: ${(cause as Error).message}`,
      advice: "Run 'npm run build'; Node must be version 20 or later.",
      cause,
    });
  }
  const { exports, pages } = probe(module, design);
  return Object.freeze({
    design,
    flavour,
    module,
    constants: readConstants(exports, design),
    presets: readPresets(exports),
    minimumPages: pages,
  });
}

/** Memories for looking at modules, by size. They are kept: each sets ten GiB of addresses aside, which count against `ulimit -v`. */
const probeMemories = new Map<number, WebAssembly.Memory>();
const FIRST_PROBE_PAGES = 2;
const LAST_PROBE_PAGES = 64;

/** Instantiates once on a small memory, only to read the exported numbers. */
function probe(module: WebAssembly.Module, design: string): { exports: WebAssembly.Exports; pages: number } {
  for (let pages = FIRST_PROBE_PAGES; pages <= LAST_PROBE_PAGES; pages *= 2) {
    const memory = probeMemories.get(pages) ?? allocateEngineMemory(pages, design, pages * PAGE_BYTES);
    probeMemories.set(pages, memory);
    try {
      const instance = new WebAssembly.Instance(module, {
        env: { memory, clock: () => 0, step: () => {}, ...NO_TRACE },
      });
      return { exports: instance.exports, pages };
    } catch (error) {
      // Too small a memory; anything else repeats on the last size and is reported there.
      if (pages === LAST_PROBE_PAGES || !(error instanceof WebAssembly.LinkError)) {
        throw new EngineError({
          design,
          reason: `the module cannot be linked: ${String(error)}`,
          cause: error,
        });
      }
    }
  }
  throw new EngineError({ design, reason: 'the module wants more than 4 MiB for itself' });
}

/** Presets are exported as numbers named `PRESET_V7_FIXED` and the like; they are known to users as `v7-fixed`. */
function readPresets(exports: WebAssembly.Exports): Readonly<Record<string, number>> {
  const presets: Record<string, number> = {};
  for (const [name, exported] of Object.entries(exports)) {
    if (!name.startsWith('PRESET_')) continue;
    const value = globalValue(exported);
    if (value !== null) presets[name.slice('PRESET_'.length).toLowerCase().replaceAll('_', '-')] = value;
  }
  return Object.freeze(presets);
}
