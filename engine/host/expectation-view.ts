import { formatAddress } from './addresses.js';
import type { ConnectionReader, ConnTuple, PortTuple } from './connection-view.js';
import type { EngineConstants } from './constants.js';

/** A data connection that a control connection has announced (spec §8.3). */
export interface Expectation {
  /** The tuple expected; source port 0 stands for any. */
  readonly expected: PortTuple;
  readonly zone: number;
  /** Original tuple of the control connection. */
  readonly parent: ConnTuple;
  /** Which address of the data connection a translation replaces, and with what. */
  readonly action: 'src' | 'dst';
  readonly replacement: string;
}

/** Reads expectations out of the engine's memory (engine/assembly/conntrack/alg/expectations.ts). */
export class ExpectationReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #c: EngineConstants;
  readonly #keys: ConnectionReader;

  constructor(memory: WebAssembly.Memory, constants: EngineConstants, keys: ConnectionReader) {
    this.#view = new DataView(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#c = constants;
    this.#keys = keys;
  }

  read(at: number): Expectation {
    const c = this.#c;
    const expected = this.#keys.key(at + c.EX_KEY) as PortTuple;
    const replacement = this.#bytes.subarray(at + c.EX_REPLACEMENT, at + c.EX_REPLACEMENT + 16);
    return {
      expected,
      zone: this.#view.getUint16(at + c.EX_KEY + c.K_ZONE, true),
      parent: this.#keys.key(at + c.EX_PARENT_KEY),
      action: this.#view.getUint32(at + c.EX_ACTION, true) === c.NAT_SRC ? 'src' : 'dst',
      replacement: formatAddress(expected.family, replacement),
    };
  }
}
