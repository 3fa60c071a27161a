/** Getting the memory that an engine runs in, and saying what stands in the way when the system does not give it. */
import { readFileSync } from 'node:fs';
import { EngineError } from './engine-error.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Addresses that V8 sets aside for each memory with its guard regions, whatever its size (64-bit systems). */
const RESERVED_ADDRESS_BYTES = 10 * GIB;
const NO_GUARDS = '--disable-wasm-trap-handler';

/**
 * A shared memory of its final size.
 * @param neededBytes what of it is needed, for the error
 * @throws EngineError naming the limit that stands in the way
 */
export function allocateEngineMemory(pages: number, design: string, neededBytes: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    const limit = addressSpaceLimitBytes();
    throw new EngineError({
      design,
      reason:
        `the system does not give ${Math.ceil(neededBytes / MIB)} MiB of memory: ` +
        (limit === null ? (cause as Error).message : addressSpaceText(limit)),
      advice:
        limit === null
          ? "Lower --max-conns or the size of the packet store (--store), or see what 'ctreplay doctor' says of memory."
          : addressSpaceAdvice(),
      cause,
    });
  }
}

/** Limit of this process's address space in bytes (`ulimit -v`); null without one, or where the system does not report it. */
export function addressSpaceLimitBytes(): number | null {
  let text: string;
  try {
    text = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return null;
  }
  const soft = /^Max address space\s+(\S+)/m.exec(text)?.[1];
  return soft === undefined || !/^\d+$/.test(soft) ? null : Number(soft);
}

/** What a limit of the address space means. */
export function addressSpaceText(limitBytes: number): string {
  return (
    `the address space of the process is limited to ${(limitBytes / GIB).toFixed(1)} GiB (ulimit -v), and about ` +
    `${RESERVED_ADDRESS_BYTES / GIB} GiB of addresses are set aside for each memory of an engine, however little of it is used`
  );
}

/** What to do about it. */
export function addressSpaceAdvice(): string {
  const lift =
    "Lift the limit: 'ulimit -v unlimited', and limit memory itself by a control group (container) instead.";
  return process.allowedNodeEnvironmentFlags.has(NO_GUARDS)
    ? `${lift} Or set NODE_OPTIONS=${NO_GUARDS}: then no more is set aside than needed, but the engine is slower.`
    : lift;
}
