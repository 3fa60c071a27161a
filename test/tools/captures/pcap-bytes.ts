/** Classic pcap files byte by byte, independent of the writer under test. */
export interface PcapBytesOptions {
  readonly magic?: number;
  readonly bigEndian?: boolean;
  readonly snapLength?: number;
  readonly linkType?: number;
  readonly version?: readonly [number, number];
}

export interface PcapBytesRecord {
  readonly seconds?: number;
  readonly subSecond?: number;
  readonly data: Uint8Array;
  readonly captured?: number;
  readonly original?: number;
}

export function pcapBytes(records: readonly PcapBytesRecord[], options: PcapBytesOptions = {}): Buffer {
  const word = words(options.bigEndian === true);
  const version = Buffer.alloc(4);
  const [major, minor] = options.version ?? [2, 4];
  if (options.bigEndian === true) {
    version.writeUInt16BE(major, 0);
    version.writeUInt16BE(minor, 2);
  } else {
    version.writeUInt16LE(major, 0);
    version.writeUInt16LE(minor, 2);
  }
  const parts = [
    word(options.magic ?? 0xa1b2c3d4),
    version,
    word(0),
    word(0),
    word(options.snapLength ?? 65535),
    word(options.linkType ?? 1),
  ];
  for (const record of records) {
    parts.push(
      word(record.seconds ?? 0),
      word(record.subSecond ?? 0),
      word(record.captured ?? record.data.length),
      word(record.original ?? record.data.length),
      Buffer.from(record.data),
    );
  }
  return Buffer.concat(parts);
}

/** Encodes 32-bit words in one byte order. */
export function words(bigEndian: boolean): (value: number) => Buffer {
  return (value) => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value >>> 0);
    else bytes.writeUInt32LE(value >>> 0);
    return bytes;
  };
}
