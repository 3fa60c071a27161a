import { words } from './pcap-bytes.js';

/** pcapng files block by block, independent of the writer under test. */
export class PcapngBytes {
  readonly #word: (value: number) => Buffer;

  readonly #bigEndian: boolean;

  constructor(bigEndian = false) {
    this.#bigEndian = bigEndian;
    this.#word = words(bigEndian);
  }

  block(type: number, body: Uint8Array): Buffer {
    const length = this.#word(12 + padded(body).length);
    return Buffer.concat([this.#word(type), length, padded(body), length]);
  }

  section(): Buffer {
    return this.block(
      0x0a0d0d0a,
      Buffer.concat([this.#word(0x1a2b3c4d), this.#half(1), this.#half(0), Buffer.alloc(8, 0xff)]),
    );
  }

  interface(
    options: { linkType?: number; snapLength?: number; resolution?: number; offsetSeconds?: bigint; name?: string } = {},
  ): Buffer {
    const parts = [this.#half(options.linkType ?? 1), this.#half(0), this.#word(options.snapLength ?? 0)];
    if (options.name !== undefined) parts.push(this.option(2, Buffer.from(options.name)));
    if (options.resolution !== undefined) parts.push(this.option(9, Buffer.of(options.resolution)));
    if (options.offsetSeconds !== undefined) {
      const value = Buffer.alloc(8);
      if (this.#bigEndian) value.writeBigInt64BE(options.offsetSeconds);
      else value.writeBigInt64LE(options.offsetSeconds);
      parts.push(this.option(14, value));
    }
    if (parts.length > 3) parts.push(Buffer.alloc(4));
    return this.block(1, Buffer.concat(parts));
  }

  enhanced(
    data: Uint8Array,
    options: { interfaceNumber?: number; units?: bigint; captured?: number; original?: number; tail?: Uint8Array } = {},
  ): Buffer {
    return this.block(
      6,
      Buffer.concat([
        this.#word(options.interfaceNumber ?? 0),
        ...this.#units(options.units ?? 0n),
        this.#word(options.captured ?? data.length),
        this.#word(options.original ?? data.length),
        padded(data),
        options.tail ?? Buffer.alloc(0),
      ]),
    );
  }

  simple(data: Uint8Array, original = data.length): Buffer {
    return this.block(3, Buffer.concat([this.#word(original), padded(data)]));
  }

  obsolete(data: Uint8Array, units: bigint, interfaceNumber = 0): Buffer {
    return this.block(
      2,
      Buffer.concat([
        this.#half(interfaceNumber),
        this.#half(7),
        ...this.#units(units),
        this.#word(data.length),
        this.#word(data.length),
        padded(data),
      ]),
    );
  }

  option(code: number, value: Uint8Array): Buffer {
    return Buffer.concat([this.#half(code), this.#half(value.length), padded(value)]);
  }

  #units(units: bigint): Buffer[] {
    return [this.#word(Number(units >> 32n)), this.#word(Number(units & 0xffffffffn))];
  }

  #half(value: number): Buffer {
    const bytes = Buffer.alloc(2);
    if (this.#bigEndian) bytes.writeUInt16BE(value);
    else bytes.writeUInt16LE(value);
    return bytes;
  }
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
